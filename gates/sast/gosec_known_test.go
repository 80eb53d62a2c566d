package sast

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/gatestest"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/internal/run"
)

// mapCache is a cache without a disk.
type mapCache map[string][]byte

func (m mapCache) Get(key string) ([]byte, bool)     { data, ok := m[key]; return data, ok }
func (m mapCache) Put(key string, data []byte) error { m[key] = data; return nil }

// watched is a repository with a cache, whose engines write down what they are
// asked.
type watched struct {
	t     *testing.T
	repo  *gittest.Repo
	cache mapCache
	base  string
	home  *run.Runner // of all runs: go's directories are in its HOME
	log   string
}

func watch(t *testing.T, files map[string]string) *watched {
	t.Helper()
	needParsers(t)
	if runtime.GOOS == "windows" {
		t.Skip("the engine is watched by a shell")
	}
	w := &watched{t: t, repo: gittest.New(t), cache: mapCache{}, home: gittest.Runner(t), log: filepath.Join(t.TempDir(), "log")}
	for name, text := range files {
		w.repo.Write(name, text)
	}
	w.repo.Commit("one")
	return w
}

func (w *watched) target() *gates.Target {
	tg := gatestest.Target(w.t, w.repo, w.base)
	tg.Runner = w.home
	return tg
}

// run is the gate with the cache, which has to find what it finds without; asked
// are the packages that the engine was asked for. "-": it was not started.
func (w *watched) run() (findings, asked string) {
	w.t.Helper()
	o := Options{Engines: []string{"gosec"}}
	tg := w.target()
	plain := runGate(w.t, tg, o)
	_ = os.Remove(w.log)
	tg.Self = slices.Concat([]string{"sh", "-c", `tee -a "$0" | "$@"`, w.log}, tg.Self)
	tg.Cache = w.cache
	res := runGate(w.t, tg, o)
	if res.Err != nil || plain.Err != nil || !reflect.DeepEqual(res.Outcome, plain.Outcome) {
		w.t.Fatalf("with a cache: %v\n%s\nwithout: %v\n%s", res.Err, show(res.Outcome.Findings), plain.Err, show(plain.Outcome.Findings))
	}
	data, err := os.ReadFile(w.log)
	if err != nil {
		return show(res.Outcome.Findings), "-"
	}
	var list []string
	for d := json.NewDecoder(bytes.NewReader(data)); ; { // one for each module
		var request gosecRequest
		if err := d.Decode(&request); errors.Is(err, io.EOF) {
			return show(res.Outcome.Findings), strings.Join(list, " ")
		} else if err != nil {
			w.t.Fatal(err)
		}
		list = append(list, request.Patterns...)
	}
}

func (w *watched) want(why, findings, asked string) {
	w.t.Helper()
	f, a := w.run()
	if f != findings || a != asked {
		w.t.Errorf("%s: asked %q, want %q; findings\n%s\nwant\n%s", why, a, asked, f, findings)
	}
}

// narrows is an overflow where the function of the other package gives an int64.
const narrows = "package a\n\nimport \"example.com/m/lib\"\n\nfunc F() int32 { return int32(lib.N()) }\n"

func lib(kind string) string { return "package lib\n\nfunc N() " + kind + " { return 1 }\n" }

var library = map[string]string{
	"go.mod": goModule, "a/a.go": narrows, "b/b.go": "package b\n", "b/b_test.go": "package b\n", "lib/lib.go": lib("int32"), ".gitignore": "ignored*\n",
	"only/x_test.go": "package only\n",
}

const overflow = "a/a.go:5:30-0:0 warning gosec/G115"

