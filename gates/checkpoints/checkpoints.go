// Package checkpoints is the gate that asks for people: a change of a schema, a
// decision in a research document, or a change of files that the policy names
// needs an approval that a person recorded (wf-ci approve).
//
// A record is a file of the change, .wf-ci/approvals/<kind>-<digest>.json. The
// digest is that of the paths and contents of all files of the kind in the
// change, so that an approval is void as soon as one of them is edited, one
// more comes, or one goes. A record that was there at the base is that of an
// earlier change, and approves nothing here.
//
// What it proves is as much as git does. Anybody who can push can write a
// record and any author's name; see README.md beside this file.
package checkpoints

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
)

// ID is the gate's id.
const ID = "checkpoints"

// Kind is what is approved.
type Kind string

const (
	Schema         Kind = "schema"         // migrations, and files that describe data and interfaces
	Research       Kind = "research"       // a GO or NO-GO in a research document
	Implementation Kind = "implementation" // paths that the policy names
)

// Kinds are all kinds, in the order of the reports.
func Kinds() []Kind { return []Kind{Schema, Research, Implementation} }

func (k Kind) known() bool { return slices.Contains(Kinds(), k) }

func kindWords() string {
	return fmt.Sprintf("%s, %s or %s", Schema, Research, Implementation)
}

// ParseKind reads a kind as a person writes it.
func ParseKind(s string) (Kind, error) {
	if k := Kind(s); k.known() {
		return k, nil
	}
	return "", fmt.Errorf("no kind of approval %q: want %s", s, kindWords())
}

// Options are the gate's part of the policy.
type Options struct {
	Schema         []string // patterns besides the built-in ones
	Implementation []string // patterns; empty: no implementation needs an approval
	NoResearch     bool     // decisions in research documents need none
	// Session reads a debug session, and makes the gate ask for one for each
	// commit that mends something. Nil: fixes need none.
	Session func(path string, data []byte) (Session, error)

	// Approvers are addresses, or @account for GitHub's addresses; empty:
	// everybody may approve.
	Approvers []string
	// RequireOther: whoever approves is no author of the change.
	RequireOther bool
	// CodeOwners: whoever approves owns every file that is approved; a review by
	// owners counts as well.
	CodeOwners bool
	// Reviews asks the platform. Nil: there is none to ask.
	Reviews func(context.Context) (Reviews, error)
}

// Gate is the gate checkpoints.
func Gate(o Options) gates.Gate {
	g := &gate{options: o}
	var rules []gates.Rule
	for _, k := range Kinds() {
		rules = append(rules, gates.Rule{
			ID: k.rule(), Title: "A person has to approve: " + string(k),
			Help: fmt.Sprintf("Have a person look, who then runs `wf-ci approve %s --by NAME --reason TEXT` and commits the record.", k),
		})
	}
	rules = append(rules, ownersRule, fixRule)
	return gates.Gate{
		ID:       ID,
		Doc:      "schemas, research decisions and protected code that changed without a recorded approval",
		Help:     "Have a person look at the files, who then runs the command of the finding and commits the record.",
		Scope:    gates.ScopeChange,
		Rules:    rules,
		TreeOnly: true,
		Plan:     g.plan,
		Run:      g.run,
	}
}

func (k Kind) rule() string { return string(k) + "-review" }

type gate struct{ options Options }

func (g *gate) plan(_ context.Context, t *gates.Target) (gates.Plan, error) {
	if t.Change.Everything() {
		return gates.Plan{Skip: "no change known: there is no base to compare with"}, nil
	}
	return gates.Plan{Expect: gates.Examined{Files: int64(len(changed(t)))}}, nil
}

// changed are all files of the change, sorted; those that it takes away too.
func changed(t *gates.Target) []File {
	var files []File
	for _, p := range t.Change.Files() {
		f := File{Path: gates.Path(p)}
		if in := t.Tree.File(p); in != nil {
			f.OID = in.OID
		}
		files = append(files, f)
	}
	for _, p := range t.Change.Gone() {
		files = append(files, File{Path: gates.Path(p)})
	}
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return slices.CompactFunc(files, func(a, b File) bool { return a.Path == b.Path })
}

// Touched are the files of a kind in the change, sorted. Without a base there
// are none.
func Touched(ctx context.Context, t *gates.Target, o Options, k Kind) ([]File, error) {
	files, _, err := touched(ctx, t, o, k)
	return files, err
}

// touched also says how many bytes were read.
func touched(ctx context.Context, t *gates.Target, o Options, k Kind) (files []File, read int64, err error) {
	own, err := compileAll(map[Kind][]string{Schema: o.Schema, Implementation: o.Implementation}[k])
	if err != nil {
		return nil, 0, err
	}
	builtin, foreign := patterns(nil), mustCompile(others)
	switch {
	case k == Schema:
		builtin = known(schemas)
	case k == Research && !o.NoResearch:
		builtin = mustCompile(research)
	}
	for _, f := range changed(t) {
		path := string(f.Path)
		if isRecord(path) {
			continue // an approval needs none
		}
		if own.match(path) || builtin.match(fold(path)) && !foreign.match(fold(path)) {
			files = append(files, f)
		}
	}
	if k == Research {
		return withDecision(ctx, t, files)
	}
	return files, 0, nil
}

// documentLimit is the size, in bytes, above which a research document is not
// read.
const documentLimit = 8 << 20

