package costs

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/costs/prices"
)

// LogPrefix begins the keys of calls that were read in a tool's log. A log may
// tell of a call while it still runs, and two machines, or two tables of prices,
// may have read it at different times: such tellings of one call are no conflict.
const LogPrefix = "log:"

// Append is [Ledger.Record] for calls from logs, of which most may be known: of
// two tellings of one call, the one that goes further counts. added are numbers
// of entries in the batch; all is what counts now, those of the batch without
// their ids and units.
func (l Ledger) Append(ctx context.Context, b *Batch, budget Budget, z Zone) (added []int, all iter.Seq[Entry], err error) {
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
	if err := l.fold(make(folding), all, budget, z); err != nil {
		return added, all, fmt.Errorf("the entries are recorded, the books are not: %w", err)
	}
	return added, all, nil
}

// merge finds the entries that tell something new, and all that counts then.
func (b *Batch) merge(old []Entry) (added []int, all iter.Seq[Entry]) {
	known := make(map[string]int, len(old)+len(b.list))
	parents := make(map[string]bool) // messages that the ledger has, and not from a subagent
	for i, e := range old {
		known[e.Key] = i
		if e.Task == "" && logged(e, e) {
			parents[request(e.Key)] = true
		}
	}
	gone := make(map[int]bool)
	added = make([]int, 0, len(b.list))
	for n := range b.list {
		c := &b.list[n]
		i, ok := known[c.key]
		switch {
		case ok && i < 0, ok && !beyond(b.Entry(n), old[i], c.extent, old[i].extent()), !ok && c.of.Task != "" && parents[request(c.key)]:
			continue
		case ok:
			gone[i] = true
		}
		known[c.key] = -1 // once in a batch
		added = append(added, n)
	}
	return added, func(yield func(Entry) bool) {
		for i, e := range old {
			if !gone[i] && !yield(e) {
				return
			}
		}
		for _, n := range added {
			if !yield(b.Entry(n)) {
				return
			}
		}
	}
}

// sumsUp says whether the sum of entries can be counted exactly.
func sumsUp(all iter.Seq[Entry]) error {
	var sum Nano
	for e := range all {
		if sum += max(e.USD, -e.USD); sum > sumMax {
			return fmt.Errorf("the entries add up to more than $%s, which cannot be counted exactly; the last is %.40q", Nano(sumMax), e.Key)
		}
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
