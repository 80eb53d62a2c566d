package coverage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/wf-ci/wf-ci/gates/project"
	"github.com/wf-ci/wf-ci/internal/run"
)

// goJob is `go test -json ./...`: its events are read as they come.
func goJob(p project.Project) job {
	return job{project: p, program: "go", shown: "go test ./...", start: func(ctx context.Context, r *session) (results, int, error) {
		args := []string{"test", "-json"}
		profile := filepath.Join(r.scratch, "coverage.out")
		if r.measure {
			args = append(args, "-coverpkg=./...", "-coverprofile="+profile)
		}
		var events goEvents
		res, err := r.child(ctx, p, run.Command{Name: "go", Args: append(args, "./..."), Stdout: &events})
		if err != nil {
			return results{}, res.Exit, err
		}
		out, err := events.results()
		if err != nil && len(res.Stderr.Bytes) > 0 {
			err = fmt.Errorf("%w: %s", err, firstLine(res.Stderr.Bytes))
		}
		if r.measure {
			r.take("go test -coverprofile", profile)
		}
		return out, res.Exit, err
	}}
}

// llvmCovRemedy is what helps where the lines of a Rust project cannot be measured.
func llvmCovRemedy() string {
	return "`cargo install cargo-llvm-cov`, or let an earlier step run `" + commandOf(project.Rust) + "`"
}

// cargoJob is `cargo test`, or the same through cargo-llvm-cov.
func cargoJob(p project.Project) job {
	return job{project: p, program: "cargo", shown: "cargo test", start: func(ctx context.Context, r *session) (results, int, error) {
		args := []string{"test", "--no-fail-fast"}
		report := filepath.Join(r.scratch, "lcov.info")
		if r.measure {
			log := r.log
			res, err := r.child(ctx, p, run.Command{Name: "cargo", Args: []string{"llvm-cov", "--version"}})
			r.log = log // what is not there is no news
			if err == nil && res.Exit == 0 {
				args = []string{"llvm-cov", "--no-fail-fast", "--lcov", "--output-path", report}
			} else {
				r.unmeasured = missingTool{tool: "cargo-llvm-cov", remedy: llvmCovRemedy()}
			}
		}
		stdout := &capped{}
		res, err := r.child(ctx, p, run.Command{Name: "cargo", Args: args, Stdout: stdout, Env: []string{"CARGO_TERM_COLOR=never", "RUST_BACKTRACE=0"}})
		if err != nil {
			return results{}, res.Exit, err
		}
		if stdout.over {
			return results{}, res.Exit, errTooMuch
		}
		out, err := readCargo(stdout.data.Bytes(), res.Stderr.Bytes)
		if r.measure && r.unmeasured == nil {
			r.take("cargo llvm-cov", report)
		}
		return out, res.Exit, err
	}}
}

// take keeps a report of coverage that the run was asked to write. A run that
// wrote none measured nothing, however it ended.
func (r *session) take(what, file string) {
	data, err := readBounded(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.unmeasured = fmt.Errorf("%s left no report: the flags were passed over, or the run broke off", what)
	case err != nil:
		r.unmeasured = fmt.Errorf("%s: %w", what, err)
	default:
		r.measured = append(r.measured, measured{what, data})
	}
}

// readBounded reads a file of ours.
func readBounded(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > reportLimit {
		return nil, fmt.Errorf("the report is larger than %d MiB", reportLimit>>20)
	}
	return os.ReadFile(file)
}
