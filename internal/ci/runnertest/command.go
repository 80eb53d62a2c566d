// Package runnertest is GitHub's runner as far as it reads what a step says:
// the commands in its log, its output files and its summary. It is written from
// actions/runner v2.336.0 (the file is named at each part) and for tests only:
// what it does not take for a command, the real one does not.
package runnertest

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Command is a line that the runner carries out.
type Command struct {
	Name       string // lower case
	Properties map[string]string
	Data       string
}

// registered are the commands of Runner.Worker/ActionCommandManager.cs.
var registered = []string{
	"stop-commands", "set-env", "set-output", "save-state", "add-mask", "add-path", "add-matcher", "remove-matcher",
	"debug", "warning", "error", "notice", "group", "endgroup", "echo",
}

// Lines are the lines of a stream as the runner's StreamReader.ReadLine gives
// them: a byte order mark decides the encoding, and LF, CR and CRLF end a line.
// latin1 is a Windows runner with a code page of one byte a character.
func Lines(stream []byte, latin1 bool) []string {
	text := decode(stream, latin1)
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	lines := strings.Split(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// decode is .NET's detectEncodingFromByteOrderMarks, true for the streams of a
// process and for File.ReadAllText.
func decode(b []byte, latin1 bool) string {
	has := func(mark string) bool { return strings.HasPrefix(string(b[:min(len(b), 4)]), mark) }
	switch {
	case has("\xff\xfe\x00\x00"):
		return wide(b[4:], 4, binary.LittleEndian)
	case has("\x00\x00\xfe\xff"):
		return wide(b[4:], 4, binary.BigEndian)
	case has("\xff\xfe"):
		return wide(b[2:], 2, binary.LittleEndian)
	case has("\xfe\xff"):
		return wide(b[2:], 2, binary.BigEndian)
	case has("\xef\xbb\xbf"):
		return strings.ToValidUTF8(string(b[3:]), "\uFFFD")
	case latin1:
		runes := make([]rune, len(b))
		for i, c := range b {
			runes[i] = rune(c)
		}
		return string(runes)
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

func wide(b []byte, size int, order binary.ByteOrder) string {
	var runes []rune
	var units []uint16
	for ; len(b) >= size; b = b[size:] {
		if size == 4 {
			runes = append(runes, rune(order.Uint32(b)))
		} else {
			units = append(units, order.Uint16(b))
		}
	}
	return string(append(runes, utf16.Decode(units)...))
}

// Parse is TryParseV2 and then TryParse of Runner.Common/ActionCommand.cs.
// token is the one that ends a stop of all commands, empty when there is none.
//
// The runner searches by the rules of a culture, in which invisible characters
// do not count, and then cuts by fixed lengths. Where such a character leaves
// more than one reading, Parse takes any that makes a command.
func Parse(line, token string) (Command, bool) {
	names := registered
	if token != "" {
		names = append(slices.Clone(names), strings.ToLower(token))
	}
	if c, ok := parseV2([]rune(line), names); ok {
		return c, true
	}
	return parseV1([]rune(line), names)
}

func parseV2(line []rune, names []string) (Command, bool) {
	for len(line) > 0 && (unicode.IsSpace(line[0]) || line[0] == 0x180e) {
		line = line[1:]
	}
	if len(line) < 2 || !slices.Contains(find(line, "::", 0), 0) {
		return Command{}, false
	}
	for _, end := range find(line, "::", 2) {
		name, properties, _ := strings.Cut(string(line[2:end]), " ")
		if c, ok := newCommand(names, name, strings.TrimSpace(properties), ",", unescapeProperty); ok {
			c.Data = unescapeData(string(line[min(end+2, len(line)):]))
			return c, true
		}
	}
	return Command{}, false
}

func parseV1(line []rune, names []string) (Command, bool) {
	for _, start := range find(line, "##[", 0) {
		end := start + slices.Index(line[start:], ']')
		if end < start+3 {
			continue
		}
		name, properties, _ := strings.Cut(string(line[start+3:end]), " ")
		if c, ok := newCommand(names, name, properties, ";", unescapeLegacy); ok {
			c.Data = unescapeLegacy(string(line[end+1:]))
			return c, true
		}
	}
	return Command{}, false
}

func newCommand(names []string, name, properties, separator string, unescape func(string) string) (Command, bool) {
	name = strings.ToLower(name)
	if !slices.Contains(names, name) {
		return Command{}, false
	}
	c := Command{Name: name, Properties: make(map[string]string)}
	for p := range strings.SplitSeq(properties, separator) {
		key, value, ok := strings.Cut(strings.TrimLeft(p, "="), "=")
		if ok && value != "" {
			c.Properties[key] = unescape(value)
		}
	}
	return c, true
}

// find are the places, from a start on, where a text is found when invisible
// characters do not count, the place before such characters included. Places
// where it stands byte for byte come first.
func find(line []rune, text string, from int) []int {
	var exact, loose []int
	for i := from; i < len(line); i++ {
		switch {
		case strings.HasPrefix(string(line[i:min(len(line), i+len(text))]), text):
			exact = append(exact, i)
		case matches(line[i:], []rune(text)):
			loose = append(loose, i)
		}
	}
	return append(exact, loose...)
}

func matches(line, text []rune) bool {
	for len(text) > 0 {
		switch {
		case len(line) == 0:
			return false
		case line[0] == text[0]:
			text = text[1:]
		case !invisible(line[0]):
			return false
		}
		line = line[1:]
	}
	return true
}

// invisible are the characters that collation passes over.
func invisible(r rune) bool {
	return !unicode.IsSpace(r) && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Mn, unicode.Me)
}

func unescapeData(s string) string { return unescape(s, "%0D", "\r", "%0A", "\n", "%25", "%") }

func unescapeProperty(s string) string {
	return unescape(s, "%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%")
}

func unescapeLegacy(s string) string {
	return unescape(s, "%3B", ";", "%0D", "\r", "%0A", "\n", "%5D", "]", "%25", "%")
}

// unescape replaces one after the other, as the runner does, not at once.
func unescape(s string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		s = strings.ReplaceAll(s, pairs[i], pairs[i+1])
	}
	return s
}
