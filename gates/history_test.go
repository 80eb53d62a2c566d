package gates_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// assignments are lines, and what they are given: the word in the message;
// empty: nothing is found.
var assignments = []struct{ line, want string }{
	{`pass~word = "hunter2"`, "password"},
	{`pass~word="h"`, "password"},
	{`pass~word = 'hunter2'`, "password"},
	{"pass~word = `hunter2`", "password"},
	{`pass~word := "hunter2"`, "password"},
	{`pass~word => "hunter2"`, "password"},
	{`"pass~word": "hunter22"`, "password"},
	{`pass~word: str = "hunter2"`, "password"},
	{`var pass~word string = "hunter2"`, "password"},
	{`const to~ken: &str = "hunter2";`, ""}, // a type with other signs is not seen
	{`to~ken = b"hunter2"`, "token"},
	{`'pass~word': 'hunter22'`, "password"},
	{`pass~word: "hunter22"`, "password"},
	{`PASS~WORD = "hunter2"`, "password"},
	{`DB_PASS~WORD_2 = "hunter2"`, "password"},
	{`db.pass~word.main = "two words"`, "password"},
	{`clientSec~ret = "hunter2"`, "secret"},
	{`api~_key = "hunter2"`, "api_key"},
	{`api~-key = "hunter2"`, "api-key"},
	{`API~KEY = "hunter2"`, "apikey"},
	{`access_to~ken = "hunter2"`, "token"},
	{`x = 1; to~ken = "hunter2"; y = 2`, "token"},
	{`pass~word = "${A}"; to~ken = "hunter2"`, "token"},
	{`pass~word: "the user's one"; to~ken = "hunter2"`, "token"},
	{`	pass~word	=	"hunter2"`, "password"},
	{`pass~word = "na` + "\xef" + `ve"`, "password"},
	{`pass~word = "hunter2"` + "\r", "password"},
	{`to~ken = "x; pass~word = "`, "token"},

	{``, ""},
	{`pass~word = ""`, ""},
	{`pass~word = "  "`, ""},
	{`pass~word == "hunter2"`, ""},
	{`pass~word != "hunter2"`, ""},
	{`pass~word = hunter2`, ""},
	{`pass~word = getenv("DB")`, ""},
	{`pass~word: "short1"`, ""},
	{`pass~word: "a word of prose 1"`, ""},
	{`pass~word: "nodigits"`, ""},
	{`pass~word: string`, ""},
	{`"1pass~word": "1Pass~word"`, ""},
	{`word = "hunter2"`, ""},
	{`pass~word = "$A"`, ""},
	{`pass~word = "${A}"`, ""},
	{`pass~word = "{{ a }}"`, ""},
	{`pass~word = "<yours>"`, ""},
	{`pass~word = "%s"`, ""},
	{`pass~word = "***"`, ""},
	{`pass~word = "xxx"`, ""},
	{`pass~word = "..."`, ""},
	{`pass~word = "process.env.X"`, ""},
	{`pass~word = "os.environ['X']"`, ""},
	{`pass~word = "env.X"`, ""},
	{`pass~word = "secrets.X"`, ""},
	{`pass~word = "vault:x"`, ""},
	{`"pass~word="+value+"\n"`, ""},
}

func TestAssignments(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	var text strings.Builder
	var want []string
	for i, tt := range assignments {
		text.WriteString(plain(tt.line) + "\n")
		if tt.want != "" {
			want = append(want, fmt.Sprintf("caf\xe9.conf:%d a %s is given a quoted value", i+1, tt.want))
		}
	}
	repo.Write("caf\xe9.conf", strings.TrimSuffix(text.String(), "\n"))
	commit := repo.Commit("one")
	r := runOne(t, newTarget(t, repo, ""), gates.History(10))
	if r.Err != nil || r.Outcome.Examined.Commits != 1 || r.Outcome.Examined.Bytes == 0 {
		t.Errorf("%v, examined %+v", r.Err, r.Outcome.Examined)
	}
	var got []string
	names := make(map[string]bool)
	for _, f := range r.Outcome.Findings {
		got = append(got, fmt.Sprintf("%s:%d %s", string(f.Path), f.Line, f.Message))
		if f.Commit != commit || f.Severity != gates.SeverityError || f.Rule != "secret-assignment" || strings.Contains(f.Message, "hunter") {
			t.Errorf("%+v", f)
		}
		names[f.Fingerprint] = true
	}
	sameList(t, "findings", got, want)
	if len(names) != len(want) {
		t.Errorf("%d names for %d findings", len(names), len(want))
	}
}

