package git

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/wf-ci/wf-ci/internal/git/pack"
	"github.com/wf-ci/wf-ci/internal/run"
)

// Kind is what a path in a tree is.
type Kind uint8

const (
	Regular Kind = iota
	Executable
	Symlink // its content is where it points to
	gitlink // a submodule: no file of a [Tree]
)

// File is one path of a tree. Submodules are not files.
type File struct {
	Path string // slashes; git's bytes
	OID  string // of the content
	Size int64  // bytes
	Kind Kind
}

// Tree is one state of all files, as git would commit it: tracked files and
// untracked ones that are not ignored. Content is read from the object store,
// never through the file system, so a symlink cannot lead out of it.
type Tree struct {
	ID    string // git tree id
	Dirty bool   // differs from HEAD
	Files []File // sorted by path
	// Submodules are the paths at which another repository's commit stands:
	// what is in it is no part of the tree. Sorted.
	Submodules []string

	repo      *Repo
	index     map[string]int
	indexFile string // that a snapshot was made of; empty: none
}

// Name is the tree in reports: HEAD's tree id, with "-dirty-" and the first
// digits of its own id where the work tree differs.
func (t *Tree) Name(headTree string) string {
	if !t.Dirty {
		return t.ID
	}
	if headTree == "" {
		headTree = emptyTree
	}
	return headTree + "-dirty-" + t.ID[:12]
}

// File finds a path; nil where it is not in the tree.
func (t *Tree) File(path string) *File {
	if i, ok := t.index[path]; ok {
		return &t.Files[i]
	}
	return nil
}

// Snapshot is the work tree as git would commit it now. Nothing in the
// repository is written: the index and the new objects live in the scratch
// directory. Untracked paths in except are left out: files that we write
// ourselves. The second result is HEAD's tree; empty before the first commit.
func (r *Repo) Snapshot(ctx context.Context, except ...string) (*Tree, string, error) {
	headTree, err := r.headTree(ctx)
	if err != nil {
		return nil, "", err
	}
	return r.snapshot(ctx, headTree, except)
}

func (r *Repo) snapshot(ctx context.Context, headTree string, except []string) (*Tree, string, error) {
	if err := r.useScratchObjects(ctx); err != nil {
		return nil, "", err
	}
	index := filepath.Join(r.scratch, "index")
	if err := r.copyIndex(ctx, index); err != nil {
		return nil, "", err
	}
	withIndex := func(args ...string) run.Command {
		c := r.command(r.Dir, append([]string{"-c", "core.compression=0"}, args...)...)
		c.Env = append(c.Env, "GIT_INDEX_FILE="+index)
		return c
	}
	all := []string{"--all", "--", ":/"}
	for _, path := range except {
		all = append(all, ":(top,exclude,literal)"+path)
	}
	err := add(func(args ...string) error {
		_, err := r.output(ctx, withIndex(args...))
		return err
	}, all)
	if err != nil {
		return nil, "", fmt.Errorf("read the work tree: %w", err)
	}
	id, err := r.indexTree(ctx, index, headTree, withIndex("write-tree"))
	if err != nil {
		return nil, "", fmt.Errorf("read the work tree: %w", err)
	}
	t, err := r.treeAt(ctx, id)
	if err != nil {
		return nil, "", err
	}
	t.Dirty, t.indexFile = t.ID != headTree, index
	return t, headTree, nil
}

// indexTree is the tree of an index: HEAD's where the index records that it is,
// as in a checkout that nobody changed, else the one that git writes.
func (r *Repo) indexTree(ctx context.Context, index, headTree string, write run.Command) (string, error) {
	if data, err := os.ReadFile(index); err == nil && len(headTree) == 40 {
		if id, ok := recordedTree(data); ok && id == headTree {
			return id, nil
		}
	}
	id, err := r.output(ctx, write)
	return strings.TrimSpace(id), err
}

// TreeAt is the tree of a commit, without a checkout. Its content is what was
// committed; nothing of the work tree is in it.
func (r *Repo) TreeAt(ctx context.Context, rev string) (*Tree, error) {
	commit, err := r.Commit(ctx, rev)
	if err != nil {
		return nil, err
	}
	id, err := r.output(ctx, r.asStore("rev-parse", "--verify", "--quiet", commit+"^{tree}"))
	if err != nil {
		return nil, fmt.Errorf("find the tree of %s: %w", commit, err)
	}
	return r.treeAt(ctx, strings.TrimSpace(id))
}

