package git

import (
	"encoding/hex"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git/pack"
)

// objects reads commits and trees from the store, without git. Whatever it
// cannot read, or would not read as git does, it leaves to git: then ok is
// false.
type objects struct {
	store *pack.Store
	trees map[string]string // some that were read: who reads one asks for it again
	held  int               // bytes of them
	read  map[string]header // commits that were read
}

// header is what a commit names.
type header struct {
	tree    string
	parents []string
}

const (
	maxCommit = 16 << 20 // bytes of a commit's text
	maxTree   = 64 << 20 // and of a tree's
	maxHeld   = 32 << 20
	maxDepth  = 2048 // folders in each other, as git allows
)

// mostRead is how many commits are kept: a parent is the next that is asked for.
const mostRead = 10_000

// commit is the tree and the parents that a commit names.
func (o *objects) commit(id string) (tree string, parents []string, ok bool) {
	if h, ok := o.read[id]; ok {
		return h.tree, h.parents, true
	}
	tree, parents, ok = o.readCommit(id)
	if ok {
		if o.read == nil || len(o.read) >= mostRead {
			o.read = make(map[string]header)
		}
		o.read[id] = header{tree, parents}
	}
	return tree, parents, ok
}

func (o *objects) readCommit(id string) (tree string, parents []string, ok bool) {
	text, ok := o.store.Object(id, pack.Commit, maxCommit)
	if !ok {
		return "", nil, false
	}
	line, rest, _ := strings.Cut(text, "\n")
	if tree, ok = strings.CutPrefix(line, "tree "); !ok || !IsID(tree) {
		return "", nil, false
	}
	for {
		line, rest, _ = strings.Cut(rest, "\n")
		parent, is := strings.CutPrefix(line, "parent ")
		if !is {
			return tree, parents, true
		}
		if !IsID(parent) {
			return "", nil, false
		}
		parents = append(parents, parent)
	}
}

// treeEntry is one line of a tree.
type treeEntry struct {
	mode mode
	name string
	id   string // 20 bytes
}

// mode is what a tree says of a path.
type mode uint32

const (
	typeBits    mode = 0o170000
	folder      mode = 0o040000
	submodule   mode = 0o160000
	link        mode = 0o120000
	regularFile mode = 0o100000
)

func (m mode) is(t mode) bool { return m&typeBits == t }

func (m mode) kind() Kind {
	switch {
	case m.is(link):
		return Symlink
	case m == 0o100755:
		return Executable
	}
	return Regular
}

func (e *treeEntry) oid() string { return hex.EncodeToString([]byte(e.id)) }

// before says whether an entry stands before another in a tree: a folder's name
// is compared as if a slash followed it.
func (e *treeEntry) before(other *treeEntry) bool {
	n := min(len(e.name), len(other.name))
	if e.name[:n] != other.name[:n] {
		return e.name < other.name
	}
	return e.after(n) < other.after(n)
}

// after is the byte at n of the name, as it is compared.
func (e *treeEntry) after(n int) byte {
	switch {
	case n < len(e.name):
		return e.name[n]
	case e.mode.is(folder):
		return '/'
	}
	return 0
}

// tree reads a tree by its name, in hexadecimal digits.
func (o *objects) tree(id string) ([]treeEntry, bool) {
	text, held := o.trees[id]
	if !held {
		var ok bool
		if text, ok = o.store.Object(id, pack.Tree, maxTree); !ok {
			return nil, false
		}
		if o.held += len(text); o.trees == nil || o.held > maxHeld {
			o.trees, o.held = make(map[string]string), len(text)
		}
		o.trees[id] = text
	}
	return parseTreeObject(text)
}

