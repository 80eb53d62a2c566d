package scan

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp/syntax"
	"strings"
)

const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// matching is a text that matches an expression, but for its assertions.
func (s sampler) matching(pattern string) string {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		panic(err)
	}
	var b strings.Builder
	s.write(&b, re)
	return b.String()
}

func (s sampler) write(b *strings.Builder, re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		text := string(re.Rune)
		if re.Flags&syntax.FoldCase != 0 && s.IntN(2) == 0 {
			text = strings.ToUpper(text)
		}
		b.WriteString(text)
	case syntax.OpCharClass:
		b.WriteRune(s.of(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte(alphanumeric[s.IntN(len(alphanumeric))])
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			s.write(b, sub)
		}
	case syntax.OpAlternate:
		s.write(b, re.Sub[s.IntN(len(re.Sub))])
	case syntax.OpStar:
		s.repeat(b, re.Sub[0], 0, 3)
	case syntax.OpPlus:
		s.repeat(b, re.Sub[0], 1, 4)
	case syntax.OpQuest:
		s.repeat(b, re.Sub[0], 0, 1)
	case syntax.OpRepeat:
		upper := re.Max
		if upper < 0 {
			upper = re.Min + 10
		}
		s.repeat(b, re.Sub[0], re.Min, min(upper, re.Min+20))
	}
}

func (s sampler) repeat(b *strings.Builder, re *syntax.Regexp, from, to int) {
	for range from + s.IntN(to-from+1) {
		s.write(b, re)
	}
}

// of is a character of a class, a printable one where there is one.
func (s sampler) of(class []rune) rune {
	var printable []rune
	for i := 0; i < len(class); i += 2 {
		for r := max(class[i], ' '); r <= min(class[i+1], '~'); r++ {
			printable = append(printable, r)
		}
	}
	if len(printable) == 0 || s.IntN(200) == 0 {
		return class[0]
	}
	return printable[s.IntN(len(printable))]
}

// encoded is a text in one of the encodings that gitleaks decodes.
func (s sampler) encoded(text string) string {
	switch s.IntN(6) {
	case 0:
		return hex.EncodeToString([]byte(text))
	case 1:
		return base64.RawURLEncoding.EncodeToString([]byte(text))
	case 2:
		var b strings.Builder
		for i := range len(text) {
			if s.IntN(3) == 0 {
				fmt.Fprintf(&b, "%%%02X", text[i])
			} else {
				b.WriteByte(text[i])
			}
		}
		return b.String()
	case 3:
		var b strings.Builder
		for _, r := range text {
			fmt.Fprintf(&b, `\u%04x`, r&0xffff)
		}
		return b.String()
	case 4:
		var b strings.Builder
		for _, r := range text {
			fmt.Fprintf(&b, "U+%04X ", r&0xffff)
		}
		return b.String()
	}
	return base64.StdEncoding.EncodeToString([]byte(text))
}
