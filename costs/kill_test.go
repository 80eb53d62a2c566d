package costs

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// writerEnv makes the test binary a writer of a ledger: "folder name".
const writerEnv = "WF_CI_TEST_LEDGER_WRITER"

func TestMain(m *testing.M) {
	if dir, name, ok := strings.Cut(os.Getenv(writerEnv), "\n"); ok {
		os.Exit(write(dir, name))
	}
	os.Exit(m.Run())
}

// write records entries until it is killed, or has recorded five, and says each
// that is on the disk. Every eighth writer packs, every eighth corrects.
func write(dir, name string) int {
	l := Ledger{Dir: dir}
	for n := range 5 {
		at := noon.AddDate(0, -n%3, 0)
		key := fmt.Sprintf("%s-%d", name, n)
		e, err := Entry{Key: key, Time: at, Category: "compute", USD: dollar, Basis: Reported, Source: "test"}.Seal(noon)
		if err == nil {
			_, _, err = l.Record(context.Background(), []Entry{e}, noon, DefaultBudget(), Zone{})
		}
		if err == nil {
			fmt.Println(key)
		}
		if err == nil && strings.HasSuffix(name, "7") {
			_, err = l.Pack(context.Background(), "2026-11")
		}
		if err == nil && strings.HasSuffix(name, "3") {
			_, _, err = l.Correct(e.ID, func(e Entry) (Entry, error) {
				e.Replaces, e.Reason, e.USD = e.ID, "test", 2*dollar
				return e.Seal(noon)
			})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return 0
}

// 64 processes write, correct and pack one ledger, and are killed at any moment:
// what a writer was told is recorded is there, once, and the ledger is whole.
func TestWritersAreKilled(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "costs")
	var mu sync.Mutex
	said := make(map[string]bool)
	killed := 0
	slots := make(chan struct{}, 16)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			var out, errs bytes.Buffer
			cmd := exec.Command(self)
			cmd.Env = append(os.Environ(), writerEnv+"="+dir+"\n"+fmt.Sprintf("w%d", i))
			cmd.Stdout, cmd.Stderr = &out, &errs
			if err := cmd.Start(); err != nil {
				t.Error(err)
				return
			}
			timer := time.AfterFunc(rand.N(3000*time.Millisecond), func() { _ = cmd.Process.Kill() })
			err := cmd.Wait()
			timer.Stop()
			if errs.Len() > 0 {
				t.Errorf("writer %d: %s", i, errs.String())
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				killed++
			}
			for lines := bufio.NewScanner(&out); lines.Scan(); {
				said[lines.Text()] = true
			}
		})
	}
	wg.Wait()
	l := Ledger{Dir: dir}
	all, err := l.Rebuild(context.Background(), DefaultBudget(), Zone{})
	if err != nil {
		t.Fatal(err)
	}
	there := make(map[string]int)
	for _, e := range all {
		there[e.Key]++
	}
	for key := range said {
		if there[key] != 1 {
			t.Errorf("%s was acknowledged and is there %d times", key, there[key])
		}
	}
	if _, err := l.Pack(context.Background(), "2026-11"); err != nil {
		t.Fatal(err)
	}
	v, err := l.Verify(DefaultBudget(), Zone{})
	if err != nil || v.Entries != len(all) || v.Late != 0 {
		t.Errorf("%+v, %v; %d entries", v, err, len(all))
	}
	if len(said) == 0 || killed == 0 {
		t.Errorf("%d acknowledged, %d killed: the test has tried nothing", len(said), killed)
	}
	t.Logf("%d acknowledged, %d entries, %d writers killed", len(said), len(all), killed)
}
