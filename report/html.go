package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/wf-ci/wf-ci/gates"
)

// htmlFindings is how many findings of a gate are on the page. Browsers become
// slow with more.
const htmlFindings = 2000

//go:embed html.css
var htmlStyle string

//go:embed html.tmpl
var htmlSource string

// htmlPage is parsed when a page is asked for: most runs ask for none.
var htmlPage = sync.OnceValue(func() *template.Template { return template.Must(template.New("page").Parse(htmlSource)) })

// HTML writes one page that needs nothing else: no script, no picture, nothing
// from another place. Its content policy lets in the page's own style, by its
// hash, and nothing more.
func HTML(w io.Writer, v *gates.Verdict) error {
	sum := sha256.Sum256([]byte(htmlStyle))
	page := htmlData{
		Policy:   "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'",
		Style:    template.CSS(htmlStyle), // ours; the hash above is of these bytes
		Decision: visible(string(v.Decision)),
		Reasons:  visibleAll(v.Reasons),
		Warnings: visibleAll(v.Warnings),
		Counts:   verdictWords(v),
		Facts:    htmlFacts(v),
	}
	for i := range v.Gates {
		page.Gates = append(page.Gates, newHTMLGate(&v.Gates[i]))
	}
	for _, x := range v.Policy.Weakened {
		page.Weakened = append(page.Weakened, gates.Weakening{Key: visible(x.Key), Base: visible(x.Base), Head: visible(x.Head)})
	}
	for _, s := range v.SuppressionsAdded {
		at := place(gates.Finding{Path: s.Path, Line: s.Line})
		page.Added = append(page.Added, htmlFact{visible(s.Marker), at})
	}
	var buf bytes.Buffer
	if err := htmlPage().Execute(&buf, page); err != nil {
		return err
	}
	_, err := w.Write(buf.Bytes())
	return err
}

type (
	htmlData struct {
		Policy            string
		Style             template.CSS
		Decision          string
		Counts            []string
		Reasons, Warnings []string
		Facts, Added      []htmlFact
		Weakened          []gates.Weakening
		Gates             []htmlGate
	}
	htmlFact struct{ Name, Value string }
	htmlGate struct {
		ID, Status, Doc, Help, Reason, Why, Engine string
		Required, Open                             bool
		Total, New, LeftOut                        int
		Examined, Time                             string
		Findings                                   []htmlFinding
	}
	htmlFinding struct {
		Place, Commit, Severity, Rule, Title, Link, Message string
		State                                               string // blocks, new, waived or known
		Waiver                                              string
	}
)

func htmlFacts(v *gates.Verdict) []htmlFact {
	var facts []htmlFact
	for _, f := range []htmlFact{
		{"Tree", visible(v.Tree)}, {"Commit", visible(v.Head)}, {"Compared with", visible(v.Base)},
		{"Policy", visible(v.Policy.Source)}, {"Policy digest", visible(v.Policy.Digest)},
		{"Started", v.Started.UTC().Format(time.RFC3339)}, {"Took", timeWords(v.DurationMS)},
		{"Repeat", repeatCommand(v)},
	} {
		if f.Value != "" {
			facts = append(facts, f)
		}
	}
	return facts
}

func newHTMLGate(g *gates.GateVerdict) htmlGate {
	t := count(g.Findings)
	h := htmlGate{
		ID: visible(g.ID), Status: visible(string(g.Status)), Doc: visible(g.Doc), Help: visible(g.Help), Reason: visible(g.Reason),
		Engine:   visible(strings.TrimSpace(g.Engine.Name + " " + g.Engine.Version)),
		Required: g.Required, Open: g.Status == gates.StatusFail,
		Total: t.total, New: t.fresh,
		Examined: examinedWords(g.Examined), Time: timeAndCache(g),
	}
	if h.Open {
		h.Why = whyBlocks(g)
	}
	rules := make(map[string]gates.Rule)
	for _, r := range g.Rules {
		rules[r.ID] = r
	}
	list := ranked(g.Findings)
	if h.LeftOut = max(0, len(list)-htmlFindings); h.LeftOut > 0 {
		list = list[:htmlFindings]
	}
	for _, f := range list {
		h.Findings = append(h.Findings, newHTMLFinding(f, rules[f.Rule]))
	}
	return h
}

func newHTMLFinding(f gates.Judged, rule gates.Rule) htmlFinding {
	h := htmlFinding{
		Place: place(f.Finding), Commit: shortID(f.Commit),
		Severity: visible(string(f.Severity)), Rule: visible(f.Rule), Title: visible(rule.Title),
		Message: message(f.Finding), State: "known",
	}
	if isWeb(rule.URI) {
		h.Link = rule.URI
	}
	switch {
	case f.Blocking:
		h.State = "blocks"
	case f.Waiver != nil:
		h.State = "waived"
		h.Waiver = visible(f.Waiver.Reason + " (" + f.Waiver.Owner + ", until " + string(f.Waiver.Expires) + ")")
	case f.New:
		h.State = "new"
	}
	return h
}

func visibleAll(texts []string) []string {
	out := make([]string, len(texts))
	for i, s := range texts {
		out[i] = visible(s)
	}
	return out
}
