package saving

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/prices"
)

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// fields counts words: the plan and the cutting do not hang on a vocabulary.
func fields(text string) (int, error) { return len(strings.Fields(text)), nil }

func runes(text string) (int, error) { return len([]rune(text)), nil }

func TestCache(t *testing.T) {
	ctx := t.Context()
	c := Cache{Dir: filepath.Join(t.TempDir(), "c")}
	question := []byte("what is the answer?")
	if _, err := c.Get(ctx, question, noon); !errors.Is(err, ErrMiss) {
		t.Fatal(err)
	}
	want := Answer{Policy: "llm", Made: noon, Expires: noon.Add(time.Hour), Cost: 120_000_001, Body: []byte("top secret: 42\x00\n")}
	if err := c.Put(ctx, question, want); err != nil {
		t.Fatal(err)
	}
	got, err := c.Get(ctx, question, noon.Add(time.Hour-1))
	if err != nil || !bytes.Equal(got.Body, want.Body) || got.Cost != want.Cost {
		t.Fatalf("%+v, %v", got, err)
	}
	for name, at := range map[string]time.Time{"its time is over": noon.Add(time.Hour), "the clock has jumped back": noon.AddDate(0, 0, -2)} {
		if _, err := c.Get(ctx, question, at); !errors.Is(err, ErrMiss) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := c.Stats()
	if err != nil || s.Hits != 1 || s.Misses != 3 || s.Expired != 2 || s.Puts != 1 || s.HitRate != 25 || s.Saved != want.Cost || s.Entries != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	if err := c.Clear(ctx); err != nil {
		t.Fatal(err)
	}
	if s, err := c.Stats(); err != nil || s != (Stats{}) {
		t.Errorf("cleared: %+v, %v", s, err)
	}
}

// Neither question nor answer can be read on the disk, and what was edited, cut or
// put under another name is no answer.
func TestCacheIsSealed(t *testing.T) {
	ctx := t.Context()
	c := Cache{Dir: filepath.Join(t.TempDir(), "c")}
	for _, q := range []string{"question-one", "question-two"} {
		if err := c.Put(ctx, []byte(q), Answer{Made: noon, Body: []byte("answer to " + q)}); err != nil {
			t.Fatal(err)
		}
	}
	var files []string
	err := filepath.WalkDir(c.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte("question")) || bytes.Contains(data, []byte("answer")) {
			t.Errorf("%s can be read", path)
		}
		if info, err := d.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: others may read it", path)
		}
		if len(d.Name()) == 64 {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	one, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(files[1])
	if err != nil {
		t.Fatal(err)
	}
	edited := bytes.Clone(one)
	edited[len(edited)-1] ^= 1
	for name, data := range map[string][]byte{"moved": other, "edited": edited, "cut": one[:len(one)/2], "empty": nil} {
		if err := os.WriteFile(files[0], data, 0o600); err != nil {
			t.Fatal(err)
		}
		hits := 0
		for _, q := range []string{"question-one", "question-two"} {
			if a, err := c.Get(ctx, []byte(q), noon); err == nil {
				hits++
				if string(a.Body) != "answer to "+q {
					t.Errorf("%s: %q answers %s", name, a.Body, q)
				}
			}
		}
		if hits != 1 {
			t.Errorf("%s: %d hits", name, hits)
		}
	}
	if err := os.WriteFile(c.statsFile(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Stats(); err == nil || !strings.Contains(err.Error(), "cache clear") {
		t.Errorf("broken numbers: %v", err)
	}
	if err := c.Clear(ctx); err != nil {
		t.Errorf("clear: %v", err)
	}
}

// Writers side by side lose no answer and no number.
func TestCacheSideBySide(t *testing.T) {
	c := Cache{Dir: filepath.Join(t.TempDir(), "c")}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 10 {
				q := []byte(fmt.Sprint(i))
				if err := c.Put(context.Background(), q, Answer{Made: noon, Cost: 7, Body: bytes.Repeat([]byte{byte(i)}, 1000)}); err != nil {
					t.Errorf("%d: %v", w, err)
				}
				if a, err := c.Get(context.Background(), q, noon); err != nil || len(a.Body) != 1000 || a.Body[999] != byte(i) {
					t.Errorf("%d: %v", w, err)
				}
			}
		})
	}
	wg.Wait()
	if s, err := c.Stats(); err != nil || s.Puts != 80 || s.Hits != 80 || s.Saved != 560 || s.Entries != 10 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestPlan(t *testing.T) {
	table, err := prices.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	var list []Request
	for i := range 45 {
		list = append(list, Request{ID: fmt.Sprint("a", i), Model: "claude-sonnet-4-5", Task: "bulk", System: strings.Repeat("w ", 1000), Prompt: "one two three", Output: 10})
	}
	list = append(list, Request{ID: "b", Model: "who-knows", Prompt: "x", System: "s"}, Request{ID: "c", Model: "claude-sonnet-4-5", Task: "other", Prompt: "x"})
	p, err := Plan(list, fields, table, noon)
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	var ids []string
	for _, b := range p.Batches {
		sizes, ids = append(sizes, len(b.IDs)), append(ids, b.IDs...)
	}
	if !slices.Equal(sizes, []int{20, 20, 5, 1, 1}) || len(ids) != len(list) {
		t.Errorf("batches of %v", sizes)
	}
	// 42 times the 1000 tokens of the system are not sent; 42 separators are.
	if want := int64(42 * (1000 - separator)); p.Saved != want {
		t.Errorf("saves %d tokens, want %d", p.Saved, want)
	}
	if want := costs.Nano(p.Saved * 3000); p.SavedUSD != want {
		t.Errorf("saves $%s, want $%s", p.SavedUSD, want)
	}
	if !slices.Equal(p.Unpriced, []string{"who-knows"}) {
		t.Errorf("unpriced: %v", p.Unpriced)
	}
	for _, bad := range []string{"", "{", `{"id":"a"}`, `{"id":"a","model":"m","prompt":"p","output":-1}`, `{"id":"a","model":"m","prompt":"p","x":1}`, "{\"id\":\"a\",\"model\":\"m\",\"prompt\":\"p\"}\n{\"id\":\"a\",\"model\":\"m\",\"prompt\":\"p\"}"} {
		if _, err := ParseRequests("f", []byte(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

const prompt = "You are a helpful assistant. Please   utilize the repository   in order to answer.\n\n\n\nIt is important to note that `please  keep` this.\n\n```go\nx  :=  1 // please   utilize\n\n\n\n```\n\nExample 1:\nkeep me\n\nExample 2:\n```\nExample 9:\n\n```\ngone\n\nExample 3:\nalso gone\n"

func TestTrim(t *testing.T) {
	got, err := Trim(prompt, 0.9, runes)
	if err != nil {
		t.Fatal(err)
	}
	want := "use the repo to answer.\n\nIt is important to note that `please  keep` this.\n\n```go\nx  :=  1 // please   utilize\n\n\n\n```\n\nExample 1:\nkeep me\n\n"
	if got.Text != want {
		t.Errorf("%q", got.Text)
	}
	sum := 0
	for _, s := range got.Steps {
		sum += s.Saved
	}
	if sum != got.Before-got.After || got.Reached {
		t.Errorf("%+v", got)
	}
	if got, err := Trim(prompt, 0.1, runes); err != nil || !strings.Contains(got.Text, "Example 3") || !got.Reached {
		t.Errorf("examples went although the target was reached: %q, %v", got.Text, err)
	}
	if got, err := Trim("", 0.2, runes); err != nil || got.Text != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

// Cutting never makes more of it, never touches a block, and cutting once more
// finds nothing.
func FuzzTrim(f *testing.F) {
	f.Add(prompt)
	f.Add("~~~\n```\nplease  x\n~~~\nplease\n")
	f.Add("example:\n\nexample:\n\nexample:")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Trim(text, 0, runes)
		if err != nil {
			t.Fatal(err)
		}
		if got.After > got.Before {
			t.Errorf("%d instead of %d", got.After, got.Before)
		}
		if n, _ := runes(got.Text); n != got.After {
			t.Errorf("%d, counted %d", got.After, n)
		}
	})
}

func FuzzParseRequests(f *testing.F) {
	f.Add([]byte(`{"id":"a","model":"m","prompt":"p"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if list, err := ParseRequests("f", data); (err == nil) != (len(list) > 0) {
			t.Errorf("%d requests, %v", len(list), err)
		}
	})
}

// What is planned is what was asked for, each once.
func TestPlanLosesNothing(t *testing.T) {
	table, err := prices.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(7, 8))
	for range 20 {
		var list []Request
		for i := range 1 + r.IntN(100) {
			list = append(list, Request{ID: fmt.Sprint(i), Model: []string{"claude-haiku-4-5", "deepseek-v3"}[r.IntN(2)], Task: []string{"a", "b"}[r.IntN(2)], System: []string{"", "s t", "one two three four five six"}[r.IntN(3)], Prompt: "p"})
		}
		p, err := Plan(list, fields, table, noon)
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[string]int)
		for _, b := range p.Batches {
			if len(b.IDs) > BatchLimit || b.Saved < 0 {
				t.Errorf("%d in a batch", len(b.IDs))
			}
			for _, id := range b.IDs {
				seen[id]++
			}
		}
		if len(seen) != len(list) {
			t.Errorf("%d of %d", len(seen), len(list))
		}
	}
}
