package gates_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/gatestest"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

func TestMain(m *testing.M) {
	gatestest.Main(m, map[string]gates.EngineFunc{
		"echo": func(_ context.Context, dir string, request json.RawMessage) (any, error) {
			return map[string]any{"dir": dir, "request": request, "token": os.Getenv("GITHUB_TOKEN"), "extra": os.Getenv("EXTRA")}, nil
		},
		"wrong": func(context.Context, string, json.RawMessage) (any, error) { return nil, errors.New("a.go:1:2: no") },
		"exit": func(context.Context, string, json.RawMessage) (any, error) {
			fmt.Fprintln(os.Stderr, "log.Fatal said so")
			os.Exit(0)
			return nil, nil
		},
		"crash": func(context.Context, string, json.RawMessage) (any, error) { panic("boom") },
		"hang": func(ctx context.Context, _ string, _ json.RawMessage) (any, error) {
			time.Sleep(time.Minute)
			return nil, nil
		},
	})
}

func TestEngine(t *testing.T) {
	t.Setenv("GITHUB_TOKEN", "t")
	repo := gittest.New(t)
	repo.Write("a.txt", "a\n")
	target := gatestest.Target(t, repo, "")
	ctx := context.Background()

	var got struct {
		Dir, Token, Extra string
		Request           []int
	}
	if err := target.RunEngine(ctx, gates.EngineCall{Name: "echo", Env: []string{"EXTRA=x"}}, []int{1, 2}, &got); err != nil {
		t.Fatal(err)
	}
	if got.Dir != target.Dir || got.Token != "" || got.Extra != "x" || len(got.Request) != 2 {
		t.Errorf("got %+v", got)
	}
	for name, want := range map[string]string{
		"wrong": "a.go:1:2: no", "exit": "gave no answer", "crash": "the engine crash crashed (status 2)", "unknown": "broke off",
	} {
		err := target.RunEngine(ctx, gates.EngineCall{Name: name}, nil, &got)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if err := target.RunEngine(short, gates.EngineCall{Name: "hang"}, nil, &got); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("hang: error %v", err)
	}
	if d := time.Since(begun); d > 20*time.Second {
		t.Errorf("an engine that hangs held us for %s", d)
	}
	target.Self = nil
	if err := target.RunEngine(ctx, gates.EngineCall{Name: "echo"}, nil, &got); !errors.Is(err, gates.ErrNoEngine) {
		t.Errorf("error %v", err)
	}
}
