package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	setup "github.com/wf-ci/wf-ci/workflow/project"
)

var commandSpan = regexp.MustCompile("(?:`|\\n    - |# |, )(wf-ci [a-z][^`,\n]*)")

// Every command that a file of init names is there.
func TestInitNamesCommands(t *testing.T) {
	parser, err := kong.New(new(cli), kong.Vars{"version": ""})
	if err != nil {
		t.Fatal(err)
	}
	files, err := setup.Plan(setup.Input{Name: "x", Branch: "main", Agents: setup.Agents(), Schema: "y"})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range files {
		for _, m := range commandSpan.FindAllStringSubmatch(f.Text, -1) {
			n++
			if rest := unknownCommand(parser.Model.Node, strings.Fields(m[1])[1:]); rest != "" {
				t.Errorf("%s: %s: there is no %s", f.Path, m[1], rest)
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d commands were found", n)
	}
	if unknownCommand(parser.Model.Node, []string{"local", "stop"}) == "" {
		t.Error("wf-ci local stop is taken for a command")
	}
}

// unknownCommand is the first word that should name a command of a group and
// does not.
func unknownCommand(node *kong.Node, words []string) string {
	for _, word := range words {
		if len(node.Children) == 0 || !regexp.MustCompile(`^[a-z]`).MatchString(word) {
			return ""
		}
		var next *kong.Node
		for _, child := range node.Children {
			if child.Name == word {
				next = child
			}
		}
		if next == nil {
			return word
		}
		node = next
	}
	return ""
}
