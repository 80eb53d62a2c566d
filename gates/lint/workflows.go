package lint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rhysd/actionlint"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// WorkflowEngine is the name of the engine that runs actionlint: a library that
// reads the disk, walks what it reads by recursion, and cannot be told to stop.
const WorkflowEngine = "actionlint"

const actionlintVersion = "1.7.12"

// Engines are the parts of this gate that run in a process of their own.
func Engines() map[string]gates.EngineFunc {
	return map[string]gates.EngineFunc{WorkflowEngine: lintWorkflows}
}

// workflowLimit is the size, in bytes, of the largest workflow that is read;
// the platform takes half of it.
const workflowLimit = 1 << 20

// workflowRequest is what the engine is given: contents, so that what it
// looks at is the tree, and the configuration that the policy reads.
type workflowRequest struct {
	Workflows []workflowFile
	Actions   []workflowFile // action.yml, action.yaml
	Config    []byte         // actionlint.yaml; nil: none
}

type workflowFile struct {
	Path    string
	Content []byte
}

// workflowFault is one of actionlint's errors.
type workflowFault struct {
	Path         string
	Line, Column int
	Kind         string
	Message      string
}

func isWorkflow(name string) bool {
	ext := path.Ext(name)
	return path.Dir(name) == ".github/workflows" && (ext == ".yml" || ext == ".yaml")
}

func isAction(name string) bool {
	base := path.Base(name)
	return (base == "action.yml" || base == "action.yaml") && maintained(name, nil) && !inAside(name)
}

// workflowUnits is the unit of all workflows and actions.
func workflowUnits(s *session) []unit {
	var workflows, actions []git.File
	for _, f := range s.target.Tree.Files {
		switch {
		case f.Kind == git.Symlink:
		case isWorkflow(f.Path):
			workflows = append(workflows, f)
		case isAction(f.Path):
			actions = append(actions, f)
		}
	}
	if len(workflows)+len(actions) == 0 {
		return nil
	}
	return []unit{{"actionlint", ".", func(ctx context.Context) (result, error) {
		return s.workflows(ctx, workflows, actions)
	}}}
}

func (s *session) workflows(ctx context.Context, workflows, actions []git.File) (result, error) {
	r := result{engine: "actionlint " + actionlintVersion}
	var req workflowRequest
	var err error
	if req.Workflows, err = s.contents(ctx, workflows); err != nil {
		return r, err
	}
	if req.Actions, err = s.contents(ctx, actions); err != nil {
		return r, err
	}
	for _, name := range []string{".github/actionlint.yaml", ".github/actionlint.yml"} {
		// Through the policy: the change does not loosen what judges it.
		if req.Config, err = s.target.ReadPolicy(ctx, name); err != nil || req.Config != nil {
			break
		}
	}
	if err != nil {
		return r, err
	}
	var faults []workflowFault
	if err := s.target.RunEngine(ctx, gates.EngineCall{Name: WorkflowEngine}, req, &faults); err != nil {
		return r, err
	}
	r.files = len(workflows) + len(actions)
	for _, f := range faults {
		r.findings = append(r.findings, gates.Finding{
			Rule: "actionlint/" + f.Kind, Severity: gates.SeverityError, Path: gates.Path(f.Path), Line: f.Line, Column: f.Column, Message: f.Message,
		})
	}
	return r, nil
}

func (s *session) contents(ctx context.Context, files []git.File) ([]workflowFile, error) {
	var list []workflowFile
	for _, f := range files {
		if f.Size > workflowLimit {
			return nil, fmt.Errorf("%q is larger than %d MiB", f.Path, workflowLimit>>20)
		}
		data, err := s.target.Tree.Read(ctx, f, workflowLimit)
		if err != nil {
			return nil, fmt.Errorf("read %q: %w", f.Path, err)
		}
		list = append(list, workflowFile{f.Path, data})
	}
	return list, nil
}