// withDecision leaves the documents in which the change decides.
func withDecision(ctx context.Context, t *gates.Target, documents []File) (files []File, read int64, err error) {
	var list []git.File
	for _, d := range documents {
		f := t.Tree.File(string(d.Path))
		switch {
		case f == nil:
			continue
		case f.Size > documentLimit:
			return nil, 0, fmt.Errorf("%s is %d bytes, too many to look for a decision; the limit is %d", d.Path, f.Size, documentLimit)
		}
		list = append(list, *f)
	}
	var mu sync.Mutex
	err = t.Tree.Each(ctx, list, t.Jobs, func(_ context.Context, f git.File, r io.Reader) error {
		data, err := io.ReadAll(r)
		found := err == nil && decides(t.Change, f.Path, data)
		mu.Lock()
		defer mu.Unlock()
		read += int64(len(data))
		if found {
			files = append(files, File{Path: gates.Path(f.Path), OID: f.OID})
		}
		return err
	})
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return files, read, err
}

func decides(change *git.Change, path string, data []byte) bool {
	for i, line := range bytes.Split(data, []byte("\n")) {
		if change.HasLines(path, i+1, i+1) && isDecision(string(line)) {
			return true
		}
	}
	return false
}

// approval is a record with the file that it was read from.
type approval struct {
	Record
	file git.File
}

func (g *gate) run(ctx context.Context, t *gates.Target) (gates.Outcome, error) {
	out := gates.Outcome{
		Engine:   gates.Engine{Name: "wf-ci", Version: "checkpoints/1"},
		Examined: gates.Examined{Files: int64(len(changed(t)))},
		Metrics:  make(map[string]float64),
	}
	// A record that cannot be read is an error, after the others were looked
	// at: no finding is lost over it.
	approvals, read, malformed := readApprovals(ctx, t)
	out.Examined.Bytes += read
	book := &book{options: g.options, target: t, approvals: approvals}
	for _, k := range Kinds() {
		files, read, err := touched(ctx, t, g.options, k)
		if err != nil {
			return out, errors.Join(malformed, err)
		}
		out.Examined.Bytes += read
		out.Metrics[string(k)+"_files"] = float64(len(files))
		if len(files) == 0 {
			continue
		}
		missing, err := book.lacking(ctx, k, files)
		if err != nil {
			return out, errors.Join(malformed, err)
		}
		if missing != "" {
			out.Findings = append(out.Findings, finding(t, k, files, missing))
		}
	}
	if book.owners != nil {
		out.Findings = append(out.Findings, book.owners.findings()...)
	}
	if g.options.Session != nil {
		unread := book.fixes(ctx, &out)
		malformed = errors.Join(malformed, unread)
	}
	return out, malformed
}

// finding stands at the first file that is still there. Its fingerprint holds
// the content: a waiver is void when an approval would be.
func finding(t *gates.Target, k Kind, files []File, missing string) gates.Finding {
	var names gates.Fingerprints
	f := gates.Finding{
		Rule: k.rule(), Severity: gates.SeverityError,
		Message: fmt.Sprintf("%s: the change touches %s, and %s: wf-ci approve %s --by NAME --reason TEXT",
			k, gates.Plural(len(files), "file"), missing, k),
		Fingerprint: names.Of(ID, k.rule(), Digest(k, files)),
	}
	for _, file := range files {
		if t.Tree.File(string(file.Path)) != nil {
			f.Path = file.Path
			break
		}
	}
	return f
}

// readApprovals reads the records that the change brings, in the order of their
// paths.
func readApprovals(ctx context.Context, t *gates.Target) (list []approval, read int64, err error) {
	return reader[approval]{
		is: isRecord, limit: recordLimit, refuse: ":1:1: no approval",
		decode: func(f git.File, data []byte) (approval, error) {
			record, err := Decode(f.Path, data)
			return approval{record, f}, err
		},
	}.brought(ctx, t)
}

// book holds the approvals of one change.
type book struct {
	options   Options
	target    *gates.Target
	approvals []approval
	people    *people // found when somebody asks
	owners    *owners
	reviews   *Reviews
}

// lacking says why the files are approved neither by a record nor by reviews;
// empty: they are.
func (b *book) lacking(ctx context.Context, k Kind, files []File) (string, error) {
	if !b.options.CodeOwners {
		return b.missing(ctx, k, files)
	}
	who, err := b.codeOwners(ctx)
	if err != nil {
		return "", err
	}
	missing, err := b.missing(ctx, k, files)
	switch {
	case missing == "" || err != nil:
		return missing, err
	case b.options.Reviews == nil:
		return missing + who.hint(files), nil
	}
	why, err := b.review(ctx, who, files)
	if why != "" {
		why = missing + ", nor a review by a code owner (" + why + ")"
	}
	return why, err
}

// missing says what is missing for the files to be approved; empty: nothing.
func (b *book) missing(ctx context.Context, k Kind, files []File) (string, error) {
	digest := Digest(k, files)
	var void *approval
	for i, a := range b.approvals {
		if a.Kind != k {
			continue
		}
		if a.Digest != digest {
			if void == nil || a.At.After(void.At) {
				void = &b.approvals[i]
			}
			continue
		}
		// There is one at most: its path is made of kind and digest.
		why, err := b.refusal(ctx, a)
		if why != "" {
			why = fmt.Sprintf("the approval of %s does not count: %s", a.when(), why)
		}
		return why, err
	}
	if void != nil {
		return fmt.Sprintf("it was approved at %s by %s and changed since", void.when(), void.By), nil
	}
	return "no approval is recorded", nil
}

func (a approval) when() string { return a.At.UTC().Format("2006-01-02T15:04:05Z") }

func (b *book) refusal(ctx context.Context, a approval) (string, error) {
	if len(b.options.Approvers) == 0 && !b.options.RequireOther && !b.options.CodeOwners {
		return "", nil
	}
	people, err := b.everybody(ctx)
	if err != nil {
		return "", err
	}
	var who *owners
	if b.options.CodeOwners {
		if who, err = b.codeOwners(ctx); err != nil {
			return "", err
		}
	}
	return b.options.refusal(people, who, a), nil
}
