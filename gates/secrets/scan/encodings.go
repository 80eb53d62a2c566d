package scan

import "strings"

// encoded is a part of a text that may be encoded.
type encoded struct {
	span
	kind int
}

// encodings are the parts of a text that gitleaks' expression for all encodings
// matches:
//
//	%HH(.*%HH)? | (U+HHHH(\s|$))+ | (\\{1,2}uHHHH)+ | hex{32,} | [\w/+-]{16,}={0,2}
//
// The leftmost match counts, and at one place the first kind. For each kind the
// next match is known, so that every byte is looked at about once.
func encodings(text string) []encoded {
	all := make([]encoded, 0, 32)
	next := [...]finderOf{
		{find: nextPercent}, {find: nextCodePoints}, {find: nextEscapes}, {find: nextHex}, {find: nextBase64},
	}
	kinds := [...]int{percentKind, unicodeKind, unicodeKind, hexKind, base64Kind}
	for at := 0; ; {
		best := -1
		for i := range next {
			n := &next[i]
			if n.none {
				continue
			}
			if !n.known || n.start < at {
				var ok bool
				n.span, ok = n.find(text, at)
				n.known, n.none = true, !ok
				if !ok {
					continue
				}
			}
			if best < 0 || n.start < next[best].start {
				best = i
			}
		}
		if best < 0 {
			return byPrecedence(all)
		}
		all = append(all, encoded{next[best].span, kinds[best]})
		at = next[best].end
	}
}

type finderOf struct {
	span
	known, none bool
	find        func(text string, at int) (span, bool)
}

// byPrecedence leaves out those that touch a neighbour with more to say. It
// makes use of the list.
func byPrecedence(all []encoded) []encoded {
	if len(all) < 2 {
		return all
	}
	out, last := all[:0], encoded{span: span{-1, -1}}
	for i, m := range all {
		before := i > 0 && m.overlaps(last.span) && last.kind < m.kind
		behind := i+1 < len(all) && m.overlaps(all[i+1].span) && all[i+1].kind < m.kind
		if last = m; !before && !behind {
			out = append(out, m)
		}
	}
	return out
}

func isPercent(text string, i int) bool {
	return i+2 < len(text) && text[i] == '%' && isHex(text[i+1]) && isHex(text[i+2])
}

func nextPercent(text string, at int) (span, bool) {
	for ; ; at++ {
		i := strings.IndexByte(text[at:], '%')
		if i < 0 {
			return span{}, false
		}
		if at += i; !isPercent(text, at) {
			continue
		}
		end := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i
		}
		for last := end; ; {
			i := strings.LastIndexByte(text[at:last], '%')
			if last = at + i; last < at+3 && last > at { // too near: overlaps the first
				continue
			}
			if last == at {
				return span{at, at + 3}, true
			}
			if isPercent(text[:end], last) {
				return span{at, last + 3}, true
			}
		}
	}
}

func fourHex(text string, i int) bool {
	return i+4 <= len(text) && isHex(text[i]) && isHex(text[i+1]) && isHex(text[i+2]) && isHex(text[i+3])
}

func nextCodePoints(text string, at int) (span, bool) {
	for ; ; at++ {
		i := strings.Index(text[at:], "U+")
		if i < 0 {
			return span{}, false
		}
		at += i
		end := at
		for strings.HasPrefix(text[end:], "U+") && fourHex(text, end+2) {
			if end+6 == len(text) {
				end += 6
				break
			}
			if c := text[end+6]; c != ' ' && (c < '\t' || c > '\r' || c == '\v') {
				break
			}
			end += 7
		}
		if end > at {
			return span{at, end}, true
		}
	}
}

func nextEscapes(text string, at int) (span, bool) {
	for ; ; at++ {
		i := strings.IndexByte(text[at:], '\\')
		if i < 0 {
			return span{}, false
		}
		at += i
		end := at
		for n := escape(text, end); n > 0; n = escape(text, end) {
			end += n
		}
		if end > at {
			return span{at, end}, true
		}
	}
}

// escape is the length of \uHHHH or \\uHHHH at a place.
func escape(text string, at int) int {
	for n := 2; n > 0; n-- {
		if strings.HasPrefix(text[at:], `\\`[:n]) && at+n < len(text) && text[at+n]|0x20 == 'u' && fourHex(text, at+n+1) {
			return n + 5
		}
	}
	return 0
}

func nextHex(text string, at int) (span, bool) {
	return run(text, at, 32, hexBytes)
}

func nextBase64(text string, at int) (span, bool) {
	s, ok := run(text, at, 16, base64Bytes)
	for range 2 {
		if s.end < len(text) && text[s.end] == '=' {
			s.end++
		}
	}
	return s, ok
}

// run is the next stretch of at least n bytes of a set. It looks at every nth
// byte only, as long as there is none.
func run(text string, at, n int, set *[256]bool) (span, bool) {
next:
	for at+n <= len(text) {
		for i := at + n - 1; i >= at; i-- {
			if !set[text[i]] {
				at = i + 1
				continue next
			}
		}
		end := at + n
		for end < len(text) && set[text[end]] {
			end++
		}
		return span{at, end}, true
	}
	return span{}, false
}

var hexBytes, base64Bytes = func() (hex, base *[256]bool) {
	hex, base = new([256]bool), new([256]bool)
	for b := range 256 {
		hex[b] = isHex(byte(b))
		base[b] = isWord(byte(b)) || b == '/' || b == '+' || b == '-'
	}
	return hex, base
}()
