package pack

import (
	"bytes"
	"compress/zlib"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// deflated is a zlib stream.
func deflated(t testing.TB, text []byte, level int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := zlib.NewWriterLevel(&out, level)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(text)
	_ = w.Close()
	return out.Bytes()
}

// texts are of many kinds: short and long codes, far and near repetitions.
func texts() [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 100_000)
	few := make([]byte, 100_000)
	for i := range random {
		random[i] = byte(r.IntN(256))
		few[i] = byte(int(r.ExpFloat64()*8)) + 'a'
	}
	words := strings.Fields("the quick brown fox jumps over a lazy dog; return err != nil { } func")
	var prose strings.Builder
	for prose.Len() < 200_000 {
		prose.WriteString(words[r.IntN(len(words))] + " ")
	}
	return [][]byte{{}, []byte("a"), []byte("hello hello hello"), bytes.Repeat([]byte("ab"), 50_000), bytes.Repeat([]byte{0}, 70_000), random, few, []byte(prose.String())}
}

func TestInflate(t *testing.T) {
	var z inflater
	for i, text := range texts() {
		for _, level := range []int{0, 1, 6, 9, zlib.HuffmanOnly} {
			out, err := z.inflate(append(deflated(t, text, level), "more"...), nil, len(text))
			if err != nil || !bytes.Equal(out, text) {
				t.Errorf("text %d at level %d: %d bytes, %v", i, level, len(out), err)
			}
			if _, err := z.inflate(deflated(t, text, level), nil, len(text)+1); err == nil {
				t.Errorf("text %d at level %d: another length is no error", i, level)
			}
		}
	}
}

func TestInflateOfDamageIsAnError(t *testing.T) {
	var z inflater
	r := rand.New(rand.NewPCG(3, 4))
	text := texts()[7][:3000]
	whole := deflated(t, text, 6)
	for n := range len(whole) {
		if _, err := z.inflate(whole[:n], nil, len(text)); err == nil {
			t.Fatalf("cut to %d of %d bytes: no error", n, len(whole))
		}
	}
	for range 3000 {
		bad := bytes.Clone(whole)
		bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
		if out, err := z.inflate(bad, nil, len(text)); err == nil && !bytes.Equal(out, text) {
			t.Fatal("damage is no error")
		}
	}
}

// FuzzInflate holds it against package zlib.
func FuzzInflate(f *testing.F) {
	for _, text := range texts() {
		f.Add(deflated(f, text[:min(len(text), 300)], 6))
		f.Add(deflated(f, text[:min(len(text), 300)], 0))
	}
	var z inflater
	f.Fuzz(func(t *testing.T, in []byte) {
		var want []byte
		r, err := zlib.NewReader(bytes.NewReader(in))
		if err == nil {
			want, err = io.ReadAll(io.LimitReader(r, 1<<20))
		}
		if len(want) == 1<<20 {
			t.Skip()
		}
		got, gotErr := z.inflate(in, nil, len(want))
		if err == nil && gotErr != nil || gotErr == nil && !bytes.Equal(got, want) {
			t.Fatalf("zlib: %d bytes, %v; ours: %d bytes, %v", len(want), err, len(got), gotErr)
		}
	})
}

func BenchmarkInflate(b *testing.B) {
	text := texts()[7]
	in := deflated(b, text, 6)
	var z inflater
	var out []byte
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		var err error
		if out, err = z.inflate(in, out[:0], len(text)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkZlib(b *testing.B) {
	text := texts()[7]
	in := deflated(b, text, 6)
	r, _ := zlib.NewReader(bytes.NewReader(in))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		_ = r.(zlib.Resetter).Reset(bytes.NewReader(in), nil)
		_, _ = io.Copy(io.Discard, r)
	}
}
