package git

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Person is who a commit names. Git checks nothing of it: whoever writes a
// commit can write any name.
type Person struct{ Name, Email string }

// String is "Name <email>".
func (p Person) String() string { return fmt.Sprintf("%s <%s>", p.Name, p.Email) }

// Commit is one commit: who, and what it brought.
type Commit struct {
	ID      string
	Author  Person
	Authors []Person // Author, and those that the message names with Co-authored-by
	Message string   // of a long one the beginning and the end
	Merge   bool
	// Files are the paths that differ from every parent, so that a merge has
	// only what was made in it; empty OID: deleted.
	Files []File
}

// Log lists the commits that head reaches and base does not, merges too: what
// follows comes before what it follows. Rename detection, attributes and
// .mailmap have no say.
func (r *Repo) Log(ctx context.Context, base, head string) ([]Commit, error) {
	ids, err := r.revList(ctx, []string{"rev-list", "--topo-order"}, []string{head, "^" + base})
	if err != nil {
		return nil, fmt.Errorf("list the commits since %s: %w", base, err)
	}
	commits := make([]Commit, len(ids))
	if len(ids) == 0 {
		return commits, nil
	}
	stdin := strings.Join(ids, "\n") + "\n"
	c := r.asStore("cat-file", "--batch")
	c.Stdin = strings.NewReader(stdin)
	err = r.parsed(ctx, c, func(in *bufio.Reader) error {
		for i, id := range ids {
			text, err := readBatch(in)
			if err != nil {
				return fmt.Errorf("read commit %s: %w", id, err)
			}
			commits[i].ID = id
			commits[i].Author, commits[i].Authors = parseAuthors(text)
			commits[i].Message, commits[i].Merge = parseMessage(text)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	c = r.asStore("diff-tree", "--stdin", "--always", "-r", "-c", "--root", "--raw", "-z", "--no-renames", "--no-abbrev", "--ignore-submodules=all")
	c.Stdin = strings.NewReader(stdin)
	err = r.parsed(ctx, c, func(in *bufio.Reader) error { return parseRawLog(in, commits) })
	if err != nil {
		return nil, fmt.Errorf("list what the commits since %s changed: %w", base, err)
	}
	return commits, nil
}

// batchLimit bounds a commit's text.
const batchLimit = 16 << 20

// readBatch reads one object from `cat-file --batch`: a header, content, an
// end of line.
func readBatch(in *bufio.Reader) ([]byte, error) {
	header, err := in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	f := strings.Fields(header)
	if len(f) != 3 {
		return nil, fmt.Errorf("git says %q", strings.TrimSpace(header))
	}
	size, err := strconv.ParseInt(f[2], 10, 64)
	if err != nil || size < 0 || size > batchLimit {
		return nil, fmt.Errorf("git says %q", strings.TrimSpace(header))
	}
	text := make([]byte, size+1)
	_, err = io.ReadFull(in, text)
	return text[:size], err
}

// parseAuthors reads who wrote a commit from its text.
func parseAuthors(text []byte) (author Person, all []Person) {
	header, message, _ := bytes.Cut(text, []byte("\n\n"))
	for line := range strings.Lines(string(header)) {
		if rest, ok := strings.CutPrefix(line, "author "); ok {
			author = parsePerson(rest)
			break
		}
	}
	all = []Person{author}
	const trailer = "co-authored-by:"
	for line := range strings.Lines(string(message)) {
		line = strings.TrimSpace(line)
		if len(line) > len(trailer) && strings.EqualFold(line[:len(trailer)], trailer) {
			all = append(all, parsePerson(line[len(trailer):]))
		}
	}
	return author, all
}

// messageLimit bounds what is kept of a commit's message: of thousands of commits,
// each may be as long as its author likes.
const messageLimit = 8 << 10

// parseMessage reads what a commit says, and whether it is a merge.
func parseMessage(text []byte) (message string, merge bool) {
	header, body, _ := bytes.Cut(text, []byte("\n\n"))
	parents := 0
	for line := range bytes.Lines(header) {
		if bytes.HasPrefix(line, []byte("parent ")) {
			parents++
		}
	}
	if half := messageLimit / 2; len(body) > messageLimit { // the subject, and the trailers
		return string(body[:half]) + "\n" + string(body[len(body)-half:]), parents > 1
	}
	return string(body), parents > 1
}

// parsePerson reads "Name <email> …".
func parsePerson(s string) Person {
	name, rest, _ := strings.Cut(s, "<")
	email, _, _ := strings.Cut(rest, ">")
	return Person{Name: strings.TrimSpace(name), Email: strings.TrimSpace(email)}
}

// parseRawLog reads what eachRaw does, for each of the commits in their order.
func parseRawLog(in *bufio.Reader, commits []Commit) error {
	at := -1
	err := eachRaw(in, func(id string) error {
		if at++; at >= len(commits) || commits[at].ID != id {
			return fmt.Errorf("entry %.80q is not the commit that was asked for", id)
		}
		return nil
	}, func(c Changed) error {
		if at < 0 {
			return fmt.Errorf("file %.80q before the first commit", c.Path)
		}
		commits[at].Files = append(commits[at].Files, c.File)
		return nil
	})
	if err == nil && at+1 != len(commits) {
		err = fmt.Errorf("git showed %d of %d commits", at+1, len(commits))
	}
	return err
}

// eachRaw reads "<commit>\0" followed by ":<mode> <mode> <oid> <oid>
// <status>\0<path>\0" entries. A merge's entries begin with a colon for each
// parent, and name as many modes and objects. A file that was deleted has no
// OID.
func eachRaw(in *bufio.Reader, commit func(id string) error, file func(Changed) error) error {
	for {
		token, err := in.ReadString(0)
		if err == io.EOF && strings.TrimSpace(token) == "" {
			return nil
		}
		if err != nil {
			return fmt.Errorf("entry %.80q: %w", token, err)
		}
		token = strings.Trim(token, "\n\x00")
		if !strings.HasPrefix(token, ":") {
			if err := commit(token); err != nil {
				return err
			}
			continue
		}
		parents := len(token) - len(strings.TrimLeft(token, ":"))
		f := strings.Fields(token[parents:])
		if len(f) != 2*(parents+1)+1 {
			return fmt.Errorf("raw entry %.80q", token)
		}
		path, err := readNUL(in)
		if err != nil {
			return err
		}
		out := Changed{File: File{Path: path, OID: stored(f[2*parents+1])}}
		for _, old := range f[parents+1 : 2*parents+1] {
			out.Old = append(out.Old, stored(old))
		}
		if parents == 1 {
			out.Status = f[4][0]
		}
		if err := file(out); err != nil {
			return err
		}
	}
}

// stored is an object's id; empty for that of no object.
func stored(oid string) string {
	if strings.Trim(oid, "0") == "" {
		return ""
	}
	return oid
}

// Identity is who a commit made here would name; false where git was not told.
func (r *Repo) Identity(ctx context.Context) (Person, bool, error) {
	c := r.command(r.Dir, "-c", "user.useConfigOnly=true", "var", "GIT_AUTHOR_IDENT")
	out, err := r.output(ctx, c)
	if exited(err, 128) {
		return Person{}, false, nil
	}
	return parsePerson(out), err == nil, err
}
