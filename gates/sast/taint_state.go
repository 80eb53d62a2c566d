package sast

import "strings"

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

// join makes what is bad in either of two states bad: the first is changed. Of
// two sources the one that comes first in the text counts.
func join(a, b map[string]int32) map[string]int32 {
	for k, v := range a {
		if _, ok := b[k]; !ok && v == clean {
			delete(a, k)
		}
	}
	for k, v := range b {
		old, ok := a[k]
		switch {
		case v == clean: // clean in b alone, or bad in a
		case !ok || old == clean || v < old:
			a[k] = v
		}
	}
	return a
}

// forget makes names clean that were compared with known values.
func (w *flow) forget(names []string) {
	for _, n := range names {
		w.set(n, clean)
		if strings.Contains(n, ".") {
			w.env[n] = clean
		}
	}
}
