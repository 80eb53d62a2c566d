package deps

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/state"
)

// DefaultDB is where osv.dev puts its exports: <base>/<ecosystem>/all.zip.
const DefaultDB = "https://osv-vulnerabilities.storage.googleapis.com"

// Bounds of an export.
const (
	exportLimit  = 4 << 30  // bytes of the archive
	contentLimit = 64 << 30 // bytes of all its records
	entryLimit   = 5_000_000
)

// UpdateOptions say where a database comes from and goes to.
type UpdateOptions struct {
	DataDir string // Required.
	// From is a URL or a directory with <ecosystem>/all.zip. Empty: [DefaultDB].
	From string
	HTTP *http.Client // Required.
	Now  time.Time    // Required.
	// Agent is what the program calls itself to servers. Required.
	Agent string
	// Progress is told how much of a file is there, of how much (less than zero:
	// not known). Optional.
	Progress func(e Ecosystem, done, total int64)
}

// Update makes the database of one ecosystem anew. Where anything is wrong, the
// one that was there stays.
func Update(ctx context.Context, e Ecosystem, o UpdateOptions) (Status, error) {
	dir := filepath.Join(o.DataDir, "osv")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Status{}, err
	}
	unlock, err := state.Lock(ctx, dbPath(o.DataDir, e))
	if err != nil {
		return Status{}, err
	}
	defer unlock()
	archive, err := state.Temp(dir)
	if err != nil {
		return Status{}, err
	}
	defer func() {
		_ = archive.Close()
		_ = os.Remove(archive.Name())
	}()
	current, err := o.fetch(ctx, e, archive)
	if err != nil {
		return Status{}, fmt.Errorf("%s: %w", e, err)
	}
	if err := o.build(ctx, e, archive, current); err != nil {
		return Status{}, fmt.Errorf("%s: %w", e, err)
	}
	d, err := openDB(o.DataDir, e)
	if err != nil {
		return Status{}, err
	}
	defer d.Close()
	return d.status(o.Now), nil
}

func isURL(from string) bool {
	return strings.HasPrefix(from, "http://") || strings.HasPrefix(from, "https://")
}

// origin is where the export came from, in words that hold no password.
func (o UpdateOptions) origin() string {
	from := cmp.Or(o.From, DefaultDB)
	if u, err := url.Parse(from); err == nil && isURL(from) {
		u.User, u.RawQuery = nil, ""
		return u.String()
	}
	return from
}

// fetch copies the export, and says when it was current: a download is when it
// is made; a file that somebody brought is as old as it says.
func (o UpdateOptions) fetch(ctx context.Context, e Ecosystem, to io.Writer) (time.Time, error) {
	from := cmp.Or(o.From, DefaultDB)
	if isURL(from) {
		return o.Now, o.download(ctx, strings.TrimSuffix(from, "/")+"/"+url.PathEscape(string(e))+"/all.zip", e, to)
	}
	f, err := os.Open(filepath.Join(from, string(e), "all.zip"))
	if err != nil {
		return time.Time{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return time.Time{}, err
	}
	if !info.Mode().IsRegular() {
		return time.Time{}, fmt.Errorf("%s is not a file", f.Name())
	}
	when := info.ModTime()
	if when.After(o.Now) {
		when = o.Now
	}
	return when, o.copy(ctx, e, to, f, info.Size())
}

func (o UpdateOptions) download(ctx context.Context, address string, e Ecosystem, to io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return errors.New("the address of the export is not one")
	}
	req.Header.Set("User-Agent", o.Agent)
	res, err := o.HTTP.Do(req)
	if err != nil {
		return cleanURLError(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s/%s/all.zip: %s", o.origin(), e, res.Status)
	}
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	if err := o.copy(ctx, e, io.MultiWriter(to, sum), res.Body, res.ContentLength); err != nil {
		return err
	}
	if want := googleSum(res.Header); want != "" && want != base64.StdEncoding.EncodeToString(sum.Sum(nil)) {
		return errors.New("what arrived has another checksum than the server says (X-Goog-Hash)")
	}
	return nil
}

// googleSum is the crc32c of Google's storage; empty where there is none.
func googleSum(h http.Header) string {
	for _, line := range h.Values("X-Goog-Hash") {
		for part := range strings.SplitSeq(line, ",") {
			if sum, ok := strings.CutPrefix(strings.TrimSpace(part), "crc32c="); ok {
				return sum
			}
		}
	}
	return ""
}

// copy copies up to exportLimit bytes; total is how many there should be, less
// than zero where that is not known.
func (o UpdateOptions) copy(ctx context.Context, e Ecosystem, to io.Writer, from io.Reader, total int64) error {
	var done int64
	buffer := make([]byte, 256<<10)
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		n, err := from.Read(buffer)
		if _, werr := to.Write(buffer[:n]); werr != nil {
			return werr
		}
		done += int64(n)
		if o.Progress != nil {
			o.Progress(e, done, total)
		}
		switch {
		case done > exportLimit:
			return fmt.Errorf("the export is larger than %d GiB", exportLimit>>30)
		case errors.Is(err, io.EOF) && total >= 0 && done != total:
			return fmt.Errorf("%d of %d bytes arrived", done, total)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read the export: %w", err)
		}
	}
}

