package pack_test

import (
	"crypto/sha1"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/internal/git/pack"
)

// history is a repository with many versions of some files, in one commit.
func history(t testing.TB, versions int) (repo *gittest.Repo, oids []string, content map[string]string) {
	t.Helper()
	repo = gittest.New(t)
	r := rand.New(rand.NewPCG(1, 2))
	content = make(map[string]string)
	files := make([][]string, 3)
	for i := range versions {
		n := i % len(files)
		for range 1 + r.IntN(4) {
			at := r.IntN(len(files[n]) + 1)
			files[n] = slices.Insert(files[n], at, fmt.Sprintf("line %d of version %d: %x", at, i, r.Uint64()))
		}
		if i%7 == 6 {
			files[n] = slices.Delete(files[n], 0, len(files[n])/3)
		}
		text := strings.Join(files[n], "\n")
		repo.Write(fmt.Sprintf("f%d/v%d", n, i), text)
		oids = append(oids, oidOf(text))
		content[oids[i]] = text
	}
	repo.Commit("all")
	return repo, oids, content
}

func oidOf(text string) string {
	return fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(text), text)))
}

func objects(repo *gittest.Repo) string { return filepath.Join(repo.Dir, ".git", "objects") }

// walk reads blobs by a plan, and checks each and its edits.
func walk(t testing.TB, s *pack.Store, oids []string, content map[string]string, hold int) (read int, left []int) {
	t.Helper()
	plan := s.Plan(oids)
	plan.Hold = hold
	var mu sync.Mutex
	seen := make(map[int]bool)
	left, err := pack.Each(plan, 2, func() (pack.Visit[string], func()) {
		return func(i int, text string, from *string, edits pack.Edits) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			if seen[i] || text != content[oids[i]] {
				t.Errorf("blob %d: twice (%t), or %q", i, seen[i], text)
			}
			seen[i] = true
			if edits != nil {
				checkEdits(t, *from, text, edits)
			}
			return text, nil
		}, func() {}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range left {
		if seen[i] {
			t.Errorf("blob %d is read and left", i)
		}
		seen[i] = true
	}
	if len(seen) != len(oids) {
		t.Errorf("%d of %d blobs", len(seen), len(oids))
	}
	return len(oids) - len(left), left
}

func checkEdits(t testing.TB, from, text string, edits pack.Edits) {
	t.Helper()
	if len(edits) == 0 && from != text {
		t.Error("no edits")
	}
	at := 0
	for _, e := range append(edits, [2]int{len(text), len(text)}) {
		if e[0] < at || e[1] < e[0] || !strings.Contains(from, text[at:e[0]]) {
			t.Fatalf("edit %v behind %d", e, at)
		}
		at = e[1]
	}
	if len(edits) > 0 && edits[0][0] > 0 && !strings.HasPrefix(from, text[:edits[0][0]]) {
		t.Error("another start without an edit")
	}
	if n := len(edits); n > 0 && edits[n-1][1] < len(text) && !strings.HasSuffix(from, text[edits[n-1][1]:]) {
		t.Error("another end without an edit")
	}
}

func TestReadsWhatGitReads(t *testing.T) {
	repo, oids, content := history(t, 80)
	check := func(what string, packed int) {
		t.Helper()
		s := pack.Open(objects(repo))
		s.Keep = packed % 2 * 5000
		defer s.Close()
		read, _ := walk(t, s, oids, content, 1<<20)
		if read != packed {
			t.Errorf("%s: %d blobs are read from packs, want %d", what, read, packed)
		}
		for i := range 10 { // others on the way are none that we want
			walk(t, s, oids[i*len(oids)/12:(i+1)*len(oids)/12], content, 1<<20)
		}
		for _, oid := range oids {
			if text, ok := s.Blob(oid, 1<<20); !ok || text != content[oid] {
				t.Errorf("%s: blob %s: %t, %q", what, oid, ok, text)
			}
			if _, ok := s.Blob(oid, len(content[oid])-1); ok {
				t.Errorf("%s: blob %s is above the limit", what, oid)
			}
		}
	}
	check("loose", 0)
	repo.Git("-c", "core.compression=0", "repack", "-adf", "--depth=9")
	check("offsets", len(oids))
	repo.Git("-c", "repack.useDeltaBaseOffset=false", "repack", "-adf")
	check("names", len(oids))
	repo.Write("new", "something new\n")
	repo.Commit("x")
	oid := oidOf("something new\n")
	oids, content[oid] = append(oids, oid), "something new\n"
	check("both", len(oids)-1)
}

func TestHoldsLittle(t *testing.T) {
	repo, oids, content := history(t, 60)
	repo.Git("repack", "-adf")
	s := pack.Open(objects(repo))
	defer s.Close()
	if _, left := walk(t, s, oids, content, 0); len(left) == 0 || len(left) == len(oids) {
		t.Errorf("%d blobs of %d are left", len(left), len(oids))
	}
}

func TestAlternates(t *testing.T) {
	repo, oids, content := history(t, 10)
	repo.Git("repack", "-adf")
	other := gittest.New(t)
	for i, line := range []string{objects(repo) + "\n", "# a note\n../../../nothing\n" + objects(repo)} {
		other.Write(".git/objects/info/alternates", line)
		s := pack.Open(objects(other))
		if read, _ := walk(t, s, oids, content, 1<<20); read != len(oids) {
			t.Errorf("%d: %d blobs", i, read)
		}
		s.Close()
	}
	other.Write(".git/objects/info/alternates", objects(other)) // in a circle
	pack.Open(objects(other)).Close()
}

// What is damaged is left to git, or read as it was: never read as another.
func TestDamage(t *testing.T) {
	repo, oids, content := history(t, 20)
	repo.Git("repack", "-adf")
	names, err := filepath.Glob(filepath.Join(objects(repo), "pack", "*.pack"))
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	whole, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	_ = os.Chmod(names[0], 0o600)
	r := rand.New(rand.NewPCG(5, 6))
	lost := 0
	for range 200 {
		bad := slices.Clone(whole)
		bad[12+r.IntN(len(bad)-12)] ^= 1 << r.IntN(8)
		if err := os.WriteFile(names[0], bad[:len(bad)-r.IntN(2)*r.IntN(len(bad)-12)], 0o600); err != nil {
			t.Fatal(err)
		}
		s := pack.Open(objects(repo))
		known := 0
		left, err := pack.Each(s.Plan(oids), 1, func() (pack.Visit[int], func()) {
			return func(i int, text string, _ *int, _ pack.Edits) (int, error) {
				if text == content[oids[i]] {
					known++
				}
				return 0, nil
			}, func() {}
		})
		if err != nil {
			t.Fatal(err)
		}
		lost += len(left)
		s.Close()
		// A bit in a header can make another, valid object of it: git does not
		// find that, either, but where it looks at the whole pack.
		if known+len(left) < len(oids)*3/4 {
			t.Errorf("%d of %d blobs are right, %d left", known, len(oids), len(left))
		}
	}
	if lost == 0 {
		t.Error("no damage was found")
	}
}

func FuzzPack(f *testing.F) {
	repo, oids, _ := history(f, 9)
	repo.Git("repack", "-adf")
	dir := filepath.Join(objects(repo), "pack")
	read := func(pattern string) []byte {
		names, _ := filepath.Glob(filepath.Join(dir, pattern))
		data, err := os.ReadFile(names[0])
		if err != nil {
			f.Fatal(err)
		}
		return data
	}
	f.Add(read("*.pack"), read("*.idx"))
	f.Fuzz(func(t *testing.T, packed, index []byte) {
		if len(packed)+len(index) > 50_000 {
			t.Skip()
		}
		to := t.TempDir()
		for name, data := range map[string][]byte{"pack/p.pack": packed, "pack/p.idx": index} {
			if err := os.MkdirAll(filepath.Join(to, "pack"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(to, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s := pack.Open(to)
		defer s.Close()
		_, err := pack.Each(s.Plan(oids), 1, func() (pack.Visit[int], func()) {
			return func(_ int, text string, _ *int, edits pack.Edits) (int, error) {
				for _, e := range edits {
					if e[0] < 0 || e[1] > len(text) || e[0] > e[1] {
						t.Errorf("edit %v", e)
					}
				}
				return 0, nil
			}, func() {}
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, oid := range oids {
			s.Blob(oid, 1<<20)
		}
	})
}
