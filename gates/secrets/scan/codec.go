package scan

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// Kinds of encodings, as bits. A higher value has less to say where two overlap.
const (
	percentKind = 1 << iota
	unicodeKind
	hexKind
	base64Kind
)

var kindNames = [...]string{"percent", "unicode", "hex", "base64"}

// decode decodes a text that was found to be of a kind; empty: it is none.
func decode(kind int, text string) string {
	switch kind {
	case percentKind:
		return decodePercent(text)
	case unicodeKind:
		return decodeUnicode(text)
	case hexKind:
		return decodeHex(text)
	}
	return decodeBase64(text)
}

func nibble(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

func isHex(c byte) bool { return nibble(c) >= 0 }

// printable is what a decoded byte has to be.
func printable(b byte) bool { return b > 0x08 && b < 0x7f }

func decodePercent(text string) string {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2]) {
			b := byte(nibble(text[i+1])<<4 | nibble(text[i+2]))
			if !printable(b) {
				return ""
			}
			out = append(out, b)
			i += 2
			continue
		}
		out = append(out, text[i])
	}
	return string(out)
}

// decodeUnicode is for "U+0041 U+0042" and for "\u0041\\u0042".
func decodeUnicode(text string) string {
	var out []rune
	for i := 0; i+5 <= len(text); {
		if c := text[i]; c == '+' || c|0x20 == 'u' && text[i+1] != '+' {
			r, err := strconv.ParseUint(text[i+1:i+5], 16, 32)
			if err != nil {
				return ""
			}
			out = append(out, rune(r))
			i += 5
			continue
		}
		i++
	}
	return string(out)
}

func decodeHex(text string) string {
	if len(text)%2 != 0 || !strings.ContainsAny(text, "0123456789") {
		return ""
	}
	out := make([]byte, 0, len(text)/2)
	for i := 0; i < len(text); i += 2 {
		b := byte(nibble(text[i])<<4 | nibble(text[i+1]))
		if !printable(b) {
			return ""
		}
		out = append(out, b)
	}
	return string(out)
}

// sixBits is what a character stands for in either alphabet.
var sixBits = func() (t [256]uint8) {
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = uint8(i)
	}
	t['-'], t['_'] = 62, 63
	return t
}()

func decodeBase64(text string) string {
	if !maybeBase64(text) {
		return ""
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
		out, err := e.DecodeString(text)
		if err == nil && allPrintable(out) {
			return string(out)
		}
	}
	return ""
}

// maybeBase64 says whether a text could decode to printable bytes, in an
// alphabet that has both characters for 62 and for 63.
func maybeBase64(text string) bool {
	for i := 0; i+4 <= len(text); i += 4 {
		v := uint32(sixBits[text[i]])<<18 | uint32(sixBits[text[i+1]])<<12 | uint32(sixBits[text[i+2]])<<6 | uint32(sixBits[text[i+3]])
		if text[i+3] == '=' {
			break
		}
		if !printable(byte(v>>16)) || !printable(byte(v>>8)) || !printable(byte(v)) {
			return false
		}
	}
	return strings.ContainsAny(text, "0123456789+/-_")
}

func allPrintable(b []byte) bool {
	for _, c := range b {
		if !printable(c) {
			return false
		}
	}
	return true
}