const planted = `pass~word = "hunter2"`

// The last commits are looked at, merges aside, and what they add alone: a line
// that is taken away, or only moves with its file, is not added again.
func TestHistoryLooksAtTheLastCommits(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	secret := func(n int) string { return plain(strings.Replace(planted, "2", fmt.Sprint(n), 1)) + "\n" }
	repo.Write("old.conf", secret(100))
	repo.Commit("before all we look at")
	repo.Write("a.conf", "x\n"+secret(200))
	second := repo.Commit("second")
	repo.Git("mv", "a.conf", "b.conf")
	repo.Commit("a move is no news")
	repo.Git("switch", "--quiet", "--create", "side")
	repo.Write("side.conf", secret(300))
	side := repo.Commit("side")
	repo.Git("switch", "--quiet", "main")
	repo.Write("b.conf", "nothing any more\n")
	repo.Commit("taken away")
	repo.Git("merge", "--quiet", "--no-ff", "--message", "merge", "side")

	for limit, want := range map[int][]string{
		1: nil, // the newest besides the merge, which has no line of its own
		2: {"side.conf:1 " + side},
		4: {"a.conf:2 " + second, "side.conf:1 " + side},
		5: {"a.conf:2 " + second, "old.conf:1 " + repo.Git("rev-list", "--max-parents=0", "HEAD"), "side.conf:1 " + side},
		9: {"a.conf:2 " + second, "old.conf:1 " + repo.Git("rev-list", "--max-parents=0", "HEAD"), "side.conf:1 " + side},
	} {
		r := runOne(t, newTarget(t, repo, ""), gates.History(limit))
		if r.Err != nil || r.Outcome.Examined.Commits != int64(min(limit, 5)+1) { // and the merge
			t.Errorf("limit %d: %v, %d commits", limit, r.Err, r.Outcome.Examined.Commits)
		}
		var got []string
		for _, f := range r.Outcome.Findings {
			got = append(got, fmt.Sprintf("%s:%d %s", f.Path, f.Line, f.Commit))
		}
		sameList(t, fmt.Sprint("limit ", limit), got, want)
	}
}

// What somebody writes while merging is in no parent, and is read in the merge.
func TestHistoryReadsMerges(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	repo.Write("a.conf", "1\n")
	repo.Commit("one")
	repo.Git("switch", "--quiet", "--create", "side")
	repo.Write("a.conf", "2\n")
	repo.Commit("two")
	repo.Git("switch", "--quiet", "main")
	repo.Write("b.conf", "3\n")
	repo.Commit("three")
	repo.Git("merge", "--quiet", "--no-ff", "--no-commit", "side")
	repo.Write("a.conf", "2\n"+plain(planted)+"\n")
	merge := repo.Commit("merge")
	r := runOne(t, newTarget(t, repo, ""), gates.History(10))
	if r.Err != nil || len(r.Outcome.Findings) != 1 || r.Outcome.Examined.Commits != 4 {
		t.Fatalf("%v, %+v", r.Err, r.Outcome)
	}
	if f := r.Outcome.Findings[0]; f.Commit != merge || f.Path != "a.conf" || f.Line != 2 {
		t.Errorf("%+v", f)
	}
}

