package bundle

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// manifestLimit is more than any manifest that a person wrote.
const manifestLimit = 4 << 20

// unit is a project whose code goes to browsers.
type unit struct {
	dir     string
	entries []string
}

// manifest is what a package.json says of bundles.
type manifest struct {
	Dependencies     map[string]any `json:"dependencies"`
	DevDependencies  map[string]any `json:"devDependencies"`
	PeerDependencies map[string]any `json:"peerDependencies"`
	Bin              any            `json:"bin"`
	Browser          any            `json:"browser"`
	Module           any            `json:"module"`
	Main             any            `json:"main"`
	Source           any            `json:"source"`
	Unpkg            any            `json:"unpkg"`
	JSDelivr         any            `json:"jsdelivr"`
}

func (m manifest) has(names ...string) string {
	for _, n := range names {
		if m.Dependencies[n] != nil || m.DevDependencies[n] != nil {
			return n
		}
	}
	return ""
}

var (
	bundlers = []string{
		"vite", "webpack", "rollup", "parcel", "esbuild", "next", "react-scripts", "gatsby", "tsup", "@rspack/core", "rsbuild", "@rsbuild/core", "snowpack",
		"microbundle", "rolldown", "browserify", "@remix-run/dev", "@parcel/core",
	}
	// compiled are frameworks whose sources no bundler reads without their own
	// compiler.
	compiled = []string{"vue", "svelte", "astro", "nuxt", "@angular/core", "solid-js", "ember-source"}
)

// units are the projects of a tree that ship to browsers, and why the others are
// left out.
func units(ctx context.Context, tree *git.Tree, projects []project.Project) ([]unit, []string, error) {
	var list []unit
	var why []string
	for _, p := range projects {
		if p.Kind != project.Node || p.Manifest == "" {
			continue
		}
		u, not, err := unitOf(ctx, tree, p)
		switch {
		case err != nil:
			return nil, nil, err
		case not != "":
			why = append(why, p.Manifest+" "+not)
		default:
			list = append(list, u)
		}
	}
	return list, why, nil
}

// unitOf is a project as something that ships to browsers, or why it is none.
func unitOf(ctx context.Context, tree *git.Tree, p project.Project) (u unit, not string, err error) {
	data, err := tree.Read(ctx, *tree.File(p.Manifest), manifestLimit)
	if err != nil {
		return unit{}, "", err
	}
	var m manifest
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &m); err != nil {
		return unit{}, "", fmt.Errorf("%s: %w", p.Manifest, err)
	}
	page := tree.File(path.Join(p.Dir, "index.html"))
	if page == nil {
		page = tree.File(path.Join(p.Dir, "public/index.html"))
	}
	bundler := m.has(bundlers...)
	switch {
	case m.has(compiled...) != "":
		return unit{}, fmt.Sprintf("is written for %s, whose compiler is needed: build first, and name the output in gates.bundle.paths", m.has(compiled...)), nil
	case page == nil && !m.isLibrary() && (bundler == "" || m.Bin != nil):
		return unit{}, "looks like a program or a server: no bundler, no index.html, no browser or module field", nil
	}
	entries, err := entriesOf(ctx, tree, p.Dir, page, m)
	if err != nil {
		return unit{}, "", err
	}
	if len(entries) == 0 && page == nil && p.Workspace == "" && !m.isLibrary() && tree.File(path.Join(p.Dir, "src")) == nil && !holdsSources(tree, p.Dir) {
		return unit{}, "has no sources", nil
	}
	return unit{p.Dir, entries}, "", nil
}

// isLibrary says whether it names what browsers load.
func (m manifest) isLibrary() bool {
	return m.Browser != nil || m.Module != nil || m.Unpkg != nil || m.JSDelivr != nil
}

func holdsSources(tree *git.Tree, dir string) bool {
	return slices.ContainsFunc(tree.Files, func(f git.File) bool {
		return (dir == "." || strings.HasPrefix(f.Path, dir+"/")) && project.KindOf(project.Language(f.Path, nil)) == project.Node && project.Classify(f.Path, nil) == project.Source
	})
}

