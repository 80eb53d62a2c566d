package pack

import (
	"encoding/binary"
	"errors"
	"hash/adler32"
)

// errCorrupt says that bytes are not what they should be. The git command says
// more.
var errCorrupt = errors.New("corrupt")

// inflater decompresses zlib streams that are in memory, into memory, when the
// length of the result is known. It is for one goroutine.
type inflater struct {
	lengths, distances huffman
	fixedLengths       *huffman

	in   []byte
	at   int
	bits uint64
	have uint // valid bits
}

// inflate appends the result, which is size bytes long, to out. Beside an error
// it is what was understood until then.
func (z *inflater) inflate(in, out []byte, size int) ([]byte, error) {
	if len(in) < 6 || in[0]&0x0f != 8 || in[0]>>4 > 7 || (uint(in[0])<<8|uint(in[1]))%31 != 0 || in[1]&0x20 != 0 {
		return out, errCorrupt
	}
	z.in, z.at, z.bits, z.have = in, 2, 0, 0
	start := len(out)
	end := start + size
	if cap(out) < end {
		out = append(make([]byte, 0, end+end/4), out...)
	}
	var err error
	for last := false; !last; {
		z.fill()
		last = z.take(1) == 1
		switch z.take(2) {
		case 0:
			out, err = z.stored(out, end)
		case 1:
			z.fix()
			out, err = z.block(out, start, end, z.fixedLengths, nil)
		case 2:
			if err = z.tables(); err == nil {
				out, err = z.block(out, start, end, &z.lengths, &z.distances)
			}
		default:
			err = errCorrupt
		}
		if err != nil {
			return out, err
		}
	}
	if !z.align() || len(out) != end || z.at+4 > len(in) || binary.BigEndian.Uint32(in[z.at:]) != adler32.Checksum(out[start:]) {
		return out, errCorrupt
	}
	return out, nil
}

// fill makes at least 56 bits valid, as far as there are some. Behind the end
// there are zeros; that they were used is found at the end.
func (z *inflater) fill() {
	if z.at+8 <= len(z.in) {
		z.bits |= binary.LittleEndian.Uint64(z.in[z.at:]) << z.have
		z.at += int(63-z.have) >> 3
		z.have |= 56
		return
	}
	for z.have <= 56 {
		if z.at < len(z.in) {
			z.bits |= uint64(z.in[z.at]) << z.have
		}
		z.at++
		z.have += 8
	}
}

func (z *inflater) take(n uint) uint {
	v := uint(z.bits & (1<<n - 1))
	z.bits >>= n
	z.have -= n
	return v
}

// align gives back whole bytes that were not used; false: there were not so
// many.
func (z *inflater) align() bool {
	z.at -= int(z.have / 8)
	z.bits, z.have = 0, 0
	return z.at <= len(z.in)
}

func (z *inflater) stored(out []byte, end int) ([]byte, error) {
	if !z.align() || z.at+4 > len(z.in) {
		return out, errCorrupt
	}
	n := int(binary.LittleEndian.Uint16(z.in[z.at:]))
	if n^0xffff != int(binary.LittleEndian.Uint16(z.in[z.at+2:])) {
		return out, errCorrupt
	}
	z.at += 4
	if z.at+n > len(z.in) {
		return out, errCorrupt
	}
	if len(out)+n > end {
		return append(out, z.in[z.at:z.at+end-len(out)]...), errCorrupt
	}
	out = append(out, z.in[z.at:z.at+n]...)
	z.at += n
	return out, nil
}

const (
	endOfBlock  = 256
	maxSymbols  = 288
	maxDistance = 32
)

var (
	lengthBase    = [...]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra   = [...]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distanceBase  = [...]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distanceExtra = [...]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
	codeOrder     = [...]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
)

// block reads the symbols of a block. distances nil: the fixed ones, five bits.
//
// This is where all the time goes: what it needs is in variables of its own,
// and the output is as long as it will be.
func (z *inflater) block(out []byte, start, end int, lengths, distances *huffman) ([]byte, error) {
	at, whole := len(out), out[:end]
	bits, have := z.bits, z.have
	for {
		if have < 48 { // 48 bits: a length takes up to 20, a distance 28
			z.bits, z.have = bits, have
			z.fill()
			bits, have = z.bits, z.have
		}
		e := lengths.fast[bits&(1<<fastBits-1)]
		if e&kindMask == literalKind {
			if at == end {
				return whole[:at], errCorrupt
			}
			whole[at] = byte(e >> 8)
			at++
			bits >>= e & 15
			have -= uint(e & 15)
			continue
		}
		sym := int(e >> 8)
		if e != 0 {
			bits >>= e & 15
			have -= uint(e & 15)
		} else {
			z.bits, z.have = bits, have
			sym = z.slow(lengths)
			bits, have = z.bits, z.have
			if sym < endOfBlock {
				if at == end {
					return whole[:at], errCorrupt
				}
				whole[at] = byte(sym)
				at++
				continue
			}
			sym -= endOfBlock
		}
		if sym == 0 {
			z.bits, z.have = bits, have
			return whole[:at], nil
		}
		if sym--; sym >= len(lengthBase) {
			return whole[:at], errCorrupt
		}
		n := uint(lengthExtra[sym])
		length := int(lengthBase[sym]) + int(bits&(1<<n-1))
		bits >>= n
		have -= n
		d := 0
		if distances == nil {
			d = int(reverse(uint16(bits&31), 5))
			bits >>= 5
			have -= 5
		} else if e := distances.fast[bits&(1<<fastBits-1)]; e != 0 {
			d = int(e >> 8)
			bits >>= e & 15
			have -= uint(e & 15)
		} else {
			z.bits, z.have = bits, have
			d = z.slow(distances)
			bits, have = z.bits, z.have
		}
		if d >= len(distanceBase) {
			return whole[:at], errCorrupt
		}
		n = uint(distanceExtra[d])
		distance := int(distanceBase[d]) + int(bits&(1<<n-1))
		bits >>= n
		have -= n
		if distance > at-start || at+length > end {
			return whole[:at], errCorrupt
		}
		repeat(whole, at, distance, length)
		at += length
	}
}

