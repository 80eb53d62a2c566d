package deps

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// value is a JSON value that knows its place. encoding/json tells no lines, and
// takes the last of two equal keys: a lock file that says two things is refused.
type value struct {
	line    int // where it begins
	kind    byte
	text    string // of a string or a number
	members []member
	index   map[string]int // of members, where there are many
	items   []*value
}

type member struct {
	key  string
	line int
	*value
}

const (
	isNull   byte = 0
	isObject byte = '{'
	isList   byte = '['
	isString byte = 's'
	isNumber byte = 'n'
	isBool   byte = 'b'
)

// maxDepth is deeper than any lock file.
const maxDepth = 200

// parseJSON reads one JSON document.
func parseJSON(name string, data []byte) (*value, error) {
	p := jsonParser{d: json.NewDecoder(bytes.NewReader(data)), data: data, lines: newLines(data)}
	p.d.UseNumber()
	v, err := p.value(0)
	if err == nil {
		if _, more := p.d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is more behind its end")
		}
	}
	if err != nil {
		line := p.lines.at(int(p.d.InputOffset()))
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			line = p.lines.at(max(0, int(syntax.Offset)-1))
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("it ends in the middle")
		}
		return nil, &lockError{name, line, fmt.Sprintf("cannot be read: %v; write it again with its package manager", err)}
	}
	return v, nil
}

type jsonParser struct {
	d     *json.Decoder
	data  []byte
	lines lines
}

// here is the line of the next token.
func (p *jsonParser) here() int {
	at := int(p.d.InputOffset())
	for at < len(p.data) && strings.IndexByte(" \t\r\n,:", p.data[at]) >= 0 {
		at++
	}
	return p.lines.at(at)
}

func (p *jsonParser) value(depth int) (*value, error) {
	if depth > maxDepth {
		return nil, errors.New("too deep")
	}
	v := &value{line: p.here()}
	t, err := p.d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		v.kind = byte(t)
		if t == '{' {
			return v, p.object(v, depth)
		}
		for p.d.More() {
			item, err := p.value(depth + 1)
			if err != nil {
				return nil, err
			}
			v.items = append(v.items, item)
		}
		_, err = p.d.Token()
		return v, err
	case string:
		v.kind, v.text = isString, t
	case json.Number:
		v.kind, v.text = isNumber, t.String()
	case bool:
		v.kind, v.text = isBool, strconv.FormatBool(t)
	}
	return v, nil
}

func (p *jsonParser) object(v *value, depth int) error {
	v.index = make(map[string]int)
	for p.d.More() {
		line := p.here()
		t, err := p.d.Token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return errors.New("a key that is no text")
		}
		if _, twice := v.index[key]; twice {
			return fmt.Errorf("the key %.60q is there twice", key)
		}
		item, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		v.index[key] = len(v.members)
		v.members = append(v.members, member{key, line, item})
	}
	_, err := p.d.Token()
	return err
}

var nothing = &value{}

// get is the member of an object; a null where there is none.
func (v *value) get(key string) *value {
	if i, ok := v.index[key]; ok {
		return v.members[i].value
	}
	return nothing
}

// str is a string's text; empty for everything else.
func (v *value) str() string {
	if v.kind == isString {
		return v.text
	}
	return ""
}

func (v *value) isTrue() bool { return v.kind == isBool && v.text == "true" }

// item is an element of a list; a null where there is none.
func (v *value) item(i int) *value {
	if i < len(v.items) {
		return v.items[i]
	}
	return nothing
}
