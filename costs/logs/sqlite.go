package logs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
)

// database reads tables of an SQLite file, the write-ahead log beside it
// included, as https://sqlite.org/fileformat2.html has it. It writes nothing and
// takes no lock: one that is written meanwhile is seen by its size and time, and
// read again at the next import. The library would be 5 MB of the program and
// 10 ms of each of its starts.
type database struct {
	main, wal *os.File
	size      int           // of a page
	usable    int           // of it
	frames    map[int]int64 // pages that are newer in the write-ahead log, and where
	visited   int
	limit     int // of pages that are visited: each of the file twice
}

var errDatabase = errors.New("not an SQLite database in a form that is known here")

func openDatabase(path string) (*database, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	db := &database{main: f, frames: make(map[int]int64)}
	var head [100]byte
	if _, err := f.ReadAt(head[:], 0); err != nil || string(head[:16]) != "SQLite format 3\x00" {
		db.close()
		return nil, errDatabase
	}
	db.size = int(binary.BigEndian.Uint16(head[16:]))
	if db.size == 1 {
		db.size = 65536
	}
	db.usable = db.size - int(head[20])
	encoding := binary.BigEndian.Uint32(head[56:])
	if db.size < 512 || db.size&(db.size-1) != 0 || db.usable < 480 || encoding > 1 {
		db.close()
		return nil, errDatabase
	}
	if db.wal, err = os.Open(path + "-wal"); err == nil {
		db.index()
	}
	if info, err := f.Stat(); err == nil {
		db.limit = 2*(int(info.Size())/db.size+len(db.frames)) + 8
	}
	return db, nil
}

func (db *database) close() {
	_ = db.main.Close()
	if db.wal != nil {
		_ = db.wal.Close()
	}
}

// index finds the pages of the write-ahead log, up to the last commit that is
// whole.
func (db *database) index() {
	head := make([]byte, 32)
	if _, err := db.wal.ReadAt(head, 0); err != nil {
		return
	}
	magic := binary.BigEndian.Uint32(head)
	if magic&^1 != 0x377f0682 || int(binary.BigEndian.Uint32(head[8:])) != db.size {
		return
	}
	sum := walSum{order: binary.ByteOrder(binary.LittleEndian)}
	if magic&1 == 1 {
		sum.order = binary.BigEndian
	}
	sum.add(head[:24])
	if !sum.is(head[24:]) {
		return
	}
	frame := make([]byte, 24+db.size)
	pending := make(map[int]int64)
	for at := int64(32); ; at += int64(len(frame)) {
		if _, err := db.wal.ReadAt(frame, at); err != nil || !bytes.Equal(frame[8:16], head[16:24]) {
			return
		}
		sum.add(frame[:8])
		sum.add(frame[24:])
		if !sum.is(frame[16:]) {
			return
		}
		pending[int(binary.BigEndian.Uint32(frame))] = at + 24
		if binary.BigEndian.Uint32(frame[4:]) == 0 {
			continue
		}
		for page, where := range pending {
			db.frames[page] = where
		}
		clear(pending)
	}
}

// walSum is the checksum of a write-ahead log.
type walSum struct {
	order binary.ByteOrder
	a, b  uint32
}

func (w *walSum) add(data []byte) {
	for i := 0; i+8 <= len(data); i += 8 {
		w.a += w.order.Uint32(data[i:]) + w.b
		w.b += w.order.Uint32(data[i+4:]) + w.a
	}
}

func (w *walSum) is(data []byte) bool {
	return binary.BigEndian.Uint32(data) == w.a && binary.BigEndian.Uint32(data[4:]) == w.b
}

func (db *database) page(n int) ([]byte, error) {
	if db.visited++; n < 1 || db.visited > db.limit {
		return nil, errDatabase
	}
	data := make([]byte, db.size)
	f, at := db.main, int64(n-1)*int64(db.size)
	if where, ok := db.frames[n]; ok {
		f, at = db.wal, where
	}
	if _, err := f.ReadAt(data, at); err != nil {
		return nil, fmt.Errorf("page %d: %w", n, err)
	}
	return data[:db.usable], nil
}

// rows gives the wanted columns of each row of a table. A database without the
// table has no rows.
func (db *database) rows(table string, columns []string, visit func(row [][]byte)) error {
	var root int
	var sql string
	err := db.walk(1, 0, func(record [][]byte) {
		if len(record) >= 5 && string(record[0]) == "table" && strings.EqualFold(string(record[1]), table) {
			root, sql = integer(record[3]), string(record[4])
		}
	})
	if err != nil || root == 0 {
		return err
	}
	names, err := columnNames(sql)
	if err != nil {
		return fmt.Errorf("table %s: %w", table, err)
	}
	places := make([]int, len(columns))
	for i, c := range columns {
		if places[i] = indexFold(names, c); places[i] < 0 {
			return fmt.Errorf("table %s has no column %s", table, c)
		}
	}
	row := make([][]byte, len(columns))
	return db.walk(root, 0, func(record [][]byte) {
		for i, p := range places {
			row[i] = nil
			if p < len(record) {
				row[i] = record[p]
			}
		}
		visit(row)
	})
}

// integer is the value of a column that is a small number.
func integer(data []byte) int {
	n := 0
	for _, c := range data[:min(len(data), 6)] {
		n = n<<8 | int(c)
	}
	return n
}

