package git

// diff lists what differs between two trees, as `diff-tree -r --raw
// --no-renames` does; an empty old is a tree without entries. Submodules are no
// files: one that takes a file's place deletes it.
func (o *objects) diff(old, now string, add func(Changed)) bool {
	return o.diffBelow("", old, now, 0, add)
}

func (o *objects) diffBelow(prefix, old, now string, depth int, add func(Changed)) bool {
	a, ok := o.entries(old)
	if !ok || depth > maxDepth {
		return false
	}
	b, ok := o.entries(now)
	if !ok {
		return false
	}
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].before(&b[0]):
			ok = o.oneSide(prefix, &a[0], nil, depth, add)
			a = a[1:]
		case len(a) == 0 || b[0].before(&a[0]):
			ok = o.oneSide(prefix, nil, &b[0], depth, add)
			b = b[1:]
		default: // the same name, both folders or both not
			ok = o.both(prefix, &a[0], &b[0], depth, add)
			a, b = a[1:], b[1:]
		}
		if !ok {
			return false
		}
	}
	return true
}

func (o *objects) entries(tree string) ([]treeEntry, bool) {
	if tree == "" {
		return nil, true
	}
	return o.tree(tree)
}

// oneSide is an entry that the other tree has not: a is gone, or b is new.
func (o *objects) oneSide(prefix string, a, b *treeEntry, depth int, add func(Changed)) bool {
	if b == nil {
		if a.mode.is(folder) {
			return o.diffBelow(prefix+a.name+"/", a.oid(), "", depth+1, add)
		}
		if !a.mode.is(submodule) {
			add(Changed{File: File{Path: prefix + a.name}, Status: 'D', Old: []string{a.oid()}})
		}
		return true
	}
	if b.mode.is(folder) {
		return o.diffBelow(prefix+b.name+"/", "", b.oid(), depth+1, add)
	}
	if !b.mode.is(submodule) {
		add(Changed{File: File{Path: prefix + b.name, OID: b.oid()}, Status: 'A', Old: []string{""}})
	}
	return true
}

// both are two entries of one name.
func (o *objects) both(prefix string, a, b *treeEntry, depth int, add func(Changed)) bool {
	switch {
	case a.id == b.id && a.mode == b.mode:
		return true
	case a.mode.is(folder):
		return o.diffBelow(prefix+a.name+"/", a.oid(), b.oid(), depth+1, add)
	case a.mode.is(submodule):
		return o.oneSide(prefix, nil, b, depth, add)
	case b.mode.is(submodule):
		return o.oneSide(prefix, a, nil, depth, add)
	}
	status := byte('M')
	if a.mode&typeBits != b.mode&typeBits {
		status = 'T'
	}
	add(Changed{File: File{Path: prefix + b.name, OID: b.oid()}, Status: status, Old: []string{a.oid()}})
	return true
}