// parseTreeObject reads "<mode> <name>\0<id>" entries. Those of a tree that no
// git would make are left to git: names with a slash, a wrong order.
func parseTreeObject(text string) ([]treeEntry, bool) {
	const size = 20
	entries := make([]treeEntry, 0, len(text)/40+1)
	for text != "" {
		space, nul := strings.IndexByte(text, ' '), strings.IndexByte(text, 0)
		if space <= 0 || space > 6 || nul <= space+1 || len(text) < nul+1+size {
			return nil, false
		}
		e := treeEntry{name: text[space+1 : nul], id: text[nul+1 : nul+1+size]}
		for _, c := range []byte(text[:space]) {
			if c < '0' || c > '7' {
				return nil, false
			}
			e.mode = e.mode<<3 | mode(c-'0')
		}
		if strings.IndexByte(e.name, '/') >= 0 || len(entries) > 0 && !entries[len(entries)-1].before(&e) {
			return nil, false
		}
		if !e.mode.is(folder) && !e.mode.is(submodule) && !e.mode.is(link) && !e.mode.is(regularFile) {
			return nil, false
		}
		entries = append(entries, e)
		text = text[nul+1+size:]
	}
	return entries, true
}

// files are all files of a tree with their sizes, and its submodules.
func (o *objects) files(tree string) ([]File, bool) {
	files, ok := o.below(nil, "", tree, 0)
	if !ok {
		return nil, false
	}
	oids := make([]string, 0, len(files))
	for _, f := range files {
		if f.Kind != gitlink {
			oids = append(oids, f.OID)
		}
	}
	sizes, ok := o.store.Sizes(oids)
	if !ok {
		return nil, false
	}
	for i := range files {
		if files[i].Kind != gitlink {
			files[i].Size, sizes = sizes[0], sizes[1:]
		}
	}
	return files, true
}

func (o *objects) below(files []File, prefix, tree string, depth int) ([]File, bool) {
	entries, ok := o.tree(tree)
	if !ok || depth > maxDepth {
		return nil, false
	}
	for i := range entries {
		e := &entries[i]
		switch {
		case e.mode.is(folder):
			if files, ok = o.below(files, prefix+e.name+"/", e.oid(), depth+1); !ok {
				return nil, false
			}
		case e.mode.is(submodule):
			files = append(files, File{Path: prefix + e.name, OID: e.oid(), Kind: gitlink})
		default:
			files = append(files, File{Path: prefix + e.name, OID: e.oid(), Kind: e.mode.kind()})
		}
	}
	return files, true
}

// find is the entry of a path in a tree; nil where it is not there.
func (o *objects) find(tree, path string) (*treeEntry, bool) {
	for {
		name, rest, deeper := strings.Cut(path, "/")
		entries, ok := o.tree(tree)
		if !ok {
			return nil, false
		}
		var found *treeEntry
		for i := range entries {
			if entries[i].name == name {
				found = &entries[i]
				break
			}
		}
		switch {
		case found == nil, deeper && !found.mode.is(folder):
			return nil, true
		case !deeper:
			return found, true
		}
		tree, path = found.oid(), rest
	}
}

// FileOf is a file that a commit has, read without git from a directory of
// objects; nil where it has none of that name. ok is false where git has to say.
func FileOf(objectDir, commit, path string, limit int) (data []byte, ok bool) {
	if !IsID(commit) {
		return nil, false
	}
	store := pack.Open(objectDir)
	defer store.Close()
	o := objects{store: store}
	e, ok := o.fileAt(commit, path)
	if !ok || e == nil {
		return nil, ok
	}
	text, ok := store.Blob(e.oid(), limit)
	return []byte(text), ok
}

// fileAt is the entry of a path in a commit's tree; nil where it is not there,
// or is no file.
func (o *objects) fileAt(commit, path string) (*treeEntry, bool) {
	tree, _, ok := o.commit(commit)
	if !ok {
		return nil, false
	}
	e, ok := o.find(tree, path)
	if e != nil && (e.mode.is(folder) || e.mode.is(submodule)) {
		return nil, ok
	}
	return e, ok
}
