package scan

import (
	"sort"
	"strconv"
)

// span is a part of a text.
type span struct{ start, end int }

// overlaps counts those that touch, too, as gitleaks does.
func (s span) overlaps(o span) bool { return o.start <= s.end && o.end >= s.start }
func (s span) contains(o span) bool { return s.start <= o.start && o.end <= s.end }
func (s span) merge(o span) span    { return span{min(s.start, o.start), max(s.end, o.end)} }

// segment is a part of a text that was decoded in place.
type segment struct {
	before   []segment // all of the pass before
	original span      // in the text as it was at first
	encoded  span      // in the text of the pass before
	decoded  span      // in the text of this pass
	kinds    int
	depth    int
}

// decodeText decodes what a text has encoded, in place. before are the segments
// that made this text. No segments: the text is as it was.
func decodeText(text string, before []segment) (string, []segment) {
	var segments []segment
	var out []byte
	at := 0
	for _, m := range encodings(text) {
		value := decode(m.kind, text[m.start:m.end])
		if value == "" {
			continue
		}
		out = append(append(out, text[at:m.start]...), value...)
		at = m.end
		s := segment{
			before: before, original: toOriginal(before, m.span), encoded: m.span,
			decoded: span{len(out) - len(value), len(out)}, kinds: m.kind, depth: 1,
		}
		if len(before) > 0 {
			s.depth = 1 + before[0].depth
			for _, p := range overlapping(before, s.encoded) {
				s.kinds |= p.kinds
			}
		}
		segments = append(segments, s)
	}
	if len(segments) == 0 {
		return text, nil
	}
	return string(append(out, text[at:]...)), segments
}

// toOriginal maps a part of a decoded text to the text as it was at first.
func toOriginal(before []segment, part span) span {
	for len(before) > 0 {
		var encoded span
		for _, p := range overlapping(before, part) {
			if p.decoded.contains(part) {
				return p.original
			}
			over := p.decoded.merge(part)
			e := span{p.encoded.start + over.start - p.decoded.start, p.encoded.end + over.end - p.decoded.end}
			if encoded.end == 0 {
				encoded = e
			} else {
				encoded = encoded.merge(e)
			}
		}
		if encoded.end == 0 {
			return part
		}
		before, part = before[0].before, encoded
	}
	return part
}

// overlapping are the segments that a part of the decoded text touches.
func overlapping(segments []segment, part span) []segment {
	first := sort.Search(len(segments), func(i int) bool { return segments[i].decoded.end >= part.start })
	last := first
	for last < len(segments) && segments[last].decoded.start <= part.end {
		last++
	}
	return segments[first:last]
}

// segmentTags say how a match was encoded.
func segmentTags(segments []segment) []string {
	kinds := 0
	for _, s := range segments {
		kinds |= s.kinds
	}
	var tags []string
	for i, name := range kindNames {
		if kinds&(1<<i) != 0 {
			tags = append(tags, "decoded:"+name)
		}
	}
	return append(tags, "decode-depth:"+strconv.Itoa(segments[0].depth))
}

// decodedLine is the line of the decoded text that segments are on.
func decodedLine(segments []segment, text string) string {
	all := segments[0].decoded
	for _, s := range segments[1:] {
		all = all.merge(s.decoded)
	}
	start, end := 0, len(text)
	for i := min(all.start, len(text)-1); i >= 0; i-- {
		if text[i] == '\n' {
			start = i
			break
		}
	}
	for i := all.end; i < end; i++ {
		if text[i] == '\n' {
			end = i
		}
	}
	return text[start:end]
}