func indexFold(list []string, name string) int {
	for i, s := range list {
		if strings.EqualFold(s, name) {
			return i
		}
	}
	return -1
}

// columnNames are the columns of a table, of the statement that made it.
func columnNames(sql string) ([]string, error) {
	_, body, ok := strings.Cut(sql, "(")
	if !ok || strings.Contains(strings.ToUpper(sql), "WITHOUT ROWID") {
		return nil, errDatabase
	}
	var names []string
	depth, fresh := 0, true
	for i, c := range body {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			fresh = true
			continue
		}
		if depth < 0 {
			return names, nil
		}
		if fresh && c > ' ' {
			fresh = false
			names = append(names, identifier(body[i:]))
		}
	}
	return nil, errDatabase
}

func identifier(text string) string {
	if end := strings.IndexByte("\"`'", text[0]); end >= 0 {
		name, _, _ := strings.Cut(text[1:], text[:1])
		return name
	}
	if text[0] == '[' {
		name, _, _ := strings.Cut(text[1:], "]")
		return name
	}
	if end := strings.IndexAny(text, " \t\r\n,()"); end >= 0 {
		return text[:end]
	}
	return text
}

// walk visits the records of a table, whose pages form a tree.
func (db *database) walk(n, depth int, visit func(record [][]byte)) error {
	p, err := db.page(n)
	if err != nil {
		return err
	}
	if depth > 40 {
		return errDatabase
	}
	head := 0
	if n == 1 {
		head = 100
	}
	leaf := p[head] == 0x0d
	if !leaf && p[head] != 0x05 {
		return fmt.Errorf("page %d: %w", n, errDatabase)
	}
	pointers := head + 8
	if !leaf {
		pointers = head + 12
	}
	for i := range int(binary.BigEndian.Uint16(p[head+3:])) {
		if pointers+2*i+2 > len(p) {
			return fmt.Errorf("page %d: %w", n, errDatabase)
		}
		cell := int(binary.BigEndian.Uint16(p[pointers+2*i:]))
		if cell+4 > len(p) {
			return fmt.Errorf("page %d: %w", n, errDatabase)
		}
		if leaf {
			err = db.record(p[cell:], visit)
		} else {
			err = db.walk(int(binary.BigEndian.Uint32(p[cell:])), depth+1, visit)
		}
		if err != nil {
			return err
		}
	}
	if leaf {
		return nil
	}
	return db.walk(int(binary.BigEndian.Uint32(p[head+8:])), depth+1, visit)
}

// record reads a cell of a leaf: the size, the number of the row, the payload.
func (db *database) record(cell []byte, visit func(record [][]byte)) error {
	size, n := varint(cell)
	_, m := varint(cell[n:])
	payload, err := db.payload(cell[n+m:], size)
	if err != nil {
		return err
	}
	head, at := varint(payload)
	if head > uint64(len(payload)) {
		return errDatabase
	}
	var record [][]byte
	values := payload[head:]
	for kinds := payload[min(at, int(head)):head]; len(kinds) > 0; {
		kind, n := varint(kinds)
		if n == 0 {
			return errDatabase
		}
		kinds = kinds[n:]
		width := width(kind)
		if width > uint64(len(values)) {
			return errDatabase
		}
		var value []byte
		switch {
		case kind == 9:
			value = []byte{1}
		case kind != 0:
			value = values[:width:width]
		}
		record, values = append(record, value), values[width:]
	}
	visit(record)
	return nil
}

// width is how many bytes a value of a kind has.
func width(kind uint64) uint64 {
	switch {
	case kind >= 12:
		return (kind - 12) / 2
	case kind == 5:
		return 6
	case kind == 6 || kind == 7:
		return 8
	case kind <= 4:
		return kind
	}
	return 0
}

// payload gathers what a cell holds, of which the rest may be on other pages.
func (db *database) payload(cell []byte, size uint64) ([]byte, error) {
	if size > lineLimit {
		return nil, fmt.Errorf("a row of %d bytes: above the limit of %d", size, lineLimit)
	}
	local := db.local(int(size))
	if local > len(cell) {
		return nil, errDatabase
	}
	if local == int(size) {
		return cell[:local:local], nil
	}
	if local+4 > len(cell) {
		return nil, errDatabase
	}
	data := append(make([]byte, 0, size), cell[:local]...)
	for next := binary.BigEndian.Uint32(cell[local:]); len(data) < int(size); {
		if next > math.MaxInt32 {
			return nil, errDatabase
		}
		p, err := db.page(int(next))
		if err != nil {
			return nil, err
		}
		next = binary.BigEndian.Uint32(p)
		data = append(data, p[4:min(len(p), 4+int(size)-len(data))]...)
	}
	return data, nil
}

// local is how much of a payload is on the page of its cell.
func (db *database) local(size int) int {
	most := db.usable - 35
	if size <= most {
		return size
	}
	least := (db.usable-12)*32/255 - 23
	if k := least + (size-least)%(db.usable-4); k <= most {
		return k
	}
	return least
}

// varint is a number of one to nine bytes, and how many; none is (0, 0).
func varint(data []byte) (uint64, int) {
	var n uint64
	for i, c := range data[:min(len(data), 9)] {
		if i == 8 {
			return n<<8 | uint64(c), 9
		}
		n = n<<7 | uint64(c&0x7f)
		if c < 0x80 {
			return n, i + 1
		}
	}
	return 0, 0
}
