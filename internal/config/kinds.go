package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// kind is how the leaves of one Go type are read, written and described.
type kind struct {
	want  string   // what a right value is, for "want …"
	tags  []string // the YAML types that it may be written as
	json  string   // its type in the JSON Schema
	parse func(s *spec, text string) (reflect.Value, *fault)
	show  func(v reflect.Value) string
}

// fault is a value that is wrong; the caller knows where it stands.
type fault struct{ message, hint string }

func faultf(hint, format string, args ...any) *fault {
	return &fault{message: fmt.Sprintf(format, args...), hint: hint}
}

// in puts the key before the message.
func (f *fault) in(path string) *fault {
	return &fault{path + ": " + f.message, f.hint}
}

// kindOf returns the kind of a type of leaf; false for everything else.
func kindOf(t reflect.Type) (kind, bool) {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return kind{"a duration such as 10m", []string{"!!str"}, "string", parseDuration, showDuration}, true
	case reflect.TypeFor[Date]():
		return kind{"a date such as 2027-01-31", []string{"!!str", "!!timestamp"}, "string", parseDate, reflect.Value.String}, true
	case reflect.TypeFor[Ports]():
		return kind{"two ports such as 8100-8199", []string{"!!str"}, "string", parsePorts, showPorts}, true
	case reflect.TypeFor[[]string]():
		return kind{"a list of names", nil, "array", parseNames, showNames}, true
	}
	switch t.Kind() {
	case reflect.Bool:
		return kind{"true or false", []string{"!!bool"}, "boolean", parseBool, showBool}, true
	case reflect.Int:
		return kind{"a whole number", []string{"!!int"}, "integer", parseInt, showInt}, true
	case reflect.Float64:
		return kind{"a number", []string{"!!int", "!!float"}, "number", parseNumber, showNumber}, true
	case reflect.String:
		return kind{"text", []string{"!!str"}, "string", parseText, reflect.Value.String}, true
	}
	return kind{}, false
}

// want says what a right value of s looks like.
func (s *spec) want() string {
	switch {
	case len(s.enum) > 0:
		return oneOf(s.enum)
	case s.kind.json == "integer" || s.kind.json == "number":
		return fmt.Sprintf("%s from %s to %s", s.kind.want, s.min, s.max)
	case s.format.want != "":
		return s.format.want
	}
	return s.kind.want
}

func parseBool(s *spec, text string) (reflect.Value, *fault) {
	switch strings.ToLower(text) {
	case "true":
		return reflect.ValueOf(true), nil
	case "false":
		return reflect.ValueOf(false), nil
	}
	return reflect.Value{}, faultf("", "want true or false, found %s", quote(text))
}

func showBool(v reflect.Value) string { return strconv.FormatBool(v.Bool()) }

// decimal leaves out what YAML's versions disagree about (010, 0o10, 1_000)
// and what no threshold is (.inf, 1e9).
var decimal = lazyregexp.New(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)

func parseInt(s *spec, text string) (reflect.Value, *fault) {
	if !decimal.MatchString(text) || strings.Contains(text, ".") {
		return reflect.Value{}, faultf("", "want %s in plain digits, found %s", s.want(), number(text))
	}
	n, err := strconv.Atoi(text)
	if err != nil || outside(s, float64(n)) {
		return reflect.Value{}, faultf("", "%s is out of range: want %s", number(text), s.want())
	}
	return reflect.ValueOf(n), nil
}

func showInt(v reflect.Value) string { return strconv.FormatInt(v.Int(), 10) }

func parseNumber(s *spec, text string) (reflect.Value, *fault) {
	if !decimal.MatchString(text) {
		hint := ""
		if bare := strings.TrimSpace(strings.TrimSuffix(text, "%")); bare != text && decimal.MatchString(bare) {
			hint = "write " + bare
		}
		return reflect.Value{}, faultf(hint, "want %s in plain digits, found %s", s.want(), number(text))
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || outside(s, n) {
		return reflect.Value{}, faultf("", "%s is out of range: want %s", number(text), s.want())
	}
	return reflect.ValueOf(math.Abs(n)), nil // -0 is 0; nothing else below zero is in range
}

func showNumber(v reflect.Value) string {
	return strconv.FormatFloat(v.Float(), 'f', -1, 64)
}

// number shows what was meant to be one.
func number(text string) string {
	if len(text) <= maxQuoted && decimal.MatchString(text) {
		return text
	}
	return quote(text)
}

func outside(s *spec, n float64) bool {
	low, _ := strconv.ParseFloat(s.min, 64)
	high, _ := strconv.ParseFloat(s.max, 64)
	return n < low || n > high
}

const durationPattern = `^([0-9]+(\.[0-9]+)?(h|m|s|ms))+$`

var duration = lazyregexp.New(durationPattern)

func parseDuration(s *spec, text string) (reflect.Value, *fault) {
	d, err := time.ParseDuration(text)
	if err != nil || !duration.MatchString(text) {
		hint := ""
		if decimal.MatchString(text) {
			hint = fmt.Sprintf("a number needs a unit: %ss or %sm", text, text)
		}
		return reflect.Value{}, faultf(hint, "want %s, found %s", s.kind.want, quote(text))
	}
	low, _ := time.ParseDuration(s.min)
	high, _ := time.ParseDuration(s.max)
	if d < low || d > high {
		return reflect.Value{}, faultf("", "%s is out of range: want a duration from %s to %s", quote(text), s.min, s.max)
	}
	return reflect.ValueOf(d), nil
}

// showDuration writes 10m, not 10m0s.
func showDuration(v reflect.Value) string {
	text := time.Duration(v.Int()).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func parseDate(s *spec, text string) (reflect.Value, *fault) {
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return reflect.Value{}, faultf("", "want %s, found %s", s.kind.want, quote(text))
	}
	return reflect.ValueOf(Date(text)), nil
}

const portsPattern = `^[0-9]{4,5}-[0-9]{4,5}$`

var portRange = lazyregexp.New(portsPattern)

func parsePorts(s *spec, text string) (reflect.Value, *fault) {
	if !portRange.MatchString(text) {
		return reflect.Value{}, faultf("", "want %s, found %s", s.kind.want, quote(text))
	}
	first, last, _ := strings.Cut(text, "-")
	var p Ports
	p.First, _ = strconv.Atoi(first)
	p.Last, _ = strconv.Atoi(last)
	if p.First < 1024 || p.Last > 65535 || p.First > p.Last {
		return reflect.Value{}, faultf("", "%s is out of range: want two ports from 1024 to 65535, the lower one first", quote(text))
	}
	return reflect.ValueOf(p), nil
}

func showPorts(v reflect.Value) string {
	return fmt.Sprintf("%d-%d", v.Field(0).Int(), v.Field(1).Int())
}

// parseText reads a word of an enum, or a text of the spec's format.
func parseText(s *spec, text string) (reflect.Value, *fault) {
	if len(s.enum) > 0 {
		if !slices.Contains(s.enum, text) {
			return reflect.Value{}, faultf(didYouMean(text, s.enum), "want %s, found %s", s.want(), quote(text))
		}
		return reflect.ValueOf(text), nil
	}
	text, f := s.format.apply(text)
	return reflect.ValueOf(text), f
}

// parseNames reads a list from a flag or a variable: A,B,C.
func parseNames(s *spec, text string) (reflect.Value, *fault) {
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		name, f := s.format.apply(name)
		if f != nil {
			return reflect.Value{}, f
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return reflect.ValueOf(slices.Compact(names)), nil
}

func showNames(v reflect.Value) string {
	return strings.Join(v.Interface().([]string), ", ")
}

func oneOf(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
