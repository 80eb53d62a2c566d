package sast

import (
	"context"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/syntax"
)

// statementKinds are the statements that hold no others but in a function of
// their own.
var statementKinds = []string{
	"expression_statement", "short_var_declaration", "assignment_statement", "var_declaration", "const_declaration", "return_statement",
	"defer_statement", "go_statement", "send_statement", // Go
	"raise_statement", "assert_statement", "delete_statement", // Python
	"lexical_declaration", "variable_declaration", "throw_statement", // JavaScript
	"let_declaration", // Rust
}

// statementsOf finds statements in a target's files, by line. It parses a file
// when it is first asked for.
func statementsOf(ctx context.Context, t *gates.Target, files *syntax.Files) statements {
	known := make(map[gates.Path][]int)
	return func(path gates.Path, line int) int {
		lines, ok := known[path]
		if !ok {
			if f := t.Tree.File(string(path)); f != nil {
				if parsed, err := files.Tree(ctx, t.Tree, *f); err == nil && parsed != nil {
					lines = statementLines(parsed)
				}
			}
			known[path] = lines
		}
		if line < 1 || line >= len(lines) {
			return 0
		}
		return lines[line]
	}
}

// statementLines is the number of the innermost statement at each line: behind
// its start, so that zero is none.
func statementLines(parsed *syntax.Tree) []int {
	lines := make([]int, parsed.Lines()+2)
	number := 0
	// Parents come before their children, who overwrite them.
	var walk func(n syntax.Node, depth int)
	walk = func(n syntax.Node, depth int) {
		if n.Is(statementKinds...) {
			number++
			first, last := n.Lines()
			for l := first; l <= last && l < len(lines); l++ {
				lines[l] = number
			}
		}
		if depth > maxDepth {
			return
		}
		for c := range n.Children() {
			walk(c, depth+1)
		}
	}
	walk(parsed.Root(), 0)
	return lines
}
