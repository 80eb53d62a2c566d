package secrets

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/gates"
)

// found is a hit without its text.
type found struct {
	path, commit, rule string
	line, column       int // from 1, columns in characters; line 0: the whole file
	endLine, endColumn int
	startLine          int // as gitleaks counts: for .gitleaksignore
	secret             [sha256.Size]byte
	encoding           string // of the secret in the text; empty: none
	marked             bool   // a gitleaks:allow on its lines
	fingerprint        string
}

const marker = "gitleaks:allow"

func newFound(f fragment, h hit) found {
	out := found{
		path: f.path, commit: f.commit, rule: h.rule, startLine: h.startLine,
		secret: sha256.Sum256([]byte(h.secret)),
	}
	if h.startLine == 0 {
		return out // the file's name was enough
	}
	at := locate(f, h)
	out.line, out.endLine = at.line, at.endLine
	out.column, out.endColumn = at.columns(f)
	out.marked = strings.Contains(at.lines(f.text), marker)
	for _, t := range h.tags {
		if e, ok := strings.CutPrefix(t, "decoded:"); ok {
			out.encoding = e
		}
	}
	return out
}

// place is where a hit is.
type place struct {
	line, endLine int // of the file
	// Offsets in the fragment.
	start, end         int // end 0: not known
	lineStart, endFrom int // starts of the first and the last line
}

// locate turns gitleaks' location into offsets. On a fragment's first line its
// columns count from 1 and include the last byte; on the others the newline
// before is part of the line, and the end is behind the last byte. The end is
// wrong for a match of several lines at the end of a text.
func locate(f fragment, h hit) place {
	first := max(0, h.startLine-f.line)
	p := place{line: h.startLine, endLine: max(h.startLine, h.endLine), lineStart: lineStart(f.text, first)}
	column := h.startColumn
	if first > 0 {
		column--
	}
	p.start = min(len(f.text), p.lineStart+max(column, 1)-1)
	if len(h.match) > 0 && strings.HasPrefix(f.text[p.start:], h.match) {
		p.end = p.start + len(h.match)
		p.endLine = p.line + strings.Count(h.match, "\n")
		p.endFrom = strings.LastIndexByte(f.text[:p.end], '\n') + 1
		return p
	}
	// Decoded: the match is not in the text.
	last := p.endLine - f.line
	p.endFrom = lineStart(f.text, last)
	if h.endColumn > 0 {
		p.end = p.endFrom + h.endColumn
		if last > 0 {
			p.end--
		}
		if p.end <= p.start || p.end > len(f.text) {
			p.end = 0
		}
	}
	return p
}

// lineStart is where the nth line of a text begins, from 0.
func lineStart(text string, n int) int {
	at := 0
	for range n {
		i := strings.IndexByte(text[at:], '\n')
		if i < 0 {
			break
		}
		at += i + 1
	}
	return at
}

// columns count characters from 1; 0: not known.
func (p place) columns(f fragment) (start, end int) {
	column := func(from, to int) int {
		n := utf8.RuneCountInString(f.text[from:to]) + 1
		if from == 0 {
			n += f.column
		}
		return n
	}
	start = column(p.lineStart, p.start)
	if p.end > 0 {
		end = column(p.endFrom, p.end)
	}
	return start, end
}

// lines is the text of the lines that a hit touches.
func (p place) lines(text string) string {
	end := max(p.end, p.start, p.endFrom)
	if i := strings.IndexByte(text[end:], '\n'); i >= 0 {
		return text[p.lineStart : end+i]
	}
	return text[p.lineStart:]
}

func (f found) compare(g found) int {
	return cmp.Or(
		strings.Compare(f.commit, g.commit),
		strings.Compare(f.path, g.path),
		cmp.Compare(f.line, g.line),
		cmp.Compare(f.column, g.column),
		strings.Compare(f.rule, g.rule),
		cmp.Compare(f.endLine, g.endLine),
		cmp.Compare(f.endColumn, g.endColumn),
		cmp.Compare(f.startLine, g.startLine),
		strings.Compare(f.encoding, g.encoding),
		slices.Compare(f.secret[:], g.secret[:]),
	)
}

// judge turns what was found into findings.
type judge struct {
	target  *gates.Target
	rules   *rules
	ignored *ignores
	skipped map[string]bool // paths of the tree that were not looked at
}

// findings are those that are not ignored and not marked, and the rules that
// they broke.
func (j *judge) findings(all []found) ([]gates.Finding, []gates.Rule) {
	slices.SortFunc(all, found.compare)
	// A rule about the name of a file speaks once for each of its parts.
	all = slices.CompactFunc(all, func(a, b found) bool { return a.line == 0 && a.compare(b) == 0 })
	name(all)
	inTree := make(map[string]bool)             // fingerprints of findings in the tree
	secrets := make(map[[sha256.Size]byte]bool) // what the tree holds, reported or not
	for _, f := range all {
		if f.commit == "" {
			secrets[f.secret] = true
			inTree[f.fingerprint] = inTree[f.fingerprint] || !j.dismisses(f)
		}
	}
	var out []gates.Finding
	broken := make(map[string]bool)
	for _, f := range all {
		if j.dismisses(f) || f.commit != "" && inTree[f.fingerprint] {
			continue
		}
		broken[f.rule] = true
		out = append(out, gates.Finding{
			Rule: f.rule, Severity: gates.SeverityError, Path: gates.Path(f.path),
			Line: f.line, Column: f.column, EndLine: f.endLine, EndColumn: f.endColumn,
			Commit: f.commit, Message: j.message(f, secrets[f.secret]), Fingerprint: f.fingerprint,
		})
	}
	return out, j.describe(broken)
}

