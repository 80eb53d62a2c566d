package gates

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// String is the path as it is shown and written to JSON.
func (p Path) String() string {
	s := string(p)
	if utf8.ValidString(s) && !strings.HasPrefix(s, `"`) {
		return s
	}
	return quoteC(s)
}

// MarshalText writes the path for JSON: see [Path].
func (p Path) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (p *Path) UnmarshalText(text []byte) error {
	s := string(text)
	if !strings.HasPrefix(s, `"`) {
		*p = Path(s)
		return nil
	}
	raw, err := unquoteC(s)
	if err != nil {
		return fmt.Errorf("path %q: %w", s, err)
	}
	*p = Path(raw)
	return nil
}

// quoteC quotes as git does: octal escapes for bytes above ASCII and controls.
func quoteC(s string) string {
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

func unquoteC(s string) (string, error) {
	if len(s) < 2 || s[len(s)-1] != '"' {
		return "", fmt.Errorf("quotes not closed")
	}
	var b strings.Builder
	for body := s[1 : len(s)-1]; body != ""; {
		c := body[0]
		body = body[1:]
		if c != '\\' {
			b.WriteByte(c)
			continue
		}
		switch {
		case body == "":
			return "", fmt.Errorf("a backslash at the end")
		case body[0] == '"' || body[0] == '\\':
			b.WriteByte(body[0])
			body = body[1:]
		case len(body) >= 3:
			n, err := strconv.ParseUint(body[:3], 8, 8)
			if err != nil {
				return "", fmt.Errorf("escape \\%s", body[:3])
			}
			b.WriteByte(byte(n))
			body = body[3:]
		default:
			return "", fmt.Errorf("escape \\%s", body)
		}
	}
	return b.String(), nil
}
