package metrics

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/internal/run"
	"github.com/wf-ci/wf-ci/workflow/agents"
)

const writerEnv = "WF_CI_METRICS_TEST_WRITER"

// TestMain is also the writer process of TestManyProcesses.
func TestMain(m *testing.M) {
	if spec := os.Getenv(writerEnv); spec != "" {
		name, path, _ := strings.Cut(spec, " ")
		if err := write(path, name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const each = 8

// write opens the file anew for each outcome, as separate commands do.
func write(path, name string) error {
	for i := range each {
		d, err := Open(context.Background(), path)
		if err != nil {
			return err
		}
		_, err = d.Record(context.Background(), outcome(name+"-"+strconv.Itoa(i)))
		if err := errors.Join(err, d.Close()); err != nil {
			return err
		}
	}
	return nil
}

func outcome(id string) agents.Outcome {
	return agents.Outcome{ID: id, At: time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC), Agent: "a:b", Task: "task " + id, Success: true}
}

// Many processes begin on a file that is not there yet; nothing is lost.
func TestManyProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "a b?c#d%41.db")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const writers = 16
	failed := make(chan error)
	for i := range writers {
		go func() {
			r := &run.Runner{Env: append(os.Environ(), writerEnv+"="+fmt.Sprintf("w%d %s", i, path))}
			_, err := r.Run(t.Context(), run.Command{Name: self, Dir: filepath.Dir(self)})
			failed <- err
		}()
	}
	for range writers {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	d, err := Read(t.Context(), path)
	if err != nil || d == nil {
		t.Fatal(d, err)
	}
	defer d.Close()
	list, err := d.Outcomes(t.Context())
	if err != nil || len(list) != writers*each {
		t.Errorf("%d outcomes of %d, %v", len(list), writers*each, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestRecord(t *testing.T) {
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	cost := int64(0)
	o := outcome("one")
	o.Duration, o.Satisfaction, o.Tokens, o.Cost, o.Type = 90*time.Second, 4, 1200, &cost, "debugging"
	for i, want := range []bool{true, false} {
		if added, err := d.Record(t.Context(), o); err != nil || added != want {
			t.Errorf("%d: added %v, %v", i, added, err)
		}
	}
	list, err := d.Outcomes(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	got := list[0]
	if got.Cost == nil || *got.Cost != 0 || !got.At.Equal(o.At) || got.Duration != o.Duration || got.Satisfaction != 4 || got.Tokens != 1200 || got.Type != "debugging" {
		t.Errorf("%+v", got)
	}
	o.Success = false
	if _, err := d.Record(t.Context(), o); err == nil || !strings.Contains(err.Error(), `"one" is recorded already`) {
		t.Error(err)
	}
}

func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	if d, err := Read(t.Context(), filepath.Join(dir, "none.db")); d != nil || err != nil {
		t.Error(d, err)
	}
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func(context.Context, string) (*DB, error){"read": Read, "open": Open} {
		if _, err := open(t.Context(), text); err == nil || !strings.Contains(err.Error(), "not a database") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := open(t.Context(), dir); err == nil {
			t.Errorf("%s: a folder is no file", name)
		}
	}
	newer := filepath.Join(dir, "newer.db")
	d, err := Open(t.Context(), newer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.db.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	_ = d.Close()
	if _, err := Open(t.Context(), newer); !errors.Is(err, ErrNewer) {
		t.Error(err)
	}
}
