package sast

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/run"
)

// goListed is the part of `go list -json` that is read; all of what is asked
// for is in raw.
type goListed struct {
	ImportPath, Dir                                  string
	Standard, DepOnly                                bool
	Module                                           *struct{ Version string }
	GoFiles, CgoFiles                                []string
	CFiles, CXXFiles, MFiles, HFiles, FFiles, SFiles []string
	SwigFiles, SwigCXXFiles, SysoFiles               []string
	Imports                                          []string
	ImportMap                                        map[string]string
	Error                                            *struct{}
	DepsErrors                                       []struct{}
	raw                                              json.RawMessage
}

// goListedFields are what -json is asked for.
const goListedFields = "ImportPath,Dir,Standard,DepOnly,Module,GoFiles,CgoFiles,CFiles,CXXFiles,MFiles,HFiles,FFiles,SFiles," +
	"SwigFiles,SwigCXXFiles,SysoFiles,Imports,ImportMap,Error,DepsErrors," +
	"CgoCFLAGS,CgoCPPFLAGS,CgoCXXFLAGS,CgoPkgConfig,CgoLDFLAGS,EmbedPatterns,EmbedFiles"

// faulty: go could not load it, or something that it imports.
func (p *goListed) faulty() bool { return p.Error != nil || len(p.DepsErrors) > 0 }

// code are its files that decide what it means. Of what it embeds the names do,
// and these are in raw.
func (p *goListed) code() []string {
	return slices.Concat(p.GoFiles, p.CgoFiles, p.CFiles, p.CXXFiles, p.MFiles, p.HFiles, p.FFiles, p.SFiles, p.SwigFiles, p.SwigCXXFiles, p.SysoFiles)
}

// goEnv is the part of `go env` that is read.
type goEnv struct {
	GOMOD, GOWORK, GOMODCACHE, GOROOT, GOFLAGS string
	// all of it, but for what changes nothing in what gosec sees.
	all map[string]string
}

// keys are the packages of the module that gosec looks at, with their keys, in
// go's order. An error says that none can be told: gosec has to look, and says why.
func (a *gosecAsk) keys(ctx context.Context) ([]goKey, error) {
	env, err := a.goEnv(ctx)
	if err != nil {
		return nil, err
	}
	overlay, done, err := a.overlayFlag()
	if err != nil {
		return nil, err
	}
	defer done()
	out, err := a.goTool(ctx, slices.Concat([]string{"list", "-e", "-deps", "-json=" + goListedFields}, a.request.Flags, overlay, []string{"./..."})...)
	if err != nil {
		return nil, err
	}
	k := keyMaker{env: env, overlay: a.overlaid(), keys: make(map[string]string)}
	if k.build, err = buildKey(a.request.Flags, env); err != nil {
		return nil, err
	}
	return k.all(out)
}

// all reads an answer of `go list -deps`.
func (k *keyMaker) all(answer []byte) ([]goKey, error) {
	var list []goKey
	for d := json.NewDecoder(bytes.NewReader(answer)); ; {
		var p goListed
		err := d.Decode(&p.raw)
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err = cmp.Or(err, json.Unmarshal(p.raw, &p)); err != nil {
			return nil, fmt.Errorf("answer of `go list`: %w", err)
		}
		key := k.key(&p)
		k.keys[p.ImportPath] = key
		if !p.DepOnly && (p.faulty() || len(p.GoFiles)+len(p.CgoFiles) > 0) {
			list = append(list, goKey{p.ImportPath, p.Dir, key})
		}
	}
}

// goTool runs go as the engine does.
func (a *gosecAsk) goTool(ctx context.Context, args ...string) ([]byte, error) {
	var stdout bytes.Buffer
	out := &limited{w: &stdout, left: outputLimit}
	_, err := a.target.Runner.Run(ctx, run.Command{Name: "go", Args: args, Dir: a.dir, Env: a.env, Stdout: out, Contain: true})
	if err == nil && out.left < 0 {
		err = errors.New("`go` printed too much")
	}
	return stdout.Bytes(), err
}

func (a *gosecAsk) goEnv(ctx context.Context) (goEnv, error) {
	var env goEnv
	out, err := a.goTool(ctx, "env", "-json")
	if err != nil {
		return env, err
	}
	if err := errors.Join(json.Unmarshal(out, &env), json.Unmarshal(out, &env.all)); err != nil {
		return env, fmt.Errorf("answer of `go env`: %w", err)
	}
	if strings.Contains(env.GOFLAGS, "-overlay") {
		return env, errors.New("GOFLAGS has an overlay, of whose files nothing is known")
	}
	// A scratch directory's name, and where things are got from and kept.
	for _, name := range []string{"GOGCCFLAGS", "GOPROXY", "GOCACHE", "GOTMPDIR"} {
		delete(env.all, name)
	}
	return env, nil
}

// overlaid is the overlay by absolute path.
func (a *gosecAsk) overlaid() map[string]string {
	dir, all := realPath(a.dir), make(map[string]string)
	for name, text := range a.request.Overlay {
		all[filepath.Join(dir, filepath.FromSlash(name))] = text
	}
	return all
}

// overlayFlag has go see the files that stand for those on disk.
func (a *gosecAsk) overlayFlag() (flag []string, done func(), err error) {
	if len(a.request.Overlay) == 0 {
		return nil, func() {}, nil
	}
	dir, err := os.MkdirTemp("", "wf-ci-sast-")
	if err != nil {
		return nil, nil, err
	}
	done = func() { _ = os.RemoveAll(dir) }
	replace := make(map[string]string)
	for i, name := range slices.Sorted(maps.Keys(a.request.Overlay)) {
		file := filepath.Join(dir, fmt.Sprintf("%d.go", i))
		replace[filepath.Join(a.dir, filepath.FromSlash(name))] = file
		err = cmp.Or(err, os.WriteFile(file, []byte(a.request.Overlay[name]), 0o600))
	}
	data, failed := json.Marshal(map[string]any{"Replace": replace})
	list := filepath.Join(dir, "overlay.json")
	if err = cmp.Or(err, failed, os.WriteFile(list, data, 0o600)); err != nil {
		done()
		return nil, nil, err
	}
	return []string{"-overlay=" + list}, done, nil
}