func (r *Repo) headTree(ctx context.Context) (string, error) {
	out, err := r.output(ctx, r.command(r.Dir, "rev-parse", "--verify", "--quiet", "HEAD^{tree}"))
	if exited(err, 1) {
		return "", r.unborn(ctx)
	}
	return strings.TrimSpace(out), err
}

// useScratchObjects makes new objects go to the scratch directory, and all of
// this Repo's commands see them.
func (r *Repo) useScratchObjects(ctx context.Context) error {
	if r.objects == "" {
		objects, err := r.gitPath(ctx, "objects")
		if err != nil {
			return err
		}
		r.objects = objects
	}
	r.extra = []string{
		"GIT_OBJECT_DIRECTORY=" + filepath.Join(r.scratch, "objects"),
		"GIT_ALTERNATE_OBJECT_DIRECTORIES=" + quoteAlternate(r.objects),
	}
	return nil
}

// quoteAlternate protects a path in a list that is separated by colons.
func quoteAlternate(path string) string {
	if !strings.ContainsAny(path, `":`+"\n") {
		return path
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(path) + `"`
}

// copyIndex copies the index with its file times, so that only what changed
// since has to be read.
func (r *Repo) copyIndex(ctx context.Context, to string) error {
	from, err := r.indexPath(ctx)
	if err != nil {
		return err
	}
	return CopyIndex(from, to)
}

// indexPath is where git keeps the index.
func (r *Repo) indexPath(ctx context.Context) (string, error) {
	if r.index != "" {
		return r.index, nil
	}
	return r.gitPath(ctx, "index")
}

func (r *Repo) treeAt(ctx context.Context, id string) (*Tree, error) {
	files, err := r.treeFiles(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("list tree %s: %w", id, err)
	}
	sort.Slice(files, func(i, j int) bool { return files[i].Path < files[j].Path })
	t := &Tree{ID: id, repo: r, index: make(map[string]int, len(files))}
	t.Files = slices.DeleteFunc(files, func(f File) bool {
		if f.Kind == gitlink {
			t.Submodules = append(t.Submodules, f.Path)
		}
		return f.Kind == gitlink
	})
	for i, f := range t.Files {
		t.index[f.Path] = i
	}
	return t, nil
}

// treeFiles are the files of a tree, and its submodules.
func (r *Repo) treeFiles(ctx context.Context, id string) ([]File, error) {
	store, err := r.Store(ctx)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	o := objects{store: store}
	if files, ok := o.files(id); ok {
		return files, nil
	}
	out, err := r.output(ctx, r.asStore("ls-tree", "-r", "-z", "-l", "--full-tree", id))
	if err != nil {
		return nil, err
	}
	return parseEntries([]byte(out))
}

// parseTree is parseEntries without the submodules.
func parseTree(out []byte) ([]File, error) {
	files, err := parseEntries(out)
	return slices.DeleteFunc(files, func(f File) bool { return f.Kind == gitlink }), err
}

// parseEntries reads `ls-tree -z -l`: "<mode> <type> <oid> <size>\t<path>\0".
func parseEntries(out []byte) ([]File, error) {
	var files []File
	for len(out) > 0 {
		entry, rest, ok := bytes.Cut(out, []byte{0})
		if !ok {
			return nil, fmt.Errorf("entry %.80q does not end", out)
		}
		out = rest
		meta, path, ok := strings.Cut(string(entry), "\t")
		f := strings.Fields(meta)
		if !ok || len(f) != 4 {
			return nil, fmt.Errorf("entry %.80q", entry)
		}
		if f[1] == "commit" {
			files = append(files, File{Path: path, OID: f[2], Kind: gitlink})
		}
		if f[1] != "blob" {
			continue
		}
		size, err := strconv.ParseInt(f[3], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("entry %.80q: %w", entry, err)
		}
		kind := Regular
		switch f[0] {
		case "100755":
			kind = Executable
		case "120000":
			kind = Symlink
		}
		files = append(files, File{Path: path, OID: f[2], Size: size, Kind: kind})
	}
	return files, nil
}

// Read is the whole content of a file. A file above limit bytes is an error.
func (t *Tree) Read(ctx context.Context, f File, limit int64) ([]byte, error) {
	if f.Size > limit {
		return nil, fmt.Errorf("%q is %d bytes; the limit is %d", f.Path, f.Size, limit)
	}
	var data []byte
	err := t.Each(ctx, []File{f}, 1, func(_ context.Context, _ File, r io.Reader) (err error) {
		data, err = io.ReadAll(r)
		return err
	})
	return data, err
}

// Each calls fn with the content of every file, from jobs goroutines at once;
// the order is not fixed. It ends at the first error. fn need not read all. A
// reader with a method Text() string has it all at hand.
func (t *Tree) Each(ctx context.Context, files []File, jobs int, fn func(context.Context, File, io.Reader) error) error {
	if len(files) == 0 {
		return nil
	}
	store, err := t.repo.Store(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan File)
	var wg sync.WaitGroup
	for range max(1, min(jobs, len(files))) {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil { // it would end the process, and not just a gate
					cancel(fmt.Errorf("crashed while reading: %v", p))
				}
			}()
			if err := t.worker(ctx, store, queue, fn); err != nil {
				cancel(err)
			}
		})
	}
