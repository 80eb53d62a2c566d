package logs

import (
	"bytes"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/costs"
)

// scanner reads the few fields that are wanted out of a JSON text, without
// reflection and without building the rest. What it steps over it does not
// judge: a text that is JSON is read as encoding/json reads it, one that is not
// may be refused or may give what stands before the fault.
type scanner struct {
	data []byte
	i    int
	bad  bool
	deep int // objects and arrays that are being visited
}

// depthLimit is how deep values may nest where they are visited.
const depthLimit = 64

// space steps to the next byte that is not white space, and gives it; 0 at the
// end.
func (s *scanner) space() byte {
	for ; s.i < len(s.data); s.i++ {
		if c := s.data[s.i]; c > ' ' || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
	}
	return 0
}

func (s *scanner) fail() { s.bad, s.i = true, len(s.data) }

// object visits the fields of an object. visit has to consume the value: with
// one of the scanner's methods. What is not an object is stepped over.
func (s *scanner) object(visit func(key []byte)) {
	for more := s.enter('{', '}'); more; {
		if s.space() != '"' {
			s.fail()
			return
		}
		key := s.bytes()
		if s.space() != ':' {
			s.fail()
			return
		}
		s.i++
		visit(key)
		more = s.next('}')
	}
}

// enter steps into a value that begins with open, and says whether there is
// something in it. What does not begin so is stepped over.
func (s *scanner) enter(open, end byte) bool {
	if s.space() != open {
		s.skip()
		return false
	}
	if s.deep++; s.deep > depthLimit {
		s.fail()
		return false
	}
	s.i++
	if s.space() == end {
		s.i++
		s.deep--
		return false
	}
	return true
}

// next steps to what follows in such a value, and says whether something does.
func (s *scanner) next(end byte) bool {
	switch s.space() {
	case ',':
		s.i++
		return true
	case end:
		s.i++
		s.deep--
	default:
		s.fail()
	}
	return false
}

// array visits the elements of an array; visit has to consume them.
func (s *scanner) array(visit func()) {
	for more := s.enter('[', ']'); more; more = s.next(']') {
		visit()
	}
}

// skip steps over a value.
func (s *scanner) skip() {
	switch c := s.space(); c {
	case '"':
		s.i = stringEnd(s.data, s.i)
		s.bad = s.bad || s.i > len(s.data)
		s.i = min(s.i, len(s.data))
	case '{', '[':
		s.skipNested()
	case 0, ',', ':', '}', ']':
		s.fail()
	default:
		s.i = plainEnd(s.data, s.i)
	}
}

// skipNested steps over an object or an array.
func (s *scanner) skipNested() {
	for depth, data := 0, s.data; s.i < len(data); s.i++ {
		switch data[s.i] {
		case '"':
			s.i = stringEnd(data, s.i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				s.i++
				return
			}
		}
	}
	s.fail()
}

// stringEnd is the place after the string that begins at i; above len(data)
// where it does not end.
func stringEnd(data []byte, i int) int {
	for start := i; ; {
		n := bytes.IndexByte(data[i+1:], '"')
		if n < 0 {
			return len(data) + 1
		}
		i += 1 + n
		back := i
		for back > start+1 && data[back-1] == '\\' {
			back--
		}
		if (i-back)%2 == 0 {
			return i + 1
		}
	}
}

// plainEnd is the end of a number or a literal.
func plainEnd(data []byte, i int) int {
	for ; i < len(data); i++ {
		switch c := data[i]; {
		case c <= ' ', c == ',', c == '}', c == ']', c == ':', c == '"', c == '{', c == '[':
			return i
		}
	}
	return i
}

// bytes is a string's value: a part of the text where it has no escapes. What
// is not a string is stepped over, and is nil.
func (s *scanner) bytes() []byte {
	if s.space() != '"' {
		s.skip()
		return nil
	}
	start := s.i
	s.skip()
	if s.bad {
		return nil
	}
	raw := s.data[start+1 : s.i-1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	return unescape(raw)
}

// text is a string's value, valid as UTF-8.
func (s *scanner) text() string { return string(bytes.ToValidUTF8(s.bytes(), []byte("\uFFFD"))) }

// unescape is slow, and rare: ids, names and paths seldom have escapes.
func unescape(raw []byte) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' || i+1 == len(raw) {
			out = append(out, raw[i])
			continue
		}
		i++
		switch raw[i] {
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'r':
			out = append(out, '\r')
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'u':
			r, size := escapedRune(raw[i+1:])
			out = utf8.AppendRune(out, r)
			i += size
		default:
			out = append(out, raw[i])
		}
	}
	return out
}

