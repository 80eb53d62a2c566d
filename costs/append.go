package costs

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/costs/prices"
	"github.com/wf-ci/wf-ci/internal/state"
)

// LogPrefix begins the keys of calls that were read in a tool's log. A log may
// tell of a call while it still runs, and two machines, or two tables of prices,
// may have read it at different times: such tellings of one call are no conflict.
const LogPrefix = "log:"

// Batch collects calls from logs for one [Ledger.Append]. Each is checked, sealed
// and written down at once; of its units only the sums are kept, because there
// may be a hundred thousand calls.
type Batch struct {
	now     time.Time
	entries []Entry // without their units
	extents []extent
	lines   spill // what the ledger will hold
	line    []byte
	ends    []int64 // of each entry's line
}

// extent is how far a telling of a call goes.
type extent struct{ output, all Count }

// NewBatch makes room for so many entries; now is the clock. What is more than a
// few goes to a file in scratch, until [Batch.Close].
func NewBatch(now time.Time, room int, scratch string) *Batch {
	return &Batch{
		now: now, entries: make([]Entry, 0, room), extents: make([]extent, 0, room), ends: make([]int64, 0, room),
		lines: spill{dir: scratch},
	}
}

// Close gives back what the batch holds on the disk.
func (b *Batch) Close() error { return b.lines.close() }

// Add seals an entry and takes it. Its units may be used again afterwards.
func (b *Batch) Add(e Entry) error {
	e.Time = e.Time.UTC()
	if err := e.sealable(b.now); err != nil {
		return err
	}
	var err error
	if e.ID, b.line, err = e.line(b.line[:0]); err != nil {
		return err
	}
	b.line = append(b.line, '\n')
	if _, err := b.lines.Write(b.line); err != nil {
		return fmt.Errorf("keep an entry: %w", err)
	}
	b.ends = append(b.ends, b.lines.size)
	b.extents = append(b.extents, e.extent())
	e.Units = nil
	b.entries = append(b.entries, e)
	return nil
}

// Entry is the n-th entry, without its units.
func (b *Batch) Entry(n int) Entry { return b.entries[n] }

// Tokens is how many units the n-th entry has, all kinds together.
func (b *Batch) Tokens(n int) int64 { return int64(b.extents[n].all / one) }

// start is where the n-th entry's line begins.
func (b *Batch) start(n int) int64 {
	if n == 0 {
		return 0
	}
	return b.ends[n-1]
}

