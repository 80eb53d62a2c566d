package secrets

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

func wantPlaces(t *testing.T, got []gates.Finding, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, places(got)); diff != "" && len(want)+len(got) > 0 {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestGateIsValid(t *testing.T) {
	if err := gates.Validate([]gates.Gate{Gate(Options{})}); err != nil {
		t.Error(err)
	}
}

func TestEngineVersionIsTheOneInGoMod(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(mod, []byte("github.com/zricethezav/gitleaks/v8 v"+engineVersion+"\n")) &&
		!bytes.Contains(mod, []byte("github.com/zricethezav/gitleaks/v8 v"+engineVersion+" ")) {
		t.Errorf("go.mod names another version of gitleaks than %s", engineVersion)
	}
}

func TestPlacesInTheTree(t *testing.T) {
	repo := gittest.New(t)
	key, token := awsKey(1), githubToken(2)
	repo.Write("first line", "key = "+key+"\n")
	repo.Write("no newline", "\n  é "+key)
	repo.Write("crlf", "a\r\nkey "+key+"\r\nb\r\n")
	repo.Write("two", lines(key+" x "+token, "", key))
	repo.Write("new\nline", key+"\n")
	repo.Write("caf\xe9", key+"\n")
	repo.Write("encoded", lines("nothing", `x: "`+base64Of("the key is "+key)+`"`, "nothing"))
	repo.Write("long line", strings.Repeat("0123 56789 ", 50_000)+key+" "+strings.Repeat("x ", 50_000)+"\n")
	repo.Write("empty", "")
	if err := os.Symlink("/"+key, filepath.Join(repo.Dir, "link")); err != nil {
		t.Fatal(err)
	}
	utf16Text := []byte{0xff, 0xfe}
	for _, c := range utf16.Encode([]rune("key = " + key + "\r\n")) {
		utf16Text = append(utf16Text, byte(c), byte(c>>8))
	}
	repo.Write("utf16", string(utf16Text)) // gitleaks does not see it either: TestSameAsLibrary
	got := findings(t, Options{}, target(t, repo, ""))
	encoded := len(base64Of("the key is " + key))
	wantPlaces(t, got,
		`aws-access-token "caf\351":1:1-1:21`,
		"aws-access-token crlf:2:5-2:25",
		fmt.Sprintf("aws-access-token encoded:2:5-2:%d", encoded+5),
		"aws-access-token first line:1:7-1:27",
		fmt.Sprintf("aws-access-token long line:1:%d-1:%d", 550_001, 550_021),
		"aws-access-token new\nline:1:1-1:21",
		"aws-access-token no newline:2:5-2:25",
		"aws-access-token two:1:1-1:21",
		"github-pat two:1:24-1:64",
		"aws-access-token two:3:1-3:21",
	)
}

func TestPlaceOfSeveralLines(t *testing.T) {
	repo := gittest.New(t)
	begin, end := "-----BEGIN RSA "+"PRIVATE KEY-----", "-----END RSA "+"PRIVATE KEY-----"
	body := randomText(3, 64, alphanumeric) + "\n" + randomText(4, 64, alphanumeric)
	repo.Write("middle", lines("x", " "+begin, body, end, "y"))
	repo.Write("last", "x\n"+begin+"\n"+body+"\n"+end) // no newline
	wantPlaces(t, findings(t, Options{}, target(t, repo, "")),
		"private-key last:2:1-5:30",
		"private-key middle:2:2-5:30",
	)
}

func TestHistory(t *testing.T) {
	repo := gittest.New(t)
	kept, deleted, moved, inFile := awsKey(1), awsKey(2), awsKey(3), awsKey(4)
	long := strings.Repeat("a line that stays\n", 30)
	repo.Write("kept", kept+"\n")
	repo.Write("changed", "a\nb\nc\n")
	first := repo.Commit("first")
	repo.Write("changed", "a\n"+deleted+"\nc\n")
	repo.Write("old", long+moved+"\n")
	repo.Write("file", inFile+"\n")
	second := repo.Commit("second")
	repo.Write("changed", "a\nb\nc\n")
	repo.Git("mv", "old", "new")
	repo.Git("rm", "--quiet", "file")
	repo.Commit("third")
	repo.Write("kept", "\n\n"+kept+"\n") // moved down
	repo.Commit("fourth")

	got := findings(t, Options{}, target(t, repo, ""))
	wantPlaces(t, got,
		"aws-access-token changed:2:1-2:21 "+second[:7],
		"aws-access-token file:1:1-1:21 "+second[:7],
		"aws-access-token kept:3:1-3:21", // and not in the first commit
		"aws-access-token new:31:1-31:21",
		"aws-access-token old:31:1-31:21 "+second[:7],
	)
	for _, f := range got {
		if f.Commit != "" && f.Commit != second {
			t.Errorf("commit %q is not the whole id", f.Commit)
		}
	}
	if m := got[0].Message; m != "AWS access token (aws-access-token) in commit "+second[:10]+": it is out of the tree, and still in the history; rotate the key" {
		t.Error(m)
	}
	if m := got[4].Message; strings.Contains(m, "out of the tree") {
		t.Errorf("the tree has it under another name: %s", m)
	}

	none := findings(t, Options{History: None}, target(t, repo, ""))
	wantPlaces(t, none, "aws-access-token kept:3:1-3:21", "aws-access-token new:31:1-31:21")
	change := findings(t, Options{History: Change}, target(t, repo, first))
	wantPlaces(t, change, places(got)...)
	change = findings(t, Options{History: Change}, target(t, repo, second))
	wantPlaces(t, change, "aws-access-token kept:3:1-3:21", "aws-access-token new:31:1-31:21")
}

// gitleaks does not see what somebody writes while merging.
func TestMergesAreLookedAt(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("a", "1\n")
	repo.Commit("one")
	repo.Git("checkout", "--quiet", "-b", "side")
	repo.Write("b", awsKey(1)+"\n")
	side := repo.Commit("side")
	repo.Git("checkout", "--quiet", "main")
	repo.Write("c", "1\n")
	repo.Commit("two")
	repo.Git("merge", "--quiet", "--no-commit", "side")
	repo.Write("d", awsKey(2)+"\n")
	merge := repo.Commit("merge")
	repo.Git("rm", "--quiet", "b", "d")
	repo.Commit("removed")
	r := result(t, Options{}, target(t, repo, ""))
	wantPlaces(t, r.Outcome.Findings, "aws-access-token b:1:1-1:21 "+side[:7], "aws-access-token d:1:1-1:21 "+merge[:7])
	if r.Outcome.Examined.Commits != 5 {
		t.Errorf("%d commits", r.Outcome.Examined.Commits)
	}
}

func TestFingerprints(t *testing.T) {
	repo := gittest.New(t)
	key, other := awsKey(1), awsKey(2)
	look := func() map[string]string {
		out := make(map[string]string)
		for _, f := range findings(t, Options{}, target(t, repo, "")) {
			out[places([]gates.Finding{f})[0]] = f.Fingerprint
		}
		return out
	}
	repo.Write("a", lines(key, key))
	first := repo.Commit("one")
	one := look()
	if len(one) != 2 || one["aws-access-token a:1:1-1:21"] == one["aws-access-token a:2:1-2:21"] {
		t.Fatal("two of the same need two names", one)
	}
	repo.Write("a", lines("", "moved", key))
	moved := look()
	if moved["aws-access-token a:3:1-3:21"] != one["aws-access-token a:1:1-1:21"] {
		t.Error("an edit above changes the name", one, moved)
	}
	repo.Write("a", lines(other))
	repo.Commit("two")
	gone := look()
	if gone["aws-access-token a:1:1-1:21 "+first[:7]] != one["aws-access-token a:1:1-1:21"] {
		t.Error("in a commit it has another name than in the tree", one, gone)
	}
	if gone["aws-access-token a:1:1-1:21"] == one["aws-access-token a:1:1-1:21"] {
		t.Error("another secret in its place has the same name")
	}
	names := slices.Sorted(maps.Values(gone))
	if len(slices.Compact(names)) != 3 {
		t.Error(gone)
	}
}

func TestMarkers(t *testing.T) {
	repo := gittest.New(t)
	mark := " // gitleaks" + ":allow"
	repo.Write("old", lines(awsKey(1)+mark, "x", "y"))
	repo.Write("before", lines(awsKey(2)))
	base := repo.Commit("base")
	repo.Write("before", lines(awsKey(2)+mark)) // adds the marker only
	added := repo.Commit("marked")
	repo.Write("old", lines(awsKey(1)+mark, "x", "z")) // another line
	repo.Write("new", lines(awsKey(3)+mark))
	repo.Write("gone", lines(awsKey(4)+mark))
	both := repo.Commit("new")
	repo.Git("rm", "--quiet", "gone")
	repo.Commit("removed")

	got := findings(t, Options{}, target(t, repo, base))
	wantPlaces(t, got,
		"aws-access-token before:1:1-1:21",
		"aws-access-token gone:1:1-1:21 "+both[:7],
		"aws-access-token new:1:1-1:21",
	)
	for _, f := range got {
		if !strings.HasSuffix(f.Message, "; the gitleaks:allow marker that this change adds does not count") {
			t.Error(f.Message)
		}
	}
	// Without a base, all markers count; the line of the first commit has none.
	wantPlaces(t, findings(t, Options{}, target(t, repo, "")),
		"aws-access-token before:1:1-1:21 "+base[:7])
	// Later, with the marker in the base, it counts.
	repo.Write("before", lines("x", awsKey(2)+mark))
	repo.Commit("later")
	wantPlaces(t, findings(t, Options{}, target(t, repo, added)),
		"aws-access-token before:1:1-1:21 "+base[:7],
		"aws-access-token gone:1:1-1:21 "+both[:7],
		"aws-access-token new:1:1-1:21",
	)
}

func TestIgnoreFile(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("dir/a", lines("x", awsKey(1)))
	repo.Write("b", lines(awsKey(2)))
	first := repo.Commit("one")
	repo.Write("b", lines("x"))
	repo.Write("c", lines(awsKey(3)))
	repo.Commit("two")
	// What the tree brings is not policy here.
	repo.Write(".gitleaksignore", "c:aws-access-token:1\n")
	var log bytes.Buffer
	policy := map[string]string{".gitleaksignore": lines(
		"# comment", "", `dir\a:aws-access-token:2`, "  "+first+":b:aws-access-token:1\r", "c:aws-access-token:7", "nonsense")}
	tt := withPolicy(target(t, repo, ""), policy)
	tt.Log = slog.New(slog.NewTextHandler(&log, nil))
	wantPlaces(t, findings(t, Options{}, tt), "aws-access-token c:1:1-1:21")
	if n := strings.Count(log.String(), "nothing matches"); n != 2 || strings.Contains(log.String(), `dir/a`) {
		t.Error(log.String())
	}
	wantPlaces(t, findings(t, Options{}, target(t, repo, "")),
		"aws-access-token b:1:1-1:21 "+first[:7], "aws-access-token dir/a:2:1-2:21")
}

func TestWhatIsExamined(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("text", "x\n")
	repo.Write("empty", "")
	repo.Write("picture.png", "not a picture\n")
	repo.Write("node_modules/x/index.js", "x\n")
	repo.Write("a.tar.gz", "\x1f\x8b\x00\n")
	repo.Write("program", "\x7fELF\x02\x01\x01"+strings.Repeat("\x00", 300))
	repo.Write("nul", "a\x00b\n")
	repo.Commit("one")
	repo.Write("text", "x\ny\n")
	repo.Commit("two")
	r := result(t, Options{}, target(t, repo, ""))
	want := gates.Examined{Files: 4, Commits: 2, Bytes: int64(len("x\ny\n") + 307 + len("a\x00b\n") + 4)} // of the tree
	if r.Err != nil || r.Outcome.Examined != want {
		t.Errorf("error %v, examined %+v, want %+v", r.Err, r.Outcome.Examined, want)
	}
	metrics := map[string]float64{"files_skipped": 2, "files_binary": 2}
	if diff := cmp.Diff(metrics, r.Outcome.Metrics); diff != "" {
		t.Error(diff)
	}
}

// gitleaks passes over a file for its name, or for its first bytes. Where it is
// text, this gate does not.
func TestWhatGitleaksPassesOver(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("app.target.yml", lines("a", awsKey(1)))
	repo.Write("config.browser.ts", lines(awsKey(2)))
	repo.Write("notes", lines("%PDF-1.7", "", awsKey(3)))
	repo.Write("long.tar.js", strings.Repeat("var a=1;", 20_000)+" "+awsKey(4)+lines("")+lines(awsKey(5)))
	repo.Write("real.zip", "PK\x03\x04\x00\x00"+lines(awsKey(6)))
	wantPlaces(t, findings(t, Options{}, target(t, repo, "")),
		"aws-access-token app.target.yml:2:1-2:21", "aws-access-token config.browser.ts:1:1-1:21",
		"aws-access-token long.tar.js:1:160002-1:160022", "aws-access-token long.tar.js:2:1-2:21",
		"aws-access-token notes:3:1-3:21")
}

func TestPlan(t *testing.T) {
	empty := gittest.New(t)
	pictures := gittest.New(t)
	pictures.Write("a.png", "x")
	committed := gittest.New(t)
	committed.Write("a", "x\n")
	base := committed.Commit("one")
	for _, tt := range []struct {
		name    string
		options Options
		target  *gates.Target
		want    gates.Plan
	}{
		{"nothing", Options{}, target(t, empty, ""), gates.Plan{Skip: "no files and no commits"}},
		{"nothing to read", Options{}, target(t, pictures, ""), gates.Plan{}},
		{"all", Options{}, target(t, committed, ""), gates.Plan{Expect: gates.Examined{Files: 1, Commits: 1}}},
		{"no history", Options{History: None}, target(t, committed, ""), gates.Plan{Expect: gates.Examined{Files: 1}}},
		{"empty change", Options{History: Change}, target(t, committed, base), gates.Plan{Expect: gates.Examined{Files: 1}}},
		{"change, no base", Options{History: Change}, target(t, committed, ""), gates.Plan{Expect: gates.Examined{Files: 1, Commits: 1}}},
	} {
		got, err := Gate(tt.options).Plan(ctx, tt.target)
		if err != nil || got != tt.want {
			t.Errorf("%s: %+v, error %v, want %+v", tt.name, got, err, tt.want)
		}
		if r := result(t, tt.options, tt.target); r.Err != nil {
			t.Errorf("%s: %v", tt.name, r.Err)
		}
	}
}

func TestShallowClone(t *testing.T) {
	origin := gittest.New(t)
	origin.Write("old", awsKey(1)+"\n")
	origin.Write("marked", awsKey(3)+" gitleaks"+":allow\n")
	origin.Commit("one")
	origin.Git("rm", "--quiet", "old")
	origin.Write("a", "1\n")
	base := origin.Commit("two")
	origin.Write("b", awsKey(2)+"\n")
	third := origin.Commit("three")
	origin.Git("rm", "--quiet", "b")
	origin.Commit("four")
	clone := func(depth string) *gittest.Repo {
		dir := filepath.Join(t.TempDir(), "clone")
		origin.Git("clone", "--quiet", "--depth="+depth, "file://"+origin.Dir, dir)
		return gittest.At(t, dir)
	}

	r := result(t, Options{}, target(t, clone("3"), base))
	if want := "the clone is shallow: 3 commits are here, the older history is not; fetch it (git fetch --unshallow, or fetch-depth: 0 in actions/checkout), or set gates.secrets.history: change"; r.Err == nil || r.Err.Error() != want {
		t.Errorf("error %v", r.Err)
	}
	wantPlaces(t, r.Outcome.Findings, "aws-access-token b:1:1-1:21 "+third[:7])

	r = result(t, Options{History: Change}, target(t, clone("3"), base))
	if r.Err != nil {
		t.Error(r.Err)
	}
	wantPlaces(t, r.Outcome.Findings, "aws-access-token b:1:1-1:21 "+third[:7])

	// What the last commit changed cannot be told.
	one := clone("1")
	one.Git("fetch", "--quiet", "--depth=1", "origin", base)
	for _, h := range []History{Full, Change} {
		r = result(t, Options{History: h}, target(t, one, base))
		wantPlaces(t, r.Outcome.Findings) // not the old marked one, as if the last commit brought it
		if r.Err == nil || !strings.Contains(r.Err.Error(), "shallow") || !strings.HasSuffix(r.Err.Error(), "gates.secrets.history: none") {
			t.Errorf("%s: error %v", h, r.Err)
		}
	}
	if r = result(t, Options{History: None}, target(t, one, base)); r.Err != nil {
		t.Error(r.Err)
	}
}

func TestHistoryThatCannotBeReadIsAnError(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("a", "1\n")
	repo.Commit("one")
	blob := repo.Git("rev-parse", "HEAD:a")
	repo.Write("a", "2\n")
	repo.Commit("two")
	tt := target(t, repo, "")
	if err := os.Remove(filepath.Join(repo.Dir, ".git", "objects", blob[:2], blob[2:])); err != nil {
		t.Fatal(err)
	}
	if r := result(t, Options{}, tt); r.Err == nil || !strings.Contains(r.Err.Error(), "read the history") {
		t.Errorf("error %v", r.Err)
	}
	blob = repo.Git("rev-parse", "HEAD:a")
	if err := os.Remove(filepath.Join(repo.Dir, ".git", "objects", blob[:2], blob[2:])); err != nil {
		t.Fatal(err)
	}
	if r := result(t, Options{History: None}, tt); r.Err == nil || !strings.Contains(r.Err.Error(), `"a"`) {
		t.Errorf("error %v", r.Err)
	}
}

func TestOutcomeDoesNotDependOnTimingAndHoldsNoSecret(t *testing.T) {
	repo := gittest.New(t)
	var planted []string
	for i := range 40 {
		key, token := awsKey(uint64(i)), githubToken(uint64(i))
		planted = append(planted, key, token)
		repo.Write(fmt.Sprintf("dir%d/file%d", i%3, i), lines("x", key, token, key, `enc = "`+base64Of("it is "+token)+`"`))
		if i%4 == 0 {
			repo.Commit("more")
			repo.Write(fmt.Sprintf("dir%d/file%d", i%3, i), lines("gone"))
		}
	}
	repo.Commit("last")
	var first []byte
	for i := range 4 {
		tt := target(t, repo, "")
		tt.Jobs = 1 + i*3
		r := result(t, Options{}, tt)
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		got, err := json.Marshal(r.Outcome)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = got
		}
		if !bytes.Equal(first, got) {
			t.Fatalf("with %d jobs:\n%s\nthen\n%s", tt.Jobs, first, got)
		}
	}
	for _, p := range planted {
		if bytes.Contains(first, []byte(p[4:16])) {
			t.Fatalf("the outcome holds (a part of) a secret")
		}
	}
}

func TestRulesOfTheOutcome(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("a", lines(awsKey(1), githubToken(2), awsKey(3)))
	repo.Write("b.p12", "x\n")
	out := result(t, Options{}, target(t, repo, "")).Outcome
	var titles []string
	for _, r := range out.Rules {
		titles = append(titles, r.ID+": "+r.Title)
		if r.Help == "" || r.Security != "8.0" || !slices.Contains(r.Tags, "external/cwe/cwe-798") {
			t.Errorf("%+v", r)
		}
	}
	if diff := cmp.Diff([]string{"aws-access-token: AWS access token", "github-pat: GitHub PAT", "pkcs12-file: PKCS #12 file"}, titles); diff != "" {
		t.Error(diff)
	}
	wantPlaces(t, out.Findings[3:], "pkcs12-file b.p12")
	if out.Engine != (gates.Engine{Name: "gitleaks", Version: "8.30.1"}) {
		t.Error(out.Engine)
	}
}
