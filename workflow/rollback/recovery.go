package rollback

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/run"
)

// Recovery brings a service back that does not answer.
type Recovery struct {
	Service  string
	Health   string        // shell command; empty: systemctl is-active
	Restart  string        // shell command; empty: systemctl restart, at last stop and start
	Actions  []string      // shell commands: the n-th before the restart of the attempt n+1
	Attempts int           // Required.
	Wait     time.Duration // after the first restart; twice as long after each other. Required.
	Timeout  time.Duration // of each command. Required.

	Sleep func(context.Context, time.Duration) error // Required.
	Each  func(Op)                                   // told before each step. Required.
}

// Attempt is one of them.
type Attempt struct {
	N       int    `json:"n"`
	Failed  string `json:"failed,omitempty"` // what of the steps did not work
	Healthy bool   `json:"healthy"`
	Detail  string `json:"detail,omitempty"` // what the health check said
}

// Recovered is what came of it.
type Recovered struct {
	Service  string    `json:"service"`
	Verdict  string    `json:"verdict"`
	Attempts []Attempt `json:"attempts"`
}

// Verdicts of a recovery.
const (
	Healthy    = "healthy"   // it was well, and nothing was done
	Back       = "recovered" // it is well again
	Down       = "failed"    // it is not, after all attempts
	NotChecked = Unknown     // nobody could look
)

func shellOp(name, command string) Op { return Op{Name: name, Argv: []string{"sh", "-c", command}} }

// Check is the step that says whether the service is well.
func (v Recovery) Check() Op {
	if v.Health != "" {
		return shellOp("health check", v.Health)
	}
	return Op{Name: "health check", Argv: []string{"systemctl", "is-active", "--quiet", v.Service}}
}

// settle is between a stop and a start.
const settle = 5 * time.Second

// Steps are those of an attempt, and how long to wait after them.
func (v Recovery) Steps(n int) ([]Op, time.Duration) {
	var ops []Op
	if k := n - 2; k >= 0 && k < len(v.Actions) {
		ops = append(ops, shellOp("recovery action", v.Actions[k]))
	}
	systemctl := func(verb string) Op { return Op{Name: verb, Argv: []string{"systemctl", verb, v.Service}} }
	switch {
	case v.Restart != "":
		ops = append(ops, shellOp("restart", v.Restart))
	case n == v.Attempts && n > 1:
		ops = append(ops, systemctl("stop"), systemctl("start"))
	default:
		ops = append(ops, systemctl("restart"))
	}
	for i := range ops {
		ops[i].stays = true
	}
	return ops, v.Wait << (n - 1)
}

// Logs is the step that shows the last errors; false: nobody knows where they are.
func (v Recovery) Logs() (Op, bool) {
	return Op{Name: "logs", Argv: []string{"journalctl", "--no-pager", "--lines=20", "--priority=warning", "--unit=" + v.Service}}, v.Restart == ""
}

// Valid says what is wrong with it.
func (v Recovery) Valid() error {
	if err := plainName("service", v.Service); err != nil {
		return err
	}
	switch {
	case v.Attempts < 1 || v.Attempts > 10:
		return usagef("--attempts %d: want 1 to 10", v.Attempts)
	case len(v.Actions) >= v.Attempts:
		return usagef("--action: %d of them, and only %d attempts after the first", len(v.Actions), v.Attempts-1)
	case v.Wait < 0 || v.Timeout <= 0:
		return usagef("--wait, --timeout: want more than zero")
	}
	return nil
}

// Run looks, and restarts the service until it is well or the attempts are used
// up. What decides is the last look, not how a restart ended.
func (v Recovery) Run(ctx context.Context, r Runner, dir string, logs func(text string)) (Recovered, error) {
	out := Recovered{Service: v.Service, Verdict: NotChecked, Attempts: []Attempt{}}
	healthy, _, err := v.look(ctx, r, dir)
	if err != nil || healthy {
		if err == nil {
			out.Verdict = Healthy
		}
		return out, err
	}
	for n := 1; n <= v.Attempts; n++ {
		a, err := v.attempt(ctx, r, dir, n)
		if err != nil {
			return out, fmt.Errorf("attempt %d: %w; whether it is well is not known", n, err)
		}
		out.Attempts = append(out.Attempts, a)
		if a.Healthy {
			out.Verdict = Back
			return out, nil
		}
		if op, ok := v.Logs(); ok {
			res, _ := v.do(ctx, r, dir, op) // they help; they decide nothing
			logs(string(res.Stdout.Bytes))
		}
	}
	out.Verdict = Down
	return out, nil
}

// attempt restarts, waits and looks. A restart that says no is part of the
// attempt; that it could not be tried at all is an error.
func (v Recovery) attempt(ctx context.Context, r Runner, dir string, n int) (Attempt, error) {
	a := Attempt{N: n}
	ops, wait := v.Steps(n)
	for i, op := range ops {
		if i > 0 && ops[i-1].Name == "stop" {
			if err := v.Sleep(ctx, settle); err != nil {
				return a, err
			}
		}
		_, err := v.do(ctx, r, dir, op)
		if err != nil && !saidNo(err) {
			return a, err
		}
		if err != nil {
			a.Failed = strings.TrimPrefix(a.Failed+"; "+err.Error(), "; ")
		}
	}
	if err := v.Sleep(ctx, wait); err != nil {
		return a, err
	}
	var err error
	a.Healthy, a.Detail, err = v.look(ctx, r, dir)
	return a, err
}

// look asks whether the service is well; detail says why not.
func (v Recovery) look(ctx context.Context, r Runner, dir string) (healthy bool, detail string, err error) {
	_, err = v.do(ctx, r, dir, v.Check())
	switch {
	case err == nil:
		return true, "", nil
	case saidNo(err):
		return false, err.Error(), nil
	}
	return false, "", err
}

// errSlow is a command that did not end in time.
var errSlow = errors.New("it did not end in time")

func (v Recovery) do(ctx context.Context, r Runner, dir string, op Op) (run.Result, error) {
	v.Each(op)
	limited, cancel := context.WithTimeoutCause(ctx, v.Timeout, errSlow)
	defer cancel()
	return op.Do(limited, r, dir)
}

// saidNo tells a command that ran and said no, or hung, from one that could not be
// run: the shell's statuses for that are 126 and 127.
func saidNo(err error) bool {
	var exit *run.ExitError
	if errors.As(err, &exit) {
		return exit.Exit != 126 && exit.Exit != 127
	}
	return errors.Is(err, errSlow)
}
