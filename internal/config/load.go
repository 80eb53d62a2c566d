package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// maxSize is the largest file that is looked at. A thousand waivers fit.
const maxSize = 256 << 10

// load turns the text into the tree of its only document, nil if it is empty.
// Nothing of the text is believed: see [inspect] for the tree.
func load(src *source, text string) (*yaml.Node, Errors) {
	if err, ok := badCharacter(src, text); ok {
		return nil, Errors{err}
	}
	dec := yaml.NewDecoder(strings.NewReader(text))
	doc, err := decode(dec)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, Errors{src.syntax(err, text)}
	}
	next, err := decode(dec)
	switch {
	case err == nil:
		return nil, Errors{src.errorAt(next.Line, next.Column, faultf("remove the --- or what follows it", "second document: want only one"))}
	case !errors.Is(err, io.EOF):
		return nil, Errors{src.syntax(err, text)}
	}
	return doc.Content[0], nil
}

// decode reads the next document. Whatever the parser panics about is an error
// in the document.
func decode(dec *yaml.Decoder) (doc *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the YAML parser gave up (%T)", r)
		}
	}()
	doc = new(yaml.Node)
	err = dec.Decode(doc)
	if err == nil && len(doc.Content) != 1 {
		err = errors.New("the YAML parser found no document")
	}
	return doc, err
}

// tooLarge is the error of a file whose text is not even looked at.
func tooLarge(file string, data []byte) Errors {
	first, _, _ := bytes.Cut(data[:maxSource], []byte("\n"))
	src := newSource(file, strings.ToValidUTF8(string(first), "?"))
	return src.finish(Errors{src.errorAt(1, 1, faultf("", "file of %d KiB: the limit is %d KiB", (len(data)+1023)>>10, maxSize>>10))})
}

// badCharacter finds what is no text: invalid UTF-8, control characters, and
// line ends other than \n and \r\n, about which YAML's versions disagree.
func badCharacter(src *source, text string) (Error, bool) {
	line, col := 1, 1
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			return src.errorAt(line, col, faultf("save the file as UTF-8", "not UTF-8 text")), true
		case r == '\n':
			line, col = line+1, 0
		case r == '\r' && strings.HasPrefix(text[i+1:], "\n"), r == '\t':
		case unicode.IsControl(r) || invisible(r):
			return src.errorAt(line, col, faultf("remove it", "character U+%04X, which cannot be seen", r)), true
		}
		col++
	}
	return Error{}, false
}

var (
	yamlLine      = lazyregexp.New(`^line (\d+): `)
	unknownAnchor = lazyregexp.New(`^unknown anchor '(.+)' referenced$`)
	badStart      = lazyregexp.New("(?:^|[-,:\\[{?] *)([@`%])")
)

// syntax turns the YAML parser's error, which knows the line at best, into
// ours. The commonest mistakes get a better place and a hint.
func (s *source) syntax(err error, text string) Error {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	if m := unknownAnchor.FindStringSubmatch(message); m != nil {
		before, _, _ := strings.Cut(text, "*"+m[1])
		line := strings.Count(before, "\n")
		return s.errorAt(line+1, columnOf(s.lines[line], len(before)-strings.LastIndexByte(before, '\n')-1),
			faultf("", "alias %s: no anchor of that name before it", quote(m[1])))
	}
	line, message := yamlPlace(message)
	line = min(line, len(s.lines))
	here := s.lines[line-1]
	blank := len(here) - len(strings.TrimLeft(here, " \t"))
	if tab := strings.IndexByte(here[:blank], '\t'); tab >= 0 {
		return s.errorAt(line, tab+1, faultf("indent with spaces", "tab in the indentation"))
	}
	at, hint := pinpoint(here, message)
	return s.errorAt(line, columnOf(here, max(at, blank)), faultf(hint, "not YAML: %s", escape(message)))
}

// yamlPlace splits the line off a message. The parser counts lines from one in
// what its scanner finds, and from zero in what its grammar misses.
func yamlPlace(message string) (line int, rest string) {
	m := yamlLine.FindStringSubmatch(message)
	if m == nil {
		return 1, message
	}
	line, _ = strconv.Atoi(m[1])
	rest = message[len(m[0]):]
	if strings.HasPrefix(rest, "did not find expected") {
		line++
	}
	return line, rest
}

// pinpoint guesses the place in the line, in bytes, and what would help.
func pinpoint(line, message string) (at int, hint string) {
	switch message {
	case "mapping values are not allowed in this context":
		return strings.LastIndex(line, ":"), "put a text with a colon in quotes, or begin a new line"
	case "found character that cannot start any token":
		if m := badStart.FindStringSubmatchIndex(line); m != nil {
			return m[2], "put the text in quotes"
		}
	}
	return 0, ""
}

// columnOf turns a place in bytes into a column.
func columnOf(line string, at int) int {
	return utf8.RuneCountInString(line[:min(at, len(line))]) + 1
}