// Packages that gosec has looked at are not looked at again, until something
// changes that they hang on: the types of what they import are not in their files.
func TestGosecIsKnown(t *testing.T) {
	w := watch(t, library)
	w.want("first", "", "")
	w.want("again", "", "-")
	w.repo.Write("b/b.go", "package b\n\nvar X int\n")
	w.want("one that nobody imports", "", "./b")
	w.repo.Write("lib/lib.go", lib("int64"))
	w.want("a type that another package uses", overflow, "./lib ./a")
	w.want("and again", overflow, "-")
	w.repo.Write("lib/lib.go", lib("int32"))
	w.want("back", "", "-")
	w.repo.Write("lib/lib.go", "package lib\n")
	w.repo.Write("lib/ignored.go", lib("int64"))
	w.want("a file that git does not know", overflow, "./lib ./a")
	w.repo.Write("go.mod", strings.Replace(goModule, "1.26", "1.25", 1))
	w.want("another language", overflow, "")
}

// A module beside the tree's, of which no version is known.
func TestGosecIsKnownWithReplaced(t *testing.T) {
	files := map[string]string{
		"m/go.mod":   goModule + "\nrequire example.com/lib v1.0.0\nreplace example.com/lib => ../lib\n",
		"m/a/a.go":   strings.Replace(narrows, "example.com/m/lib", "example.com/lib", 1),
		"lib/go.mod": "module example.com/lib\n\ngo 1.26\n", "lib/lib.go": lib("int32"),
	}
	w := watch(t, files)
	w.run()
	w.repo.Write("lib/lib.go", lib("int64"))
	w.want("replaced", "m/"+overflow, "")
	w.want("again", "m/"+overflow, "-")
}

// A marker that the change adds counts neither with the cache nor without.
func TestGosecIsKnownWithMarkers(t *testing.T) {
	w := watch(t, library)
	w.repo.Write("lib/lib.go", lib("int64"))
	w.base = w.repo.Commit("two")
	w.want("before", overflow, "")
	hushed := strings.Replace(narrows, "N()) }", "N()) } // #nosec G115", 1)
	w.repo.Write("a/a.go", hushed)
	w.want("added", overflow, "./a")
	w.want("added still", overflow, "-")
	w.base = w.repo.Commit("three")
	w.want("there before", "", "./a")
}

// What is in the cache and is not what was put there is looked at again, and so
// is what could not be looked at.
func TestGosecIsKnownOrNot(t *testing.T) {
	w := watch(t, library)
	w.repo.Write("lib/lib.go", lib("int64"))
	w.run()
	for key, data := range w.cache {
		w.cache[key] = []byte(strings.ReplaceAll(string(data), `"Path":"example.com/m/a"`, `"Path":"example.com/m/x"`))
	}
	w.want("of another package", overflow, "./a")
	for key, data := range w.cache {
		w.cache[key] = data[:len(data)/2]
	}
	if f, asked := w.run(); f != overflow || asked == "-" {
		t.Errorf("torn: asked %q, findings %s", asked, f)
	}
	w.repo.Write("b/b.go", "package b\n\nvar X int = \"\"\n")
	tg := w.target()
	tg.Cache = w.cache
	for range 2 {
		res := runGate(t, tg, Options{})
		if got := messages(res.Outcome.Findings); !strings.Contains(got, "could not look at example.com/m/b") {
			t.Errorf("%v, findings %s", res.Err, got)
		}
	}
}

// What is edited while gosec looks is not kept under the name of what was there
// before.
func TestGosecIsNotKnownOfWhatIsEdited(t *testing.T) {
	w := watch(t, library)
	tg := w.target()
	tg.Cache = w.cache
	file := filepath.Join(tg.Dir, "lib", "lib.go")
	// The engine sees a lib that the key was not made of, which is back for the run after.
	w.repo.Write("lib/lib.go", lib("int64"))
	real := tg.Self
	tg.Self = slices.Concat([]string{"sh", "-c", `printf '` + strings.ReplaceAll(lib("int32"), "\n", `\n`) + `' >` + file + `; exec "$@"`, "x"}, real)
	runGate(t, tg, Options{Engines: []string{"gosec"}})
	w.repo.Write("lib/lib.go", lib("int64"))
	if f, asked := w.run(); f != overflow || asked == "-" {
		t.Errorf("asked %q, findings %s", asked, f)
	}
}
