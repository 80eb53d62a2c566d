package session

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // not every machine has it

	"github.com/google/go-cmp/cmp"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func plainMask(s string) string { return s }

func deskOf(repo *gittest.Repo, now time.Time) Desk {
	r := repo.Open()
	return Desk{Dir: r.Dir, Project: "app", Repo: r, Now: now, Mask: plainMask}
}

func TestTasks(t *testing.T) {
	got := Tasks("# T\n- [ ] open (high)\n* [x] ticked\n+ [~] going\n1. [ ] number P0\n- [!] held\n- [ ] release, blocked by B\n- plain\n" +
		"```\n- [ ] code\n```\n## In Progress\n- [ ] here\n## Done\n- [ ] not yet\n- [x]\n- [?] no box\n")
	want := []Task{
		{"open (high)", Open, 1, 2}, {"ticked", Done, -1, 3}, {"going", InProgress, -1, 4}, {"number P0", Open, 0, 5}, {"held", Blocked, -1, 6},
		{"release, blocked by B", Blocked, -1, 7}, {"here", InProgress, -1, 13}, {"not yet", Open, -1, 15},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"a\n\tb\x1b[31m":         "a b[31m",
		"x <!-- wf-ci:a --> y":   "x &lt;!-- wf-ci:a --&gt; y",
		"caf\xe9":                "caf\ufffd",
		strings.Repeat("ü", 200): strings.Repeat("ü", 148) + "…",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzReaders(f *testing.F) {
	f.Add("### Blockers\n- x\n| a | b |\n- [ ] t\n")
	f.Add("## Last Updated: x\n### In Progress\n| a \\| b | c | d | None |\n")
	f.Fuzz(func(t *testing.T, text string) {
		Tasks(text)
		ReadSections(text)
		if got := Clean(text); strings.ContainsAny(got, "\n\r\x00") || len(got) > itemLimit {
			t.Errorf("Clean(%q) = %q", text, got)
		}
	})
}

// What we write, a start reads again.
func TestBlocksAreReadAgain(t *testing.T) {
	c := Context{
		Completed: []Achievement{{Text: "one"}}, Blockers: []string{"wait"}, Decisions: []string{"go"}, Tomorrow: []string{"next"},
		InProgress: []Work{{Task: "a|b", Branch: "feature/x @ 8100", Status: "70%"}},
	}
	s := ReadSections(string(ParseDocument([]byte("# P\n")).Update(c.Blocks(), nil)))
	if diff := cmp.Diff(Sections{
		Completed: []string{"one"}, Blockers: []string{"wait"}, Decisions: []string{"go"}, Tomorrow: []string{"next"}, InProgress: c.InProgress,
	}, Sections{s.Completed, s.InProgress, s.Blockers, s.Decisions, s.Tomorrow, nil}); diff != "" {
		t.Error(diff)
	}
}

func TestBegin(t *testing.T) {
	started := record{Started: noon, Base: "b"}
	ended := record{Started: noon, Base: "b", Ended: noon.Add(time.Hour), Head: "h"}
	for name, c := range map[string]struct {
		old       *record
		now       time.Time
		base      string
		continued bool
		note      string
	}{
		"first":              {nil, noon, "head", false, ""},
		"goes on":            {&started, noon.Add(4 * time.Hour), "b", true, ""},
		"past midnight":      {&started, noon.Add(13 * time.Hour), "b", true, ""},
		"was ended":          {&ended, noon.Add(20 * time.Hour), "h", false, ""},
		"was forgotten":      {&started, noon.Add(30 * time.Hour), "b", false, "never ended"},
		"clock was put back": {&started, noon.Add(-48 * time.Hour), "b", false, "put back"},
	} {
		r, continued, note := begin(c.old, "head", c.now)
		if r.Base != c.base || continued != c.continued || !strings.Contains(note, c.note) || (note == "") != (c.note == "") {
			t.Errorf("%s: base %s, continued %v, %q", name, r.Base, continued, note)
		}
	}
}

// A day is as long as it was, whatever the clocks on the wall did: another time
// zone, or summer time, between its start and its end.
func TestClocksOnTheWall(t *testing.T) {
	for name, c := range map[string]struct {
		zone, start, endZone, end, shown string
	}{
		"flown east":          {"America/New_York", "2026-11-27T09:00:00-05:00", "Pacific/Auckland", "2026-11-28T04:00:00+13:00", "2026-11-28 03:00"},
		"flown west":          {"Asia/Tokyo", "2026-11-27T09:00:00+09:00", "America/Los_Angeles", "2026-11-26T17:00:00-08:00", "2026-11-26 16:00"},
		"summer time begins":  {"Europe/Berlin", "2026-03-29T01:30:00+01:00", "Europe/Berlin", "2026-03-29T03:30:00+02:00", "2026-03-29 01:30"},
		"summer time ends":    {"Europe/Berlin", "2026-10-25T02:30:00+02:00", "Europe/Berlin", "2026-10-25T02:30:00+01:00", "2026-10-25 02:30"},
		"half an hour of it":  {"Australia/Lord_Howe", "2026-04-05T01:00:00+11:00", "Australia/Lord_Howe", "2026-04-05T01:30:00+10:30", "2026-04-05 01:00"},
		"past midnight there": {"Europe/London", "2026-06-30T23:30:00+01:00", "Europe/London", "2026-07-01T00:30:00+01:00", "2026-06-30 23:30"},
	} {
		t.Run(name, func(t *testing.T) {
			repo := gittest.New(t)
			repo.Commit("before")
			d := deskOf(repo, wall(t, c.zone, c.start))
			if _, err := Start(context.Background(), d); err != nil {
				t.Fatal(err)
			}
			repo.Write("a.txt", "a")
			repo.Commit("of the day")

			d = deskOf(repo, wall(t, c.endZone, c.end))
			day, err := Start(context.Background(), d)
			if err != nil || !day.Session.Continued || len(day.Notes) > 0 {
				t.Errorf("it does not go on: %+v %v %v", day.Session, day.Notes, err)
			}
			var text strings.Builder
			if err := day.Write(&text, View{}); err != nil || !strings.Contains(text.String(), "started "+c.shown+", goes on") {
				t.Errorf("want %s in %s", c.shown, text.String())
			}
			got := collect(t, d, Ending{})
			if got.Context.Duration != "1h 00m" || !got.Context.Updated.Equal(d.Now) || got.Context.Updated.Location() != time.UTC {
				t.Errorf("%s, until %s", got.Context.Duration, got.Context.Updated)
			}
			if diff := cmp.Diff([]string{"git: of the day"}, texts(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// wall is a moment as clocks on the wall of a place show it.
func wall(t *testing.T, zone, at string) time.Time {
	t.Helper()
	place, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	moment, err := time.Parse(time.RFC3339, at)
	if err != nil {
		t.Fatal(err)
	}
	return moment.In(place)
}

// collect ends a day, without a home.
func collect(t *testing.T, d Desk, e Ending) *Collected {
	t.Helper()
	c, err := Collect(context.Background(), d, e)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func texts(c *Collected) []string {
	var out []string
	for _, a := range c.Context.Completed {
		out = append(out, a.Source+": "+a.Text)
	}
	return out
}

// Commits since the day began, whatever the clock says: not those of others,
// not what a rebase made anew, not ours.
func TestCompleted(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("TASK.md", "- [ ] one\n- [x] old\n")
	repo.Commit("first")
	repo.Commit("yesterday")
	d := deskOf(repo, noon)
	if err := (record{Started: noon, Base: repo.Git("rev-parse", "HEAD")}).write(d.Repo.GitDir); err != nil {
		t.Fatal(err)
	}
	repo.Write("TASK.md", "- [x] one\n- [x] old\n")
	repo.Commit("today")
	repo.Git("commit", "-q", "--allow-empty", "--author", "O Ther <other@example.com>", "-m", "of another")
	repo.Git("commit", "-q", "--allow-empty", "--author", "O Ther <other@example.com>", "-m", "of both", "-m", "Co-authored-by: A U Thor <author@example.com>")
	repo.Commit(CommitSubject + " 2026-11-26")
	want := []string{"git: today", "git: of both", "task: one"}
	if diff := cmp.Diff(want, texts(collect(t, d, Ending{}))); diff != "" {
		t.Error(diff)
	}
	if got := texts(collect(t, d, Ending{Team: true})); !slices.Contains(got, "git: of another") {
		t.Errorf("for the team: %v", got)
	}
	// The whole branch is rebased: yesterday's commit has another id, and is
	// yesterday's all the same.
	repo.Git("switch", "-q", "-C", "main", "HEAD")
	repo.Git("-c", "sequence.editor=true", "rebase", "-q", "--root", "--keep-empty", "-f")
	repo.Git("commit", "-q", "--amend", "--no-edit", "--allow-empty", "--date=2026-01-02T03:04:59Z")
	if diff := cmp.Diff(want, texts(collect(t, d, Ending{}))); diff != "" {
		t.Errorf("after a rebase: %s", diff)
	}
}

// A day without a start: in a clone, from the context that is committed.
func TestWindowWithoutAStart(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("a", "1")
	repo.Commit("first")
	d := deskOf(repo, noon)
	c := collect(t, d, Ending{})
	if _, err := d.Save(c, nil); err != nil {
		t.Fatal(err)
	}
	repo.Commit(CommitSubject + " one")
	again := collect(t, d, Ending{})
	if changed, err := d.Save(again, nil); err != nil || len(changed) > 0 {
		t.Errorf("the same day again changed %v, %v", changed, err)
	}
	repo.Commit("next day")
	if got := texts(collect(t, d, Ending{})); !slices.Equal(got, []string{"git: next day"}) {
		t.Errorf("the next day: %v", got)
	}
}

func TestTodosCompleteOnce(t *testing.T) {
	repo := gittest.New(t)
	repo.Write(".claude/todos.json", `[{"id":"1","content":"done","status":"completed"}]`)
	repo.Commit("first")
	d := deskOf(repo, noon)
	for i, want := range [][]string{{"todo: done"}, {"git: two"}, {"git: three"}} {
		c := collect(t, d, Ending{})
		if got := texts(c); i > 0 && !slices.Equal(got, want) || i == 0 && !slices.Contains(got, want[0]) {
			t.Errorf("day %d: %v", i, got)
		}
		if _, err := d.Save(c, nil); err != nil {
			t.Fatal(err)
		}
		repo.Commit([]string{"two", "three", "four"}[i])
	}
}

// The document is read again where somebody writes it at the same time.
func TestEditedDuringTheRun(t *testing.T) {
	dir := t.TempDir()
	d := Desk{Dir: dir, Project: "p", Mask: plainMask}
	path := filepath.Join(dir, contextName)
	times := 0
	wrote, err := d.edit(contextName, func(data []byte) []byte {
		if times++; times == 1 {
			if err := os.WriteFile(path, []byte("by hand\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return append(data, "ours\n"...)
	})
	if data, _ := os.ReadFile(path); err != nil || !wrote || string(data) != "by hand\nours\n" {
		t.Errorf("%q, %v, %v", data, wrote, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode became %v", info.Mode())
	}
	_, err = d.edit(contextName, func(data []byte) []byte {
		times++
		_ = os.WriteFile(path, fmt.Appendf(nil, "%d\n", times), 0o600)
		return append(data, 'x')
	})
	if err == nil || !strings.Contains(err.Error(), "changes all the time") {
		t.Errorf("error %v", err)
	}
}

// A document of 50 MB, of any bytes, keeps them.
func TestLargeDocument(t *testing.T) {
	dir := t.TempDir()
	d := Desk{Dir: dir, Project: "p", Mask: plainMask}
	big := bytes.Repeat(append(bytes.Repeat([]byte("caf\xe9 \x00 text "), 500), '\n'), 7500)
	if err := os.WriteFile(filepath.Join(dir, contextName), big, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Save(&Collected{Context: Context{Project: "p", Blockers: []string{"b"}}}, nil); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, contextName))
	if err != nil || !bytes.Equal(ParseDocument(data).Text(), big) {
		t.Errorf("the text changed: %v", err)
	}
}

func TestNothingIsWrittenThroughLinks(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	d := Desk{Dir: dir, Project: "p", Mask: plainMask}
	if err := os.Symlink(outside, filepath.Join(dir, ".claude")); err != nil {
		t.Skip(err)
	}
	if _, err := d.Save(&Collected{}, nil); err == nil {
		t.Error("no error")
	}
	if entries, _ := os.ReadDir(outside); len(entries) > 0 {
		t.Errorf("it wrote %v", entries)
	}
}

func TestBackups(t *testing.T) {
	dir, home := t.TempDir(), t.TempDir()
	d := Desk{Dir: dir, Project: "a/b:c", Now: noon, Mask: plainMask}
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := d.Backup(home); b != nil || err != nil {
		t.Errorf("nothing to keep: %v, %v", b, err)
	}
	write(contextName, "one")
	write(savedName, "{}")
	first, err := d.Backup(home)
	if err != nil || first == nil || first.ID != "20261127_120000" {
		t.Fatalf("%v, %v", first, err)
	}
	if again, err := d.Backup(home); again != nil || err != nil {
		t.Errorf("the same again: %v, %v", again, err)
	}
	write(contextName, "two")
	second, err := d.Backup(home)
	if err != nil || second.ID != "20261127_120000_2" {
		t.Fatalf("in the same second: %v, %v", second, err)
	}
	// A directory of the same name elsewhere has backups of its own.
	other := d
	other.Dir = t.TempDir()
	if list, err := other.Backups(home); len(list) > 0 || err != nil {
		t.Errorf("of another: %v, %v", list, err)
	}
	if changed, err := d.Restore(home, *first); err != nil || !slices.Equal(changed, []string{contextName}) {
		t.Errorf("restored %v, %v", changed, err)
	}
	if data, _ := os.ReadFile(filepath.Join(dir, contextName)); string(data) != "one" {
		t.Errorf("it holds %q", data)
	}
	// Seven days; the newest stays for ever.
	d.Now = noon.Add(8 * 24 * time.Hour)
	write(contextName, "three")
	if _, err := d.Backup(home); err != nil {
		t.Fatal(err)
	}
	list, err := d.Backups(home)
	if err != nil || len(list) != 1 || list[0].ID != "20261205_120000" {
		t.Errorf("after a week: %v, %v", list, err)
	}
	// One that is damaged restores nothing.
	data, err := os.ReadFile(list[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(list[0].Path, data[:len(data)-20], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Restore(home, list[0]); err == nil {
		t.Error("a damaged backup was restored")
	}
}

func TestLearn(t *testing.T) {
	dir, home := t.TempDir(), t.TempDir()
	d := Desk{Dir: dir, Project: "p", Now: noon, Mask: plainMask}
	learn := func(limit int, list ...Learning) Learned {
		t.Helper()
		out, err := d.Learn(context.Background(), home, list, "1h 00m", limit)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if err := os.WriteFile(filepath.Join(dir, claudeName), []byte("My rules"), 0o644); err != nil {
		t.Fatal(err)
	}
	one, two := Learning{Kind: "pattern", Text: "use one"}, Learning{Kind: "mistake", Text: "not two"}
	if got := learn(1000, one, one, Learning{Kind: "tool", Text: "Use, one!"}); len(got.Added) != 1 {
		t.Errorf("added %v", got.Added)
	}
	learn(1000, one, two)
	data, _ := os.ReadFile(filepath.Join(dir, claudeName))
	want := "My rules\n<!-- wf-ci:learnings-2026-11-27 " // and the rest
	if !strings.HasPrefix(string(data), want) || strings.Count(string(data), "use one") != 1 || strings.Count(string(data), "## Session Learnings") != 1 {
		t.Errorf("CLAUDE.md is\n%s", data)
	}
	// Above the cap the oldest move away, and count as known all the same.
	d.Now = noon.Add(48 * time.Hour)
	if got := learn(150, Learning{Kind: "tool", Text: "three"}); !slices.Equal(got.Rotated, []string{"docs/learnings/2026-11.md"}) {
		t.Errorf("rotated %v", got.Rotated)
	}
	data, _ = os.ReadFile(filepath.Join(dir, claudeName))
	if strings.Contains(string(data), "use one") || !strings.Contains(string(data), "My rules") || !strings.Contains(string(data), "three") {
		t.Errorf("CLAUDE.md is\n%s", data)
	}
	if got := learn(150, one, two); len(got.Added) > 0 {
		t.Errorf("learned again: %v", got.Added)
	}
	if got := learn(10, Learning{Kind: "tool", Text: "four"}); !strings.Contains(got.Note, "shorten it") {
		t.Errorf("note %q", got.Note)
	}
	log, err := os.ReadFile(filepath.Join(home, ".claude", "learnings.jsonl"))
	if err != nil || bytes.Count(log, []byte("\n")) != 4 {
		t.Errorf("log %s, %v", log, err)
	}
}

func TestTrailers(t *testing.T) {
	list := learnings([]git.Entry{
		{Body: "Text\n\nLearned: b\nOther: x\n  not this\n"}, {Body: "learned: a\n  and more\nTool:\nDecision: d"},
	}, plainMask)
	want := []Learning{{Kind: "pattern", Text: "a and more"}, {Kind: "decision", Text: "d"}, {Kind: "pattern", Text: "b"}}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Error(diff)
	}
}

func TestQueue(t *testing.T) {
	in := queueInput{
		tasks: []Task{{Text: "Write docs", State: Open}, {Text: "Pay the bank invoice", State: Open}, {Text: "Ship", State: Blocked}, {Text: "Old", State: Done}},
		sections: Sections{Blockers: []string{"bank invoice is open"}, Tomorrow: []string{"Old", "Ship"},
			InProgress: []Work{{Task: "Held work", Hold: "bank"}, {Task: "Going work"}}},
		commits: []git.Entry{{ID: strings.Repeat("a", 40), Subject: "invoice of the bank"}},
	}
	var got []string
	for _, item := range buildQueue(in, func(string) Assignment { return Assignment{Agent: "x"} }) {
		got = append(got, item.Task)
	}
	want := []string{"Pay the bank invoice", "Resolve: bank invoice is open", "Going work", "Write docs", "Ship", "Held work"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if todos := Todos([]Item{{Task: "a", Priority: 8.1}, {Task: "b", Priority: 8}}); todos[0].Priority != "high" || todos[1].Priority != "medium" || todos[1].ID != "day-1" {
		t.Errorf("todos %v", todos)
	}
}

// A budget is kept whatever is in the context, and the most important stays.
func TestCompress(t *testing.T) {
	count := func(s string) (int, error) { return len(strings.Fields(s)), nil }
	c := Context{}
	for i := range 50 {
		text := fmt.Sprintf("item %d %s", i, strings.Repeat("word ", 20))
		c.Blockers, c.Decisions = append(c.Blockers, text), append(c.Decisions, text)
		c.Completed = append(c.Completed, Achievement{Text: text})
	}
	for _, budget := range []int{1, 5, 20, 100, 500, 1000, 2000, 100000} {
		out, err := c.Compress(budget, count)
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := count(out.Text); n != out.Tokens || n > budget {
			t.Errorf("budget %d: %d tokens, said %d", budget, n, out.Tokens)
		}
		kept := map[string]string{}
		for _, s := range out.Sections {
			kept[s.Name] = s.Kept
		}
		if budget == 500 && (kept["blockers"] != "shortened" || kept["completed_tasks"] != "dropped") || budget == 100000 && kept["completed_tasks"] != "whole" {
			t.Errorf("budget %d: %v", budget, kept)
		}
	}
}

func TestTrust(t *testing.T) {
	trust := TrustOf(t.TempDir())
	dir := t.TempDir()
	path := filepath.Join(dir, "s.sh")
	if data, err := trust.Script(dir, "s.sh"); data != nil || err != nil {
		t.Errorf("no script: %q, %v", data, err)
	}
	_ = os.WriteFile(path, []byte("a"), 0o644)
	if _, err := trust.Script(dir, "s.sh"); err != ErrUntrusted {
		t.Errorf("%v", err)
	}
	add := func(path string) {
		sum, err := ScriptDigest(path)
		if ok, swapErr := trust.Swap(context.Background(), path, "", sum); !ok || err != nil || swapErr != nil {
			t.Error(ok, err, swapErr)
		}
	}
	var group sync.WaitGroup
	for i := range 8 { // side by side, and none is lost
		group.Go(func() {
			other := filepath.Join(dir, fmt.Sprintf("o%d", i))
			_ = os.WriteFile(other, []byte("x"), 0o644)
			add(other)
		})
	}
	add(path)
	group.Wait()
	if trusted, err := trust.read(); err != nil || len(trusted) != 9 {
		t.Errorf("%v, %v", trusted, err)
	}
	if data, err := trust.Script(dir, "s.sh"); string(data) != "a" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	_ = os.WriteFile(path, []byte("b"), 0o644)
	if _, err := trust.Script(dir, "s.sh"); err != ErrChanged {
		t.Errorf("%v", err)
	}
	// Nobody swaps what he does not know.
	if ok, err := trust.Swap(context.Background(), path, "sha256:other", ""); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	sum, err := trust.Of(path)
	if ok, swapErr := trust.Swap(context.Background(), path, sum, ""); !ok || err != nil || swapErr != nil {
		t.Error(ok, err, swapErr)
	}
	if _, err := trust.Script(dir, "s.sh"); err != ErrUntrusted {
		t.Errorf("%v", err)
	}
}
