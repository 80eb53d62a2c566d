package bundle

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/evanw/esbuild/pkg/api"
)

// EngineName is the engine that bundles: a parser that is given deeply nested
// source ends the process, so it has one of its own.
const EngineName = "bundle"

// request is what is to be bundled: files of a directory that holds nothing but
// what a tree has.
type request struct {
	Root    string            `json:"root"`    // absolute
	Entries []string          `json:"entries"` // relative to root
	Aliases map[string]string `json:"aliases"` // packages of the tree itself: name → directory
	Dir     string            `json:"dir"`     // of the project, relative to root
}

// reply is what came of it.
type reply struct {
	Sizes    sizes     `json:"sizes"`
	External []string  `json:"external"` // packages that are not in the bundle, sorted
	Inputs   int       `json:"inputs"`   // files
	Bytes    int64     `json:"bytes"`    // of them
	Faults   []message `json:"faults"`
}

// message is a fault in a source.
type message struct {
	Path      string `json:"path"`
	Line, Col int
	Text      string `json:"text"`
}

// sizes of one or several outputs, in bytes.
type sizes struct {
	Raw    int64 `json:"raw"`
	Gzip   int64 `json:"gzip"`
	Brotli int64 `json:"brotli"`
}

func (s sizes) of(measure string) int64 {
	switch measure {
	case "raw":
		return s.Raw
	case "brotli":
		return s.Brotli
	}
	return s.Gzip
}

func (s *sizes) add(o sizes) {
	s.Raw, s.Gzip, s.Brotli = s.Raw+o.Raw, s.Gzip+o.Gzip, s.Brotli+o.Brotli
}

// Engine bundles for the browser. It reads no file outside of its root, and runs
// nothing of the tree's: no plugin, no configuration of a bundler.
func Engine(ctx context.Context, _ string, raw json.RawMessage) (any, error) {
	var r request
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, err
	}
	root, err := filepath.EvalSymlinks(r.Root)
	if err != nil {
		return nil, err
	}
	r.Root = root
	result := api.Build(r.options())
	out := reply{Faults: r.messages(result.Errors)}
	if len(out.Faults) > 0 {
		return out, nil
	}
	if err := out.metafile(result.Metafile); err != nil {
		return nil, err
	}
	for _, f := range result.OutputFiles {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		s, err := measure(f.Contents)
		if err != nil {
			return nil, err
		}
		out.Sizes.add(s)
	}
	return out, nil
}

func (r request) options() api.BuildOptions {
	entries := make([]string, len(r.Entries))
	for i, e := range r.Entries {
		entries[i] = filepath.Join(r.Root, filepath.FromSlash(e))
	}
	loaders := map[string]api.Loader{".js": api.LoaderJSX, ".mjs": api.LoaderJSX, ".cjs": api.LoaderJSX, ".module.css": api.LoaderLocalCSS}
	for _, ext := range []string{
		".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".avif", ".ico", ".woff", ".woff2", ".ttf", ".eot", ".otf", ".mp4", ".webm", ".mp3",
		".wav", ".pdf", ".wasm", ".glb", ".gltf", ".md", ".mdx", ".txt", ".html", ".graphql", ".gql", ".glsl", ".vert", ".frag", ".csv", ".yaml", ".yml",
		".scss", ".sass", ".less", ".styl",
	} {
		loaders[ext] = api.LoaderEmpty // an asset is a file of its own, or another tool's source
	}
	return api.BuildOptions{
		EntryPoints: entries, AbsWorkingDir: r.Root, Outdir: filepath.Join(r.Root, "out"), Write: false, Metafile: true,
		Bundle: true, Splitting: true, Format: api.FormatESModule, Platform: api.PlatformBrowser, Target: api.ESNext,
		MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true, LegalComments: api.LegalCommentsNone,
		Packages: api.PackagesExternal, Loader: loaders, LogLevel: api.LogLevelSilent, LogLimit: 50,
		Define:  map[string]string{"process.env.NODE_ENV": `"production"`},
		Plugins: []api.Plugin{{Name: "tree", Setup: r.setup}},
	}
}

// own marks what the plugin asks esbuild to resolve, so that it is not asked
// again.
type own struct{}

