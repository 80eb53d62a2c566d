package main

import (
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
	for i := range all.NumField() {
		f := all.Field(i)
		if _, command := f.Tag.Lookup("cmd"); !command {
			continue
		}
		name := strings.ToLower(f.Name)
		part := grammar([]string{name, "--help"})
		if n := reflect.TypeOf(part).Elem().NumField(); n != 2 {
			t.Errorf("%s: %d fields, want the command and --version", name, n)
		}
		if got, want := help(part, name, "--help"), help(new(cli), name, "--help"); got != want {
			t.Errorf("%s: %s\nwant %s", name, got, want)
		}
	}
	for _, args := range [][]string{nil, {"--version"}, {"--help"}, {"rnu"}, {"--json", "run"}} {
		if _, whole := grammar(args).(*cli); !whole {
			t.Errorf("%q: not the whole grammar", args)
		}
	}
}
