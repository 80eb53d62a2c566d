package costs

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs/prices"
)

// decoder reads the entries of a file: those that are as we write them without
// reflection, any other as encoding/json does. An entry has to be what its id
// says either way, so that what is read does not hang on who read it.
type decoder struct {
	line  []byte
	bad   bool
	names map[string]string // that many entries share
	units []Quantity        // room for those of the next entries
	room  []byte
}

func newDecoder() *decoder { return &decoder{names: make(map[string]string)} }

// entry reads a line.
func (d *decoder) entry(line []byte) (Entry, error) {
	if e, ok := d.plain(line); ok {
		if id, room, err := e.line(d.room[:0]); err == nil && id == e.ID {
			d.room = room
			return e, e.check()
		}
	}
	var e Entry
	if err := json.Unmarshal(line, &e); err != nil {
		return e, err
	}
	return e, e.genuine()
}

// plain reads a line as appendJSON writes it; false is another one.
func (d *decoder) plain(line []byte) (e Entry, ok bool) {
	d.line, d.bad = line, false
	id := d.bytes(idField)
	key := d.bytes(`,"key":"`)
	whole := string(append(append(d.room[:0], id...), key...))
	e.ID, e.Key = whole[:len(id)], whole[len(id):]
	e.Time = d.time()
	e.Category = d.name(`,"category":"`)
	e.Model = d.optional(`,"model":"`)
	e.Units = d.quantities()
	e.USD = Nano(d.decimal(d.bytes(`,"usd":"`), 9))
	e.Basis = Basis(d.name(`,"basis":"`))
	e.PriceRef = d.optional(`,"price_ref":"`)
	e.Feature = d.optional(`,"feature":"`)
	e.Task = d.optional(`,"task":"`)
	e.Branch = d.optional(`,"branch":"`)
	e.Commit = d.optional(`,"commit":"`)
	e.Source = d.name(`,"source":"`)
	e.Replaces = d.optional(`,"replaces":"`)
	e.Reason = d.optional(`,"reason":"`)
	return e, !d.bad && string(d.line) == "}"
}

// take steps over a text, if it is next.
func (d *decoder) take(text string) bool {
	if len(d.line) < len(text) || string(d.line[:len(text)]) != text {
		return false
	}
	d.line = d.line[len(text):]
	return true
}

// bytes is a string without escapes, after what stands before it, its quote
// included.
func (d *decoder) bytes(before string) []byte {
	end := -1
	if d.take(before) {
		end = bytes.IndexByte(d.line, '"')
	}
	if end < 0 || bytes.IndexByte(d.line[:end], '\\') >= 0 {
		d.bad = true
		return nil
	}
	text := d.line[:end]
	d.line = d.line[end+1:]
	return text
}

// name is bytes as one copy for all entries.
func (d *decoder) name(before string) string {
	text := d.bytes(before)
	known, ok := d.names[string(text)]
	if !ok {
		known = strings.ToValidUTF8(string(text), "\uFFFD")
		d.names[string(text)] = known
	}
	return known
}

// optional is name, where it is there.
func (d *decoder) optional(before string) string {
	if !bytes.HasPrefix(d.line, []byte(before)) {
		return ""
	}
	return d.name(before)
}

func (d *decoder) time() time.Time {
	t, err := time.Parse(time.RFC3339Nano, string(d.bytes(`,"time":"`)))
	d.bad = d.bad || err != nil || t.Location() != time.UTC
	return t
}

// quantities are the units, where there are any.
func (d *decoder) quantities() []Quantity {
	const most = 64 // that share room
	if !bytes.HasPrefix(d.line, []byte(`,"units":[`)) {
		return nil
	}
	if cap(d.units)-len(d.units) < most {
		d.units = make([]Quantity, 0, 16*most)
	}
	start := len(d.units)
	for before := `,"units":[{"unit":"`; !d.bad; before = `,{"unit":"` {
		unit := d.name(before)
		n := d.decimal(d.number(`,"n":`), 6)
		rate := d.decimal(d.number(`,"rate":`), 0)
		d.units = append(d.units, Quantity{Unit: unit, N: Count(n), Rate: prices.Rate(rate)})
		d.bad = d.bad || !d.take("}") || len(d.units)-start == most
		if d.take("]") {
			break
		}
	}
	return d.units[start:len(d.units):len(d.units)]
}

func (d *decoder) number(before string) []byte {
	if d.bad = d.bad || !d.take(before); d.bad {
		return nil
	}
	end := 0
	for end < len(d.line) && (d.line[end] >= '0' && d.line[end] <= '9' || d.line[end] == '-' || d.line[end] == '.') {
		end++
	}
	text := d.line[:end]
	d.line = d.line[end:]
	return text
}

// decimal reads a number as a count of 10^-places. Long ones are for
// parseDecimal, which sees what overflows.
func (d *decoder) decimal(text []byte, places int) int64 {
	digits, negative := bytes.CutPrefix(text, []byte("-"))
	whole, part, dot := bytes.Cut(digits, []byte("."))
	if len(whole) == 0 || len(whole)+places > 18 || len(part) > places || dot == (len(part) == 0) {
		n, err := parseDecimal(string(text), places)
		d.bad = d.bad || err != nil
		return n
	}
	n := d.digits(0, whole)
	n = d.digits(n, part)
	for range places - len(part) {
		n *= 10
	}
	if negative {
		return -n
	}
	return n
}

func (d *decoder) digits(n int64, text []byte) int64 {
	for _, c := range text {
		d.bad = d.bad || c < '0' || c > '9'
		n = 10*n + int64(c-'0')
	}
	return n
}
