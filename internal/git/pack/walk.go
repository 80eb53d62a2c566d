package pack

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"
)

// Walk is a plan to read many blobs such that each is made of the one before
// it in its chain of deltas, which is read once.
type Walk struct {
	Limit int // bytes of a blob: those above are left to git
	// Hold is how many bytes of contents each goroutine may keep for what is
	// made of them.
	Hold int

	store *Store
	nodes []node
	roots []int32
	left  []int // blobs that are not in a pack, or that we cannot read
}

// node is an object on the way to a blob that is wanted.
type node struct {
	data        int64 // where the compressed bytes begin; until they are known, the object
	size        int32 // of what is inflated; negative: too large
	file        int32
	want        int32 // which of the blobs; negative: none, only made use of
	base        int32 // node; negative: a root
	child, next int32 // nodes that are made of it; negative: none
	weight      int32 // nodes below, and itself
}

const none = -1

// Plan makes the plan for blobs, each once. Their order is kept where the
// chains allow it.
func (s *Store) Plan(names []string) *Walk {
	w := &Walk{store: s, Limit: 32 << 20, Hold: 64 << 20}
	ids := make([]ID, 0, len(names))
	order := make([]int, 0, len(names))
	for i, name := range names {
		id, ok := ParseID(name)
		if !ok {
			w.left = append(w.left, i)
			continue
		}
		ids, order = append(ids, id), append(order, i)
	}
	byName := make([]int, len(ids))
	for i := range byName {
		byName[i] = i
	}
	slices.SortFunc(byName, func(a, b int) int { return slices.Compare(ids[a][:], ids[b][:]) })
	todo := make([]int, len(byName))
	sorted := make([]ID, len(byName))
	for i, k := range byName {
		todo[i], sorted[i] = order[k], ids[k]
	}
	for k := range s.packs {
		todo, sorted = w.locate(k, todo, sorted)
	}
	w.left = append(w.left, todo...)
	slices.Sort(w.left)
	w.link()
	return w
}

// locate plans those of the sorted objects that are in one pack, and gives the
// others.
func (w *Walk) locate(k int, todo []int, ids []ID) ([]int, []ID) {
	start := len(w.nodes)
	f := w.store.packs[k]
	at := make(map[int64]int32)
	here := make([]bool, len(ids))
	add := func(offset int64, want int32) int32 {
		id := int32(len(w.nodes))
		at[offset] = id
		w.nodes = append(w.nodes, node{data: offset, file: int32(k), want: want, base: none, child: none, next: none, weight: 1})
		return id
	}
	err := f.find(ids, func(i int, offset int64) {
		here[i] = true
		add(offset, int32(todo[i]))
	})
	for from := start; err == nil && from < len(w.nodes); {
		to := len(w.nodes)
		err = w.headers(f, from, to, func(base int64) int32 {
			id, ok := at[base]
			if !ok {
				id = add(base, none)
			}
			return id
		})
		from = to // the bases that were found there
	}
	if err != nil { // nothing of this pack, then
		w.nodes = w.nodes[:start]
		return todo, ids
	}
	var restTodo []int
	var restIDs []ID
	for i, is := range here {
		if !is {
			restTodo, restIDs = append(restTodo, todo[i]), append(restIDs, ids[i])
		}
	}
	return restTodo, restIDs
}

// headers finds the bases of nodes, in the order of the file.
func (w *Walk) headers(f *file, from, to int, node func(offset int64) int32) error {
	order := make([]int32, 0, to-from)
	for i := from; i < to; i++ {
		order = append(order, int32(i))
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(w.nodes[a].data, w.nodes[b].data) })
	window := window{file: f}
	for _, i := range order {
		e, err := window.entry(w.nodes[i].data)
		if err != nil {
			return err
		}
		base := int32(none)
		if e.kind == offsetDelta {
			base = node(e.base)
		}
		n := &w.nodes[i]
		n.base, n.data, n.size = base, e.data, int32(min(e.size, math.MaxInt32))
		if e.kind != offsetDelta && e.kind != blobKind {
			n.size = -1
		}
	}
	return nil
}

