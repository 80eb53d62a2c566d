package rollback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/internal/run"
)

// machine answers commands as a machine would, and remembers them.
type machine struct {
	healthyAfter int // starts; negative: never
	starts       int
	refuse       string // a command that says no
	missing      string // a command that is not there
	ran          []string
}

func (m *machine) Run(ctx context.Context, c run.Command) (run.Result, error) {
	line := strings.TrimPrefix(c.Name+" "+strings.Join(c.Args, " "), "sh -c ")
	m.ran = append(m.ran, line)
	word := strings.Fields(line)
	no := &run.ExitError{Name: c.Name, Exit: 1}
	switch {
	case ctx.Err() != nil:
		return run.Result{}, context.Cause(ctx)
	case m.missing != "" && strings.HasPrefix(line, m.missing):
		return run.Result{}, &run.ExitError{Name: c.Name, Exit: 127}
	case m.refuse != "" && strings.HasPrefix(line, m.refuse):
		return run.Result{}, no
	case word[0] == "hang":
		<-ctx.Done()
		return run.Result{}, fmt.Errorf("hang: %w", context.Cause(ctx))
	case slices.Contains(word, "restart"), slices.Contains(word, "start"):
		m.starts++
	case slices.Contains(word, "is-active"), word[0] == "curl":
		if m.healthyAfter < 0 || m.starts < m.healthyAfter {
			return run.Result{}, no
		}
	case word[0] == "journalctl":
		return run.Result{Stdout: run.Output{Bytes: []byte("out of memory\n")}}, nil
	}
	return run.Result{}, nil
}

func TestRecovery(t *testing.T) {
	tests := []struct {
		name    string
		m       machine
		v       Recovery
		verdict string
		tries   int
		ran     string // those that change something
		slept   time.Duration
		err     string
	}{
		{"well already", machine{}, Recovery{}, Healthy, 0, "", 0, ""},
		{"the first", machine{healthyAfter: 1}, Recovery{}, Back, 1, "systemctl restart web", 10 * time.Second, ""},
		{"the last", machine{healthyAfter: 3}, Recovery{}, Back, 3, "systemctl restart web, systemctl restart web, systemctl stop web, systemctl start web", 75 * time.Second, ""},
		{"none", machine{healthyAfter: -1}, Recovery{}, Down, 3, "systemctl restart web, systemctl restart web, systemctl stop web, systemctl start web", 75 * time.Second, ""},
		{"commands of the user's", machine{healthyAfter: -1}, Recovery{Health: "curl -f x", Restart: "restart it", Actions: []string{"clear", "reset"}}, Down, 3,
			"restart it, clear, restart it, reset, restart it", 70 * time.Second, ""},
		{"a restart that says no, and it is well all the same", machine{healthyAfter: 1, refuse: "clear"}, Recovery{Health: "curl -f x", Actions: []string{"clear"}}, Back, 1, "systemctl restart web", 10 * time.Second, ""},
		{"a restart that says no", machine{healthyAfter: 1, refuse: "systemctl restart"}, Recovery{Attempts: 2}, Back, 2, "systemctl restart web, systemctl stop web, systemctl start web", 35 * time.Second, ""},
		{"a check that hangs", machine{}, Recovery{Health: "hang", Timeout: time.Millisecond, Attempts: 1}, Down, 1, "systemctl restart web", 10 * time.Second, ""},
		{"no such check", machine{missing: "curl"}, Recovery{Health: "curl -f x"}, NotChecked, 0, "", 0, "exit status 127"},
		{"no such restart", machine{missing: "again", healthyAfter: 9}, Recovery{Restart: "again"}, NotChecked, 0, "again", 0, "attempt 1: restart: sh: exit status 127; whether it is well is not known"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v, slept, logs := test.v, time.Duration(0), ""
			v.Service, v.Wait, v.Each = "web", 10*time.Second, func(Op) {}
			v.Attempts, v.Timeout = cmp.Or(v.Attempts, 3), cmp.Or(v.Timeout, time.Minute)
			v.Sleep = func(ctx context.Context, d time.Duration) error { slept += d; return ctx.Err() }
			if err := v.Valid(); err != nil {
				t.Fatal(err)
			}
			m := test.m
			out, err := v.Run(context.Background(), &m, ".", func(text string) { logs += text })
			if out.Verdict != test.verdict || len(out.Attempts) != test.tries {
				t.Errorf("got %+v", out)
			}
			if err == nil != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("got %v, want %q", err, test.err)
			}
			changed := slices.DeleteFunc(slices.Clone(m.ran), func(s string) bool {
				return strings.Contains(s, "is-active") || strings.Contains(s, "curl") || strings.Contains(s, "journalctl") || s == "hang"
			})
			if got := strings.Join(changed, ", "); got != test.ran || slept != test.slept {
				t.Errorf("ran %s\nwant %s; slept %s", got, test.ran, slept)
			}
			unwell := 0 // attempts after which it was not well
			for _, a := range out.Attempts {
				if !a.Healthy && v.Restart == "" {
					unwell++
				}
			}
			if got := strings.Count(logs, "out of memory"); got != unwell {
				t.Errorf("the logs were shown %d times, want %d", got, unwell)
			}
		})
	}
}

func TestRecoveryInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	m := &machine{healthyAfter: 2}
	v := Recovery{Service: "web", Attempts: 3, Wait: time.Second, Timeout: time.Minute, Each: func(Op) {}, Sleep: func(ctx context.Context, _ time.Duration) error {
		cancel()
		return ctx.Err()
	}}
	out, err := v.Run(ctx, m, ".", func(string) {})
	if !errors.Is(err, context.Canceled) || out.Verdict != NotChecked || m.starts != 1 {
		t.Errorf("got %+v, %v after %d", out, err, m.starts)
	}
}

func TestRecoveryValid(t *testing.T) {
	good := Recovery{Service: "web", Attempts: 3, Wait: time.Second, Timeout: time.Second}
	for _, spoil := range []func(*Recovery){
		func(v *Recovery) { v.Service = "--all" },
		func(v *Recovery) { v.Service = "a b" },
		func(v *Recovery) { v.Attempts = 0 },
		func(v *Recovery) { v.Attempts = 11 },
		func(v *Recovery) { v.Actions = []string{"a", "b", "c"} },
		func(v *Recovery) { v.Wait = -1 },
		func(v *Recovery) { v.Timeout = 0 },
	} {
		v := good
		spoil(&v)
		if err := v.Valid(); !errors.As(err, new(*UsageError)) {
			t.Errorf("%+v: got %v", v, err)
		}
	}
}
