package run

import "fmt"

// tail is a writer that keeps the first and the last half of its size. It
// never fails and never blocks. A child's pipe has one writer: no lock.
type tail struct {
	half  int
	head  []byte
	ring  []byte // the last bytes; next is where the next one goes
	next  int
	total int64
}

func newTail(size int) *tail { return &tail{half: (size + 1) / 2} }

func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	t.total += int64(n)
	if room := t.half - len(t.head); room > 0 {
		k := min(room, len(p))
		t.head = append(t.head, p[:k]...)
		p = p[k:]
	}
	if len(p) > t.half {
		p = p[len(p)-t.half:]
	}
	if room := t.half - len(t.ring); room > 0 {
		k := min(room, len(p))
		t.ring = append(t.ring, p[:k]...)
		p = p[k:]
	}
	for len(p) > 0 {
		k := copy(t.ring[t.next:], p)
		t.next = (t.next + k) % len(t.ring)
		p = p[k:]
	}
	return n, nil
}

func (t *tail) output() Output {
	dropped := t.total - int64(len(t.head)) - int64(len(t.ring))
	b := append([]byte(nil), t.head...)
	if dropped > 0 {
		b = fmt.Appendf(b, "\n… %d bytes left out …\n", dropped)
	}
	b = append(b, t.ring[t.next:]...)
	b = append(b, t.ring[:t.next]...)
	return Output{Bytes: b, Dropped: dropped}
}