// window reads headers of a pack in ascending order.
type window struct {
	*file
	buffer [64 << 10]byte
	start  int64
	n      int
}

func (w *window) entry(offset int64) (entry, error) {
	if offset < w.start || offset+entryHeader > w.start+int64(w.n) {
		n := min(int64(len(w.buffer)), w.size-packTrailer-offset)
		if n <= 0 {
			return entry{}, errCorrupt
		}
		if _, err := w.pack.ReadAt(w.buffer[:n], offset); err != nil {
			return entry{}, err
		}
		w.start, w.n = offset, int(n)
	}
	return w.named(parseEntry(w.buffer[offset-w.start:w.n], offset))
}

// link finds roots, children and weights. A base stands before what is made of
// it in the pack, or is named: there a circle would have no root, and is left.
func (w *Walk) link() {
	first := make([]int32, len(w.nodes)) // blob that is wanted and nearest to the start, below
	for i := range w.nodes {
		n := &w.nodes[i]
		first[i] = n.want
		if n.base == none {
			w.roots = append(w.roots, int32(i))
			continue
		}
		base := &w.nodes[n.base]
		n.next, base.child = base.child, int32(i)
	}
	w.weigh(first)
	slices.SortFunc(w.roots, func(a, b int32) int { return cmp.Compare(first[a], first[b]) })
}

// weigh counts what is below each node, and puts the lightest child first: what
// is kept for the others is little then.
func (w *Walk) weigh(first []int32) {
	var order []int32 // parents before children
	order = append(order, w.roots...)
	for i := 0; i < len(order); i++ {
		for c := w.nodes[order[i]].child; c != none; c = w.nodes[c].next {
			order = append(order, c)
		}
	}
	if len(order) < len(w.nodes) {
		w.leaveCircles(order)
	}
	for _, i := range slices.Backward(order) {
		n := &w.nodes[i]
		n.child = w.sorted(n.child)
		if n.base == none {
			continue
		}
		w.nodes[n.base].weight += n.weight
		if b := &first[n.base]; *b == none || first[i] != none && first[i] < *b {
			*b = first[i]
		}
	}
}

func (w *Walk) sorted(child int32) int32 {
	if child == none || w.nodes[child].next == none {
		return child
	}
	var all []int32
	for c := child; c != none; c = w.nodes[c].next {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b int32) int {
		return cmp.Or(cmp.Compare(w.nodes[a].weight, w.nodes[b].weight), cmp.Compare(a, b))
	})
	for i, c := range all {
		w.nodes[c].next = none
		if i+1 < len(all) {
			w.nodes[c].next = all[i+1]
		}
	}
	return all[0]
}

func (w *Walk) leaveCircles(reached []int32) {
	seen := make([]bool, len(w.nodes))
	for _, i := range reached {
		seen[i] = true
	}
	for i, is := range seen {
		if n := w.nodes[i]; !is && n.want != none {
			w.left = append(w.left, int(n.want))
		}
	}
	slices.Sort(w.left)
}

// Parts are the roots in about so many parts of one weight, each in its order.
func (w *Walk) Parts(n int) [][]int32 {
	total := int64(0)
	for _, r := range w.roots {
		total += int64(w.nodes[r].weight)
	}
	var parts [][]int32
	size, have := total/int64(n)+1, int64(0)
	for _, r := range w.roots {
		if len(parts) == 0 || have >= size {
			parts, have = append(parts, nil), 0
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], r)
		have += int64(w.nodes[r].weight)
	}
	return parts
}

// Left are the blobs that are not in packs; more may come of reading.
func (w *Walk) Left() []int { return w.left }

// Visit is told of a blob. From is what it gave for the nearest blob that this
// one is made of; nil: of none. Edits are against that blob; nil: not known.
type Visit[T any] func(blob int, text string, from *T, edits Edits) (T, error)