// lintWorkflows is the engine. It puts the files below a directory of its own,
// where nothing of the checkout can be read in their place.
func lintWorkflows(_ context.Context, _ string, request json.RawMessage) (any, error) {
	var req workflowRequest
	if err := json.Unmarshal(request, &req); err != nil {
		return nil, err
	}
	top, err := os.MkdirTemp("", "wf-ci-actionlint-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(top)
	if err := req.lay(top); err != nil {
		return nil, err
	}
	// Without the names of shellcheck and pyflakes no process is started.
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{WorkingDir: top})
	if err != nil {
		return nil, err
	}
	p, err := actionlint.NewProject(top)
	if err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), top+string(filepath.Separator), ""))
	}
	faults := []workflowFault{}
	for _, f := range req.Workflows {
		errs, err := linter.Lint(filepath.FromSlash(f.Path), f.Content, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path, err)
		}
		for _, e := range errs {
			faults = append(faults, workflowFault{f.Path, max(e.Line, 0), max(e.Column, 0), e.Kind, strings.ReplaceAll(e.Message, top+string(filepath.Separator), "")})
		}
	}
	for _, f := range req.Actions {
		more, err := actionFaults(linter, p, top, f)
		if err != nil {
			return nil, err
		}
		faults = append(faults, more...)
	}
	return faults, nil
}

// runsFile is a file that an action's metadata names.
var runsFile = lazyregexp.New(`(?m)^\s*(?:main|pre|post|image|entrypoint|pre-entrypoint|post-entrypoint):\s*['"]?([^\s'"#]+)`)

// lay writes the files down. Those that actions name are there, empty: an
// earlier step may build them, so that they are missing says nothing.
func (req *workflowRequest) lay(top string) error {
	root, err := os.OpenRoot(top)
	if err != nil {
		return err
	}
	defer root.Close()
	if req.Config != nil {
		if err := put(root, ".github/actionlint.yaml", req.Config); err != nil {
			return err
		}
	}
	for _, f := range req.Actions {
		for _, g := range runsFile.FindAllSubmatch(f.Content, 100) {
			if name := path.Join(path.Dir(f.Path), string(g[1])); filepath.IsLocal(name) && !strings.Contains(string(g[1]), "://") {
				_ = put(root, name, nil) // one that cannot be made is not checked for
			}
		}
	}
	for _, f := range append(req.Workflows[:len(req.Workflows):len(req.Workflows)], req.Actions...) {
		if err := put(root, f.Path, f.Content); err != nil {
			return err
		}
	}
	return root.MkdirAll(".github/workflows", 0o700)
}

func put(root *os.Root, name string, data []byte) error {
	name = filepath.FromSlash(name)
	if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return root.WriteFile(name, data, 0o600)
}

var lineIn = lazyregexp.New(`\bline (\d+)`)

// actionFaults checks an action's metadata. actionlint does so where a workflow
// uses the action, so one is made up that does; what it says of the use itself
// is not meant.
func actionFaults(linter *actionlint.Linter, p *actionlint.Project, top string, f workflowFile) ([]workflowFault, error) {
	dir := path.Dir(f.Path)
	spec, _ := json.Marshal("./" + strings.TrimPrefix(dir, "."))
	text := "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: " + string(spec) + "\n"
	errs, err := linter.Lint(filepath.FromSlash(".github/workflows/wf-ci-uses.yml"), []byte(text), p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path, err)
	}
	var faults []workflowFault
	for _, e := range errs {
		if strings.HasPrefix(e.Message, "missing input ") {
			continue
		}
		message := strings.ReplaceAll(strings.ReplaceAll(e.Message, top+string(filepath.Separator), ""), top, ".")
		line := 0
		if g := lineIn.FindStringSubmatch(message); g != nil {
			line, _ = strconv.Atoi(g[1])
		}
		faults = append(faults, workflowFault{f.Path, line, 0, e.Kind, message})
	}
	return faults, nil
}
