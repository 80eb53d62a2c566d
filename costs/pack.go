package costs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/state"
)

// chainName is the file of the links, below the folder costs.
const chainName = "chain.jsonl"

// Link is a line of costs/chain.jsonl: a month that is over, packed into one
// file, sealed together with all links before it. Entries that come later (a log
// that was imported late, a correction) get a link of their own at the next
// packing; what is sealed never changes.
type Link struct {
	Month   string `json:"month"`
	File    string `json:"file"` // below costs; named by its content
	Entries int    `json:"entries"`
	USD     Nano   `json:"usd"`  // of all of them, also of what was corrected later
	Prev    string `json:"prev"` // the hash of the link before; empty: the first
	Hash    string `json:"hash"` // SHA-256 of this link without it
}

func (k Link) hash() (string, error) {
	k.Hash = ""
	data, err := json.Marshal(k)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// Chain reads the links. The error names the first that does not hold to the
// one before it.
func (l Ledger) Chain() ([]Link, error) {
	data, err := readFile(filepath.Join(l.Dir, chainName), bookLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return ParseChain(data)
}

// ParseChain reads costs/chain.jsonl.
func ParseChain(data []byte) ([]Link, error) {
	var links []Link
	prev, n := "", 0
	for line := range bytes.Lines(data) {
		n++
		where := fmt.Sprintf("costs/%s:%d", chainName, n)
		var k Link
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&k); err != nil || !bytes.HasSuffix(line, []byte("\n")) {
			return links, fmt.Errorf("%s: the link was cut or edited; restore the file (git checkout -- costs/%s)", where, chainName)
		}
		switch hash, err := k.hash(); {
		case err != nil || hash != k.Hash:
			return links, fmt.Errorf("%s: the link of %s is not what its hash says", where, k.Month)
		case k.Prev != prev:
			return links, fmt.Errorf("%s: the link of %s does not follow the one before it: a link was taken out, put in, or moved", where, k.Month)
		case !IsEntries("costs/" + k.File):
			return links, fmt.Errorf("%s: %q is no file of entries", where, k.File)
		}
		prev = k.Hash
		links = append(links, k)
	}
	return links, nil
}

// Pack closes the months before a month ("2026-11"): the entries of each go into
// one file, which a new link seals, and the small files go. It gives the new
// links. A packing that is cut off loses nothing: the next one finishes it.
func (l Ledger) Pack(ctx context.Context, before string) ([]Link, error) {
	unlock, err := l.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if _, err := l.Entries(); err != nil {
		return nil, err // nothing is sealed that does not hold together
	}
	links, err := l.Chain()
	if err != nil {
		return nil, err
	}
	sealed := make(map[string]bool)
	for _, k := range links {
		sealed[k.File] = true
	}
	months, err := l.loose(sealed, before)
	if err != nil {
		return nil, err
	}
	old := len(links)
	for _, m := range slices.Sorted(maps.Keys(months)) {
		if links, err = l.seal(m, months[m], links); err != nil {
			return nil, fmt.Errorf("pack %s: %w", m, err)
		}
	}
	return links[old:], nil
}

// month is what a month has beside its sealed files.
type month struct {
	files []string
	list  []Entry // without those that are sealed, each once
}

// loose are the months before a month that have files which are not sealed.
func (l Ledger) loose(sealed map[string]bool, before string) (map[string]*month, error) {
	months := make(map[string]*month)
	done := make(map[string]bool) // ids that are sealed
	err := l.each(func(name string, list []Entry) error {
		m := strings.Split(name, "/")[1]
		if sealed[name] {
			for _, e := range list {
				done[e.ID] = true
			}
			return nil
		}
		if m >= before {
			return nil
		}
		if months[m] == nil {
			months[m] = &month{list: list}
		} else {
			months[m].list = append(months[m].list, list...)
		}
		months[m].files = append(months[m].files, name)
		return nil
	})
	for _, m := range months {
		slices.SortFunc(m.list, Entry.compare)
		m.list = slices.CompactFunc(m.list, func(e, f Entry) bool { return e.ID == f.ID })
		m.list = slices.DeleteFunc(m.list, func(e Entry) bool { return done[e.ID] })
	}
	return months, err
}

// seal writes a month's file, then its link, then takes the small files away: at
// each point, all entries are there.
func (l Ledger) seal(name string, m *month, links []Link) ([]Link, error) {
	packed := ""
	if list := m.list; len(list) > 0 {
		data, err := encode(list)
		if err != nil {
			return links, err
		}
		packed = "entries/" + name + "/" + fileName(data)
		if err := state.Write(filepath.Join(l.Dir, filepath.FromSlash(packed)), data, 0o644); err != nil {
			return links, err
		}
		if links, err = l.link(links, Link{Month: name, File: packed, Entries: len(list), USD: total(list)}); err != nil {
			return links, err
		}
	}
	for _, f := range m.files {
		if f == packed {
			continue
		}
		if err := os.Remove(filepath.Join(l.Dir, filepath.FromSlash(f))); err != nil {
			return links, err
		}
		if l.Keys != "" {
			_ = os.Remove(l.keptAt(f)) // of no use any more, and no harm
		}
	}
	return links, nil
}

// link appends a link to the chain, on the disk and in what it gives.
func (l Ledger) link(links []Link, k Link) ([]Link, error) {
	if len(links) > 0 {
		k.Prev = links[len(links)-1].Hash
	}
	var err error
	if k.Hash, err = k.hash(); err != nil {
		return links, err
	}
	links = append(links, k)
	var buf bytes.Buffer
	for _, k := range links {
		line, err := json.Marshal(k)
		if err != nil {
			return links, err
		}
		buf.Write(append(line, '\n'))
	}
	return links, state.Write(filepath.Join(l.Dir, chainName), buf.Bytes(), 0o644)
}

func total(list []Entry) Nano {
	var sum Nano
	for _, e := range list {
		sum += e.USD
	}
	return sum
}

// Linked says whether a link is in the chain, by its hash or the start of it.
func (l Ledger) Linked(hash string) error {
	links, err := l.Chain()
	if err != nil {
		return err
	}
	for _, k := range links {
		if len(hash) >= 12 && strings.HasPrefix(k.Hash, hash) {
			return nil
		}
	}
	return fmt.Errorf("costs/%s has no link %q: the chain was cut, or made anew", chainName, hash)
}