// Read calls visit with each blob below some roots. It gives the blobs that
// could not be read, or that were too large. It ends at the first error, which
// is visit's.
func Read[T any](w *Walk, roots []int32, visit Visit[T]) (left []int, err error) {
	b := w.store.take()
	defer w.store.put(b)
	r := reader[T]{Walk: w, buffers: b, visit: visit, edits: Edits{}}
	for _, root := range roots {
		if err := r.tree(root); err != nil {
			return nil, err
		}
	}
	return r.left, nil
}

type reader[T any] struct {
	*Walk
	*buffers
	visit Visit[T]
	edits Edits
	held  int
	stack []*made[T]
	left  []int
}

// made is a content that others are made of.
type made[T any] struct {
	text string
	from *T    // what visit gave for it, or for the nearest before
	own  bool  // for it
	next int32 // child
}

// tree reads a root and all that is made of it. A content is kept as long as
// there are children to come.
func (r *reader[T]) tree(root int32) error {
	r.held, r.stack = 0, r.stack[:0]
	if err := r.node(root, nil); err != nil {
		return err
	}
	for len(r.stack) > 0 {
		top := r.stack[len(r.stack)-1]
		child := top.next
		if top.next = r.nodes[child].next; top.next == none {
			r.stack = r.stack[:len(r.stack)-1]
			r.held -= len(top.text)
		}
		if err := r.node(child, top); err != nil {
			return err
		}
	}
	return nil
}

// node reads one object; base is what it is made of, nil: it is a root.
func (r *reader[T]) node(i int32, base *made[T]) error {
	n := &r.nodes[i]
	text, ok := r.text(n, base)
	if !ok || n.child != none && r.held+len(text) > r.Hold {
		r.leave(i, ok)
		if !ok {
			return nil
		}
	}
	m := &made[T]{text: text, next: n.child}
	if base != nil {
		m.from = base.from
	}
	if n.want != none {
		var edits Edits
		if base != nil && base.own {
			edits = r.edits
		}
		state, err := r.visit(int(n.want), text, m.from, edits)
		if err != nil {
			return err
		}
		m.from, m.own = &state, true
	}
	if n.child != none && r.held+len(text) <= r.Hold {
		r.stack = append(r.stack, m)
		r.held += len(text)
	}
	return nil
}

func (r *reader[T]) text(n *node, base *made[T]) (string, bool) {
	if n.size < 0 || int(n.size) > r.Limit {
		return "", false
	}
	raw, err := r.inflated(r.store.packs[n.file], n.data, int(n.size))
	if err != nil {
		return "", false
	}
	if base == nil {
		return string(raw), true
	}
	text, edits, err := apply(base.text, raw, r.Limit, r.edits[:0])
	r.edits = edits
	return text, err == nil
}

// leave gives up what is made of an object, and maybe itself.
func (r *reader[T]) leave(i int32, but bool) {
	todo := []int32{i}
	for len(todo) > 0 {
		k := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		n := &r.nodes[k]
		if n.want != none && !(but && k == i) {
			r.left = append(r.left, int(n.want))
		}
		for c := n.child; c != none; c = r.nodes[c].next {
			todo = append(todo, c)
		}
	}
}

// Each is Read for all roots from several goroutines at once. Visitor makes
// visit for one goroutine.
func Each[T any](w *Walk, jobs int, visitor func() (visit Visit[T], done func())) ([]int, error) {
	parts := w.Parts(4 * jobs)
	lefts := make([][]int, len(parts))
	errs := make([]error, len(parts))
	queue := make(chan int, len(parts))
	for i := range parts {
		queue <- i
	}
	close(queue)
	var wg sync.WaitGroup
	for range min(jobs, len(parts)) {
		wg.Go(func() {
			visit, done := visitor()
			defer done()
			for i := range queue {
				lefts[i], errs[i] = guarded(w, parts[i], visit)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return slices.Concat(append(lefts, w.left)...), nil
}

// guarded turns a panic, which would end the process, into an error.
func guarded[T any](w *Walk, roots []int32, visit Visit[T]) (left []int, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("crashed while reading packs: %v", p)
		}
	}()
	return Read(w, roots, visit)
}
