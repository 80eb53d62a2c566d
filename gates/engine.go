package gates

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/wf-ci/wf-ci/internal/run"
)

// EngineFunc is a part of this program that runs in a process of its own: it loads
// whole programs, starts tools that inherit our environment, or ends the
// process when it does not like its input. There it has a clean environment,
// and it ends whole, with all that it started, when its gate's time is up.
//
// It works in dir, reads a request and gives a reply; both are JSON. An error is
// told to the gate as it is.
type EngineFunc func(ctx context.Context, dir string, request json.RawMessage) (reply any, err error)

// ErrNoEngine says that a target knows no way to start an engine.
var ErrNoEngine = errors.New("this program cannot start its engines here")

// replyLimit is the most that an engine may answer, in bytes.
const replyLimit = 256 << 20

// answer is what an engine writes.
type answer struct {
	Reply json.RawMessage `json:"reply,omitempty"`
	Error string          `json:"error,omitempty"`
}

// EngineCall is one request to an engine.
type EngineCall struct {
	Name string   // of the engine. Required.
	Dir  string   // where it works, absolute. Empty: Target.Dir.
	Env  []string // "KEY=value", added to the clean environment
}

// RunEngine runs one of the program's engines and reads its reply. An engine that
// crashed, or ended without an answer, is an error.
func (t *Target) RunEngine(ctx context.Context, c EngineCall, request, reply any) error {
	if len(t.Self) == 0 {
		return ErrNoEngine
	}
	in, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if c.Dir == "" {
		c.Dir = t.Dir
	}
	out := bounded{limit: replyLimit}
	_, err = t.Runner.Run(ctx, run.Command{
		Name: t.Self[0], Args: append(t.Self[1:len(t.Self):len(t.Self)], c.Name), Dir: c.Dir, Env: c.Env,
		Stdin: bytes.NewReader(in), Stdout: &out, Contain: true,
	})
	var exit *run.ExitError
	if errors.As(err, &exit) {
		if strings.Contains(exit.Stderr, "goroutine ") || strings.Contains(exit.Stderr, "+0x") || exit.Stderr == "" {
			return fmt.Errorf("the engine %s crashed (status %d)", c.Name, exit.Exit) // a stack differs from run to run
		}
		return fmt.Errorf("the engine %s broke off (status %d): %s", c.Name, exit.Exit, exit.Stderr)
	}
	if err != nil {
		return fmt.Errorf("engine %s: %w", c.Name, err)
	}
	var a answer
	if out.over {
		return fmt.Errorf("the engine %s answered more than %d MiB", c.Name, replyLimit>>20)
	}
	if err := json.Unmarshal(out.Bytes(), &a); err != nil {
		return fmt.Errorf("the engine %s gave no answer: %w", c.Name, err)
	}
	if a.Error != "" {
		return errors.New(a.Error)
	}
	return json.Unmarshal(a.Reply, reply)
}

// ServeEngine is the other end of [Target.RunEngine]: it reads a request and
// writes the answer. Its error is that of the streams; the engine's own is in
// the answer.
func ServeEngine(ctx context.Context, e EngineFunc, dir string, in io.Reader, out io.Writer) error {
	request, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	var a answer
	reply, err := e(ctx, dir, request)
	if err == nil {
		a.Reply, err = json.Marshal(reply)
	}
	if err != nil {
		a = answer{Error: err.Error()}
	}
	data, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = out.Write(data)
	return err
}

// bounded keeps what is written up to a limit, and passes over the rest.
type bounded struct {
	bytes.Buffer
	limit int
	over  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		b.over = true
		return len(p), nil
	}
	return b.Buffer.Write(p)
}
