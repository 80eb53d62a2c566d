package deps

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The database of one ecosystem is one file, made from osv.dev's export by
// [Update]. A run reads the index, and of the records those it asks for:
//
//	magic
//	header             JSON, one line
//	index              one line for each package: name, offset, length, checksum
//	ids                the same for each advisory, which names the package's block
//	blocks             for each package a JSON list of what is about it
//
// Offsets count from the first block.
const dbMagic = "wf-ci/osv/v1\n"

// dbHeader is the second line of a database.
type dbHeader struct {
	Ecosystem Ecosystem `json:"ecosystem"`
	Source    string    `json:"source"`
	Updated   time.Time `json:"updated"` // when the data was current
	Newest    string    `json:"newest"`  // the last change of a record
	Records   int       `json:"records"`
	Withdrawn int       `json:"withdrawn"`
	Unread    int       `json:"unread"` // entries of the export that are no record
	Packages  int       `json:"packages"`

	IndexSize int64  `json:"index_size"`
	IDsSize   int64  `json:"ids_size"`
	BodySize  int64  `json:"body_size"`
	IndexSum  uint32 `json:"index_sum"`
	IDsSum    uint32 `json:"ids_sum"`
}

// blockLimit is more than all that is known of one package.
const blockLimit = 256 << 20

// errNoDatabase says that nothing was downloaded yet.
var errNoDatabase = errors.New("there is no database")

func dbPath(dataDir string, e Ecosystem) string {
	return filepath.Join(dataDir, "osv", string(e)+".db")
}

// database is an open file.
type database struct {
	dbHeader
	file  *os.File
	size  int64
	start int64 // of the index

	ids map[string]block // of advisories, once one was asked for
}

// openDB opens and checks a database, without reading its records.
func openDB(dataDir string, e Ecosystem) (*database, error) {
	f, err := os.Open(dbPath(dataDir, e))
	if errors.Is(err, os.ErrNotExist) {
		return nil, errNoDatabase
	}
	if err != nil {
		return nil, err
	}
	d := &database{file: f}
	if err := d.open(e); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("the database of %s is damaged: %w", e, err)
	}
	return d, nil
}

func (d *database) open(e Ecosystem) error {
	info, err := d.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a file")
	}
	d.size = info.Size()
	r := bufio.NewReaderSize(io.NewSectionReader(d.file, 0, 64<<10), 64<<10)
	magic, err := r.ReadString('\n')
	if err != nil || magic != dbMagic {
		return errors.New("it was written by another version, or is no database")
	}
	line, err := r.ReadBytes('\n')
	if err != nil {
		return errors.New("it ends in its header")
	}
	if err := json.Unmarshal(line, &d.dbHeader); err != nil {
		return err
	}
	d.start = int64(len(magic) + len(line))
	h := d.dbHeader
	if h.Ecosystem != e || h.IndexSize < 0 || h.IDsSize < 0 || h.BodySize < 0 || d.start+h.IndexSize+h.IDsSize+h.BodySize != d.size {
		return fmt.Errorf("it has %d bytes, which is not what its header says", d.size)
	}
	return nil
}

func (d *database) Close() error { return d.file.Close() }

// block is where one package's records are.
type block struct {
	offset, length int64
	sum            uint32
}

