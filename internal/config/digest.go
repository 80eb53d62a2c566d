package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Digest names the effective configuration: "sha256:" and the hash of every
// key and value, and the gates that run only where the file mentions them.
// Comments, the order of keys, how a value is spelled, and whether a default is
// written out do not change it.
func (c *Config) Digest() string {
	lines := []string{"wf-ci/config/v1"}
	plain := *c
	plain.Waivers = nil // their keys hold their place in the file
	root().visit(reflect.ValueOf(&plain).Elem(), "", func(path string, s *spec, v reflect.Value) {
		lines = append(lines, fmt.Sprintf("%q=%q", path, s.kind.show(v)))
	})
	for _, s := range root().child("gates").fields {
		if s.asked && c.Origin("gates."+s.key) != builtIn {
			lines = append(lines, fmt.Sprintf("asked %q", s.key))
		}
	}
	for _, w := range c.Waivers {
		lines = append(lines, fmt.Sprintf("waiver %q %q %q %q %q", w.Gate, w.Fingerprint, w.Reason, w.Owner, w.Expires))
	}
	slices.Sort(lines[1:])
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return "sha256:" + hex.EncodeToString(sum[:])
}
