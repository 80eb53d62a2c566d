package sast

import (
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// clean is the taint of what comes from nowhere bad.
const clean int32 = -1

// flow follows values from sources to sinks, through one file. It goes through
// each function once (through loops twice), in the order of the text; what a
// function does with its arguments elsewhere is not known.
type flow struct {
	t          *tree
	sources    map[int32]bool
	sanitizers map[int32]bool
	sinks      map[int32][]hit
	sourceRaws map[string]bool // names like req.query, for `const {query} = req`
	env        map[string]int32
	steps      int
	found      []reached
	seen       map[[3]int]bool
}

// reached is a sink that a source reaches.
type reached struct {
	sink   hit
	source int32
}

// taint is where a rule's sources reach its sinks.
func (q *query) taint(r *compiled) []reached {
	w := &flow{
		t: q.m.t, sources: map[int32]bool{}, sanitizers: map[int32]bool{}, sinks: map[int32][]hit{},
		env: map[string]int32{}, steps: maxSteps, seen: map[[3]int]bool{}, sourceRaws: r.sourceRaws,
	}
	for _, h := range q.find(r.sinks) {
		if h.node >= 0 {
			w.sinks[h.node] = append(w.sinks[h.node], h)
		}
	}
	if len(w.sinks) == 0 {
		return nil
	}
	for _, h := range q.find(r.sources) {
		if h.node >= 0 {
			w.sources[h.node] = true
		}
	}
	if len(w.sources) == 0 && len(w.sourceRaws) == 0 {
		return nil
	}
	if r.sanitizers != nil {
		for _, h := range q.find(r.sanitizers) {
			if h.node >= 0 {
				w.sanitizers[h.node] = true
			}
		}
	}
	w.eval(0)
	if w.steps < 0 {
		q.m.steps = -1
	}
	return w.found
}

// eval goes through a node and says where its value comes from.
func (w *flow) eval(i int32) int32 {
	if i < 0 {
		return clean
	}
	if w.steps--; w.steps < 0 {
		return clean
	}
	value, arguments := w.value(i)
	switch {
	case w.sanitizers[i]:
		value = clean
	case w.sources[i]:
		if v, ok := w.env[w.t.source(i)]; !ok || v != clean { // unless it was checked
			value = i
		}
	}
	for _, h := range w.sinks[i] {
		from := value
		if !h.focused && w.t.is(i, "call_expression", "call", "new_expression", "macro_invocation") {
			from = arguments
		}
		if from != clean {
			w.report(h, from)
		}
	}
	return value
}

func (w *flow) report(h hit, source int32) {
	if h.focused {
		h.from, h.to = h.wholeFrom, h.wholeTo
	}
	key := [3]int{h.from, h.to, 0}
	if !w.seen[key] {
		w.seen[key] = true
		w.found = append(w.found, reached{h, source})
	}
}

// evalAll goes through what is below a node; the value is that of the first
// that has one.
func (w *flow) evalAll(i int32) int32 {
	value := clean
	for c := i + 1; c < w.t.nodes[i].end; c = w.t.nodes[c].end {
		if v := w.eval(c); value == clean {
			value = v
		}
	}
	return value
}

// value goes through a node; arguments is the first bad argument of a call.
func (w *flow) value(i int32) (value, arguments int32) {
	t := w.t
	n := &t.nodes[i]
	if isFunction(n.kind) {
		w.function(i, clean)
		return clean, clean
	}
	switch n.kind {
	case kindName, "this", "self":
		return w.known(t.source(i)), clean
	case kindString:
		return clean, clean
	case "member_expression", "attribute", "selector_expression", "field_expression":
		base := w.eval(t.first(i))
		if v, ok := w.env[t.source(i)]; ok {
			return v, clean
		}
		if v := w.known(t.source(i)); v != clean {
			return v, clean
		}
		last := t.children(i)
		if len(last) > 0 && slices.Contains(cleanMembers, t.source(last[len(last)-1])) {
			return clean, clean
		}
		return base, clean
	case "subscript_expression", "subscript", "index_expression":
		kids := t.children(i)
		base := clean
		for k, c := range kids {
			if v := w.eval(c); k == 0 {
				base = v
			}
		}
		if v := w.known(t.source(i)); v != clean {
			return v, clean
		}
		return base, clean
	case "call_expression", "call", "new_expression":
		return w.call(i)
	case "macro_invocation":
		v := w.macro(i)
		return v, v
	case "binary_expression", "binary_operator":
		v := w.evalAll(i)
		if op := t.child(i, "operator"); op >= 0 && !slices.Contains([]string{"+", "%", "||", "??", "&&", "|", "/"}, t.source(op)) {
			v = clean
		}
		return v, clean
	case "unary_expression":
		v := w.evalAll(i)
		for _, c := range t.children(i) {
			if !t.nodes[c].named && !slices.Contains([]string{"&", "*"}, t.nodes[c].kind) {
				v = clean
			}
		}
		return v, clean
	case "ternary_expression":
		return w.choose(t.child(i, "condition"), t.child(i, "consequence"), t.child(i, "alternative")), clean
	case "conditional_expression":
		if kids := t.children(i); len(kids) == 3 {
			return w.choose(kids[1], kids[0], kids[2]), clean
		}
		return w.evalAll(i), clean
	case "assignment_expression", "variable_declarator", "assignment", "short_var_declaration", "assignment_statement", "var_spec", "let_declaration",
		"augmented_assignment_expression", "augmented_assignment", "compound_assignment_expr", "const_spec", "named_expression":
		return w.assign(i), clean
	case "interpolated", "template_string", "interpolation", "concatenated_string", "array", "list", "tuple", "object", "dictionary", "pair", "set",
		"spread_element", "list_splat", "dictionary_splat", "await_expression", "await", "try_expression", "reference_expression", "expression_list",
		"pattern_list", "sequence_expression", "boolean_operator", "type_conversion_expression", "composite_literal", "literal_value", "keyed_element",
		"slice_expression", "type_assertion_expression", "type_cast_expression", "array_expression", "tuple_expression", "struct_expression",
		"field_initializer", "field_initializer_list", "keyword_argument", "jsx_expression", "string_content", "variadic_argument":
		return w.evalAll(i), clean
	case "list_comprehension", "generator_expression", "set_comprehension", "dictionary_comprehension":
		for _, c := range t.children(i)[1:] {
			w.eval(c)
		}
		return w.eval(t.first(i)), clean
	case "for_in_clause":
		w.bind(t.child(i, "left"), w.eval(t.child(i, "right")))
		return clean, clean
	case "for_in_statement", "for_statement", "for_expression", "while_statement", "while_expression", "loop_expression", "do_statement":
		w.loop(i)
		return clean, clean
	case "range_clause":
		v := w.eval(t.child(i, "right"))
		w.bind(t.child(i, "left"), v)
		return clean, clean
	case "with_item":
		return w.evalAll(i), clean
	case "as_pattern":
		kids := t.children(i)
		if len(kids) == 2 {
			v := w.eval(kids[0])
			w.bind(kids[1], v)
			return v, clean
		}
	case "if_statement", "if_expression":
		return w.branch(i), clean
	case "switch_statement", "expression_switch_statement", "type_switch_statement", "match_statement", "match_expression", "try_statement", "select_statement", "switch_body", "match_block":
		return w.branches(i), clean
	case "block", "statement_block":
		v := w.evalAll(i)
		if t.family == rust {
			return v, clean
		}
		return clean, clean
	}
	w.evalAll(i)
	return clean, clean
}

// cleanMembers are members that say something about a value, and are none.
var cleanMembers = []string{"length", "size", "byteLength"}

// known is the taint of a variable, or of what is in it.
func (w *flow) known(path string) int32 {
	for {
		if v, ok := w.env[path]; ok {
			return v
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut <= 0 {
			return clean
		}
		path = path[:cut]
	}
}

// bind gives the names of a pattern a value.
func (w *flow) bind(pattern, value int32) {
	if pattern < 0 {
		return
	}
	t := w.t
	switch t.nodes[pattern].kind {
	case kindName, "member_expression", "attribute", "selector_expression", "field_expression":
		w.set(t.source(pattern), value)
		return
	case "subscript_expression", "subscript", "index_expression":
		w.set(t.source(pattern), value)
		if base := t.first(pattern); value != clean && base >= 0 {
			w.set(t.source(base), value)
		}
		return
	}
	for i := pattern + 1; i < t.nodes[pattern].end; i++ {
		n := &t.nodes[i]
		if n.kind == kindName && n.field != "key" && n.field != "right" && n.field != "type" {
			w.set(t.source(i), value)
		}
	}
}

func (w *flow) set(path string, value int32) {
	if value == clean {
		delete(w.env, path)
		for k := range w.env {
			if strings.HasPrefix(k, path) && len(k) > len(path) && (k[len(path)] == '.' || k[len(path)] == '[') {
				delete(w.env, k)
			}
		}
		// a member of something bad that was made good
		if strings.ContainsAny(path, ".[") && w.known(path) != clean {
			w.env[path] = clean
		}
		return
	}
	w.env[path] = value
}

func (w *flow) assign(i int32) int32 {
	t := w.t
	kids := t.children(i)
	left := int32(-1)
	for _, f := range []string{"left", "name", "pattern"} {
		if left = t.child(i, f); left >= 0 {
			break
		}
	}
	right := t.child(i, "right")
	if right < 0 {
		right = t.child(i, "value")
	}
	if left < 0 || right < 0 {
		if len(kids) > 0 && t.is(i, "variable_declarator", "var_spec", "let_declaration") {
			w.bind(kids[0], clean)
		}
		return clean
	}
	value := w.eval(right)
	if t.is(left, "member_expression", "subscript_expression", "subscript", "attribute", "index_expression") {
		for _, c := range t.children(left) {
			w.eval(c)
		}
	}
	op := t.child(i, "operator")
	if strings.HasPrefix(t.nodes[i].kind, "augmented") || strings.HasPrefix(t.nodes[i].kind, "compound") || op >= 0 && t.source(op) == "+=" {
		if value == clean {
			value = w.known(t.source(left))
		}
		if value != clean {
			w.bind(left, value)
		}
		return value
	}
	if t.is(left, "object_pattern") && value == clean && len(w.sourceRaws) > 0 {
		w.destructure(left, right)
		return clean
	}
	ls, rs := t.children(left), t.children(right)
	if t.is(left, "expression_list", "pattern_list") && t.is(right, "expression_list", "tuple") && len(ls) == len(rs) {
		for k := range ls {
			w.bind(ls[k], w.eval(rs[k]))
		}
		return value
	}
	if t.family == golang && t.is(left, "expression_list") && value != clean {
		// a, err := f(): the error says something about the value, and is none
		for _, l := range ls {
			v := value
			if name := t.source(l); name == "err" || name == "ok" || name == "_" {
				v = clean
			}
			w.bind(l, v)
		}
		return value
	}
	w.bind(left, value)
	return value
}

// destructure is `const {query, body} = req` where req.query is a source.
func (w *flow) destructure(left, right int32) {
	t := w.t
	_, raw := t.dotted(right)
	for _, k := range t.children(left) {
		key, target := k, k
		if t.is(k, "pair_pattern") {
			key, target = t.child(k, "key"), t.child(k, "value")
		} else if t.is(k, "object_assignment_pattern") {
			key = t.first(k)
			target = key
		}
		value := clean
		if raw != "" && key >= 0 && w.sourceRaws[raw+"."+t.value(key)] {
			value = right
		}
		w.bind(target, value)
	}
}

// function goes through a function where it stands: it sees the variables
// around it. first is the value of its first parameter.
func (w *flow) function(i, first int32) {
	t := w.t
	around := w.env
	w.env = copyOf(around)
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
		w.bind(p, value)
		for j := p; j < t.nodes[p].end; j++ {
			if w.sources[j] && !numberType.Match(t.src[t.nodes[j].to:min(len(t.src), t.nodes[j].to+40)]) {
				w.bind(p, j)
			}
		}
	}
	for c := i + 1; c < t.nodes[i].end; c = t.nodes[c].end {
		if c != list && t.nodes[c].field != "parameter" && t.nodes[c].field != "name" {
			w.eval(c)
		}
	}
	w.env = around
}

// numberType is the annotation of a parameter that a framework makes a number of.
var numberType = lazyregexp.New(`^\s*:\s*(?:Annotated\[\s*)?(?:int|float|bool|Decimal|UUID|uuid\.UUID|date|datetime)\b`)

func copyOf(env map[string]int32) map[string]int32 {
	c := make(map[string]int32, len(env))
	for k, v := range env {
		c[k] = v
	}
	return c
}

// join makes what is bad in either of two states bad.
func join(a, b map[string]int32) map[string]int32 {
	for k, v := range a {
		if _, ok := b[k]; !ok && v == clean {
			delete(a, k)
		}
	}
	for k, v := range b {
		if old, ok := a[k]; !ok || old == clean || v != clean && v < old {
			if !ok && v == clean {
				continue
			}
			a[k] = v
		}
	}
	return a
}

func (w *flow) loop(i int32) {
	t := w.t
	entry := copyOf(w.env)
	for range 2 {
		left, right := t.child(i, "left"), t.child(i, "right")
		if left < 0 {
			left, right = t.child(i, "pattern"), t.child(i, "value")
		}
		var value int32 = clean
		if right >= 0 {
			value = w.eval(right)
		}
		if left >= 0 {
			w.bind(left, value)
		}
		for _, c := range t.children(i) {
			if c != left && c != right {
				w.eval(c)
			}
		}
	}
	w.env = join(w.env, entry)
}

// leaves says whether a branch ends by leaving what is around it.
func (w *flow) leaves(i int32) bool {
	t := w.t
	if i < 0 {
		return false
	}
	if t.is(i, "block", "statement_block") {
		kids := t.children(i)
		if len(kids) == 0 {
			return false
		}
		return w.leaves(kids[len(kids)-1])
	}
	switch t.nodes[i].kind {
	case "return_statement", "throw_statement", "raise_statement", "continue_statement", "break_statement", "return_expression", "continue_expression", "break_expression":
		return true
	case "expression_statement":
		inner := t.first(i)
		if t.is(inner, "return_expression", "continue_expression", "break_expression") {
			return true
		}
		if f := t.child(inner, "function"); inner >= 0 && f >= 0 {
			_, raw := t.dotted(f)
			return slices.Contains([]string{"abort", "flask.abort", "sys.exit", "process.exit", "panic", "os.Exit", "log.Fatal", "log.Fatalf"}, raw)
		}
	}
	return false
}

func (w *flow) branch(i int32) int32 {
	t := w.t
	cond, then, other := t.child(i, "condition"), t.child(i, "consequence"), t.child(i, "alternative")
	if init := t.child(i, "initializer"); init >= 0 {
		w.eval(init)
	}
	w.eval(cond)
	checked, negated := w.checked(cond)
	entry := copyOf(w.env)
	if !negated {
		w.forget(checked)
	}
	value := w.eval(then)
	after := w.env
	w.env = entry
	if negated && other >= 0 {
		w.forget(checked)
	}
	for _, c := range t.children(i) { // else, elif
		if t.nodes[c].field == "alternative" {
			if v := w.eval(c); value == clean {
				value = v
			}
		}
	}
	if !w.leaves(then) {
		w.env = join(w.env, after)
	} else if negated && other < 0 {
		w.forget(checked)
	}
	return value
}

// choose is a choice between two expressions.
func (w *flow) choose(cond, then, other int32) int32 {
	w.eval(cond)
	checked, negated := w.checked(cond)
	around := w.env
	w.env = copyOf(around)
	if !negated {
		w.forget(checked)
	}
	a := w.eval(then)
	w.env = copyOf(around)
	if negated {
		w.forget(checked)
	}
	b := w.eval(other)
	w.env = around
	return max(a, b)
}

// checks are functions and operators that compare a value with known ones.
var checks = []string{
	"includes", "has", "indexOf", "test", "hasOwnProperty", "hasOwn", "isInteger", "isInt", "isUUID", "isAlphanumeric", "isNumeric",
	"startswith", "startsWith", "isalnum", "isdigit", "isdecimal", "isnumeric", "isidentifier", "is_relative_to", "fullmatch", "HasPrefix", "Contains", "MatchString", "Match",
	"IsLocal", "contains", "contains_key", "starts_with", "is_match", "url_has_allowed_host_and_scheme", "is_safe_url",
}

// checked are the bad variables that a condition compares with known values.
func (w *flow) checked(cond int32) (names []string, negated bool) {
	t := w.t
	if cond < 0 {
		return nil, false
	}
	top := cond
	if t.is(top, "not_operator") || t.is(top, "unary_expression") && strings.HasPrefix(t.source(top), "!") {
		negated = true
	}
	for i := cond; i < t.nodes[cond].end; i++ {
		n := &t.nodes[i]
		isCheck := false
		switch n.kind {
		case "call_expression", "call":
			f := t.child(i, "function")
			name := t.source(f)
			if cut := strings.LastIndexAny(name, ".:"); cut >= 0 {
				name = name[cut+1:]
			}
			isCheck = slices.Contains(checks, name)
		case "comparison_operator":
			src := t.source(i)
			if strings.Contains(src, " not in ") {
				isCheck, negated = true, true
			} else {
				isCheck = strings.Contains(src, " in ")
			}
		case "binary_expression":
			if op := t.child(i, "operator"); op >= 0 && t.source(op) == "in" {
				isCheck = true
			}
			if op := t.child(i, "operator"); op >= 0 && (t.source(op) == "<" || t.source(op) == "===" || t.source(op) == "==") && strings.Contains(t.source(i), "indexOf") {
				isCheck, negated = true, true
			}
		case kindName:
			// `_, ok := allowed[x]; !ok` and `allowed[x]`
		case "subscript_expression", "index_expression":
			if i == cond || t.nodes[i].parent == cond {
				isCheck = true
			}
		}
		if !isCheck {
			continue
		}
		for j := i; j < n.end; j++ {
			if t.is(j, kindName, "member_expression", "attribute", "selector_expression") && t.nodes[j].field != "function" {
				if name := t.source(j); w.known(name) != clean || w.hasSource(j) {
					names = append(names, name)
					j = t.nodes[j].end - 1
				}
			}
		}
	}
	return names, negated
}

// hasSource says whether a part of an expression a.b.c is a source.
func (w *flow) hasSource(i int32) bool {
	for ; i >= 0; i = w.t.first(i) {
		if w.sources[i] {
			return true
		}
	}
	return false
}

func (w *flow) forget(names []string) {
	for _, n := range names {
		w.set(n, clean)
		if strings.Contains(n, ".") {
			w.env[n] = clean
		}
	}
}

// branches are those of a switch, a match or a try: each may be taken, or none.
func (w *flow) branches(i int32) int32 {
	t := w.t
	value := clean
	entry := w.env
	out := copyOf(entry)
	for _, c := range t.children(i) {
		switch {
		case t.isContainer(c) || t.is(c, "match_arm", "case_clause", "except_clause", "catch_clause", "finally_clause", "else_clause"):
			w.env = copyOf(entry)
			if t.is(c, "finally_clause") {
				w.env = copyOf(out)
			}
			if v := w.eval(c); value == clean {
				value = v
			}
			out = join(out, w.env)
			w.env = entry
		default:
			w.eval(c)
			out = join(out, w.env)
		}
	}
	w.env = out
	return value
}

// call goes through a call and says whether the value passes through it.
func (w *flow) call(i int32) (value, arguments int32) {
	t := w.t
	f := t.child(i, "function")
	if f < 0 {
		f = t.child(i, "constructor")
	}
	receiver, method := clean, ""
	object := int32(-1)
	if t.is(f, "member_expression", "attribute", "selector_expression", "field_expression") {
		kids := t.children(f)
		object, method = kids[0], t.source(kids[len(kids)-1])
		receiver = w.eval(f)
		if receiver == clean {
			receiver = w.eval(object)
		}
	} else {
		w.eval(f)
	}
	arguments = clean
	list := t.child(i, "arguments")
	if list >= 0 {
		if !t.is(list, "arguments", "argument_list") { // a template, a generator
			arguments = w.eval(list)
		} else {
			for _, c := range t.children(list) {
				if t.is(c, "function", "closure_expression", "lambda", "func_literal") {
					first := clean
					if slices.Contains(eachMethods, method) {
						first = receiver
					}
					w.function(c, first)
					continue
				}
				v := w.eval(c)
				if arguments == clean {
					arguments = v
				}
			}
		}
	}
	switch {
	case arguments != clean && slices.Contains(fillMethods, method) && object >= 0:
		w.set(t.source(object), arguments)
	case method == "" && f >= 0 && slices.Contains(intoCalls, t.source(f)):
		value = arguments
		return value, arguments
	}
	if receiver != clean && !slices.Contains(cleanMethods, method) {
		return receiver, arguments
	}
	if arguments != clean && w.passes(f, method) {
		return arguments, arguments
	}
	return clean, arguments
}

var (
	// eachMethods give their callback what they are called on.
	eachMethods = []string{"forEach", "map", "filter", "flatMap", "then", "some", "every", "find", "reduce", "and_then", "for_each"}
	// fillMethods put their arguments into what they are called on.
	fillMethods = []string{"push", "append", "extend", "add", "unshift", "insert", "WriteString", "push_str", "update"}
	intoCalls   = []string{"append"}
	// cleanMethods say something about a value, and do not return it.
	cleanMethods = []string{
		"includes", "indexOf", "lastIndexOf", "startsWith", "endsWith", "has", "test", "charCodeAt", "search", "some", "every", "localeCompare",
		"isdigit", "isalnum", "isalpha", "isnumeric", "isdecimal", "startswith", "endswith", "count", "index", "find_all",
		"is_empty", "len", "starts_with", "ends_with", "contains", "contains_key", "is_some", "is_none", "is_ok", "is_err",
		"Len", "IsZero", "push", "digest", "hexdigest", "is_file", "is_dir", "exists",
	}
	// passing functions return their arguments in another form.
	passing = []string{
		"String", "Object.assign", "Object.values", "Object.keys", "Object.entries", "Array.from", "JSON.parse", "JSON.stringify", "Buffer.from", "decodeURIComponent",
		"decodeURI", "unescape", "atob", "btoa", "path.join", "path.resolve", "path.normalize", "util.format", "URL", "Promise.resolve", "Array",
		"str", "bytes", "repr", "list", "tuple", "dict", "set", "sorted", "reversed", "iter", "next", "zip", "enumerate", "filter", "map", "format",
		"os.path.join", "os.path.abspath", "os.path.normpath", "os.path.realpath", "os.path.expanduser", "pathlib.Path", "urllib.parse.unquote",
		"urllib.parse.unquote_plus", "urllib.parse.urljoin", "json.loads", "json.dumps", "base64.b64decode", "base64.b64encode", "io.BytesIO", "io.StringIO",
		"copy.copy", "copy.deepcopy", "textwrap.dedent", "sqlalchemy.text",
		"fmt.Sprintf", "fmt.Sprint", "fmt.Sprintln", "strings.Join", "strings.Replace", "strings.ReplaceAll", "strings.TrimSpace", "strings.Trim", "strings.TrimPrefix",
		"strings.TrimSuffix", "strings.ToLower", "strings.ToUpper", "strings.Split", "strings.Fields", "strings.Title", "strings.NewReader", "bytes.NewReader",
		"bytes.NewBufferString", "filepath.Join", "filepath.Clean", "filepath.FromSlash", "filepath.Abs", "url.QueryUnescape", "url.PathUnescape", "string", "[]byte",
		"io.ReadAll", "ioutil.ReadAll", "errors.New", "fmt.Errorf", "bufio.NewReader", "append", "min", "max",
		"String.from", "String.from_utf8_lossy", "String.from_utf8", "std.path.Path.new", "Path.new", "PathBuf.from", "std.path.PathBuf.from", "Some", "Ok", "Box.new", "std.env.args",
		"std.str.from_utf8", "OsString.from", "Cow.from", "Into.into",
	}
	passingMethods = []string{"concat", "format", "join", "replace", "replaceAll", "join_with", "format_map", "unwrap_or", "or", "joinpath"}
)

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
// variables.
func (w *flow) macro(i int32) int32 {
	t := w.t
	value := clean
	for j := i + 1; j < t.nodes[i].end; j++ {
		v := clean
		switch {
		case t.is(j, kindName, "self"):
			v = w.known(t.source(j))
			if w.sources[j] {
				v = j
			}
		case t.is(j, kindString):
			for _, part := range strings.Split(t.value(j), "{")[1:] {
				name, _, _ := strings.Cut(part, "}")
				name, _, _ = strings.Cut(name, ":")
				if x := w.known(name); name != "" && x != clean {
					v = x
				}
			}
		}
		if value == clean {
			value = v
		}
	}
	return value
}
