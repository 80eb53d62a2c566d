package session

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// Block is a part of a document that is ours: it is written anew each time.
type Block struct {
	Name    string // of lower case letters and dashes; one block of each. Required.
	Heading string // under which it belongs; empty: below the document's title
	Lines   []string
}

// Document is PROJECT_CONTEXT.md: text of people, and blocks of ours. A block
// stands between two lines that are comments in Markdown:
//
//	<!-- wf-ci:blockers 1f0a3c77 -->
//	…
//	<!-- /wf-ci:blockers -->
//
// The digits are a digest of what we wrote between them: where it differs, a
// person has written inside, and those lines are kept (see [Document.Update]).
type Document struct{ parts []part }

// part is a run of text, or a block.
type part struct {
	name string // empty: text
	raw  []byte // with its marks
	// Of a block:
	body   []string // its lines, without ends
	edited bool
}

var (
	beginMark = lazyregexp.New(`^<!-- wf-ci:([a-z][a-z0-9-]*) ([0-9a-f]{8}) -->$`)
	endMark   = lazyregexp.New(`^<!-- /wf-ci:([a-z][a-z0-9-]*) -->$`)
)

// markLike is what both marks have, so that most lines need no expression.
const markLike = "wf-ci:"

// ParseDocument takes a document apart. Any bytes are one: a mark without its
// end, or a second block of a name, is text like any other.
func ParseDocument(data []byte) Document {
	lines := bytes.SplitAfter(data, []byte("\n"))
	var d Document
	var text []byte
	seen := make(map[string]bool)
	for i := 0; i < len(lines); i++ {
		name, sum := begins(lines[i])
		end := -1
		if name != "" && !seen[name] {
			end = ending(lines, i+1, name)
		}
		if end < 0 {
			text = append(text, lines[i]...)
			continue
		}
		seen[name] = true
		if len(text) > 0 {
			d.parts = append(d.parts, part{raw: text})
			text = nil
		}
		p := part{name: name, raw: bytes.Join(lines[i:end+1], nil)}
		for _, line := range lines[i+1 : end] {
			p.body = append(p.body, bare(line))
		}
		p.edited = digest(p.body) != sum
		d.parts = append(d.parts, p)
		i = end
	}
	if len(text) > 0 {
		d.parts = append(d.parts, part{raw: text})
	}
	return d
}

func begins(line []byte) (name, sum string) {
	if !bytes.Contains(line, []byte(markLike)) {
		return "", ""
	}
	m := beginMark.FindStringSubmatch(bare(line))
	if m == nil {
		return "", ""
	}
	return m[1], m[2]
}

// ending is the line that ends the block of a name, or -1. Another beginning
// before it means that the mark has lost its end.
func ending(lines [][]byte, from int, name string) int {
	for i := from; i < len(lines); i++ {
		if !bytes.Contains(lines[i], []byte(markLike)) {
			continue
		}
		if other, _ := begins(lines[i]); other != "" {
			return -1
		}
		if m := endMark.FindStringSubmatch(bare(lines[i])); m != nil {
			if m[1] != name {
				return -1
			}
			return i
		}
	}
	return -1
}

// bare is a line without its end.
func bare(line []byte) string { return strings.TrimRight(string(line), "\r\n") }

// digest names the lines of a block, whatever ends them.
func digest(lines []string) string {
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:4])
}

// Bytes is the document as it is.
func (d Document) Bytes() []byte {
	var out []byte
	for _, p := range d.parts {
		out = append(out, p.raw...)
	}
	return out
}

// Text is all that is not ours.
func (d Document) Text() []byte {
	var out []byte
	for _, p := range d.parts {
		if p.name == "" {
			out = append(out, p.raw...)
		}
	}
	return out
}

// Update gives the document with these blocks. old are the lines that we wrote
// the last time, by block: what a person has added between our lines, it tells
// from them, and puts behind the block. Text changes in one way only: a last
// line that has no end gets one where a block follows it.
func (d Document) Update(blocks []Block, old map[string][]string) []byte {
	eol := d.lineEnd()
	parts := slices.Clone(d.parts)
	for _, b := range blocks {
		if i := slices.IndexFunc(parts, func(p part) bool { return p.name == b.Name }); i >= 0 {
			parts = renew(parts, i, b, old[b.Name], eol)
		} else {
			parts = place(parts, b, eol)
		}
	}
	var out []byte
	for _, p := range parts {
		if p.name != "" && len(out) > 0 && out[len(out)-1] != '\n' {
			out = append(out, eol...)
		}
		out = append(out, p.raw...)
	}
	return out
}

