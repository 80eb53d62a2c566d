package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/internal/journal"
)

func TestEntriesComeAndGo(t *testing.T) {
	j := journal.Journal{Dir: filepath.Join(t.TempDir(), "a", "journal")}
	if _, err := j.Last(); !errors.Is(err, journal.ErrNone) {
		t.Fatalf("an empty journal: %v", err)
	}
	now := time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)
	a, err := j.Begin("", "k.one", "first", now, map[string]string{"was": "x"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Last(); !errors.Is(err, journal.ErrNone) {
		t.Fatalf("an entry that has only begun cannot be taken back: %v", err)
	}
	if err := j.Mark(&a, journal.Done); err != nil {
		t.Fatal(err)
	}
	b, err := j.Begin("", "k.two", "second", now.Add(time.Second), nil)
	if err != nil {
		t.Fatal(err)
	}
	last, err := j.Last()
	if err != nil || last.ID != a.ID || string(last.Before) == "" {
		t.Fatalf("last is %+v, %v", last, err)
	}
	if err := j.Mark(&b, journal.Done); err != nil {
		t.Fatal(err)
	}
	if last, _ := j.Last(); last.ID != b.ID {
		t.Fatalf("last is %s, want %s", last.ID, b.ID)
	}
	if err := j.Drop(b.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := j.Get(b.ID); !errors.Is(err, journal.ErrNone) {
		t.Fatalf("dropped, and there: %v", err)
	}
	if list, err := j.List(); err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
}

func TestNamesStayInside(t *testing.T) {
	j := journal.Journal{Dir: t.TempDir()}
	for _, id := range []string{"", "../x", "a/b", "a.b", "A", "a\nb", "a\x00"} {
		if _, err := j.Get(id); !errors.Is(err, journal.ErrNone) {
			t.Errorf("Get(%q): %v", id, err)
		}
		if err := j.Drop(id); !errors.Is(err, journal.ErrNone) {
			t.Errorf("Drop(%q): %v", id, err)
		}
	}
}

func TestWhatCannotBeReadIsSaid(t *testing.T) {
	j := journal.Journal{Dir: t.TempDir()}
	for name, text := range map[string]string{"a": "{", "b": `{"id":"c","kind":"k","state":"done"}`, "d": `{"id":"d","kind":"k","state":"?"}`} {
		if err := os.WriteFile(filepath.Join(j.Dir, name+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := j.Get(name); err == nil || errors.Is(err, journal.ErrNone) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := j.Last(); err == nil || errors.Is(err, journal.ErrNone) {
		t.Errorf("Last: %v", err)
	}
}
