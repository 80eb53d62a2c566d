package costs

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A checkout may hold links: no folder of the ledger is one, and nothing is read
// or written through one.
func TestLinksAreNotFollowed(t *testing.T) {
	record := func(l Ledger) error {
		_, _, err := l.Record(context.Background(), []Entry{entry(t, "a", noon, dollar)}, noon, DefaultBudget(), Zone{})
		return err
	}
	for _, name := range append([]string{"entries/2026-11"}, folders...) {
		t.Run("folder "+name, func(t *testing.T) {
			outside := t.TempDir()
			l := Ledger{Dir: filepath.Join(t.TempDir(), "costs"), Lock: filepath.Join(t.TempDir(), "lock")}
			link := filepath.Join(l.Dir, name)
			if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(outside, link); err != nil {
				t.Fatal(err)
			}
			if err := record(l); err == nil || !strings.Contains(err.Error(), "move it away") {
				t.Errorf("recorded: %v", err)
			}
			if _, err := l.Entries(); err == nil {
				t.Error("read")
			}
			if list, err := os.ReadDir(outside); err != nil || len(list) > 0 {
				t.Errorf("outside: %v, %v", list, err)
			}
		})
	}
	for _, name := range []string{"mtd.json", "daily-2026-11-27.json", "daily-2020-01-01.json", "by-feature.jsonl", "months/2026-11.json", "months/2020-01.json"} {
		t.Run("book "+name, func(t *testing.T) {
			secret := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(secret, []byte(`{"entries": 1, "key": "hidden"}`), 0o600); err != nil {
				t.Fatal(err)
			}
			l := ledger(t)
			link := filepath.Join(l.Dir, name)
			if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
				t.Fatal(err)
			}
			for _, to := range []string{secret, "/dev/zero"} {
				_ = os.Remove(link)
				if err := os.Symlink(to, link); err != nil {
					t.Fatal(err)
				}
				if err := record(l); err != nil {
					t.Error(err)
				}
			}
			if data, err := os.ReadFile(secret); err != nil || !strings.Contains(string(data), "hidden") {
				t.Errorf("the file behind the link: %q, %v", data, err)
			}
			for path, data := range l.files(t) {
				if path != name && strings.Contains(data, "hidden") {
					t.Errorf("%s has what is behind the link", path)
				}
			}
		})
	}
	t.Run("chain", func(t *testing.T) {
		l := ledger(t)
		if err := os.MkdirAll(l.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/dev/zero", filepath.Join(l.Dir, chainName)); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Chain(); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%v", err)
		}
	})
}