var (
	script   = lazyregexp.New(`(?is)<script\b[^>]*\bsrc\s*=\s*["']?([^"'\s>]+)`)
	nextPage = lazyregexp.New(`^(src/)?(pages/(?:.*/)?[^/]+|app/(?:.*/)?(?:page|layout))\.(tsx|ts|jsx|js)$`)
	nextAPI  = lazyregexp.New(`^(src/)?pages/api/`)
	endings  = []string{".tsx", ".ts", ".jsx", ".js", ".mjs"}
)

// entriesOf finds where a project begins: the scripts of its page, Next's pages,
// what package.json names, or the usual names.
func entriesOf(ctx context.Context, tree *git.Tree, dir string, page *git.File, m manifest) ([]string, error) {
	var list []string
	if page != nil {
		html, err := tree.Read(ctx, *page, manifestLimit)
		if err != nil {
			return nil, err
		}
		list = scripts(tree, dir, html)
	}
	if m.has("next") != "" {
		list = append(list, nextPages(tree, dir)...)
	}
	if len(list) > 0 {
		return list, nil
	}
	for _, field := range []any{m.Source, m.Browser, m.Module, m.Main} {
		if s, ok := field.(string); ok && isSource(tree, path.Join(dir, s)) {
			return []string{path.Join(dir, s)}, nil
		}
	}
	for _, stem := range []string{"src/index", "src/main", "index"} {
		for _, ext := range endings {
			if name := path.Join(dir, stem+ext); regular(tree, name) {
				return []string{name}, nil
			}
		}
	}
	return nil, nil
}

// scripts are the files of the tree that a page loads.
func scripts(tree *git.Tree, dir string, html []byte) (list []string) {
	for _, s := range script.FindAllSubmatch(html, -1) {
		src, _, _ := strings.Cut(string(s[1]), "?")
		if strings.Contains(src, "://") || strings.HasPrefix(src, "//") {
			continue
		}
		if name := path.Join(dir, src); regular(tree, name) && !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

func nextPages(tree *git.Tree, dir string) (list []string) {
	for _, f := range tree.Files {
		rel := strings.TrimPrefix(f.Path, strings.TrimPrefix(dir+"/", "./"))
		if f.Kind != git.Symlink && nextPage.MatchString(rel) && !nextAPI.MatchString(rel) && project.Classify(f.Path, nil) == project.Source {
			list = append(list, f.Path)
		}
	}
	return list
}

func isSource(tree *git.Tree, name string) bool {
	return regular(tree, name) && !strings.HasPrefix(name, "..") && project.Classify(name, nil) == project.Source
}

func regular(tree *git.Tree, name string) bool {
	f := tree.File(name)
	return f != nil && f.Kind != git.Symlink
}

// treeLimit is how much source is written out to be bundled.
const treeLimit = 512 << 20

// wanted are the files of a tree that a bundle may be made of.
func wanted(tree *git.Tree) (list []git.File, size int64) {
	for _, f := range tree.Files {
		ext := strings.ToLower(path.Ext(f.Path))
		ok := project.KindOf(project.Language(f.Path, nil)) == project.Node || slices.Contains([]string{".json", ".css", ".jsonc"}, ext)
		if f.Kind == git.Symlink || !filepath.IsLocal(filepath.FromSlash(f.Path)) {
			continue
		}
		if slices.Contains(strings.Split(f.Path, "/"), "node_modules") {
			continue
		}
		if ok {
			size += f.Size
		}
		list = append(list, f)
		if !ok {
			list[len(list)-1].Size = -1 // its name is enough
		}
	}
	return list, size
}

// writeOut puts a tree into an empty directory, without links. What no bundler
// reads is there by name.
func writeOut(ctx context.Context, tree *git.Tree, dir string, jobs int) error {
	list, size := wanted(tree)
	if size > treeLimit {
		return fmt.Errorf("more than %d MiB of sources", treeLimit>>20)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	var mu sync.Mutex
	put := func(name string, data []byte) error {
		name = filepath.FromSlash(name)
		mu.Lock()
		defer mu.Unlock()
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		return root.WriteFile(name, data, 0o644)
	}
	var read []git.File
	for _, f := range list {
		if f.Size >= 0 {
			read = append(read, f)
		} else if err := put(f.Path, nil); err != nil {
			return err
		}
	}
	return tree.Each(ctx, read, jobs, func(_ context.Context, f git.File, r io.Reader) error {
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		return put(f.Path, data)
	})
}