// entry is a record in the spool, of one package.
type entry struct {
	name           string
	id             string
	offset, length int64
}

// builder makes a database out of an export: first the records go to a spool as
// they come, then from there into their packages' blocks, so that memory holds
// their places only.
type builder struct {
	header  dbHeader
	spool   *os.File
	out     *bufio.Writer
	at      int64
	entries []entry
	content int64
}

func (o UpdateOptions) build(ctx context.Context, e Ecosystem, archive *os.File, current time.Time) error {
	info, err := archive.Stat()
	if err != nil {
		return err
	}
	z, err := zip.NewReader(archive, info.Size())
	if err != nil {
		return fmt.Errorf("the export is no archive: %w", err)
	}
	if len(z.File) > entryLimit {
		return fmt.Errorf("the export has more than %d entries", entryLimit)
	}
	spool, err := state.Temp(filepath.Join(o.DataDir, "osv"))
	if err != nil {
		return err
	}
	defer func() {
		_ = spool.Close()
		_ = os.Remove(spool.Name())
	}()
	b := &builder{spool: spool, out: bufio.NewWriterSize(spool, 1<<20)}
	b.header = dbHeader{Ecosystem: e, Source: o.origin(), Updated: current.UTC().Truncate(time.Second)}
	for i, f := range z.File {
		if i%1000 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if strings.HasSuffix(f.Name, ".json") {
			if err := b.add(f); err != nil {
				return err
			}
		}
	}
	if err := b.out.Flush(); err != nil {
		return err
	}
	if err := b.believable(o.DataDir); err != nil {
		return err
	}
	return b.write(dbPath(o.DataDir, e))
}

// add reads one record into the spool. One that cannot be read is counted.
func (b *builder) add(f *zip.File) error {
	data, err := readEntry(f)
	b.content += int64(len(data))
	if b.content > contentLimit {
		return fmt.Errorf("the records are larger than %d GiB", contentLimit>>30)
	}
	var r Record
	if err != nil || json.Unmarshal(data, &r) != nil || r.ID == "" {
		b.header.Unread++
		return nil
	}
	if r.Withdrawn != "" {
		b.header.Withdrawn++
		return nil
	}
	b.header.Records++
	b.header.Newest = max(b.header.Newest, r.Modified)
	byName := make(map[string][]Affected)
	for _, a := range r.Affected {
		if ecosystem, _, _ := strings.Cut(a.Package.Ecosystem, ":"); ecosystem == string(b.header.Ecosystem) {
			name := indexName(b.header.Ecosystem, a.Package.Name)
			byName[name] = append(byName[name], a)
		}
	}
	for _, name := range sortedKeys(byName) {
		part := r
		part.Affected = byName[name]
		data, err := json.Marshal(part)
		if err != nil {
			return err
		}
		if _, err := b.out.Write(data); err != nil {
			return err
		}
		b.entries = append(b.entries, entry{name, r.ID, b.at, int64(len(data))})
		b.at += int64(len(data))
	}
	return nil
}

