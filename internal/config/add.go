package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// Noted is a waiver with what to say above it: what it lets pass, in a few words
// on one line.
type Noted struct {
	Waiver
	Note string
}

// AddWaivers puts waivers at the end of those in the text of a configuration,
// and changes nothing else in it. The result is read again: it is the old
// configuration with the new waivers, or there is an error. That is of type
// [Errors] where the text is no configuration.
func AddWaivers(file string, data []byte, list []Noted) ([]byte, error) {
	before, err := Parse(file, data)
	if err != nil {
		return nil, err
	}
	text, err := withWaivers(data, list)
	if err != nil {
		return nil, err
	}
	after, err := Parse(file, text)
	if err != nil {
		return nil, fmt.Errorf("with the waivers it is no configuration any more: %w", err)
	}
	for _, n := range list {
		before.Waivers = append(before.Waivers, n.Waiver)
	}
	if !slices.Equal(after.Waivers, before.Waivers) || len(after.differs(before)) > 0 {
		return nil, errors.New("the end of the waivers was not found")
	}
	return text, nil
}

// withWaivers is the text with waivers where they seem to belong.
func withWaivers(data []byte, list []Noted) ([]byte, error) {
	at, indent, err := endOfWaivers(data)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Write(data[:at])
	if at > 0 && data[at-1] != '\n' {
		b.WriteByte('\n')
	}
	if indent < 0 {
		indent = 2
		if at > 0 {
			b.WriteByte('\n')
		}
		b.WriteString("waivers:\n")
	}
	b.WriteString(WaiverLines(list, indent))
	b.Write(data[at:])
	return b.Bytes(), nil
}

// differs are the settings of c that differ from those of d.
func (c *Config) differs(d *Config) []Setting {
	have := d.Settings()
	return slices.DeleteFunc(c.Settings(), func(s Setting) bool {
		return slices.ContainsFunc(have, func(h Setting) bool { return h.Key == s.Key && h.Value == s.Value })
	})
}

// WaiverLines are waivers as they stand in the file, below "waivers:".
func WaiverLines(list []Noted, indent int) string {
	var b strings.Builder
	margin := strings.Repeat(" ", indent)
	for _, n := range list {
		if note := oneComment(n.Note); note != "" {
			fmt.Fprintf(&b, "%s# %s\n", margin, note)
		}
		fmt.Fprintf(&b, "%s- {gate: %s, fingerprint: %s, reason: %s, owner: %s, expires: %s}\n", margin,
			n.Gate, strconv.Quote(n.Fingerprint), strconv.Quote(n.Reason), strconv.Quote(n.Owner), n.Expires)
	}
	return b.String()
}

// oneComment is a text that cannot leave its comment.
func oneComment(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return strings.TrimSpace(s)
}

// endOfWaivers is where in the text the next waiver belongs, and how far in its
// dash stands; -1: there are no waivers yet.
func endOfWaivers(data []byte) (at, indent int, err error) {
	src := newSource("", string(data))
	root, errs := load(src, string(bytes.TrimPrefix(data, []byte("\uFEFF"))))
	if errs != nil {
		return 0, 0, errs
	}
	if root == nil || isNull(root) {
		return len(data), -1, nil
	}
	if root.Style&yaml.FlowStyle != 0 {
		return 0, 0, errors.New("the configuration is in braces")
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value != "waivers" {
			continue
		}
		list := root.Content[i+1]
		if list.Kind != yaml.SequenceNode || list.Style&yaml.FlowStyle != 0 {
			return 0, 0, errors.New("the waivers are in brackets, or not in one list of their own")
		}
		next := 0 // the line of the next key
		if i+2 < len(root.Content) {
			next = root.Content[i+2].Line
		}
		return endBefore(data, next), list.Column - 1, nil
	}
	return len(data), -1, nil
}

// endBefore is the end of the last line before a line (from 1; zero: the end of
// the text) that is neither blank nor a comment.
func endBefore(data []byte, line int) int {
	at, end := 0, 0
	n := 0
	for text := range bytes.Lines(data) {
		if n++; n == line {
			break
		}
		at += len(text)
		if s := bytes.TrimSpace(text); len(s) > 0 && s[0] != '#' {
			end = at
		}
	}
	return end
}
