package pack

import (
	"bytes"
	"encoding/binary"
	"os"
	"sort"
	"sync"
)

// idSize is the length of an object's name: SHA-1's. Other repositories are for
// git.
const idSize = 20

// ID is an object's name.
type ID [idSize]byte

// file is a pack and its index.
type file struct {
	pack, index *os.File
	size        int64 // of the pack
	fanout      [256]uint32

	mu      sync.Mutex
	buckets [256]*bucket // of the index, as far as they were read
}

// bucket is the part of an index whose names begin with the same byte.
type bucket struct {
	names   []byte // sorted
	offsets []byte // four bytes each
}

const (
	indexHeader = 8
	fanoutSize  = 256 * 4
	// packTrailer is the checksum at a pack's end.
	packTrailer = idSize
)

// openFile opens the pack that an index is of.
func openFile(index, pack string) (*file, error) {
	f := &file{}
	var err error
	if f.index, err = os.Open(index); err != nil {
		return nil, err
	}
	if f.pack, err = os.Open(pack); err == nil {
		err = f.check()
	}
	if err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func (f *file) close() {
	f.index.Close()
	if f.pack != nil {
		f.pack.Close()
	}
}

func (f *file) check() error {
	var head [indexHeader + fanoutSize]byte
	if _, err := f.index.ReadAt(head[:], 0); err != nil {
		return err
	}
	if string(head[:indexHeader]) != "\xfftOc\x00\x00\x00\x02" {
		return errCorrupt
	}
	for i := range f.fanout {
		f.fanout[i] = binary.BigEndian.Uint32(head[indexHeader+4*i:])
		if i > 0 && f.fanout[i] < f.fanout[i-1] {
			return errCorrupt
		}
	}
	var magic [12]byte
	if _, err := f.pack.ReadAt(magic[:], 0); err != nil {
		return err
	}
	if string(magic[:8]) != "PACK\x00\x00\x00\x02" || binary.BigEndian.Uint32(magic[8:]) != f.fanout[255] {
		return errCorrupt
	}
	info, err := f.pack.Stat()
	if err != nil {
		return err
	}
	f.size = info.Size()
	info, err = f.index.Stat()
	if err == nil && info.Size() < f.offsets()+4*f.count() {
		err = errCorrupt
	}
	return err
}

func (f *file) count() int64   { return int64(f.fanout[255]) }
func (f *file) offsets() int64 { return indexHeader + fanoutSize + f.count()*(idSize+4) }

// mostCached is from how many objects on the parts of an index are not kept.
const mostCached = 2_000_000

// bucket reads a part of the index.
func (f *file) bucket(first byte) (*bucket, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b := f.buckets[first]; b != nil {
		return b, nil
	}
	low := int64(0)
	if first > 0 {
		low = int64(f.fanout[first-1])
	}
	n := int64(f.fanout[first]) - low
	b := &bucket{names: make([]byte, n*idSize), offsets: make([]byte, n*4)}
	if _, err := f.index.ReadAt(b.names, indexHeader+fanoutSize+low*idSize); err != nil {
		return nil, err
	}
	if _, err := f.index.ReadAt(b.offsets, f.offsets()+4*low); err != nil {
		return nil, err
	}
	if f.count() <= mostCached {
		f.buckets[first] = b
	}
	return b, nil
}

// find calls found with each of the sorted objects that are in the pack.
func (f *file) find(ids []ID, found func(i int, offset int64)) error {
	for i := 0; i < len(ids); {
		first := ids[i][0]
		end := i + sort.Search(len(ids)-i, func(k int) bool { return ids[i+k][0] > first })
		b, err := f.bucket(first)
		if err != nil {
			return err
		}
		n := len(b.names) / idSize
		for ; i < end; i++ {
			k := sort.Search(n, func(k int) bool { return bytes.Compare(b.names[k*idSize:(k+1)*idSize], ids[i][:]) >= 0 })
			if k == n || !bytes.Equal(b.names[k*idSize:(k+1)*idSize], ids[i][:]) {
				continue
			}
			offset, err := f.offset(binary.BigEndian.Uint32(b.offsets[4*k:]))
			if err != nil {
				return err
			}
			found(i, offset)
		}
	}
	return nil
}

// offset is where an object is, by what the index says: that, or which of the
// large offsets.
func (f *file) offset(said uint32) (int64, error) {
	offset := int64(said)
	if offset>>31 != 0 { // a pack of more than 2 GiB
		var b [8]byte
		at := f.offsets() + 4*f.count() + 8*(offset&(1<<31-1))
		if _, err := f.index.ReadAt(b[:], at); err != nil {
			return 0, err
		}
		offset = int64(binary.BigEndian.Uint64(b[:]))
	}
	if offset < 12 || offset >= f.size-packTrailer {
		return 0, errCorrupt
	}
	return offset, nil
}
