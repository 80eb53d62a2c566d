package feature

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"unicode"

	"github.com/wf-ci/wf-ci/costs"
)

// Tick ticks the open boxes of a list that are about these tasks: by an id in
// front, or by the title.
func Tick(text string, tasks []Task) (string, int) {
	ids, titles := make(map[string]bool), make(map[string]bool)
	for _, t := range tasks {
		ids[t.ID] = true
		if t.Title != "" {
			titles[fold(t.Title)] = true
		}
	}
	n := 0
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		in := strings.TrimLeft(line, " \t")
		found := item.FindStringSubmatch(strings.TrimRight(in, " \t\r\n"))
		if found == nil || found[1] != " " {
			continue
		}
		id := itemID.FindStringSubmatch(found[2])
		if id != nil && ids[id[1]] || titles[fold(found[2])] {
			lines[i] = line[:len(line)-len(in)] + strings.Replace(in, "[ ]", "[x]", 1)
			n++
		}
	}
	return strings.Join(lines, ""), n
}

func fold(s string) string { return strings.ToLower(oneLine(strings.TrimRight(s, "."))) }

// Under adds lines to the end of a section, each once; the section is made
// where there is none.
func Under(text, heading string, add []string) string {
	lines, at := section(text, heading)
	end := at + 1
	for end < len(lines) && !strings.HasPrefix(lines[end], "#") {
		end++
	}
	follows := end < len(lines)
	for end > at+1 && strings.TrimSpace(lines[end-1]) == "" {
		end--
	}
	fresh := notYetIn(lines[at:end], add)
	if len(fresh) == 0 {
		return text
	}
	if end == at+1 {
		fresh = append([]string{""}, fresh...)
	}
	rest := lines[end:]
	if follows && strings.TrimSpace(rest[0]) != "" {
		rest = append([]string{""}, rest...)
	}
	return strings.TrimRight(strings.Join(slices.Concat(lines[:end], fresh, rest), "\n"), "\n") + "\n"
}

// section are the lines of a text, and where in them the section begins; it is
// added where there is none.
func section(text, heading string) (lines []string, at int) {
	if strings.TrimSpace(text) != "" {
		lines = strings.Split(strings.TrimRight(text, "\n"), "\n")
	}
	at = slices.IndexFunc(lines, func(l string) bool {
		return strings.HasPrefix(l, "#") && strings.EqualFold(strings.TrimSpace(strings.TrimLeft(l, "#")), heading)
	})
	if at >= 0 {
		return lines, at
	}
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	lines = append(lines, "## "+heading, "")
	return lines, len(lines) - 2
}

// notYetIn are texts as items of a list that the lines do not have, each once.
func notYetIn(lines, texts []string) []string {
	var fresh []string
	for _, l := range texts {
		if l = "- " + oneLine(l); !slices.Contains(lines, l) && !slices.Contains(fresh, l) {
			fresh = append(fresh, l)
		}
	}
	return fresh
}

// types of a conventional commit.
var commitTypes = []string{"feat", "fix", "docs", "style", "refactor", "perf", "test", "build", "ci", "chore", "revert"}

// Subject is the first line of a conventional commit.
func Subject(kind, scope, text string) (string, error) {
	text = strings.TrimRight(oneLine(text), ".")
	switch {
	case !slices.Contains(commitTypes, strings.TrimSuffix(kind, "!")):
		return "", fmt.Errorf("no type of commit %q: there are %s", kind, strings.Join(commitTypes, ", "))
	case text == "":
		return "", fmt.Errorf("the commit says nothing: --message TEXT")
	case strings.ContainsFunc(scope, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' }):
		return "", fmt.Errorf("the scope %q: want letters, digits and -", scope)
	}
	bang := ""
	if k, ok := strings.CutSuffix(kind, "!"); ok {
		kind, bang = k, "!"
	}
	if scope != "" {
		kind += "(" + scope + ")"
	}
	subject := kind + bang + ": " + text
	if len([]rune(subject)) > 100 {
		return "", fmt.Errorf("the commit's first line has %d characters: 100 at most", len([]rune(subject)))
	}
	return subject, nil
}

// Return is what a feature brought, as far as somebody says.
type Return struct {
	Cost    costs.Nano `json:"cost"`
	Users   int64      `json:"users,omitempty"`
	Revenue costs.Nano `json:"revenue,omitempty"`
}

// Line is cost and return on one line.
func (r Return) Line() string {
	line := "cost $" + r.Cost.String()
	if r.Users > 0 {
		line += fmt.Sprintf(", %d users, $%s a user", r.Users, r.Cost/costs.Nano(r.Users))
	}
	switch {
	case r.Revenue > 0 && r.Cost > 0:
		n := new(big.Int).Mul(big.NewInt(int64(r.Revenue-r.Cost)), big.NewInt(100))
		line += fmt.Sprintf(", revenue $%s, ROI %d %%", r.Revenue, n.Quo(n, big.NewInt(int64(r.Cost))))
	case r.Revenue > 0:
		line += fmt.Sprintf(", revenue $%s", r.Revenue)
	}
	return line
}

// checklist is what has to be so before a deployment, by group. A box with a key
// is ticked when the gates have shown it.
var checklist = []struct {
	group string
	items [][2]string // key, text
}{
	{"Code quality", [][2]string{{"tests", "All tests pass"}, {"security", "The security gates pass"}, {"", "The code was reviewed"}, {"docs", "The documents are up to date"}}},
	{"Performance", [][2]string{{"", "Load was tested at the expected scale"}, {"", "Queries are optimized"}, {"", "There is a caching strategy"}, {"", "Assets come from a CDN"}}},
	{"Monitoring", [][2]string{{"", "Metrics are there"}, {"", "Alerts are configured"}, {"", "Errors are tracked"}, {"", "Logs are structured"}}},
	{"Rollback", [][2]string{{"", "There is a feature flag"}, {"", "The rollback of the database was tested"}, {"", "A canary deployment is ready"}, {"", "There is an incident plan"}}},
	{"Documentation", [][2]string{{"", "Documents of the API are up to date"}, {"", "User guides are written"}, {"", "The runbook is up to date"}, {"", "The architecture diagram is current"}}},
}

// Checklist is what has to be so before a deployment, as Markdown. shown are the
// keys that were shown to be so: tests, security, docs.
func Checklist(name string, shown []string, line string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Before the deployment: %s\n\n%s\n", oneLine(name), line)
	for _, g := range checklist {
		fmt.Fprintf(&b, "\n## %s\n\n", g.group)
		for _, i := range g.items {
			mark := " "
			if i[0] != "" && slices.Contains(shown, i[0]) {
				mark = "x"
			}
			fmt.Fprintf(&b, "- [%s] %s\n", mark, i[1])
		}
	}
	return b.String()
}
