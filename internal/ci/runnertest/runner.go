package runnertest

import (
	"fmt"
	"strings"
	"unicode/utf16"
)

// The bounds of Runner.Worker/ExecutionContext.cs and FileCommandManager.cs.
const (
	maxIssues  = 10      // of each level, for a step
	maxMessage = 4096    // UTF-16 units
	maxSummary = 1 << 20 // bytes
)

// Runner is what the runner knows of one step. The zero value is ready.
type Runner struct {
	Latin1 bool // decode streams as a Windows runner with such a code page

	Commands []Command          // all that were carried out
	Issues   map[string][]Issue // kept, by level
	Dropped  map[string]int     // above the bound, by level
	Outputs  map[string]string
	Masks    []string
	Log      []string // the lines shown, with what is masked masked
	Failures []string // why the step fails
	Summary  string

	stop string // the token that ends a stop of all commands
}

// Issue is an annotation.
type Issue struct {
	Message    string
	Properties map[string]string
}

// Read is what a container's stdout, or its stderr, holds: the runner does the
// same with both (Handlers/ContainerActionHandler.cs).
func (r *Runner) Read(stream []byte) {
	for _, line := range Lines(stream, r.Latin1) {
		if c, ok := Parse(line, r.stop); !ok || !r.carryOut(c) {
			for _, mask := range r.Masks {
				line = strings.ReplaceAll(line, mask, "***")
			}
			r.Log = append(r.Log, line)
		}
	}
}

// carryOut is TryProcessCommand of ActionCommandManager.cs; false when commands
// are stopped.
func (r *Runner) carryOut(c Command) bool {
	if r.stop != "" {
		if c.Name != strings.ToLower(r.stop) {
			return false
		}
		r.stop = ""
		return true
	}
	r.Commands = append(r.Commands, c)
	switch c.Name {
	case "stop-commands":
		r.stop = c.Data
	case "set-env", "add-path":
		r.Failures = append(r.Failures, c.Name+" is not allowed")
	case "set-output":
		r.output(c.Properties["name"], c.Data)
	case "add-mask":
		r.mask(c.Data)
	case "error", "warning", "notice":
		r.issue(c)
	}
	return true
}

func (r *Runner) mask(value string) {
	if strings.TrimSpace(value) == "" {
		r.Failures = append(r.Failures, "an empty mask")
		return
	}
	r.Masks = append(r.Masks, value)
	for line := range strings.FieldsFuncSeq(value, func(c rune) bool { return c == '\r' || c == '\n' }) {
		if line = strings.TrimSpace(line); line != "" && line != value {
			r.Masks = append(r.Masks, line)
		}
	}
}

func (r *Runner) issue(c Command) {
	if r.Issues == nil {
		r.Issues, r.Dropped = make(map[string][]Issue), make(map[string]int)
	}
	if len(r.Issues[c.Name]) == maxIssues {
		r.Dropped[c.Name]++
		return
	}
	p := c.Properties
	if p["line"] != "" && p["endLine"] != "" && p["line"] != p["endLine"] {
		delete(p, "col")
		delete(p, "endColumn")
	}
	if units := utf16.Encode([]rune(c.Data)); len(units) > maxMessage {
		c.Data = string(utf16.Decode(units[:maxMessage]))
	}
	r.Issues[c.Name] = append(r.Issues[c.Name], Issue{Message: c.Data, Properties: p})
}

func (r *Runner) output(name, value string) {
	if r.Outputs == nil {
		r.Outputs = make(map[string]string)
	}
	r.Outputs[name] = value
}

// ReadOutputs is the file of GITHUB_OUTPUT after the step. What the runner
// would fail at is an error; what came before it is set.
func (r *Runner) ReadOutputs(file []byte) error {
	pairs, err := Pairs(decode(file, false))
	for _, p := range pairs {
		r.output(p[0], p[1])
	}
	return err
}

// ReadSummary is the file of GITHUB_STEP_SUMMARY after the step.
func (r *Runner) ReadSummary(file []byte) error {
	if len(file) > maxSummary {
		return fmt.Errorf("a summary of %d bytes is not shown", len(file))
	}
	r.Summary = decode(file, false)
	return nil
}

// Pairs is EnvFileKeyValuePairs of FileCommandManager.cs: name=value, or
// name<<delimiter with the lines up to the delimiter. On Linux only LF ends a
// line.
func Pairs(text string) ([][2]string, error) {
	var pairs [][2]string
	for rest := text; rest != ""; {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		equals, heredoc := strings.Index(line, "="), strings.Index(line, "<<")
		switch {
		case line == "":
		case equals >= 0 && (heredoc < 0 || equals < heredoc):
			pairs = append(pairs, [2]string{line[:equals], line[equals+1:]})
		case heredoc > 0 && line[heredoc+2:] != "":
			value, after, err := untilDelimiter(rest, line[heredoc+2:])
			if err != nil {
				return pairs, err
			}
			pairs, rest = append(pairs, [2]string{line[:heredoc], value}), after
		default:
			return pairs, fmt.Errorf("invalid format %q", line)
		}
	}
	return pairs, nil
}

func untilDelimiter(text, delimiter string) (value, rest string, err error) {
	start := text
	end := 0
	for {
		line, after, newline := strings.Cut(text, "\n")
		switch {
		case text == "":
			return "", "", fmt.Errorf("no line is the delimiter %q", delimiter)
		case line == delimiter:
			return start[:end], after, nil
		case !newline:
			return "", "", fmt.Errorf("the last line has no end")
		}
		end = len(start) - len(after) - 1
		text = after
	}
}
