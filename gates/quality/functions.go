package quality

import (
	"github.com/wf-ci/wf-ci/gates/syntax"
)

// function is a function of a source and its cyclomatic complexity.
type function struct {
	node       syntax.Node
	complexity int
}

// grammar says, for a language, what a function is and what a decision.
type grammar struct {
	// starts says whether a node is a function of its own; inside says whether
	// it is inside of one. A function inside another is counted with the outer
	// one unless it starts its own.
	starts func(n syntax.Node, inside bool) bool
	// outside says where a part of a function counts that is not its own: with
	// what is around the function, or nowhere.
	outside func(n syntax.Node) place
	// decisions is how many the node adds; passOver, that what is below it
	// adds nothing.
	decisions func(n syntax.Node) (count int, passOver bool)
}

// place is where a node's decisions count.
type place uint8

const (
	withParent place = iota
	withOuter        // around the function that the parent is
	nowhere
)

var grammars = map[syntax.Language]grammar{
	syntax.Go:         {goStarts, nil, goDecisions},
	syntax.Python:     {pythonStarts, pythonOutside, pythonDecisions},
	syntax.JavaScript: {scriptStarts, scriptOutside, scriptDecisions},
	syntax.TypeScript: {scriptStarts, scriptOutside, scriptDecisions},
	syntax.TSX:        {scriptStarts, scriptOutside, scriptDecisions},
	syntax.Rust:       {rustStarts, nil, rustDecisions},
}

// region is a stretch of nodes whose decisions count for one function.
type region struct {
	owner int // index; -1: none
	end   int // the first node behind it
}

// functions are the functions of a file with their complexity: 1, and 1 for
// each decision. They are in the order of the text.
func functions(tree *syntax.Tree) []function {
	g := grammars[tree.Language]
	var list []function
	stack := []region{{-1, tree.Len()}}
	tree.Root().Walk(func(n syntax.Node) bool {
		for n.Index() >= stack[len(stack)-1].end {
			stack = stack[:len(stack)-1]
		}
		if g.outside != nil {
			switch g.outside(n) {
			case withOuter:
				stack = append(stack, region{outer(stack), n.Index() + n.Size()})
			case nowhere:
				stack = append(stack, region{-1, n.Index() + n.Size()})
			}
		}
		if g.starts(n, stack[len(stack)-1].owner >= 0) {
			stack = append(stack, region{len(list), n.Index() + n.Size()})
			list = append(list, function{n, 1})
		}
		count, passOver := g.decisions(n)
		if owner := stack[len(stack)-1].owner; owner >= 0 {
			list[owner].complexity += count
		}
		return !passOver
	})
	return list
}

// outer is the owner of what is around the region on top.
func outer(stack []region) int {
	if len(stack) < 2 {
		return -1
	}
	return stack[len(stack)-2].owner
}

func one(yes bool) (int, bool) {
	if yes {
		return 1, false
	}
	return 0, false
}

// Go, as gocyclo counts: literals count with the function that they are in.
func goStarts(n syntax.Node, inside bool) bool {
	switch n.Kind() {
	case "function_declaration", "method_declaration":
		return true
	case "func_literal":
		return !inside
	}
	return false
}

func goDecisions(n syntax.Node) (int, bool) {
	switch n.Kind() {
	case "if_statement", "for_statement", "expression_case", "type_case", "communication_case":
		return 1, false
	case "binary_expression":
		return one(n.ChildByField("operator").Is("&&", "||"))
	}
	return 0, false
}

// Python, as radon counts: a function is its body, without decorators and
// defaults; what an assert asks is not looked at; the body of a class counts
// for no function.
func pythonStarts(n syntax.Node, _ bool) bool { return n.Named() && n.Kind() == "function_definition" }

func pythonOutside(n syntax.Node) place {
	switch n.Parent().Kind() {
	case "function_definition":
		if n.Field() != "body" {
			return nowhere
		}
	case "class_definition":
		return nowhere
	}
	return withParent
}

func pythonDecisions(n syntax.Node) (int, bool) {
	switch n.Kind() {
	case "if_statement", "elif_clause", "for_statement", "while_statement", "conditional_expression", "for_in_clause",
		"except_clause", "except_group_clause", "boolean_operator":
		return 1, false
	case "assert_statement":
		return 1, true
	case "if_clause": // of a comprehension; a case's guard belongs to the case
		return one(n.Parent().Kind() != "case_clause")
	case "else_clause":
		return one(n.Parent().Is("for_statement", "while_statement", "try_statement"))
	case "case_clause":
		return one(!catchAll(n))
	}
	return 0, false
}

// catchAll says whether a case takes whatever comes: `case _:`, `case x:`.
func catchAll(n syntax.Node) bool {
	pattern := n.NamedChild(0)
	if !pattern.Is("case_pattern") || n.ChildByField("guard").Exists() || n.NamedChild(1).Is("case_pattern") {
		return false
	}
	inner := pattern.Child(0)
	return inner.Is("_") || pattern.Leaf() && pattern.Text() == "_" ||
		inner.Is("dotted_name") && !inner.NamedChild(1).Exists() && inner.Text() == pattern.Text()
}

// JavaScript and TypeScript, as eslint counts: each function on its own, and
// initializers of fields and static blocks as functions too.
func scriptStarts(n syntax.Node, _ bool) bool {
	switch n.Kind() {
	case "function_declaration", "function_expression", "generator_function_declaration", "generator_function",
		"arrow_function", "method_definition", "class_static_block":
		return n.Named()
	}
	return initializer(n)
}

func initializer(n syntax.Node) bool {
	return n.Field() == "value" && n.Parent().Is("field_definition", "public_field_definition") &&
		!n.Is("arrow_function", "function_expression")
}

func scriptOutside(n syntax.Node) place {
	if n.Parent().Kind() == "method_definition" && (n.Field() == "name" || n.Kind() == "decorator") {
		return withOuter
	}
	return withParent
}

func scriptDecisions(n syntax.Node) (int, bool) {
	switch n.Kind() {
	case "if_statement", "ternary_expression", "for_statement", "for_in_statement", "while_statement", "do_statement",
		"catch_clause", "switch_case", "optional_chain", "assignment_pattern", "object_assignment_pattern":
		return one(n.Named())
	case "?.": // TypeScript: f?.(x)
		return one(n.Parent().Kind() != "optional_chain")
	case "required_parameter", "optional_parameter": // TypeScript's place for a default
		return one(n.ChildByField("value").Exists())
	case "binary_expression":
		return one(n.ChildByField("operator").Is("&&", "||", "??"))
	case "augmented_assignment_expression":
		return one(n.ChildByField("operator").Is("&&=", "||=", "??="))
	}
	return 0, false
}

// Rust: closures count with the function that they are in, as in Go.
func rustStarts(n syntax.Node, _ bool) bool { return n.Kind() == "function_item" }

func rustDecisions(n syntax.Node) (int, bool) {
	switch n.Kind() {
	case "if_expression", "for_expression", "while_expression", "loop_expression", "try_expression":
		return 1, false
	case "match_arm":
		return one(n.ChildByField("pattern").Text() != "_")
	case "match_pattern": // its guard
		return one(n.ChildByField("condition").Exists())
	case "let_declaration": // let … else
		return one(n.ChildByField("alternative").Exists())
	case "binary_expression":
		return one(n.ChildByField("operator").Is("&&", "||"))
	case "let_chain":
		count := 0
		for c := range n.Children() {
			if c.Kind() == "&&" {
				count++
			}
		}
		return count, false
	}
	return 0, false
}
