package sast

import (
	"errors"
	"strings"
)

// holes writes a pattern as code that the grammar knows: names of ours stand
// for its holes.
type holes struct {
	family family
	src    string
	at     int    // what is written up to here
	open   []byte // brackets
	out    strings.Builder
}

func replaceHoles(f family, src string) (string, error) {
	h := &holes{family: f, src: src}
	for h.at < len(src) {
		if err := h.next(); err != nil {
			return "", err
		}
	}
	return h.out.String(), nil
}

// write puts text in the place of the next bytes.
func (h *holes) write(text string, bytes int) {
	h.out.WriteString(text)
	h.at += bytes
}

func (h *holes) next() error {
	rest := h.src[h.at:]
	h.bracket(rest[0])
	switch {
	case h.quote(rest[0]):
		return h.text()
	case strings.HasPrefix(rest, "<..."):
		h.write(deepName+"(", 4)
	case strings.HasPrefix(rest, "...>"):
		h.write(")", 4)
	case strings.HasPrefix(rest, "$..."):
		name := metaName.FindString(rest[4:])
		if name == "" {
			return errors.New("$... needs a name in upper case: $...ARGS")
		}
		h.write(argsPrefix+name, 4+len(name))
	case strings.HasPrefix(rest, "..."):
		h.write(h.dots(), 3)
	case rest[0] == '$':
		return h.meta(metaName.FindString(rest[1:]))
	default:
		h.write(rest[:1], 1)
	}
	return nil
}

func (h *holes) bracket(c byte) {
	switch c {
	case '(', '[', '{':
		h.open = append(h.open, c)
	case ')', ']', '}':
		h.open = h.open[:max(0, len(h.open)-1)]
	}
}

func (h *holes) quote(c byte) bool {
	return c == '"' || c == '`' || c == '\'' && h.family != rust // there a lifetime may begin so
}

// text copies a string as it is.
func (h *holes) text() error {
	quote, end := h.src[h.at], h.at+1
	for end < len(h.src) && h.src[end] != quote {
		if h.src[end] == '\\' && !(quote == '`' && h.family == golang) {
			end++
		}
		end++
	}
	if end >= len(h.src) {
		return errors.New("a string that does not end")
	}
	h.write(h.src[h.at:end+1], end+1-h.at)
	return nil
}

// dots are what stands for `...`, unless that is the language's own.
func (h *holes) dots() string {
	var next, prev byte
	if h.at+3 < len(h.src) {
		next = h.src[h.at+3]
	}
	if h.at > 0 {
		prev = h.src[h.at-1]
	}
	switch {
	case h.family == javascript && (wordByte(next) || next == '$'), h.family == golang && wordByte(prev):
		return "..."
	case h.family == rust && aloneOnLine(h.src, h.at):
		return dotsName + ";"
	case h.family == python && len(h.open) > 0 && h.open[len(h.open)-1] == '{':
		return "**" + dotsName // of a dictionary
	}
	return dotsName
}

// meta is $X; in JavaScript $ is a letter, too.
func (h *holes) meta(name string) error {
	switch {
	case name != "":
		h.write(metaPrefix+name, 1+len(name))
	case h.family == javascript:
		h.write("$", 1)
	default:
		return errors.New("$ needs a name in upper case: $X")
	}
	return nil
}

func wordByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func aloneOnLine(src string, i int) bool {
	begin := strings.LastIndexByte(src[:i], '\n') + 1
	end := i + 3
	for end < len(src) && src[end] != '\n' {
		end++
	}
	return strings.TrimSpace(src[begin:i]) == "" && strings.TrimSpace(src[i+3:end]) == "" && begin > 0 && end < len(src)
}
