package lint

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/run"
)

const cargoRemedy = "install Rust with clippy (rustup component add clippy) before wf-ci" + otherwise

// rustUnits are the workspaces of the tree.
func rustUnits(_ context.Context, s *session) ([]unit, error) {
	var list []unit
	for _, p := range s.projects {
		if p.Kind != project.Rust || p.Manifest == "" || p.Workspace != "" || !s.hasKind(project.Rust, p.Dir) {
			continue
		}
		s.take(project.Rust, p.Dir)
		list = append(list, unit{"clippy", p.Dir, func(ctx context.Context) (result, error) { return s.clippy(ctx, p) }})
	}
	return list, nil
}

func (s *session) clippy(ctx context.Context, p project.Project) (result, error) {
	args := []string{"clippy", "--workspace", "--all-targets", "--message-format=json"}
	if p.Lock != "" {
		args = append(args, "--locked")
	}
	if s.target.Offline {
		args = append(args, "--offline")
	}
	out, err := s.start(ctx, p.Dir, cargoRemedy, run.Command{
		Name: "cargo", Args: args, Env: []string{"CARGO_TERM_COLOR=never", "CARGO_TARGET_DIR=" + s.cargoTarget()},
	})
	if err != nil {
		return result{}, err
	}
	if bytes.Contains(out.stderr, []byte("no such command: `clippy`")) || bytes.Contains(out.stderr, []byte("'cargo-clippy' is not installed")) {
		return result{}, missingTool{"clippy", cargoRemedy}
	}
	r, err := readClippy(s, p.Dir, out)
	if err == nil {
		r.engine = "clippy" + s.version(ctx, p.Dir, "cargo-clippy")
	}
	return r, err
}

// cargoTarget is where clippy compiles: not in the tree, whose target directory
// the gate tests may be using, and may take away when it has made it.
func (s *session) cargoTarget() string {
	if s.target.DataDir == "" {
		return filepath.Join(s.scratch, "cargo")
	}
	sum := sha256.Sum256([]byte(s.target.Dir))
	return filepath.Join(s.target.DataDir, "cargo", hex.EncodeToString(sum[:8]))
}

// cargoMessage is the part of cargo's lines that is read.
type cargoMessage struct {
	Reason  string
	Success *bool
	Target  struct {
		SrcPath string `json:"src_path"`
	}
	Message struct {
		Level, Message string
		Code           *struct{ Code string }
		Spans          []struct {
			File      string `json:"file_name"`
			Primary   bool   `json:"is_primary"`
			Line      int    `json:"line_start"`
			Column    int    `json:"column_start"`
			EndLine   int    `json:"line_end"`
			EndColumn int    `json:"column_end"`
		}
	}
}

// readClippy reads the lines of `cargo clippy --message-format=json`. The last
// says that the build is finished; without it cargo broke off.
func readClippy(s *session, dir string, p printed) (result, error) {
	var r result
	targets := make(map[string]bool)
	finished, success := false, false
	for line := range bytes.Lines(p.stdout) {
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] != '{' {
			continue
		}
		var m cargoMessage
		if err := json.Unmarshal(line, &m); err != nil {
			return r, fmt.Errorf("answer of cargo: %w", err)
		}
		if m.Target.SrcPath != "" {
			if name := s.path(dir, m.Target.SrcPath); name != "" && s.target.Tree.File(name) != nil {
				targets[name] = true
			}
		}
		switch m.Reason {
		case "build-finished":
			finished, success = true, m.Success != nil && *m.Success
		case "compiler-message":
			if f, ok := s.clippyFinding(dir, m); ok {
				r.findings = append(r.findings, f)
			}
		}
	}
	r.files = len(targets) // roots of crates
	broken := hasErrors(r.findings)
	switch {
	case !finished, !success && !broken:
		return r, p.failure()
	case r.files == 0:
		return r, errors.New("cargo compiled nothing of this tree")
	}
	return r, p.unexplained(r)
}

func hasErrors(list []gates.Finding) bool {
	for _, f := range list {
		if f.Severity == gates.SeverityError {
			return true
		}
	}
	return false
}

// clippyFinding translates a message; what has no place (how many warnings
// there were) is none.
func (s *session) clippyFinding(dir string, m cargoMessage) (gates.Finding, bool) {
	for _, span := range m.Message.Spans {
		if !span.Primary {
			continue
		}
		rule := "rustc"
		if m.Message.Code != nil && m.Message.Code.Code != "" {
			rule = m.Message.Code.Code
		}
		if !strings.Contains(rule, "::") {
			rule = "rustc/" + strings.TrimPrefix(rule, "rustc")
		}
		name := s.path(dir, span.File)
		return at(strings.TrimSuffix(rule, "/"), severityOf(m.Message.Level), name, span.Line, span.Column, span.EndLine, span.EndColumn, m.Message.Message), name != ""
	}
	return gates.Finding{}, false
}
