// Package saving is ways to pay less: answers that are kept ([Cache]), requests
// that are put together ([Plan]), prompts that are cut ([Trim]). Each counts what
// it saved.
package saving

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/internal/state"
)

// Policy is how long answers of a kind are good for; zero: for ever.
type Policy struct {
	Name string
	TTL  time.Duration
}

// Policies are the reference's.
func Policies() []Policy {
	const day = 24 * time.Hour
	return []Policy{{"embeddings", 30 * day}, {"llm", 7 * day}, {"search", day}, {"static", 0}}
}

// Cache keeps answers of models by what was asked, for processes side by side
// (K16). On the disk nothing can be read by one who does not know the question:
// the answer is encrypted with a key that is made from it, and the file is named
// by a hash of it. What is not whole, was edited, moved, or is too old is no answer.
type Cache struct {
	// Dir is the cache's own; nobody else may read or write it. Required.
	Dir string
	// MaxBytes bounds it; the least recently used go first. Zero: 256 MiB.
	MaxBytes int64
}

// ErrMiss says that there is no answer.
var ErrMiss = errors.New("not in the cache")

// Answer is what is kept.
type Answer struct {
	Policy  string     `json:"policy"`
	Made    time.Time  `json:"made"`
	Expires time.Time  `json:"expires,omitzero"` // zero: never
	Cost    costs.Nano `json:"cost"`             // of making it
	Body    []byte     `json:"body"`
}

// Stats count what happened since the cache was cleared.
type Stats struct {
	Hits    int64      `json:"hits"`
	Misses  int64      `json:"misses"`
	Expired int64      `json:"expired"` // of the misses: it was there, and too old
	Puts    int64      `json:"puts"`
	HitRate float64    `json:"hit_rate"` // percent
	Saved   costs.Nano `json:"saved"`
	Entries int        `json:"entries"`
	Bytes   int64      `json:"bytes"`
}

func (c Cache) store() state.DirCache {
	limit := c.MaxBytes
	if limit == 0 {
		limit = 256 << 20
	}
	return state.DirCache{Dir: filepath.Join(c.Dir, "answers"), MaxBytes: limit}
}

// Put keeps an answer.
func (c Cache) Put(ctx context.Context, question []byte, a Answer) error {
	plain, err := json.Marshal(a)
	if err != nil {
		return err
	}
	seal, name, err := keys(question)
	if err != nil {
		return err
	}
	nonce := make([]byte, seal.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return err
	}
	if err := c.store().Put(name, seal.Seal(nonce, nonce, plain, []byte(name))); err != nil {
		return err
	}
	return c.count(ctx, func(s *Stats) { s.Puts++ })
}

// Get is the answer to a question; [ErrMiss] where there is none that is good.
func (c Cache) Get(ctx context.Context, question []byte, now time.Time) (Answer, error) {
	a, err := c.open(question)
	miss := err != nil
	expired := !miss && (!a.Expires.IsZero() && !now.Before(a.Expires) || a.Made.After(now.Add(24*time.Hour))) // or a clock that has jumped back
	counted := c.count(ctx, func(s *Stats) {
		switch {
		case miss:
			s.Misses++
		case expired:
			s.Misses++
			s.Expired++
		default:
			s.Hits++
			s.Saved += a.Cost
		}
	})
	switch {
	case miss:
		return Answer{}, errors.Join(err, counted)
	case expired:
		return Answer{}, errors.Join(ErrMiss, counted)
	}
	return a, counted
}

func (c Cache) open(question []byte) (a Answer, err error) {
	seal, name, err := keys(question)
	if err != nil {
		return a, err
	}
	data, ok := c.store().Get(name)
	if !ok || len(data) < seal.NonceSize() {
		return a, ErrMiss
	}
	plain, err := seal.Open(nil, data[:seal.NonceSize()], data[seal.NonceSize():], []byte(name))
	if err != nil || json.Unmarshal(plain, &a) != nil {
		return Answer{}, ErrMiss
	}
	return a, nil
}

// keys are made from the question: one to encrypt with, and a name that tells
// nothing of that.
func keys(question []byte) (cipher.AEAD, string, error) {
	key, err := hkdf.Key(sha256.New, question, nil, "wf-ci cost cache: key", 32)
	if err != nil {
		return nil, "", err
	}
	name, err := hkdf.Key(sha256.New, question, nil, "wf-ci cost cache: name", 32)
	if err != nil {
		return nil, "", err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, "", err
	}
	seal, err := cipher.NewGCM(block)
	return seal, hex.EncodeToString(name), err
}

func (c Cache) statsFile() string { return filepath.Join(c.Dir, "stats.json") }

// count changes the numbers, one process after the other.
func (c Cache) count(ctx context.Context, change func(*Stats)) error {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	unlock, err := state.Lock(ctx, filepath.Join(c.Dir, "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	s, err := c.read()
	if err != nil {
		return err
	}
	change(&s)
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return state.Write(c.statsFile(), data, 0o600)
}

func (c Cache) read() (s Stats, err error) {
	data, err := os.ReadFile(c.statsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w; wf-ci costs cache clear begins anew", c.statsFile(), err)
	}
	return s, nil
}

// Stats are the numbers so far.
func (c Cache) Stats() (Stats, error) {
	s, err := c.read()
	if err != nil {
		return s, err
	}
	if n := s.Hits + s.Misses; n > 0 {
		s.HitRate = costs.Percent(costs.Nano(s.Hits), costs.Nano(n))
	}
	list, err := os.ReadDir(c.store().Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	for _, e := range list {
		if info, err := e.Info(); err == nil && len(e.Name()) == 2*sha256.Size {
			s.Entries++
			s.Bytes += info.Size()
		}
	}
	return s, err
}

// Clear removes all answers and numbers.
func (c Cache) Clear(ctx context.Context) error {
	if err := os.RemoveAll(c.store().Dir); err != nil {
		return err
	}
	if err := os.Remove(c.statsFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return c.count(ctx, func(s *Stats) { *s = Stats{} })
}