// A value keeps its name when it moves in its file or comes back in a later
// commit, and another value has another name: a waiver covers no more than it
// should.
func TestHistoryFingerprints(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	line := plain(planted) + "\n"
	repo.Write("a.conf", line)
	one := repo.Commit("one")
	repo.Write("a.conf", "")
	repo.Commit("gone")
	repo.Write("a.conf", "above\n"+line+line+strings.Replace(line, "hunter", "hunted", 1))
	two := repo.Commit("back")
	got := make(map[string]string)
	for _, f := range runOne(t, newTarget(t, repo, ""), gates.History(10)).Outcome.Findings {
		got[fmt.Sprintf("%s:%d", f.Commit, f.Line)] = f.Fingerprint
	}
	first, again, copied, other := got[one+":1"], got[two+":2"], got[two+":3"], got[two+":4"]
	if first == "" || first != again || copied == first || other == first || other == copied || other == "" {
		t.Errorf("names %v", got)
	}
}

// In a shallow clone the commits that can be read are read, and the rest is an
// error that says what to do.
func TestHistoryOfAShallowClone(t *testing.T) {
	t.Parallel()
	origin := gittest.New(t)
	origin.Write("a.conf", plain(planted)+"\n")
	origin.Commit("one")
	origin.Write("b.conf", "")
	origin.Commit("two")
	origin.Write("c.conf", plain(planted)+"\n")
	origin.Commit("three")
	for depth, commits := range map[int]int64{1: 0, 2: 1} {
		clone := gittest.At(t, t.TempDir())
		clone.Git("clone", "--quiet", fmt.Sprint("--depth=", depth), "file://"+origin.Dir, ".")
		target := newTarget(t, clone, "")
		r := runOne(t, target, gates.History(10))
		if r.Err == nil || !strings.Contains(r.Err.Error(), "the clone is shallow") || !strings.Contains(r.Err.Error(), "fetch-depth: 0") {
			t.Errorf("depth %d: %v", depth, r.Err)
		}
		if r.Outcome.Examined.Commits != commits || int64(len(r.Outcome.Findings)) != commits {
			t.Errorf("depth %d: %+v", depth, r.Outcome)
		}
		v := gates.Judge(gates.Policy{Today: today}, target.Change, []gates.Result{r})
		if want := map[int]gates.Decision{1: gates.Inconclusive, 2: gates.Fail}[depth]; v.Decision != want {
			t.Errorf("depth %d: verdict %s", depth, v.Decision)
		}
		// Where the commits asked for are all here, nothing is missing.
		if r := runOne(t, target, gates.History(depth-1)); depth > 1 && r.Err != nil {
			t.Errorf("depth %d: %v", depth, r.Err)
		}
	}
}

// An allow marker counts on what was there before the change, never on what the
// change brings.
func TestHistoryAllowMarkers(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	marked := plain(planted + " # git~leaks:allow\n")
	repo.Write("a.conf", marked)
	base := repo.Commit("base")
	repo.Write("b.conf", marked)
	head := repo.Commit("head")
	find := func(base string) (commits []string) {
		for _, f := range runOne(t, newTarget(t, repo, base), gates.History(10)).Outcome.Findings {
			commits = append(commits, f.Commit)
		}
		return commits
	}
	sameList(t, "against the base", find(base), []string{head})
	sameList(t, "against the head itself", find(head), nil)
	sameList(t, "when everything is new", find(""), nil)
}

// Each assignment of a line is a finding with a place and a name of its own.
func TestTwoAssignmentsOnALine(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	repo.Write("a.conf", plain("é: "+planted+"; to~ken = 'hunter3'; pass~word = '$X'\n"))
	repo.Commit("one")
	var got []string
	names := make(map[string]bool)
	for _, f := range runOne(t, newTarget(t, repo, ""), gates.History(1)).Outcome.Findings {
		got = append(got, fmt.Sprintf("%d:%d %s", f.Line, f.Column, f.Message))
		names[f.Fingerprint] = true
	}
	sameList(t, "findings", got, []string{"1:4 a password is given a quoted value", "1:26 a token is given a quoted value"})
	if len(names) != 2 {
		t.Errorf("names %v", names)
	}
}

func TestHistoryBeforeTheFirstCommit(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	repo.Write("a.conf", plain(planted))
	if r := runOne(t, newTarget(t, repo, ""), gates.History(10)); r.Skipped != "no commits yet" || r.Err != nil {
		t.Errorf("%+v", r)
	}
}