// lineEnd is what ends the lines of the document: that of the first.
func (d Document) lineEnd() string {
	for _, p := range d.parts {
		if i := bytes.IndexByte(p.raw, '\n'); i >= 0 {
			if i > 0 && p.raw[i-1] == '\r' {
				return "\r\n"
			}
			return "\n"
		}
	}
	return "\n"
}

// renew writes a block that is there. It has its heading where it had one.
func renew(parts []part, i int, b Block, old []string, eol string) []part {
	was := parts[i]
	lines := b.Lines
	if len(was.body) > 0 && b.Heading != "" && was.body[0] == "### "+b.Heading {
		lines = headed(b)
	}
	fresh := render(b.Name, lines, eol)
	if !was.edited {
		parts[i] = fresh
		return parts
	}
	ours := slices.Concat(old, lines)
	var kept []byte
	for _, line := range was.body {
		if line != "" && !slices.Contains(ours, line) {
			kept = append(kept, line+eol...)
		}
	}
	parts[i] = fresh
	if len(kept) == 0 {
		return parts
	}
	return slices.Insert(parts, i+1, part{raw: kept})
}

// headed is a block with its heading.
func headed(b Block) []string {
	if b.Heading == "" {
		return b.Lines
	}
	if len(b.Lines) == 0 {
		return []string{"### " + b.Heading, ""}
	}
	return slices.Concat([]string{"### " + b.Heading, ""}, b.Lines, []string{""})
}

func render(name string, lines []string, eol string) part {
	p := part{name: name, body: lines}
	raw := []byte("<!-- wf-ci:" + name + " " + digest(lines) + " -->" + eol)
	for _, line := range lines {
		raw = append(raw, line+eol...)
	}
	p.raw = append(raw, "<!-- /wf-ci:"+name+" -->"+eol...)
	return p
}

// place puts a block into a document that has none of its name: at the end of
// the section with its heading, or else, with a heading of its own, at the end.
func place(parts []part, b Block, eol string) []part {
	if b.Heading == "" {
		return placeFirst(parts, render(b.Name, b.Lines, eol))
	}
	for i, p := range parts {
		if p.name != "" {
			continue
		}
		if at := sectionEnd(p.raw, b.Heading); at >= 0 {
			return split(parts, i, at, render(b.Name, b.Lines, eol))
		}
	}
	return append(parts, render(b.Name, headed(b), eol))
}

// placeFirst puts a block below the title, or first where there is none.
func placeFirst(parts []part, p part) []part {
	if len(parts) == 0 || parts[0].name != "" {
		return slices.Insert(parts, 0, p)
	}
	at := 0
	first, _, _ := bytes.Cut(parts[0].raw, []byte("\n"))
	if _, level := headingOf(bare(first)); level > 0 {
		at = min(len(first)+1, len(parts[0].raw))
	}
	return split(parts, 0, at, p)
}

// split puts a part into a text.
func split(parts []part, i, at int, p part) []part {
	var in []part
	if before := parts[i].raw[:at]; len(before) > 0 {
		in = append(in, part{raw: before})
	}
	in = append(in, p)
	if after := parts[i].raw[at:]; len(after) > 0 {
		in = append(in, part{raw: after})
	}
	return slices.Replace(parts, i, i+1, in...)
}

// sectionEnd is the offset behind the last line that is not blank of the
// section with a heading; -1 where there is no such section.
func sectionEnd(text []byte, heading string) int {
	offset, end, level := 0, -1, 0
	fence := fence{}
	for line := range bytes.Lines(text) {
		offset += len(line)
		name, n := headingOf(bare(line))
		switch inside := fence.line(bare(line)); {
		case !inside && n > 0 && end >= 0 && n <= level:
			return end
		case !inside && n > 0 && end < 0 && strings.EqualFold(name, heading):
			level, end = n, offset
		case end >= 0 && len(bytes.TrimSpace(line)) > 0:
			end = offset
		}
	}
	return end
}

// fence follows the blocks of code of a document.
type fence struct{ mark string }

// line says whether a line is one of code, or a mark around it.
func (f *fence) line(s string) bool {
	s = strings.TrimLeft(s, " ")
	for _, mark := range []string{"```", "~~~"} {
		switch {
		case f.mark == "" && strings.HasPrefix(s, mark):
			f.mark = mark
			return true
		case f.mark == mark && strings.HasPrefix(s, mark) && strings.Trim(s, mark[:1]+" \t") == "":
			f.mark = ""
			return true
		}
	}
	return f.mark != ""
}

// headingOf is the text and the level of a heading (# to ######); level zero:
// it is none.
func headingOf(line string) (text string, level int) {
	n := len(line) - len(strings.TrimLeft(line, "#"))
	rest := line[n:]
	if n == 0 || n > 6 || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return "", 0
	}
	return strings.TrimSpace(strings.TrimRight(strings.TrimSpace(rest), "#")), n
}