func readEntry(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, recordLimit+1))
	if err == nil && len(data) > recordLimit {
		return nil, errors.New("too large")
	}
	return data, err
}

// believable refuses an export that is likelier to be broken than right.
func (b *builder) believable(dataDir string) error {
	h := b.header
	switch {
	case len(b.entries) == 0:
		return errors.New("the export has no record of this ecosystem")
	case h.Unread > 10 && h.Unread*100 > h.Records:
		return fmt.Errorf("%d of %d records of the export cannot be read", h.Unread, h.Unread+h.Records)
	}
	old, err := openDB(dataDir, h.Ecosystem)
	if err != nil {
		return nil // none, or a damaged one: nothing to compare with
	}
	defer old.Close()
	if h.Records*2 < old.Records {
		return fmt.Errorf("the export has %d records, and the database that is there %d: it looks cut off; delete %s if it is right", h.Records, old.Records, old.file.Name())
	}
	return nil
}

// write puts the database in place.
func (b *builder) write(path string) error {
	slices.SortFunc(b.entries, func(x, y entry) int {
		return cmp.Or(strings.Compare(x.name, y.name), strings.Compare(x.id, y.id), cmp.Compare(x.offset, y.offset))
	})
	body, err := state.Temp(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() {
		_ = body.Close()
		_ = os.Remove(body.Name())
	}()
	index, ids, err := b.blocks(body)
	if err != nil {
		return err
	}
	b.header.IndexSize, b.header.IDsSize = int64(len(index)), int64(len(ids))
	b.header.IndexSum, b.header.IDsSum = crc32.ChecksumIEEE(index), crc32.ChecksumIEEE(ids)
	header, err := json.Marshal(b.header)
	if err != nil {
		return err
	}
	return state.WriteFrom(path, 0o644, func(w io.Writer) error {
		for _, part := range [][]byte{[]byte(dbMagic), header, []byte("\n"), index, ids} {
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
		if _, err := body.Seek(0, io.SeekStart); err != nil {
			return err
		}
		_, err := io.Copy(w, body)
		return err
	})
}

// blocks writes the blocks, and gives both indices.
func (b *builder) blocks(body *os.File) (index, ids []byte, err error) {
	out := bufio.NewWriterSize(body, 1<<20)
	idLines := make(map[string]string, len(b.entries))
	var at int64
	for from := 0; from < len(b.entries); {
		to := from
		for to < len(b.entries) && b.entries[to].name == b.entries[from].name {
			to++
		}
		data, err := b.block(b.entries[from:to])
		if err != nil {
			return nil, nil, err
		}
		place := fmt.Sprintf("\t%d\t%d\t%d\n", at, len(data), crc32.ChecksumIEEE(data))
		index = append(append(index, b.entries[from].name...), place...)
		for _, e := range b.entries[from:to] {
			if _, ok := idLines[e.id]; !ok && !strings.ContainsAny(e.id, "\t\n") {
				idLines[e.id] = place
			}
		}
		if _, err := out.Write(data); err != nil {
			return nil, nil, err
		}
		at += int64(len(data))
		b.header.Packages++
		from = to
	}
	b.header.BodySize = at
	for _, id := range sortedKeys(idLines) {
		ids = append(append(ids, id...), idLines[id]...)
	}
	return index, ids, out.Flush()
}

// block is the JSON list of one package's records.
func (b *builder) block(list []entry) ([]byte, error) {
	var data bytes.Buffer
	for i, e := range list {
		data.WriteByte("[,"[min(i, 1)])
		if _, err := io.Copy(&data, io.NewSectionReader(b.spool, e.offset, e.length)); err != nil {
			return nil, err
		}
	}
	data.WriteByte(']')
	if data.Len() > blockLimit {
		return nil, fmt.Errorf("the records of %q are larger than %d MiB", list[0].name, blockLimit>>20)
	}
	return data.Bytes(), nil
}
