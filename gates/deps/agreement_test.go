package deps

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	cpb "github.com/google/osv-scalibr/binary/proto/config_go_proto"
	"github.com/google/osv-scalibr/extractor/filesystem"
	"github.com/google/osv-scalibr/extractor/filesystem/language/golang/gomod"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/bunlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/packagelockjson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/pnpmlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/yarnlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/pdmlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/pipfilelock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/poetrylock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/pylock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/requirements"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/uvlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/rust/cargolock"
	scalibrfs "github.com/google/osv-scalibr/fs"
)

// differs are samples on which we know better than osv-scalibr, and why.
var differs = map[string]string{
	"javascript/packagelockjson/files.v2.json":      "a folder of the tree is no package of the registry",
	"javascript/pnpmlock/files.yaml":                "folders of the tree are no packages of the registry",
	"javascript/pnpmlock/exotic.yaml":               "a name without a version is an error",
	"javascript/pnpmlock/empty.yaml":                "an empty file is an error",
	"javascript/yarnlock/empty.v2.lock":             "an empty file is an error",
	"javascript/yarnlock/exclude-root.v2.lock":      "a workspace is no package of the registry",
	"javascript/yarnlock/files.v2.lock":             "a folder of the tree is no package of the registry",
	"javascript/yarnlock/with-build-string.v1.lock": "a repository is no registry",
	"javascript/bunlock/empty.json5":                "a file without a version is an error",
	"python/requirements/example.txt":               "a lower bound is no version",
	"python/requirements/with_versions.txt":         "a bound is no version",
	"python/requirements/per_req_options.txt":       "a line that pip refuses pins nothing",
	"python/uvlock/empty.lock":                      "a file without a version is an error",
	"rust/cargolock/two-packages-with-local.lock":   "a crate of the workspace is none of crates.io",
}

// Our readers find what osv-scalibr's extractors find, on osv-scalibr's own
// samples. They know lines, graphs and versions of formats besides, which its
// do not.
func TestReadersAgreeWithScalibr(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/google/osv-scalibr").Output()
	if err != nil {
		t.Fatalf("where osv-scalibr is: %v", err)
	}
	root := filepath.Join(strings.TrimSpace(string(out)), "extractor", "filesystem", "language")
	for _, c := range []struct {
		dir, name string
		make      func(*cpb.PluginConfig) (filesystem.Extractor, error)
		read      func(*book, string, []byte) (*Lock, error)
	}{
		{"javascript/packagelockjson", "package-lock.json", packagelockjson.New, readNPM},
		{"javascript/pnpmlock", "pnpm-lock.yaml", pnpmlock.New, readPNPM},
		{"javascript/yarnlock", "yarn.lock", yarnlock.New, readYarn},
		{"javascript/bunlock", "bun.lock", bunlock.New, readBun},
		{"python/requirements", "requirements.txt", requirements.New, readRequirements},
		{"python/poetrylock", "poetry.lock", poetrylock.New, readPoetry},
		{"python/uvlock", "uv.lock", uvlock.New, readUV},
		{"python/pipfilelock", "Pipfile.lock", pipfilelock.New, readPipfile},
		{"python/pdmlock", "pdm.lock", pdmlock.New, readPDM},
		{"python/pylock", "pylock.toml", pylock.New, readPylock},
		{"rust/cargolock", "Cargo.lock", cargolock.New, readCargo},
		{"golang/gomod", "go.mod", gomod.New, readGoMod},
	} {
		files, err := filepath.Glob(filepath.Join(root, c.dir, "testdata", "*.*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no samples (%v)", c.dir, err)
		}
		extractor, err := c.make(&cpb.PluginConfig{})
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			sample := c.dir + "/" + filepath.Base(file)
			data, err := os.ReadFile(file)
			if err != nil || strings.HasSuffix(file, ".sum") {
				continue
			}
			t.Run(sample, func(t *testing.T) {
				compareWithScalibr(t, sample, c.name, file, data, extractor)
			})
		}
	}
}

func compareWithScalibr(t *testing.T, sample, name, file string, data []byte, extractor filesystem.Extractor) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
	b := &book{files: map[string][]byte{name: data}}
	if sum, err := os.ReadFile(strings.TrimSuffix(file, ".mod") + ".sum"); err == nil {
		b.files["go.sum"] = sum
		if err := os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	theirs, theirErr := extractor.Extract(context.Background(), &filesystem.ScanInput{
		FS: scalibrfs.DirFS(dir), Path: name, Root: dir, Info: info, Reader: bytes.NewReader(data),
	})
	ours, ourErr := readLock(b, name, data)
	if ourErr != nil {
		if (theirErr == nil) != (differs[sample] != "") {
			t.Errorf("we: %v; they find %d", ourErr, len(theirs.Packages))
		}
		return
	}
	var want, got []string
	for _, p := range theirs.Packages {
		n := p.Name
		if strings.HasPrefix(sample, "python/") {
			n = normalisePyPI(n)
		}
		if p.Version == "" || p.SourceCode != nil && p.SourceCode.Commit != "" || n == stdlib {
			continue // no registry's
		}
		want = append(want, fmt.Sprintf("%s@%s", n, p.Version))
	}
	for _, p := range ours.Packages {
		if !p.Elsewhere {
			got = append(got, fmt.Sprintf("%s@%s", p.Name, p.Version))
		}
		if p.Line == 0 && name != "go.mod" {
			t.Errorf("%s has no line", p.Name)
		}
		if p.Line > 0 && !strings.Contains(lineRange(data, p.Line, p.EndLine), strings.TrimPrefix(p.Version, "v")) {
			t.Errorf("%s@%s is not on the lines %d to %d", p.Name, p.Version, p.Line, p.EndLine)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(slices.Compact(want), slices.Compact(got)); (diff != "") != (differs[sample] != "") {
		t.Errorf("they (-) and we (+): %s (theirs: %v; known: %q)", diff, theirErr, differs[sample])
	}
}

func lineRange(data []byte, from, to int) string {
	all := strings.Split(string(data), "\n")
	return strings.Join(all[from-1:min(to, len(all))], "\n")
}