// repeat writes length bytes at a place, from what stands distance bytes before.
func repeat(out []byte, at, distance, length int) {
	from := at - distance
	if distance >= length {
		copy(out[at:at+length], out[from:from+length])
		return
	}
	for length > 0 {
		n := copy(out[at:at+length], out[from:at])
		at += n
		length -= n
	}
}

// huffman decodes one code: a table of the codes of up to fastBits bits, and
// the canonical way for longer ones.
type huffman struct {
	fast   [1 << fastBits]uint16 // value<<8 | kind | bits; 0: longer, or none
	counts [16]uint16            // by length
	sorted [maxSymbols]uint16
}

const (
	fastBits = 10
	// Of a symbol from endOfBlock on, the value is what is above.
	literalKind = 1 << 4
	otherKind   = 2 << 4
	kindMask    = 3 << 4
)

// build makes the code of the lengths of its symbols.
func (h *huffman) build(lengths []uint8) error {
	h.counts = [16]uint16{}
	for _, n := range lengths {
		h.counts[n]++
	}
	h.counts[0] = 0
	left, used := 1, 0
	for n := 1; n < 16; n++ {
		left = left<<1 - int(h.counts[n])
		used += int(h.counts[n])
		if left < 0 {
			return errCorrupt
		}
	}
	// Incomplete codes are for a single symbol of one bit, or for none.
	if left > 0 && (used > 1 || used == 1 && h.counts[1] != 1) {
		return errCorrupt
	}
	var offsets, codes [16]uint16
	for n := 1; n < 15; n++ {
		offsets[n+1] = offsets[n] + h.counts[n]
	}
	for n := 1; n < 15; n++ {
		codes[n+1] = (codes[n] + h.counts[n]) << 1
	}
	clear(h.fast[:])
	for sym, n := range lengths {
		if n == 0 {
			continue
		}
		h.sorted[offsets[n]] = uint16(sym)
		offsets[n]++
		code := codes[n]
		codes[n]++
		if n <= fastBits {
			for i := int(reverse(code, uint(n))); i < len(h.fast); i += 1 << n {
				h.fast[i] = coded(sym) | uint16(n)
			}
		}
	}
	return nil
}

func coded(symbol int) uint16 {
	if symbol < endOfBlock {
		return uint16(symbol)<<8 | literalKind
	}
	return uint16(symbol-endOfBlock)<<8 | otherKind
}

func reverse(code uint16, n uint) uint16 {
	var out uint16
	for range n {
		out = out<<1 | code&1
		code >>= 1
	}
	return out
}

// symbol reads one; maxSymbols: there is none of these bits.
func (z *inflater) symbol(h *huffman) int {
	if e := h.fast[z.bits&(1<<fastBits-1)]; e != 0 {
		n := uint(e & 15)
		z.bits >>= n
		z.have -= n
		sym := int(e >> 8)
		if e&kindMask == otherKind {
			sym += endOfBlock
		}
		return sym
	}
	return z.slow(h)
}

func (z *inflater) slow(h *huffman) int {
	code, first, index := 0, 0, 0
	for n := 1; n < 16; n++ {
		code |= int(z.bits>>(n-1)) & 1
		count := int(h.counts[n])
		if code-count < first {
			z.bits >>= n
			z.have -= uint(n)
			return int(h.sorted[index+code-first])
		}
		index += count
		first = (first + count) << 1
		code <<= 1
	}
	return maxSymbols // no length has this number
}

// tables reads the codes of a block.
func (z *inflater) tables() error {
	z.fill()
	literals, distances, codes := int(z.take(5))+257, int(z.take(5))+1, int(z.take(4))+4
	if literals > 286 || distances > maxDistance {
		return errCorrupt
	}
	var lengths [maxSymbols + maxDistance]uint8
	for i := range codes {
		z.fill()
		lengths[codeOrder[i]] = uint8(z.take(3))
	}
	if err := z.lengths.build(lengths[:19]); err != nil {
		return err
	}
	clear(lengths[:19])
	for i := 0; i < literals+distances; {
		z.fill()
		sym := z.symbol(&z.lengths)
		value, n := uint8(0), 1
		switch {
		case sym < 16:
			value = uint8(sym)
		case sym == 16 && i > 0:
			value, n = lengths[i-1], 3+int(z.take(2))
		case sym == 17:
			n = 3 + int(z.take(3))
		case sym == 18:
			n = 11 + int(z.take(7))
		default:
			return errCorrupt
		}
		if i+n > literals+distances {
			return errCorrupt
		}
		for range n {
			lengths[i] = value
			i++
		}
	}
	if lengths[endOfBlock] == 0 || z.at > len(z.in)+8 {
		return errCorrupt
	}
	if err := z.lengths.build(lengths[:literals]); err != nil {
		return err
	}
	return z.distances.build(lengths[literals : literals+distances])
}

// fix makes the code of blocks that bring none.
func (z *inflater) fix() {
	if z.fixedLengths != nil {
		return
	}
	var lengths [maxSymbols]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	z.fixedLengths = &huffman{}
	_ = z.fixedLengths.build(lengths[:]) // it is complete
}
