package saving

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// Step is what one way of cutting did.
type Step struct {
	Name   string `json:"name"`
	Tokens int    `json:"tokens"` // after it
	Saved  int    `json:"saved"`
}

// Trimmed is a prompt that was cut.
type Trimmed struct {
	Text    string  `json:"text"`
	Before  int     `json:"tokens_before"`
	After   int     `json:"tokens_after"`
	Percent float64 `json:"percent"`
	Reached bool    `json:"target_reached"`
	Steps   []Step  `json:"steps"`
}

// Trim cuts a prompt: white space, then the words of politeness that a model does
// not need, then long words for short ones; and, where that has not taken the
// target's share away, examples from the last to the second (K18). What stands in
// fenced blocks, between backquotes, or is indented as code, stays as it is. A
// step that would make more tokens is not taken.
func Trim(text string, target float64, count Count) (Trimmed, error) {
	before, err := count(text)
	if err != nil {
		return Trimmed{}, err
	}
	t := Trimmed{Text: text, Before: before, After: before, Steps: []Step{}}
	goal := int(float64(before) * (1 - target))
	for _, step := range []struct {
		name string
		cut  func(string) string
	}{
		{"white space", prose(spaces)}, {"system message", prose(system)}, {"abbreviations", prose(abbreviate)},
	} {
		if err := t.take(step.name, step.cut(t.Text), count); err != nil {
			return t, err
		}
	}
	for n := 0; t.After > goal; n++ {
		cut, ok := withoutExample(t.Text)
		if !ok {
			break
		}
		if err := t.take(fmt.Sprintf("example %d", n+1), cut, count); err != nil {
			return t, err
		}
		if t.Text != cut {
			break
		}
	}
	t.Reached = t.After <= goal
	if before > 0 {
		t.Percent = float64((before-t.After)*10_000/before) / 100
	}
	return t, nil
}

// take takes a step, if it makes the prompt no longer.
func (t *Trimmed) take(name, text string, count Count) error {
	n, err := count(text)
	if err != nil {
		return err
	}
	if n <= t.After {
		t.Steps = append(t.Steps, Step{name, n, t.After - n})
		t.Text, t.After = text, n
		return nil
	}
	t.Steps = append(t.Steps, Step{name, t.After, 0})
	return nil
}

// prose applies a change to what is no code.
func prose(change func(string) string) func(string) string {
	return func(text string) string {
		var out, part strings.Builder
		flush := func() {
			out.WriteString(change(part.String()))
			part.Reset()
		}
		fence := ""
		for line := range strings.Lines(text) {
			mark := fenceMark(line)
			switch {
			case fence == "" && mark != "":
				flush()
				fence = mark
			case fence != "":
				if strings.HasPrefix(strings.TrimSpace(line), fence) && strings.Trim(strings.TrimSpace(line), fence[:1]) == "" {
					fence = ""
				}
			case strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t") || strings.Contains(line, "`"):
				flush()
			default:
				part.WriteString(line)
				continue
			}
			out.WriteString(line)
		}
		flush()
		return out.String()
	}
}

// fenceMark is the mark that opens a block, and closes it.
func fenceMark(line string) string {
	s := strings.TrimSpace(line)
	for _, c := range []string{"`", "~"} {
		if n := len(s) - len(strings.TrimLeft(s, c)); n >= 3 {
			return s[:n]
		}
	}
	return ""
}

var (
	blanks     = lazyregexp.New(`[ \t\x{00a0}]{2,}`)
	lineEnds   = lazyregexp.New(`[ \t\x{00a0}\r]+\n`)
	emptyLines = lazyregexp.New(`\n{3,}`)
)

func spaces(s string) string {
	s = lineEnds.ReplaceAllString(s, "\n")
	s = blanks.ReplaceAllString(s, " ")
	return emptyLines.ReplaceAllString(s, "\n\n")
}

// filler are words that tell a model nothing.
var filler = lazyregexp.New(`(?i)\b(you are an? (very )?(helpful|friendly|knowledgeable)( and (helpful|friendly|knowledgeable))? (ai )?assistant\.? ?|please (note|be aware|remember) that |please |kindly |i would like you to |i want you to |could you |can you |it is (very )?important (to note )?that |make sure (that )?(to )?|thank you( very much)?( in advance)?[.!]? ?)`)

func system(s string) string { return filler.ReplaceAllString(s, "") }

// short are long words and what says the same.
var short = [][2]string{
	{"in order to", "to"}, {"due to the fact that", "because"}, {"as well as", "and"}, {"for example", "e.g."}, {"for instance", "e.g."},
	{"that is to say", "i.e."}, {"with respect to", "about"}, {"with regard to", "about"}, {"a large number of", "many"}, {"at this point in time", "now"},
	{"in the event that", "if"}, {"is able to", "can"}, {"are able to", "can"}, {"prior to", "before"}, {"subsequent to", "after"},
	{"utilize", "use"}, {"utilizes", "uses"}, {"approximately", "about"}, {"application", "app"}, {"applications", "apps"},
	{"configuration", "config"}, {"documentation", "docs"}, {"repository", "repo"}, {"environment variable", "env var"},
}

var words = lazyregexp.New(`(?i)\b(in order to|due to the fact that|as well as|for example|for instance|that is to say|with respect to|with regard to|a large number of|at this point in time|in the event that|is able to|are able to|prior to|subsequent to|utilizes?|approximately|applications?|configuration|documentation|repository|environment variable)\b`)

func abbreviate(s string) string {
	return words.ReplaceAllStringFunc(s, func(word string) string {
		i := slices.IndexFunc(short, func(p [2]string) bool { return strings.EqualFold(p[0], word) })
		if i < 0 {
			return word
		}
		to := short[i][1]
		if word[0] >= 'A' && word[0] <= 'Z' {
			to = strings.ToUpper(to[:1]) + to[1:]
		}
		return to
	})
}

// example is where one begins: a line of its own.
var example = lazyregexp.New(`(?im)^(#+ *)?(\*\*)?examples?( *[0-9]+)?(\*\*)? *:`)

// withoutExample leaves out the last example, up to the next empty line outside a
// block. The first one stays: a model needs it.
func withoutExample(text string) (string, bool) {
	var starts [][2]int
	at, open, fence := 0, -1, ""
	for line := range strings.Lines(text) {
		mark := fenceMark(line)
		switch {
		case fence != "":
			if mark != "" && strings.HasPrefix(mark, fence) {
				fence = ""
			}
		case mark != "":
			fence = mark
		case example.MatchString(line):
			if open >= 0 {
				starts = append(starts, [2]int{open, at})
			}
			open = at
		case open >= 0 && strings.TrimSpace(line) == "":
			starts = append(starts, [2]int{open, at + len(line)})
			open = -1
		}
		at += len(line)
	}
	if open >= 0 {
		starts = append(starts, [2]int{open, at})
	}
	if len(starts) < 2 {
		return text, false
	}
	last := starts[len(starts)-1]
	return text[:last[0]] + text[last[1]:], true
}
