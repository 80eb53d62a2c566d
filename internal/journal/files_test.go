package journal_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/internal/journal"
)

// desk is a directory that a command writes to, and what remembers it.
type desk struct {
	*journal.Files
	t   *testing.T
	dir string
}

func newDesk(t *testing.T) desk {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return desk{&journal.Files{
		Journal: journal.Journal{Dir: filepath.Join(t.TempDir(), "journal")}, Kind: journal.FilesKind + "test", Summary: "a test",
		Now: time.Date(2026, 11, 27, 18, 0, 0, 0, time.UTC),
	}, t, dir}
}

func (d desk) path(name string) string { return filepath.Join(d.dir, filepath.FromSlash(name)) }

func (d desk) put(name, text string) {
	d.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(d.path(name)), 0o755), os.WriteFile(d.path(name), []byte(text), 0o600)); err != nil {
		d.t.Fatal(err)
	}
}

// write writes as a command does.
func (d desk) write(name, text string) {
	d.t.Helper()
	if err := d.Before(d.path(name), []byte(text)); err != nil {
		d.t.Fatal(err)
	}
	d.put(name, text)
}

// holds fails where a file holds something else; "-": it is not there.
func (d desk) holds(name, want string) {
	d.t.Helper()
	data, err := os.ReadFile(d.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		data = []byte("-")
	}
	if string(data) != want {
		d.t.Errorf("%s holds %q, want %q", name, data, want)
	}
}

func (d desk) undo() ([]string, error) {
	d.t.Helper()
	e, err := d.Journal.Last()
	if err != nil {
		d.t.Fatal(err)
	}
	return d.Journal.UndoFiles(e)
}

func TestFilesComeBack(t *testing.T) {
	d := newDesk(t)
	d.put("a", "old")
	d.put("empty", "")
	d.write("a", "new")
	d.write("a", "newer")
	d.write("empty", "full")
	d.write("deep/er/b", "b")
	d.write("same", "x")
	d.put("deep/theirs", "theirs")
	if err := os.Remove(d.path("same")); err != nil { // as if it had not been written any more
		t.Fatal(err)
	}
	back, err := d.undo()
	if want := []string{d.path("a"), d.path("empty"), d.path("deep/er/b")}; err != nil || !slices.Equal(back, want) {
		t.Fatalf("came back: %v, %v", back, err)
	}
	d.holds("a", "old")
	d.holds("empty", "")
	d.holds("deep/er/b", "-")
	d.holds("deep/theirs", "theirs")
	if info, err := os.Stat(d.path("a")); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	if _, err := os.Stat(d.path("deep/er")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a folder that was made is still there:", err)
	}
	if _, err := d.Journal.Last(); !errors.Is(err, journal.ErrNone) {
		t.Error("it can be taken back twice:", err)
	}
}

// What somebody has changed since is never touched, nor anything beside it.
func TestFilesChangedSince(t *testing.T) {
	outside := t.TempDir()
	for name, change := range map[string]func(d desk){
		"edited":  func(d desk) { d.put("f/a", "mine") },
		"removed": func(d desk) { _ = os.Remove(d.path("f/a")) },
		"a link":  func(d desk) { _ = os.Remove(d.path("f/a")); _ = os.Symlink(outside, d.path("f/a")) },
		"a folder that is a link": func(d desk) {
			_ = os.Rename(d.path("f"), filepath.Join(outside, "f"))
			_ = os.Symlink(filepath.Join(outside, "f"), d.path("f"))
		},
		"committed": func(d desk) { _ = d.Committed("0123456789abcdef") },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.put("f/a", "old")
			d.write("f/a", "new")
			d.write("b", "new")
			change(d)
			_, err := d.undo()
			if refused := new(journal.RefusedError); !errors.As(err, &refused) {
				t.Fatalf("not refused: %v", err)
			}
			d.holds("b", "new")
			if e, err := d.Journal.Last(); err != nil || e.State != journal.Done {
				t.Error(e, err)
			}
		})
	}
}

func TestFilesAreForgotten(t *testing.T) {
	d := newDesk(t)
	if err := d.Before(d.path("x/y"), nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.Journal.Dir, "torn.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Journal.Note("other", "of another", d.Now, nil); err != nil {
		t.Fatal(err)
	}
	later := journal.Files{Journal: d.Journal, Kind: d.Kind, Summary: "later", Now: d.Now.Add(8 * 24 * time.Hour)}
	if err := later.Before(d.path("z"), nil); err != nil {
		t.Fatal(err)
	}
	var kept []string // beside the torn one, which stays an error
	list, err := d.Journal.List()
	for _, e := range list {
		kept = append(kept, e.Summary)
	}
	if !slices.Equal(kept, []string{"of another", "later"}) || err == nil {
		t.Error(kept, err)
	}
	if err := os.Mkdir(d.path("folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := later.Before(d.path("folder"), nil); err == nil {
		t.Error("a folder is no file")
	}
}
