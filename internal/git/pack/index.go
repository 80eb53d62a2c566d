package pack

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"sort"
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

// find calls found with each of the sorted objects that are in the pack.
func (f *file) find(ids []ID, found func(i int, offset int64)) error {
	var names []byte
	for i := 0; i < len(ids); {
		first := ids[i][0]
		end := i + sort.Search(len(ids)-i, func(k int) bool { return ids[i+k][0] > first })
		low := uint32(0)
		if first > 0 {
			low = f.fanout[first-1]
		}
		n := int(f.fanout[first] - low)
		names = slices.Grow(names[:0], n*idSize)[:n*idSize]
		if _, err := f.index.ReadAt(names, indexHeader+fanoutSize+int64(low)*idSize); err != nil {
			return err
		}
		for ; i < end; i++ {
			k := sort.Search(n, func(k int) bool { return bytes.Compare(names[k*idSize:(k+1)*idSize], ids[i][:]) >= 0 })
			if k == n || !bytes.Equal(names[k*idSize:(k+1)*idSize], ids[i][:]) {
				continue
			}
			offset, err := f.offset(int64(low) + int64(k))
			if err != nil {
				return err
			}
			found(i, offset)
		}
	}
	return nil
}

// offset is where the nth object of the index is.
func (f *file) offset(n int64) (int64, error) {
	var b [8]byte
	if _, err := f.index.ReadAt(b[:4], f.offsets()+4*n); err != nil {
		return 0, err
	}
	offset := int64(binary.BigEndian.Uint32(b[:4]))
	if offset>>31 != 0 { // a pack of more than 2 GiB
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