// find reads an index and gives the entries that are asked for; nil: all.
func (d *database) find(start, size int64, sum uint32, wanted map[string]bool) (map[string]block, error) {
	h := crc32.NewIEEE()
	s := bufio.NewScanner(io.TeeReader(io.NewSectionReader(d.file, start, size), h))
	s.Buffer(make([]byte, 64<<10), 1<<20)
	found := make(map[string]block)
	for s.Scan() {
		name, rest, _ := strings.Cut(s.Text(), "\t")
		if wanted != nil && !wanted[name] {
			continue
		}
		b, err := parseBlock(rest)
		if err != nil || b.offset < 0 || b.length < 0 || b.length > blockLimit || b.offset > d.BodySize-b.length {
			return nil, fmt.Errorf("the database of %s is damaged: its entry of %q", d.Ecosystem, name)
		}
		found[name] = b
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	if h.Sum32() != sum {
		return nil, fmt.Errorf("the database of %s is damaged: its index has another checksum", d.Ecosystem)
	}
	return found, nil
}

func parseBlock(s string) (block, error) {
	w := strings.Split(s, "\t")
	if len(w) != 3 {
		return block{}, errors.New("not three numbers")
	}
	offset, err1 := strconv.ParseInt(w[0], 10, 64)
	length, err2 := strconv.ParseInt(w[1], 10, 64)
	sum, err3 := strconv.ParseUint(w[2], 10, 32)
	return block{offset, length, uint32(sum)}, errors.Join(err1, err2, err3)
}

// read gives the records of a block.
func (d *database) read(b block) ([]*Record, error) {
	data := make([]byte, b.length)
	if _, err := d.file.ReadAt(data, d.start+d.IndexSize+d.IDsSize+b.offset); err != nil {
		return nil, err
	}
	if crc32.ChecksumIEEE(data) != b.sum {
		return nil, fmt.Errorf("the database of %s is damaged: records have another checksum", d.Ecosystem)
	}
	var records []*Record
	return records, json.Unmarshal(data, &records)
}

// indexName is a package's name in the index.
func indexName(e Ecosystem, name string) string {
	if e == PyPI {
		name = normalisePyPI(name)
	}
	return strings.NewReplacer("\t", " ", "\n", " ").Replace(name)
}

// local answers from the databases on this machine.
type local struct {
	open map[Ecosystem]*database
}

func (l *local) match(ctx context.Context, list []id) (map[id][]*Record, error) {
	found := make(map[id][]*Record)
	for e, d := range l.open {
		wanted := make(map[string]bool)
		for _, p := range list {
			if p.ecosystem == e {
				wanted[indexName(e, p.name)] = true
			}
		}
		if len(wanted) == 0 {
			continue
		}
		blocks, err := d.find(d.start, d.IndexSize, d.IndexSum, wanted)
		if err != nil {
			return nil, err
		}
		read := make(map[string][]*Record, len(blocks))
		for name, b := range blocks {
			if read[name], err = d.read(b); err != nil {
				return nil, err
			}
		}
		for _, p := range list {
			if p.ecosystem != e {
				continue
			}
			for _, r := range read[indexName(e, p.name)] {
				if r.affects(Package{Ecosystem: e, Name: p.name, Version: p.version}) {
					found[p] = append(found[p], r)
				}
			}
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (l *local) record(_ context.Context, e Ecosystem, name string) (*Record, error) {
	d := l.open[e]
	if d == nil {
		return nil, nil
	}
	if d.ids == nil {
		var err error
		if d.ids, err = d.find(d.start+d.IndexSize, d.IDsSize, d.IDsSum, nil); err != nil {
			return nil, err
		}
	}
	b, ok := d.ids[name]
	if !ok {
		return nil, nil
	}
	records, err := d.read(b)
	if err != nil {
		return nil, err
	}
	for _, r := range records {
		if r.ID == name {
			return r, nil
		}
	}
	return nil, nil
}

func (l *local) Close() {
	for _, d := range l.open {
		_ = d.Close()
	}
}

// Status is what is known of the database of one ecosystem.
type Status struct {
	Ecosystem Ecosystem `json:"ecosystem"`
	Present   bool      `json:"present"`
	Problem   string    `json:"problem,omitempty"`
	Source    string    `json:"source,omitempty"`
	Updated   time.Time `json:"updated,omitzero"`
	AgeHours  int64     `json:"age_hours"`
	Newest    string    `json:"newest_record,omitempty"`
	Records   int       `json:"records"`
	Withdrawn int       `json:"withdrawn"`
	Unread    int       `json:"unread"`
	Packages  int       `json:"packages"`
	Bytes     int64     `json:"bytes"`
}

// ReadStatus looks at the databases below a directory.
func ReadStatus(dataDir string, now time.Time) []Status {
	var list []Status
	for _, e := range Ecosystems() {
		s := Status{Ecosystem: e}
		d, err := openDB(dataDir, e)
		switch {
		case errors.Is(err, errNoDatabase):
		case err != nil:
			s.Problem = err.Error()
		default:
			_ = d.Close()
			s = d.status(now)
		}
		list = append(list, s)
	}
	return list
}

func (d *database) status(now time.Time) Status {
	return Status{
		Ecosystem: d.Ecosystem, Present: true, Source: d.Source, Updated: d.Updated, AgeHours: int64(d.age(now) / time.Hour), Newest: d.Newest,
		Records: d.Records, Withdrawn: d.Withdrawn, Unread: d.Unread, Packages: d.Packages, Bytes: d.size,
	}
}

func (d *database) age(now time.Time) time.Duration { return max(0, now.Sub(d.Updated)) }