// Append is [Ledger.Record] for calls from logs, of which most may be known: of
// two tellings of one call, the one that goes further counts. added are numbers
// of entries in the batch; all are what counts now, those of the batch without
// their units.
func (l Ledger) Append(ctx context.Context, b *Batch, budget Budget, z Zone) (added []int, all []Entry, err error) {
	unlock, err := l.lock(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	old, err := l.Entries()
	if err != nil {
		return nil, nil, err
	}
	added, all = b.merge(old)
	if err := sumsUp(all); err != nil {
		return nil, nil, err
	}
	if err := b.write(l, added); err != nil {
		return nil, nil, err
	}
	if err := l.fold(all, budget, z); err != nil {
		return added, all, fmt.Errorf("the entries are recorded, the books are not: %w", err)
	}
	return added, all, nil
}

// merge finds the entries that tell something new, and all that counts then.
func (b *Batch) merge(old []Entry) (added []int, all []Entry) {
	known := make(map[string]int, len(old))
	parents := make(map[string]bool) // messages that the ledger has, and not from a subagent
	for i, e := range old {
		known[e.Key] = i
		if e.Task == "" && logged(e, e) {
			parents[request(e.Key)] = true
		}
	}
	gone := make(map[int]bool)
	for n, e := range b.entries {
		i, ok := known[e.Key]
		switch {
		case ok && i < 0, ok && !beyond(e, old[i], b.extents[n], old[i].extent()), !ok && e.Task != "" && parents[request(e.Key)]:
			continue
		case ok:
			gone[i] = true
		}
		known[e.Key] = -1 // once in a batch
		added = append(added, n)
	}
	if len(added) == 0 {
		return nil, old
	}
	if len(added) == len(b.entries) && len(old) == 0 && slices.IsSortedFunc(b.entries, Entry.compare) {
		return added, slices.Clip(b.entries) // a first import: no need for a copy
	}
	all = make([]Entry, 0, len(old)+len(added))
	for i, e := range old {
		if !gone[i] {
			all = append(all, e)
		}
	}
	for _, n := range added {
		all = append(all, b.entries[n])
	}
	slices.SortFunc(all, Entry.compare)
	return added, all
}

// sumsUp says whether the sum of entries can be counted exactly.
func sumsUp(all []Entry) error {
	var sum Nano
	for i := range all {
		if sum += max(all[i].USD, -all[i].USD); sum > sumMax {
			return fmt.Errorf("the entries add up to more than $%s, which cannot be counted exactly; the last is %s", Nano(sumMax), all[i].ID)
		}
	}
	return nil
}

// write puts entries of the batch into files, one for each month, as [Files]
// names them.
func (b *Batch) write(l Ledger, added []int) error {
	added = slices.Clone(added)
	slices.SortFunc(added, func(x, y int) int {
		e, f := &b.entries[x], &b.entries[y]
		return cmp.Or(e.Time.Compare(f.Time), strings.Compare(e.ID, f.ID))
	})
	for len(added) > 0 {
		month := b.entries[added[0]].Time.Format("2006-01")
		n := slices.IndexFunc(added, func(x int) bool { return b.entries[x].Time.Format("2006-01") != month })
		if n < 0 {
			n = len(added)
		}
		if err := b.writeMonth(l, month, added[:n]); err != nil {
			return fmt.Errorf("write entries: %w", err)
		}
		added = added[n:]
	}
	return nil
}

// writeMonth goes over the lines twice: for the name, which is their hash, and to
// write them.
func (b *Batch) writeMonth(l Ledger, month string, list []int) error {
	sum := sha256.New()
	if err := b.copy(sum, list); err != nil {
		return err
	}
	dir := filepath.Join(l.Dir, "entries", month)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	name := hex.EncodeToString(sum.Sum(nil)[:16]) + ".jsonl"
	return state.WriteFrom(filepath.Join(dir, name), 0o644, func(w io.Writer) error { return b.copy(w, list) })
}

// copy writes the lines of entries, those that stand in a row at once.
func (b *Batch) copy(w io.Writer, list []int) error {
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n] == list[0]+n {
			n++
		}
		start, end := b.start(list[0]), b.ends[list[n-1]]
		if _, err := io.Copy(w, io.NewSectionReader(&b.lines, start, end-start)); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

// request is the key without its last part: for a call of Claude Code, the
// message without the request. What a subagent wrote down of its parent's
// messages, under requests of its own, is no call.
func request(key string) string {
	if i := strings.LastIndexByte(key, ':'); i > len(LogPrefix) {
		return key[:i]
	}
	return key
}

// logged says whether two entries are tellings of one call from logs.
func logged(e, f Entry) bool { return e.Key == f.Key && strings.HasPrefix(e.Key, LogPrefix) }

// further says whether e tells more of a call than f does, both of them from
// logs. It orders all tellings, so that whoever compares them comes to the same.
func further(e, f Entry) bool {
	return logged(e, f) && beyond(e, f, e.extent(), f.extent())
}

func beyond(e, f Entry, x, y extent) bool {
	for _, c := range [][2]int64{
		{rank(e.Replaces != ""), rank(f.Replaces != "")}, // a correction has the last word
		{int64(x.output), int64(y.output)},
		{int64(x.all), int64(y.all)},
		{rank(e.Basis != Unpriced), rank(f.Basis != Unpriced)},
		{rank(e.Task == ""), rank(f.Task == "")},
	} {
		if c[0] != c[1] {
			return c[0] > c[1]
		}
	}
	return false
}

func rank(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (e Entry) extent() (x extent) {
	for _, u := range e.Units {
		x.all += u.N
		if u.Unit == prices.Output {
			x.output += u.N
		}
	}
	return x
}

// Faster prices an entry again at a multiple of its rates for tokens, as
// providers do for calls in a faster mode.
func (e Entry) Faster(factor int64) (Entry, error) {
	if e.Basis != List || factor == 1 {
		return e, nil
	}
	e.Units = slices.Clone(e.Units)
	for i, u := range e.Units {
		if u.Unit != prices.WebSearches {
			e.Units[i].Rate *= prices.Rate(factor)
		}
	}
	usd, err := cost(e.Units)
	e.USD = usd
	return e, err
}

// idField begins an entry: its id is 32 hexadecimal digits, or nothing.
const idField = `{"id":"`

// appendJSON writes an entry as encoding/json does, byte for byte, in a tenth of
// the time: a ledger may have a hundred thousand of them.
func (e Entry) appendJSON(b []byte) ([]byte, error) {
	b = appendText(append(b, idField[:len(idField)-1]...), e.ID)
	b = appendText(append(b, `,"key":`...), e.Key)
	if y := e.Time.Year(); y < 0 || y > 9999 {
		return nil, fmt.Errorf("time of the year %d", y)
	}
	b = e.Time.AppendFormat(append(b, `,"time":"`...), time.RFC3339Nano)
	b = appendText(append(b, `","category":`...), e.Category)
	b = appendField(b, "model", e.Model)
	for i, u := range e.Units {
		if i == 0 {
			b = append(b, `,"units":[`...)
		} else {
			b = append(b, ',')
		}
		b = appendText(append(b, `{"unit":`...), u.Unit)
		b = append(b, `,"n":`...)
		if u.N >= 0 && u.N%one == 0 {
			b = strconv.AppendInt(b, int64(u.N/one), 10)
		} else {
			b = append(b, u.N.String()...)
		}
		b = append(strconv.AppendInt(append(b, `,"rate":`...), int64(u.Rate), 10), '}')
	}
	if len(e.Units) > 0 {
		b = append(b, ']')
	}
	b = append(append(b, `,"usd":"`...), e.USD.String()...)
	b = appendText(append(b, `","basis":`...), string(e.Basis))
	b = appendField(b, "price_ref", e.PriceRef)
	b = appendField(b, "feature", e.Feature)
	b = appendField(b, "task", e.Task)
	b = appendField(b, "branch", e.Branch)
	b = appendField(b, "commit", e.Commit)
	b = appendText(append(b, `,"source":`...), e.Source)
	b = appendField(b, "replaces", e.Replaces)
	b = appendField(b, "reason", e.Reason)
	return append(b, '}'), nil
}

// appendField writes a field that is left out when it is empty.
func appendField(b []byte, name, text string) []byte {
	if text == "" {
		return b
	}
	b = append(append(append(b, ',', '"'), name...), '"', ':')
	return appendText(b, text)
}

// appendText writes a string; one that is not plain as encoding/json has it.
func appendText(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' || c == 0x7f {
			quoted, err := json.Marshal(text)
			if err != nil {
				return append(b, `""`...) // a string is always written
			}
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}
