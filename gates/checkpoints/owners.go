package checkpoints

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/gates"
)

// ownerPlaces are where GitHub looks for owners; the first that is there counts.
var ownerPlaces = []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"}

// ownersLimit is the size, in bytes, above which GitHub does not read the file.
const ownersLimit = 3 << 20

// owners says who answers for which files.
type owners struct {
	path  string
	rules []ownerRule
	bad   []badLine
}

// ownerRule is a line: the last one that matches a file decides. Without owners
// the file has none.
type ownerRule struct {
	pattern []string // names from the root
	owners  []string
}

// badLine is a line that GitHub passes over, and why.
type badLine struct {
	line int
	why  string
}

// readOwners reads the CODEOWNERS that judges the change: the base's, on a pull
// request.
func readOwners(ctx context.Context, t *gates.Target) (*owners, error) {
	for _, name := range ownerPlaces {
		data, err := t.ReadPolicy(ctx, name)
		switch {
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", name, err)
		case data == nil:
			continue
		case len(data) > ownersLimit:
			return nil, fmt.Errorf("%s is %d bytes, and GitHub reads none above %d: make it smaller", name, len(data), ownersLimit)
		}
		return parseOwners(name, data), nil
	}
	return nil, fmt.Errorf("gates.checkpoints.code_owners asks for code owners, and there is no CODEOWNERS (%s): write one on the default branch, or take the option out", strings.Join(ownerPlaces, ", "))
}

// parseOwners reads GitHub's form: a pattern and its owners, a line each. A line
// that cannot be read is passed over, as GitHub does, and named.
func parseOwners(name string, data []byte) *owners {
	o := &owners{path: name}
	n := 0
	for line := range bytes.Lines(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))) {
		n++
		words := ownerWords(string(line))
		if len(words) == 0 {
			continue
		}
		rule, why := parseOwnerRule(words)
		if why == "" && !utf8.Valid(line) {
			why = "it is not UTF-8"
		}
		if why != "" {
			o.bad = append(o.bad, badLine{n, why})
			continue
		}
		o.rules = append(o.rules, rule)
	}
	return o
}

// ownerWords splits a line at spaces, up to a comment. A space with a backslash
// belongs to the pattern.
func ownerWords(line string) []string {
	var words []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\' && i+1 < len(line) && line[i+1] == ' ':
			i++
			word.WriteByte(' ')
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			end()
		case c == '#' && word.Len() == 0:
			return words
		default:
			word.WriteByte(c)
		}
	}
	end()
	return words
}

var (
	ownerName  = regexp.MustCompile(`^@[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?$`)
	ownerEmail = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
)

func parseOwnerRule(words []string) (ownerRule, string) {
	pattern, why := ownerPattern(words[0])
	if why != "" {
		return ownerRule{}, why
	}
	for _, w := range words[1:] {
		if !ownerName.MatchString(w) && !ownerEmail.MatchString(w) {
			return ownerRule{}, fmt.Sprintf("%.100q is no owner: want @account, @organisation/team or an address", w)
		}
	}
	return ownerRule{pattern, words[1:]}, ""
}

// ownerPattern makes a pattern ready. It is .gitignore's, without !, without
// [a-z] and without \#, and with one more difference: what ends in /* is about
// the files of that folder alone.
func ownerPattern(text string) (names []string, why string) {
	switch {
	case strings.HasPrefix(text, "!"):
		return nil, "GitHub knows no !"
	case strings.HasPrefix(text, `\#`):
		return nil, `GitHub knows no \#`
	case strings.ContainsAny(text, "[]"):
		return nil, "GitHub knows no [a-z]"
	}
	rooted := strings.TrimPrefix(text, "/")
	folder := strings.HasSuffix(rooted, "/")
	names = slices.DeleteFunc(strings.Split(rooted, "/"), func(name string) bool { return name == "" })
	for _, name := range names {
		if _, err := path.Match(name, ""); err != nil || name == "." || name == ".." {
			return nil, fmt.Sprintf("the pattern %.100q cannot be read", text)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Sprintf("the pattern %.100q names nothing", text)
	}
	last := names[len(names)-1]
	alone := len(names) == 1
	if alone && rooted == text {
		names = slices.Insert(names, 0, "**")
	}
	switch {
	case folder, last == "**":
		names = append(names, "*", "**")
	case last == "*" && (!alone || rooted != text):
		// the files of that folder
	default:
		names = append(names, "**")
	}
	return names, ""
}

// of are the owners of a file; none: it has none.
func (o *owners) of(name string) []string {
	parts := strings.Split(name, "/")
	for _, r := range slices.Backward(o.rules) {
		if matchNames(r.pattern, parts) {
			return r.owners
		}
	}
	return nil
}

func isTeam(owner string) bool { return strings.HasPrefix(owner, "@") && strings.Contains(owner, "/") }

// findings are the lines that count for nothing.
func (o *owners) findings() []gates.Finding {
	var list []gates.Finding
	for _, b := range o.bad {
		list = append(list, gates.Finding{
			Rule: "codeowners-line", Severity: gates.SeverityWarning, Path: gates.Path(o.path), Line: b.line,
			Message: "the line counts for nothing, here as on GitHub: " + b.why,
		})
		if len(list) == 100 {
			break
		}
	}
	return list
}
