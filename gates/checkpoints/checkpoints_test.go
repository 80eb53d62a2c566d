package checkpoints

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

var ctx = context.Background()

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

const (
	ana = "--author=Ana <ana@example.com>"
	bob = "--author=Bob <42+bob@users.noreply.github.com>"
)

// project is a repository with a base, and a branch on it.
type project struct {
	*gittest.Repo
	t    *testing.T
	base string
}

func newProject(t *testing.T) *project {
	r := gittest.New(t)
	r.Write("app.py", "import os\n")
	r.Write("db/schema.rb", "create_table 1\n")
	r.Write("migrations/001_old.sql", "create table a;\nalter table a;\ndrop table b;\n")
	r.Write("docs/research/queue.md", "# Queue\n\nGO/NO-GO\n")
	p := &project{Repo: r, t: t, base: r.Commit("base")}
	r.Git("switch", "-q", "-c", "feature")
	return p
}

func (p *project) commit(author string) {
	p.t.Helper()
	p.Git("add", "--all")
	p.Git("commit", "-qm", "change", author)
}

func (p *project) target() *gates.Target {
	p.t.Helper()
	repo := p.Open()
	tree, _, err := repo.Snapshot(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	head, err := repo.Head(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	change, err := repo.Diff(ctx, p.base, head, tree)
	if err != nil {
		p.t.Fatal(err)
	}
	return &gates.Target{Dir: p.Dir, Repo: repo, Tree: tree, Change: change, Jobs: 2, Log: slog.New(slog.DiscardHandler)}
}

// approve records an approval of what is there now, and gives its path.
func (p *project) approve(o Options, k Kind, at time.Time) string {
	p.t.Helper()
	files, err := Touched(ctx, p.target(), o, k)
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := NewRecord(k, "Ana <ana@example.com>", "looked at it", at, files)
	if err != nil {
		p.t.Fatal(err)
	}
	data, err := r.Encode()
	if err != nil {
		p.t.Fatal(err)
	}
	p.Write(r.Path(), string(data))
	return r.Path()
}

// judge runs the gate: its findings as "rule path message", and its error.
func (p *project) judge(o Options) (findings []gates.Finding, out gates.Outcome, err error) {
	p.t.Helper()
	g, t := Gate(o), p.target()
	plan, err := g.Plan(ctx, t)
	if err != nil || plan.Skip != "" {
		p.t.Fatalf("plan %+v, %v", plan, err)
	}
	out, err = g.Run(ctx, t)
	if missing := out.Examined.Missing(plan.Expect); missing != "" && err == nil {
		p.t.Errorf("examined no %s", missing)
	}
	return out.Findings, out, err
}

// want is one finding whose message holds every one of these texts; none: no
// finding.
func (p *project) want(o Options, texts ...string) gates.Finding {
	p.t.Helper()
	findings, _, err := p.judge(o)
	switch {
	case err != nil:
		p.t.Fatal(err)
	case len(texts) == 0 && len(findings) == 0:
		return gates.Finding{}
	case len(texts) == 0 || len(findings) != 1:
		p.t.Fatalf("findings %+v", findings)
	}
	for _, text := range texts {
		if !strings.Contains(findings[0].Message, text) {
			p.t.Errorf("%q does not say %q", findings[0].Message, text)
		}
	}
	return findings[0]
}

func TestNothingTouchedPasses(t *testing.T) {
	p := newProject(t)
	p.Write("app.py", "import sys\n")
	p.Write("docs/research/queue.md", "# Queue\n\nmore\n\nGO/NO-GO\n")
	_, out, err := p.judge(Options{Implementation: []string{"lib/"}})
	if err != nil || len(out.Findings) != 0 || out.Examined.Files != 2 || out.Examined.Bytes == 0 {
		t.Errorf("got %+v, %v", out, err)
	}
}

func TestNoChangeIsSkipped(t *testing.T) {
	p := newProject(t)
	p.base = ""
	plan, err := Gate(Options{}).Plan(ctx, p.target())
	if err != nil || plan.Skip == "" {
		t.Errorf("plan %+v, %v", plan, err)
	}
}

func TestSchemaIsApprovedUntilItChanges(t *testing.T) {
	p := newProject(t)
	p.Write("migrations/002_new.sql", "create table c;\n")
	p.Write("db/schema.rb", "create_table 2\n")
	p.Write("app.py", "import sys\n")
	f := p.want(Options{}, "schema: the change touches 2 files, and no approval is recorded", "wf-ci approve schema --by NAME --reason TEXT")
	if f.Rule != "schema-review" || f.Path != "db/schema.rb" || f.Severity != gates.SeverityError {
		t.Errorf("got %+v", f)
	}
	record := p.approve(Options{}, Schema, noon)
	p.want(Options{})
	p.commit(ana)
	p.want(Options{})

	p.Write("app.py", "import re\n") // of no kind
	p.want(Options{})
	p.Write("migrations/002_new.sql", "create table d;\n")
	p.want(Options{}, "approved at 2026-01-02T12:00:00Z by Ana <ana@example.com> and changed since")
	p.Write("migrations/002_new.sql", "create table c;\n")
	p.want(Options{})
	p.Write("migrations/003_more.sql", "create table e;\n") // one more
	p.want(Options{}, "touches 3 files", "changed since")
	p.Git("rm", "-qf", "--cached", record)
	p.Git("clean", "-qfd", ".wf-ci", "migrations/003_more.sql")
	p.want(Options{}, "touches 2 files", "no approval is recorded")
}

func TestWhatIsTakenAwayNeedsApproval(t *testing.T) {
	p := newProject(t)
	p.Git("rm", "-q", "migrations/001_old.sql")
	if f := p.want(Options{}, "touches 1 file"); f.Path != "" {
		t.Errorf("at %s, which is gone", f.Path)
	}
	p.approve(Options{}, Schema, noon)
	p.want(Options{})
}

func TestMovedOutOfSight(t *testing.T) {
	p := newProject(t)
	p.Git("mv", "migrations/001_old.sql", "old.txt")
	p.want(Options{}, "schema: the change touches 1 file")
}

// An approval of another change, which is at the base, is none of this one.
func TestApprovalAtTheBase(t *testing.T) {
	p := newProject(t)
	p.Write("db/schema.rb", "create_table 2\n")
	p.approve(Options{}, Schema, noon)
	p.commit(ana)
	p.Write("db/schema.rb", "create_table 1\n")
	p.base = p.Commit("merged, and taken back")
	p.Write("db/schema.rb", "create_table 2\n")
	p.want(Options{}, "no approval is recorded")
	p.approve(Options{}, Schema, noon.Add(time.Hour))
	p.want(Options{})
}

func TestKindsAreApart(t *testing.T) {
	p := newProject(t)
	o := Options{Implementation: []string{"db/", "app.py"}, Schema: []string{"*.ddl2"}}
	p.Write("db/schema.rb", "create_table 2\n")
	p.Write("x/a.ddl2", "x\n")
	p.approve(o, Schema, noon)
	p.want(o, "implementation: the change touches 1 file", "wf-ci approve implementation")
	p.approve(o, Implementation, noon)
	p.want(o)
}

func TestResearch(t *testing.T) {
	p := newProject(t)
	p.Write("docs/research/queue.md", "# Queue\n\nGO/NO-GO: GO\n")
	p.Write("docs/research/other.md", "# Other\n\nopen\n")
	p.Write("svc/FINDINGS.md", "Decision: no-go\n")
	p.want(Options{NoResearch: true})
	if f := p.want(Options{}, "research: the change touches 2 files"); f.Path != "docs/research/queue.md" {
		t.Errorf("at %s", f.Path)
	}
	p.approve(Options{}, Research, noon)
	p.want(Options{})
	p.Write("svc/FINDINGS.md", "Decision: go\n")
	p.want(Options{}, "changed since")
}

func TestVendoredSchemasAreNotOurs(t *testing.T) {
	p := newProject(t)
	p.Write("node_modules/x/a.proto", "x\n")
	p.Write("vendor/x/schema.sql", "x\n")
	p.want(Options{})
	p.want(Options{Schema: []string{"vendor/**/*.sql"}}, "touches 1 file")
}

func TestNothingHidesBesideTheRecords(t *testing.T) {
	p := newProject(t)
	p.Write(Folder+"run.py", "import os\n")
	p.Write(Folder+"sub/x.json", "{}\n")
	p.want(Options{Implementation: []string{"**"}}, "touches 2 files")
}

func TestApprovers(t *testing.T) {
	policy := func(approvers ...string) Options { return Options{Approvers: approvers} }
	p := newProject(t)
	p.Write("db/schema.rb", "create_table 2\n")
	p.commit(bob)
	p.approve(Options{}, Schema, noon) // it says Ana, and counts for nothing
	p.want(policy("ana@example.com"), "does not count", "it is not committed")
	p.commit(bob)
	p.want(policy("ana@example.com"), "does not count", "Bob <42+bob@users.noreply.github.com>", "not in gates.checkpoints.approvers")
	p.want(policy("@ana"), "does not count")
	p.want(policy("@bob"))
	p.want(policy("@BOB"))
	p.want(policy("ana@example.com", "42+bob@users.noreply.github.com"))
	p.want(Options{})

	// Ana records it again: another time, another content, her commit.
	p.approve(Options{}, Schema, noon.Add(time.Minute))
	p.commit(ana)
	p.want(policy("ANA@example.com"))
	p.want(policy("@bob"), "does not count", "Ana <ana@example.com>")

	// Bob edits her record.
	p.approve(Options{}, Schema, noon.Add(time.Hour))
	p.commit(bob)
	p.want(policy("ana@example.com"), "does not count")
	// … and puts hers back: these are her bytes, and it is his commit.
	p.approve(Options{}, Schema, noon.Add(time.Minute))
	p.commit(bob)
	p.want(policy("ana@example.com"), "does not count")
}

func TestRequireOther(t *testing.T) {
	o := Options{RequireOther: true}
	p := newProject(t)
	p.Write("db/schema.rb", "create_table 2\n")
	p.commit(bob)
	p.approve(o, Schema, noon)
	p.commit(bob)
	p.want(o, "does not count", "an author of the change")
	p.approve(o, Schema, noon.Add(time.Minute))
	p.commit(ana)
	p.want(o)
	// Another approval of hers does not make her an author of the change.
	p.Write("db/schema.rb", "create_table 3\n")
	p.commit(bob)
	p.approve(o, Schema, noon.Add(time.Hour))
	p.commit(ana)
	p.want(o)
	// A commit of hers does, and so does being named in one.
	p.Write("app.py", "import re\n")
	p.Git("commit", "-qam", "x\n\nCo-authored-by: Ana B <ANA@example.com>", bob)
	p.want(o, "an author of the change")
}

// A merge of the base branch by the approver brings nothing of hers.
func TestRequireOtherAfterAMerge(t *testing.T) {
	o := Options{RequireOther: true}
	p := newProject(t)
	p.Write("db/schema.rb", "create_table 2\n")
	p.commit(bob)
	p.Git("switch", "-q", "main")
	p.Write("other.txt", "x\n")
	p.commit(bob)
	p.base = p.Git("rev-parse", "HEAD")
	p.Git("switch", "-q", "feature")
	p.Git("merge", "-q", "--no-ff", "--no-commit", "main")
	p.commit(ana)
	p.approve(o, Schema, noon)
	p.commit(ana)
	p.want(o)
}

func TestShallowCannotTellWhoApproved(t *testing.T) {
	p := newProject(t)
	p.Write("db/schema.rb", "create_table 2\n")
	p.commit(bob)
	p.approve(Options{}, Schema, noon)
	p.commit(ana)
	shallow := gittest.At(t, t.TempDir())
	shallow.Git("clone", "-q", "--depth=1", "file://"+p.Dir, ".")
	shallow.Git("fetch", "-q", "--depth=1", "origin", p.base)
	s := &project{Repo: shallow, t: t, base: p.base}
	s.want(Options{})
	if _, _, err := s.judge(Options{Approvers: []string{"@ana"}}); err == nil || !strings.Contains(err.Error(), "fetch-depth: 0") {
		t.Errorf("got %v", err)
	}
}

func TestMalformedRecordIsAnErrorAndLosesNoFinding(t *testing.T) {
	p := newProject(t)
	p.Write("db/schema.rb", "create_table 2\n")
	p.Write(Folder+"x.json", "{\n  \"kind\": 7}")
	p.Write(Folder+"README.md", "no record\n")
	p.Write(Folder+"link.json", "")
	findings, _, err := p.judge(Options{})
	if err == nil || !strings.Contains(err.Error(), Folder+"x.json:2:") || !strings.Contains(err.Error(), Folder+"link.json:1:1: ") || len(findings) != 1 {
		t.Errorf("got %v, %v", findings, err)
	}
	for i := range 20 {
		p.Write(fmt.Sprintf("%sy%d.json", Folder, i), "{")
	}
	if _, _, err := p.judge(Options{}); err == nil || strings.Count(err.Error(), ";") != wrongShown || !strings.HasSuffix(err.Error(), "; and 12 more") {
		t.Errorf("got %v", err)
	}
	if _, _, err := p.judge(Options{Schema: []string{"[a"}}); err == nil {
		t.Error("a pattern that cannot be read: no error")
	}
}

// A waiver of one content is none of the next.
func TestFingerprintHoldsTheContent(t *testing.T) {
	p := newProject(t)
	p.Write("db/schema.rb", "create_table 2\n")
	a := p.want(Options{}, "schema").Fingerprint
	p.Write("db/schema.rb", "create_table 3\n")
	b := p.want(Options{}, "schema").Fingerprint
	if a == b || a == "" {
		t.Errorf("%q, %q", a, b)
	}
}

func TestValid(t *testing.T) {
	if err := gates.Validate([]gates.Gate{Gate(Options{})}); err != nil {
		t.Error(err)
	}
	if _, err := ParseKind("shema"); err == nil || !strings.Contains(err.Error(), "want schema, research or implementation") {
		t.Errorf("got %v", err)
	}
}