// setup keeps esbuild inside of the root, and finds what its resolver does not:
// packages of the tree, and the aliases that everybody has.
func (r request) setup(b api.PluginBuild) {
	b.OnResolve(api.OnResolveOptions{Filter: `^[^./]`}, func(a api.OnResolveArgs) (api.OnResolveResult, error) {
		if _, ours := a.PluginData.(own); ours || a.Kind == api.ResolveEntryPoint {
			return api.OnResolveResult{}, nil
		}
		for _, try := range r.candidates(a.Path) {
			got := b.Resolve(try, api.ResolveOptions{ResolveDir: r.Root, Importer: a.Importer, Kind: a.Kind, PluginData: own{}})
			if len(got.Errors) == 0 && !got.External {
				return api.OnResolveResult{Path: got.Path, SideEffects: side(got.SideEffects)}, nil
			}
		}
		return api.OnResolveResult{}, nil
	})
	b.OnLoad(api.OnLoadOptions{Filter: `.*`, Namespace: "file"}, func(a api.OnLoadArgs) (api.OnLoadResult, error) {
		real, err := filepath.EvalSymlinks(a.Path)
		if err == nil && real != r.Root && !strings.HasPrefix(real, r.Root+string(filepath.Separator)) {
			err = os.ErrNotExist
		}
		if err != nil {
			return api.OnLoadResult{}, fmt.Errorf("the tree has no such file")
		}
		return api.OnLoadResult{}, nil
	})
}

func side(has bool) api.SideEffects {
	if has {
		return api.SideEffectsTrue
	}
	return api.SideEffectsFalse
}

// candidates are where a bare name may be in the tree, as paths from the root.
func (r request) candidates(name string) []string {
	var list []string
	for _, prefix := range []string{"@/", "~/"} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			list = append(list, "./"+path.Join(r.Dir, "src", rest), "./"+path.Join(r.Dir, rest))
		}
	}
	for depth, at := 0, 0; depth < 2; depth++ { // name, @scope/name, and what lies in it
		n := strings.IndexByte(name[at:], '/')
		pkg, rest := name, ""
		if n >= 0 {
			pkg, rest = name[:at+n], name[at+n+1:]
			at += n + 1
		}
		if dir, ok := r.Aliases[pkg]; ok {
			if rest != "" {
				list = append(list, "./"+path.Join(dir, rest), "./"+path.Join(dir, "src", rest))
			} else {
				list = append(list, "./"+dir, "./"+path.Join(dir, "src"))
			}
		}
		if n < 0 {
			break
		}
	}
	return list
}

// messages are faults of sources, without a line of their text.
func (r request) messages(list []api.Message) []message {
	var out []message
	for _, m := range list {
		f := message{Text: fmt.Sprintf("%.300s", strings.ReplaceAll(m.Text, r.Root+string(filepath.Separator), ""))}
		if m.Location != nil {
			at := filepath.ToSlash(m.Location.File)
			if path.IsAbs(at) || strings.HasPrefix(at, "..") {
				f.Text = "a file outside of the tree is asked for"
			} else {
				f.Path, f.Line, f.Col = at, m.Location.Line, m.Location.Column+1
			}
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b message) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), strings.Compare(a.Text, b.Text))
	})
	return slices.Compact(out)
}

// metafile counts the inputs and names the packages that were left out.
func (p *reply) metafile(text string) error {
	var m struct {
		Inputs map[string]struct {
			Bytes   int64 `json:"bytes"`
			Imports []struct {
				Path     string `json:"path"`
				External bool   `json:"external"`
			} `json:"imports"`
		} `json:"inputs"`
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return fmt.Errorf("esbuild's metafile: %w", err)
	}
	for _, in := range m.Inputs {
		p.Inputs++
		p.Bytes += in.Bytes
		for _, i := range in.Imports {
			if i.External && !strings.Contains(i.Path, "://") {
				p.External = append(p.External, packageOf(i.Path))
			}
		}
	}
	slices.Sort(p.External)
	p.External = slices.Compact(p.External)
	return nil
}

// packageOf is the package of an import: its first part, or two with a scope.
func packageOf(name string) string {
	parts := strings.SplitN(name, "/", 3)
	if strings.HasPrefix(name, "@") && len(parts) > 1 {
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}

// brotliLimit is the size above which brotli's best quality takes too long. It
// hangs on the size alone, so that every machine says the same.
const brotliLimit = 4 << 20

// measure compresses as a server would.
func measure(data []byte) (sizes, error) {
	s := sizes{Raw: int64(len(data))}
	zip, err := gzip.NewWriterLevel(&counter{n: &s.Gzip}, gzip.BestCompression)
	if err != nil {
		return s, err
	}
	quality := brotli.BestCompression
	if len(data) > brotliLimit {
		quality = 9
	}
	br := brotli.NewWriterLevel(&counter{n: &s.Brotli}, quality)
	for _, w := range []io.WriteCloser{zip, br} {
		if _, err := io.Copy(w, bytes.NewReader(data)); err != nil {
			return s, err
		}
		if err := w.Close(); err != nil {
			return s, err
		}
	}
	return s, nil
}

// counter counts what is written.
type counter struct{ n *int64 }

func (c *counter) Write(p []byte) (int, error) {
	*c.n += int64(len(p))
	return len(p), nil
}
