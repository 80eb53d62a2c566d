package sast

import (
	"maps"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// call goes through a call and says whether the value passes through it;
// arguments is the first bad one of its arguments.
func (w *flow) call(i int32) (value, arguments int32) {
	t := w.t
	f := t.firstChild(i, "function", "constructor")
	object, receiver, method := w.receiver(f)
	arguments = w.arguments(t.child(i, "arguments"), receiver, method)
	switch {
	case arguments != clean && object >= 0 && slices.Contains(fillMethods, method):
		w.set(t.source(object), arguments)
	case method == "" && f >= 0 && slices.Contains(intoCalls, t.source(f)):
		return arguments, arguments
	}
	switch {
	case receiver != clean && !slices.Contains(cleanMethods, method):
		return receiver, arguments
	case arguments != clean && w.passes(f, method):
		return arguments, arguments
	}
	return clean, arguments
}

// receiver goes through what is called: of a.b() the object a, what is known of
// it, and the method b; of f() there is no object (-1).
func (w *flow) receiver(f int32) (object, value int32, method string) {
	if !w.t.is(f, "member_expression", "attribute", "selector_expression", "field_expression") {
		w.eval(f)
		return -1, clean, ""
	}
	kids := w.t.children(f)
	object, method = kids[0], w.t.source(kids[len(kids)-1])
	if value = w.eval(f); value == clean {
		value = w.eval(object)
	}
	return object, value, method
}

// arguments goes through a list of arguments and gives the first bad one. A
// function among them is gone through with what the method hands to it.
func (w *flow) arguments(list, receiver int32, method string) int32 {
	t := w.t
	if list < 0 {
		return clean
	}
	if !t.is(list, "arguments", "argument_list") { // a template, a generator
		return w.eval(list)
	}
	handed, value := clean, clean
	if slices.Contains(eachMethods, method) {
		handed = receiver
	}
	for _, c := range t.children(list) {
		if t.is(c, "function", "closure_expression", "lambda", "func_literal") {
			w.function(c, handed)
		} else if v := w.eval(c); value == clean {
			value = v
		}
	}
	return value
}

// passes says whether a function returns its arguments in another form.
func (w *flow) passes(f int32, method string) bool {
	if slices.Contains(passingMethods, method) {
		return true
	}
	resolved, raw := w.t.dotted(f)
	if module, rest, ok := strings.Cut(resolved, goPath); ok {
		resolved = goPackage(module) + rest
	}
	if resolved == "" && !strings.Contains(raw, ".") {
		return false // the file's own function
	}
	return slices.Contains(passing, resolved) || slices.Contains(passing, raw)
}

// macro is a Rust macro: its tokens are names, and a format string may name
// variables. Its value is that of the first bad one.
func (w *flow) macro(i int32) int32 {
	t := w.t
	for j := i + 1; j < t.nodes[i].end; j++ {
		v := clean
		switch {
		case t.is(j, kindName, "self") && w.sources[j]:
			v = j
		case t.is(j, kindName, "self"):
			v = w.known(t.source(j))
		case t.is(j, kindString):
			v = w.formatted(t.value(j))
		}
		if v != clean {
			return v
		}
	}
	return clean
}

// formatted is the last bad variable that a format string names: {x} or {x:?}.
func (w *flow) formatted(format string) int32 {
	value := clean
	for _, part := range strings.Split(format, "{")[1:] {
		name, _, _ := strings.Cut(part, "}")
		name, _, _ = strings.Cut(name, ":")
		if v := w.known(name); v != clean {
			value = v
		}
	}
	return value
}

// function goes through a function where it stands: it sees the variables
// around it. first is the value of its first parameter.
func (w *flow) function(i, first int32) {
	t := w.t
	around := w.env
	w.env = maps.Clone(around)
	list := t.child(i, "parameters")
	var params []int32
	if list >= 0 {
		params = t.children(list)
	} else if p := t.child(i, "parameter"); p >= 0 {
		params = []int32{p}
	}
	for k, p := range params {
		value := clean
		if k == 0 {
			value = first
		}
		w.parameter(p, value)
	}
	for c := i + 1; c < t.nodes[i].end; c = t.nodes[c].end {
		if c != list && t.nodes[c].field != "parameter" && t.nodes[c].field != "name" {
			w.eval(c)
		}
	}
	w.env = around
}

// parameter gives a parameter its value; one that is a source itself is bad,
// unless the framework makes a number of it.
func (w *flow) parameter(p, value int32) {
	t := w.t
	w.bind(p, value)
	for j := p; j < t.nodes[p].end; j++ {
		if w.sources[j] && !numberType.Match(t.src[t.nodes[j].to:min(len(t.src), t.nodes[j].to+40)]) {
			w.bind(p, j)
		}
	}
}

// numberType is the annotation of a parameter that a framework makes a number of.
var numberType = lazyregexp.New(`^\s*:\s*(?:Annotated\[\s*)?(?:int|float|bool|Decimal|UUID|uuid\.UUID|date|datetime)\b`)
