package main

import (
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// The parser is built for the command at hand. What it says of that command is
// what the whole grammar says.
func TestGrammarOfOneCommand(t *testing.T) {
	all := reflect.TypeFor[cli]()
	help := func(grammar any, args ...string) (text string) {
		var out strings.Builder
		parser, err := kong.New(grammar, kong.Name("wf-ci"), kong.Writers(&out, &out), kong.Exit(func(int) { panic(helpShown{}) }), kong.Vars{"version": "1"})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if _, text = recover().(helpShown), out.String(); text == "" {
				t.Errorf("%v: no help: %v", args, err)
			}
		}()
		_, err = parser.Parse(args)
		return ""
	}
	n := 0
	var walk func(group reflect.Type, path []string)
	walk = func(group reflect.Type, path []string) {
		for i := range group.NumField() {
			f := group.Field(i)
			if _, command := f.Tag.Lookup("cmd"); !command {
				continue
			}
			name := strings.ToLower(f.Name)
			if f.Name == "ProjectCosts" {
				name = "project-costs"
			}
			args := append(append([]string{}, path...), name, "--help")
			part := grammar(args)
			if n := reflect.TypeOf(part).Elem().NumField(); n != 2 {
				t.Errorf("%v: %d fields, want the command and --version", args, n)
			}
			if got, want := help(part, args...), help(new(cli), args...); got != want {
				t.Errorf("%v: %s\nwant %s", args, got, want)
			}
			n++
			if f.Type.Kind() == reflect.Struct {
				walk(f.Type, args[:len(args)-1])
			}
		}
	}
	walk(all, nil)
	if n < 80 {
		t.Errorf("only %d commands", n)
	}
	for _, args := range [][]string{nil, {"--help"}, {"rnu"}, {"--json", "run"}} {
		if _, whole := grammar(args).(*cli); !whole {
			t.Errorf("%q: not the whole grammar", args)
		}
	}
	if n := reflect.TypeOf(grammar([]string{"--version"})).Elem().NumField(); n != 1 {
		t.Errorf("%d fields for the version alone", n)
	}
}

// A fault of our own is no verdict, and no wrong use either.
func TestPanicIsInconclusive(t *testing.T) {
	var errs strings.Builder
	status := program(t.Context(), environment{
		args: []string{"run"}, dir: t.TempDir(), getenv: func(string) string { return "" }, stdin: strings.NewReader(""), stdout: io.Discard, stderr: &errs,
		// no clock: the first question about the time panics
	})
	if status != exitInconclusive || !strings.Contains(errs.String(), "this is a fault of wf-ci") || !strings.Contains(errs.String(), "judge.go") {
		t.Errorf("status %d\n%s", status, errs.String())
	}
}