// name gives fingerprints, counted anew for the tree and for each commit: the
// same secret has the same name in all of them. Four digits of the hash tell
// secrets in one place apart, and are no help to anyone who guesses passwords.
func name(sorted []found) {
	var names gates.Fingerprints
	for i := range sorted {
		f := &sorted[i]
		if i > 0 && f.commit != sorted[i-1].commit {
			names = gates.Fingerprints{}
		}
		f.fingerprint = names.Of(ID, f.rule, f.path, hex.EncodeToString(f.secret[:2]))
	}
}

// dismisses says whether the ignore file or a marker that counts speaks for it.
func (j *judge) dismisses(f found) bool {
	return j.ignored.has(f) || f.marked && j.honours(f)
}

// honours says whether a marker on the finding's lines was there before the
// change. Without anything to compare with, all markers count.
func (j *judge) honours(f found) bool {
	c := j.target.Change
	switch {
	case c.Everything():
		return true
	case f.commit != "":
		return !c.HasCommit(f.commit)
	}
	return !c.HasLines(f.path, f.line, f.endLine)
}

func (j *judge) message(f found, inTree bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)", j.title(f.rule), f.rule)
	if f.encoding != "" {
		fmt.Fprintf(&b, ", %s-encoded", f.encoding)
	}
	switch {
	case f.commit == "" && f.line == 0:
		b.WriteString(": remove the file and rotate what it holds")
	case f.commit == "":
		b.WriteString(": remove it and rotate the key")
	case inTree || j.skipped[f.path]:
		fmt.Fprintf(&b, " in commit %.10s: rotate the key; removing it from the tree does not take it out of the history", f.commit)
	default:
		fmt.Fprintf(&b, " in commit %.10s: it is out of the tree, and still in the history; rotate the key", f.commit)
	}
	if f.marked {
		fmt.Fprintf(&b, "; the %s marker that this change adds does not count", marker)
	}
	return b.String()
}

const ruleHelp = "Take it out of the file and rotate it at its issuer: whoever could read the repository has it, and the history keeps it. A value that is no secret can be waived, or allowed in .gitleaks.toml."

// describe explains the rules that were broken.
func (j *judge) describe(broken map[string]bool) []gates.Rule {
	var out []gates.Rule
	for id := range broken {
		help := ruleHelp
		if d := strings.TrimSpace(j.rules.descriptions[id]); d != "" {
			help = strings.TrimSuffix(d, ".") + ". " + help
		}
		out = append(out, gates.Rule{
			ID: id, Title: j.title(id), Help: help,
			URI:  "https://cwe.mitre.org/data/definitions/798.html",
			Tags: []string{"external/cwe/cwe-798", "security"}, Security: "8.0",
		})
	}
	slices.SortFunc(out, func(a, b gates.Rule) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// title is a rule's short description, else its name in words: gitleaks' own
// descriptions are long.
func (j *judge) title(id string) string {
	d := strings.TrimSuffix(strings.TrimSpace(j.rules.descriptions[id]), ".")
	if d != "" && len(d) <= 40 && !strings.ContainsAny(d, "\r\n") {
		return d
	}
	return inWords(id)
}

// spelled are the parts of rule names that are not plain words.
var spelled = map[string]string{
	"1password": "1Password", "ai": "AI", "api": "API", "aws": "AWS", "cidr": "CIDR", "dsn": "DSN", "gcp": "GCP",
	"github": "GitHub", "gitlab": "GitLab", "hmac": "HMAC", "id": "ID", "iam": "IAM", "jwt": "JWT", "json": "JSON",
	"npm": "npm", "oauth": "OAuth", "pat": "PAT", "pkcs12": "PKCS #12", "pypi": "PyPI", "rsa": "RSA", "scim": "SCIM", "sdk": "SDK",
	"ssh": "SSH", "tls": "TLS", "uid": "UID", "uri": "URI", "url": "URL", "vpc": "VPC", "yaml": "YAML",
}

// inWords is a rule's name as one reads it: "AWS access token".
func inWords(id string) string {
	words := strings.FieldsFunc(id, func(r rune) bool { return r == '-' || r == '_' || r == ' ' })
	for i, w := range words {
		if s, ok := spelled[strings.ToLower(w)]; ok {
			words[i] = s
		} else if i == 0 {
			_, n := utf8.DecodeRuneInString(w)
			words[i] = strings.ToUpper(w[:n]) + w[n:]
		}
	}
	return strings.Join(words, " ")
}
