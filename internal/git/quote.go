package git

import (
	"fmt"
	"strconv"
	"strings"
)

// Quote writes a path in git's C-style quotes: octal escapes for controls and
// for bytes above ASCII.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c >= 0x7f:
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Unquote reads git's C-style quotes.
func Unquote(s string) (string, error) {
	body, ok := strings.CutPrefix(s, `"`)
	if !ok || !strings.HasSuffix(body, `"`) {
		return "", fmt.Errorf("quoted path %.80q", s)
	}
	body = body[:len(body)-1]
	var b strings.Builder
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			b.WriteByte(body[i])
			continue
		}
		i++
		if i >= len(body) {
			return "", fmt.Errorf("quoted path %.80q", s)
		}
		if k := strings.IndexByte(`abtnvfr"\`, body[i]); k >= 0 {
			b.WriteByte("\a\b\t\n\v\f\r\"\\"[k])
			continue
		}
		if i+3 > len(body) {
			return "", fmt.Errorf("quoted path %.80q", s)
		}
		n, err := strconv.ParseUint(body[i:i+3], 8, 8)
		if err != nil {
			return "", fmt.Errorf("quoted path %.80q", s)
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), nil
}