// escapedRune reads what follows \u, a second half included.
func escapedRune(raw []byte) (rune, int) {
	r, ok := hex4(raw)
	if !ok {
		return utf8.RuneError, 0
	}
	if r < 0xD800 || r > 0xDFFF {
		return r, 4
	}
	if r < 0xDC00 && len(raw) >= 10 && raw[4] == '\\' && raw[5] == 'u' {
		if low, ok := hex4(raw[6:]); ok && low >= 0xDC00 && low <= 0xDFFF {
			return (r-0xD800)<<10 | (low - 0xDC00) + 0x10000, 10
		}
	}
	return utf8.RuneError, 4
}

func hex4(raw []byte) (rune, bool) {
	if len(raw) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(raw[:4]), 16, 16)
	return rune(n), err == nil
}

// tokenLimit is more than one call can use: what is above it is no count.
const tokenLimit = 1 << 40

// count is a number of tokens, also as a string, as some tools write it; null is
// none. What is no count makes the text bad.
func (s *scanner) count() int64 {
	start := s.i
	if s.space() == '"' {
		return s.counted(s.bytes())
	}
	s.skip()
	if s.bad {
		return 0
	}
	return s.counted(bytes.TrimSpace(s.data[start:s.i]))
}

func (s *scanner) counted(text []byte) int64 {
	if len(text) == 0 || len(text) > 24 || string(text) == "null" {
		s.bad = s.bad || len(text) > 24
		return 0
	}
	var n int64
	for _, c := range text {
		if c < '0' || c > '9' {
			return s.float(text)
		}
		n = n*10 + int64(c-'0')
		if n > tokenLimit {
			s.fail()
			return 0
		}
	}
	return n
}

// float reads a whole number that is written with a point or an exponent.
func (s *scanner) float(text []byte) int64 {
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || f < 0 || f > tokenLimit || f != math.Trunc(f) {
		s.fail()
		return 0
	}
	return int64(f)
}

// usd is an amount; what is none, or nothing, is (0, false).
func (s *scanner) usd() (costs.Nano, bool) {
	start := s.i
	s.skip()
	if s.bad {
		return 0, false
	}
	text := bytes.Trim(bytes.TrimSpace(s.data[start:s.i]), `"`)
	f, err := strconv.ParseFloat(string(text), 64)
	// A log's amount is a float there already: nothing is lost by reading it as one.
	if err != nil || !(f > 0 && f < 1e6) {
		return 0, false
	}
	return costs.Nano(math.Round(f * 1e9)), true
}

// flag is true or false.
func (s *scanner) flag() bool {
	start := s.i
	s.skip()
	return !s.bad && string(bytes.TrimSpace(s.data[start:s.i])) == "true"
}

// moment is a time: RFC 3339, seconds, or thousandths or less of them, since
// 1970. What is none is the zero time.
func (s *scanner) moment() time.Time {
	if s.space() == '"' {
		raw := s.bytes()
		if t, err := time.Parse(time.RFC3339, string(raw)); err == nil {
			return t.UTC()
		}
		if len(raw) == 0 || len(raw) > 20 {
			return time.Time{}
		}
		n, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil {
			return time.Time{}
		}
		return since1970(float64(n), n)
	}
	start := s.i
	s.skip()
	if s.bad {
		return time.Time{}
	}
	text := string(bytes.TrimSpace(s.data[start:s.i]))
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || !(f > 0 && f < 1e19) {
		return time.Time{}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		n = int64(f)
	}
	return since1970(f, n)
}

// since1970 tells the unit by the size.
func since1970(f float64, n int64) time.Time {
	switch {
	case n <= 0:
		return time.Time{}
	case n < 1e11:
		return time.UnixMicro(int64(f * 1e6)).UTC()
	case n < 1e14:
		return time.UnixMilli(n).UTC()
	case n < 1e17:
		return time.UnixMicro(n).UTC()
	}
	return time.Unix(0, n).UTC()
}
