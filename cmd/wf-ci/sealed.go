package main

import (
	"crypto/hmac"
	"crypto/sha256"

	"github.com/wf-ci/wf-ci/gates"
)

// sealed is a cache whose entries carry a digest that only this machine can
// make, over their key and their data: what anybody else wrote, changed, or
// moved from one key to another is as good as nothing.
type sealed struct {
	secret []byte
	gates.Cache
}

func (c sealed) Get(key string) ([]byte, bool) {
	data, ok := c.Cache.Get(key)
	if !ok || len(data) < sha256.Size {
		return nil, false
	}
	n := len(data) - sha256.Size
	if !hmac.Equal(data[n:], c.digest(key, data[:n])) {
		return nil, false
	}
	return data[:n], true
}

func (c sealed) Put(key string, data []byte) error {
	return c.Cache.Put(key, append(data[:len(data):len(data)], c.digest(key, data)...))
}

func (c sealed) digest(key string, data []byte) []byte {
	name := sha256.Sum256([]byte(key))
	h := hmac.New(sha256.New, c.secret)
	h.Write(name[:])
	h.Write(data)
	return h.Sum(nil)
}
