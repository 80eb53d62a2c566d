package sast

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
	seen       map[[2]int]bool
}

// reached is a sink that a source reaches.
type reached struct {
	sink   hit
	source int32
}

// taint is where a rule's sources reach its sinks.
func (q *query) taint(r *compiled) []reached {
	sinks := make(map[int32][]hit)
	for _, h := range q.find(r.sinks) {
		if h.node >= 0 {
			sinks[h.node] = append(sinks[h.node], h)
		}
	}
	if len(sinks) == 0 {
		return nil
	}
	sources := q.nodes(r.sources)
	if len(sources) == 0 && len(r.sourceRaws) == 0 {
		return nil
	}
	w := &flow{
		t: q.m.t, sources: sources, sanitizers: q.nodes(r.sanitizers), sinks: sinks, sourceRaws: r.sourceRaws,
		env: map[string]int32{}, steps: maxSteps, seen: map[[2]int]bool{},
	}
	w.eval(0)
	if w.steps < 0 {
		q.m.steps = -1
	}
	return w.found
}

// nodes are those where a formula matches; nil: nowhere.
func (q *query) nodes(f *formula) map[int32]bool {
	if f == nil {
		return nil
	}
	found := make(map[int32]bool)
	for _, h := range q.find(f) {
		if h.node >= 0 {
			found[h.node] = true
		}
	}
	return found
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
	if key := [2]int{h.from, h.to}; !w.seen[key] {
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