feed:
	for _, f := range files {
		select {
		case queue <- f:
		case <-ctx.Done():
			break feed
		}
	}
	close(queue)
	wg.Wait()
	return context.Cause(ctx)
}

// maxDirect bounds what is read without git, as a whole, in bytes.
const maxDirect = 8 << 20

// worker reads the files of a queue.
func (t *Tree) worker(ctx context.Context, store *pack.Store, queue <-chan File, fn func(context.Context, File, io.Reader) error) error {
	b := batch{repo: t.repo}
	defer b.close()
	for f := range queue {
		if text, ok := store.Blob(f.OID, maxDirect); ok {
			if err := fn(ctx, f, &wholeText{*strings.NewReader(text), text}); err != nil {
				return err
			}
			continue
		}
		if err := b.read(ctx, f, fn); err != nil {
			return err
		}
	}
	return nil
}

// wholeText is a reader whose text can be had as a whole.
type wholeText struct {
	strings.Reader
	text string
}

func (w *wholeText) Text() string { return w.text }

// batch reads objects through one `git cat-file --batch`, which is started when
// there is need of it.
type batch struct {
	repo *Repo
	stop func()
	in   io.Writer
	out  *bufio.Reader
}

func (b *batch) close() {
	if b.stop != nil {
		b.stop()
	}
}

func (b *batch) read(ctx context.Context, f File, fn func(context.Context, File, io.Reader) error) error {
	if b.stop == nil {
		b.start(ctx)
	}
	return readObject(b.in, b.out, f, func(r io.Reader) error { return fn(ctx, f, r) })
}

func (b *batch) start(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	done := make(chan error, 1)
	go func() {
		c := b.repo.asStore("cat-file", "--batch")
		c.Stdin = inR
		err := b.repo.stream(ctx, c, outW)
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		outW.CloseWithError(err)
		inR.CloseWithError(err)
		done <- err
	}()
	b.in, b.out = inW, bufio.NewReaderSize(outR, 64<<10)
	b.stop = func() {
		inW.Close()
		cancel()
		outR.Close()
		<-done
	}
}

// readObject asks for one object and hands its content to fn.
func readObject(in io.Writer, out *bufio.Reader, f File, fn func(io.Reader) error) error {
	if _, err := io.WriteString(in, f.OID+"\n"); err != nil {
		return fmt.Errorf("read %q: %w", f.Path, err)
	}
	header, err := out.ReadString('\n')
	if err != nil {
		return fmt.Errorf("read %q: %w", f.Path, err)
	}
	fields := strings.Fields(header)
	if len(fields) != 3 || fields[1] != "blob" {
		return fmt.Errorf("read %q: git says %q", f.Path, strings.TrimSpace(header))
	}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return fmt.Errorf("read %q: %w", f.Path, err)
	}
	body := io.LimitReader(out, size)
	if err := fn(body); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		return fmt.Errorf("read %q: %w", f.Path, err)
	}
	if _, err := out.Discard(1); err != nil {
		return fmt.Errorf("read %q: %w", f.Path, err)
	}
	return nil
}
