package ci

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sethvargo/go-githubactions"
)

// The runner's bounds (Runner.Worker/ExecutionContext.cs): of each level it
// keeps so many annotations a step, and so many UTF-16 units of each message.
const (
	MaxAnnotations = 10
	MaxMessage     = 4096
)

// Level is how an annotation is shown.
type Level string

const (
	LevelError   Level = "error"
	LevelWarning Level = "warning"
	LevelNotice  Level = "notice"
)

// Place is what an annotation is about. The zero value: the step as a whole.
type Place struct {
	Title             string
	File              string // relative to the workspace, with slashes
	Line, EndLine     int    // from 1; zero: not known
	Column, EndColumn int    // from 1; left out where the lines differ, as the runner would
}

// Commands speaks to the runner, in the same stream as a [Writer] and past it.
// Outside of Actions it says nothing: a mask there would print the secret.
// It is safe for concurrent use. No method panics; the error is the stream's.
type Commands struct {
	action *githubactions.Action
	active bool
}

// NewCommands gives the commands that go to the same stream as the writer's
// lines.
func NewCommands(w *Writer, getenv func(string) string) *Commands {
	return &Commands{
		action: githubactions.New(githubactions.WithWriter(w.out), githubactions.WithGetenv(getenv)),
		active: Actions(getenv),
	}
}

// Annotate shows a message beside a line of code, cut at [MaxMessage]. Which
// are worth one of the [MaxAnnotations] places is the caller's to say.
func (c *Commands) Annotate(level Level, at Place, message string) error {
	switch level {
	case LevelError, LevelWarning, LevelNotice:
	default:
		return fmt.Errorf("annotate: unknown level %q", string(level))
	}
	return c.issue(string(level), at.properties(), cutUTF16(lead(harmless(message)), MaxMessage))
}

// Notice shows a message that is about no line.
func (c *Commands) Notice(message string) error { return c.Annotate(LevelNotice, Place{}, message) }

// Group folds the lines up to EndGroup under a title.
func (c *Commands) Group(title string) error {
	return c.issue("group", nil, lead(harmless(title)))
}

// EndGroup ends the group.
func (c *Commands) EndGroup() error { return c.issue("endgroup", nil, "") }

// Mask makes the runner print *** for a value from now on. A value of several
// lines is masked line by line: so it is logged. Blank lines, and very short
// ones of several, are left out: "{" masked would hide half of the log.
func (c *Commands) Mask(value Secret) error {
	lines := strings.FieldsFunc(string(value), func(r rune) bool { return r == '\n' || r == '\r' })
	for _, line := range lines {
		line = lead(strings.TrimSpace(line))
		if line == "" || len(lines) > 1 && utf8.RuneCountInString(line) < 4 {
			continue
		}
		if err := c.issue("add-mask", nil, line); err != nil {
			return err
		}
	}
	return nil
}

// issue writes one command by one Write. go-githubactions escapes as the
// toolkit does, panics when the stream fails, and has printf-style functions
// that we keep away from: IssueCommand takes the text as it is.
func (c *Commands) issue(name string, properties githubactions.CommandProperties, message string) (err error) {
	if !c.active {
		return nil
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("command %s: %v", name, r)
		}
	}()
	c.action.IssueCommand(&githubactions.Command{Name: name, Properties: properties, Message: message})
	return nil
}

func (p Place) properties() githubactions.CommandProperties {
	props := make(githubactions.CommandProperties)
	set := func(key, value string) {
		if value != "" {
			props[key] = value
		}
	}
	number := func(key string, n int) {
		if n > 0 {
			props[key] = strconv.Itoa(n)
		}
	}
	set("title", strings.TrimSpace(harmless(p.Title)))
	set("file", harmless(p.File))
	if p.Line <= 0 {
		return props
	}
	number("line", p.Line)
	end := max(p.Line, p.EndLine)
	if p.EndLine > 0 {
		number("endLine", end)
	}
	if end == p.Line {
		number("col", p.Column)
		if p.Column > 0 && p.EndColumn >= p.Column {
			number("endColumn", p.EndColumn)
		}
	}
	return props
}

// lead takes away what a message must not begin with. The runner looks for the
// "::" before it by the rules of a language, not byte by byte, and a combining
// or invisible character after the colons hides them: the command would be
// printed instead, and with it what was to be masked.
func lead(s string) string {
	return strings.TrimLeftFunc(s, func(r rune) bool {
		return unicode.In(r, unicode.M, unicode.Cf, unicode.Cc) && r != '\t'
	})
}

// cutUTF16 cuts a text at a number of UTF-16 units, as the runner counts, and
// says so.
func cutUTF16(s string, most int) string {
	units, cut := 0, 0
	for i, r := range s {
		if units < most { // room for the mark
			cut = i
		}
		units++
		if r > 0xffff {
			units++
		}
		if units > most {
			return s[:cut] + "…"
		}
	}
	return s
}

// validUTF8 is the text with U+FFFD where it is none.
func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
