package main

import (
	"bytes"
	"testing"

	"github.com/wf-ci/wf-ci/internal/state"
)

func TestSealedCacheTakesOnlyWhatItWrote(t *testing.T) {
	dir := state.DirCache{Dir: t.TempDir()}
	c := sealed{secret: []byte("one machine"), Cache: dir}
	data := []byte(`{"findings": []}`)
	if err := c.Put("a", data); err != nil {
		t.Fatal(err)
	}
	if got, ok := c.Get("a"); !ok || !bytes.Equal(got, data) {
		t.Fatalf("%q %v", got, ok)
	}
	written, ok := dir.Get("a")
	if !ok {
		t.Fatal("nothing was written")
	}
	for name, bad := range map[string][]byte{
		"plain": data, "empty": nil, "short": written[:len(written)-1], "changed": append([]byte("x"), written[1:]...), "longer": append([]byte(" "), written...),
	} {
		if err := dir.Put("a", bad); err != nil {
			t.Fatal(err)
		}
		if got, ok := c.Get("a"); ok {
			t.Errorf("%s: %q", name, got)
		}
	}
	if err := dir.Put("b", written); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Get("b"); ok {
		t.Error("an entry counts under another key")
	}
	if _, ok := (sealed{secret: []byte("another"), Cache: dir}).Get("b"); ok {
		t.Error("an entry of another machine counts")
	}
}
