package sast

import (
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
)

// class is the kind of a fault, so that what two engines found can be told to be
// one. Empty: not known, and equal to nothing.
type class string

// classOfCWE is the class of a weakness. Several numbers are one class where
// engines disagree on which of them a fault is.
var classOfCWE = func() map[int]class {
	all := make(map[int]class)
	for c, numbers := range map[class][]int{
		"command":       {77, 78, 88},
		"sql":           {89, 564, 943},
		"html":          {79, 80, 83, 116},
		"path":          {22, 23, 35, 36, 73},
		"ssrf":          {918},
		"redirect":      {601},
		"code":          {94, 95, 96, 1336},
		"deserialise":   {502},
		"certificate":   {295, 296, 297, 299},
		"crypto":        {310, 326, 327, 328, 916},
		"iv":            {329, 330, 1204},
		"random":        {331, 335, 337, 338},
		"credentials":   {259, 321, 798},
		"xml":           {91, 611, 643, 776},
		"tempfile":      {377, 379, 668},
		"permissions":   {276, 732},
		"cookie":        {614, 1004, 1275},
		"csrf":          {352},
		"cors":          {346, 942},
		"exhaustion":    {400, 409, 770},
		"regexp":        {185, 1333},
		"overflow":      {190, 681},
		"bounds":        {118, 125, 129, 787},
		"log":           {117, 532},
		"header":        {93, 113, 444},
		"host-key":      {322, 287},
		"bind":          {605, 1327},
		"debug":         {200, 215, 489},
		"token":         {345, 347},
		"prototype":     {1321},
		"unsafe-memory": {242},
	} {
		for _, n := range numbers {
			all[n] = c
		}
	}
	return all
}()

// classOfRule goes before what an engine says of a rule itself, and is for the
// engines that say nothing.
var classOfRule = map[string]class{
	// Ours, where the weakness is one that other rules share.
	"go-tls-old": "certificate", "go-weak-key": "key-size", "go-static-iv": "iv",

	"gosec/G102": "bind", "gosec/G402": "certificate", "gosec/G403": "key-size", "gosec/G408": "host-key",

	// bandit calls eval a command, and yaml.load a missing check. ruff has its
	// rules, and says of none what it is.
	"bandit/B102": "code", "bandit/B307": "code", "bandit/B506": "deserialise", "bandit/B104": "bind", "bandit/B505": "key-size",
	"bandit/B201": "debug", "bandit/B311": "random", "bandit/B103": "permissions", "bandit/B108": "tempfile", "bandit/B306": "tempfile",
	"bandit/B310": "ssrf", "bandit/B202": "path", "bandit/B504": "certificate", "bandit/B502": "certificate", "bandit/B503": "certificate",
	"bandit/B323": "certificate", "bandit/B507": "host-key", "bandit/B701": "html", "bandit/B113": "exhaustion",

	"eslint/no-eval": "code", "eslint/no-implied-eval": "code", "eslint/no-new-func": "code",
	"eslint/security/detect-eval-with-expression":           "code",
	"eslint/security/detect-child-process":                  "command",
	"eslint/security/detect-non-literal-fs-filename":        "path",
	"eslint/security/detect-non-literal-regexp":             "regexp",
	"eslint/security/detect-unsafe-regex":                   "regexp",
	"eslint/security/detect-non-literal-require":            "code",
	"eslint/security/detect-pseudoRandomBytes":              "random",
	"eslint/security/detect-disable-mustache-escape":        "html",
	"eslint/security/detect-no-csrf-before-method-override": "csrf",
	"eslint/security/detect-bidi-characters":                "bidi",
	"eslint/no-unsanitized/method":                          "html",
	"eslint/no-unsanitized/property":                        "html",
}

// ruffClass is the class of the rules that ruff has from bandit, by number.
var ruffClass = map[string]class{
	"102": "code", "103": "permissions", "104": "bind", "105": "credentials", "106": "credentials", "107": "credentials", "108": "tempfile",
	"113": "exhaustion", "201": "debug", "202": "path", "301": "deserialise", "302": "deserialise", "303": "crypto", "304": "crypto", "305": "crypto",
	"306": "tempfile", "307": "code", "308": "html", "310": "ssrf", "311": "random", "312": "cleartext", "313": "xml", "314": "xml", "315": "xml",
	"316": "xml", "317": "xml", "318": "xml", "319": "xml", "320": "xml", "321": "cleartext", "323": "certificate", "324": "crypto", "501": "certificate",
	"502": "certificate", "503": "certificate", "504": "certificate", "505": "key-size", "506": "deserialise", "507": "host-key", "508": "crypto",
	"509": "crypto", "602": "command", "603": "command", "604": "command", "605": "command", "606": "command", "607": "command", "608": "sql",
	"609": "command", "610": "sql", "611": "sql", "612": "code", "701": "html", "702": "html", "704": "html",
}

// faultClass is the class of an engine's rule. cwe is "CWE-89", with whatever words
// behind it; it may be empty.
func faultClass(rule, cwe string) class {
	if c, ok := classOfRule[rule]; ok {
		return c
	}
	if number, ok := strings.CutPrefix(rule, "ruff/S"); ok {
		return ruffClass[number]
	}
	return classOfCWE[cweOf(cwe)]
}

// cweOf reads CWE-89, cwe-089, or "CWE-89: Improper …"; zero: none.
func cweOf(text string) int {
	if len(text) < 4 || !strings.EqualFold(text[:4], "cwe-") {
		return 0
	}
	text = text[4:]
	end := 0
	for end < len(text) && text[end] >= '0' && text[end] <= '9' {
		end++
	}
	n, _ := strconv.Atoi(text[:end])
	return n
}

// classesOf are the classes of rules by their ids.
func classesOf(rules []gates.Rule) map[string]class {
	all := make(map[string]class)
	for _, r := range rules {
		for _, tag := range r.Tags {
			if cwe, ok := strings.CutPrefix(tag, "external/cwe/"); ok {
				if c := faultClass(r.ID, cwe); c != "" {
					all[r.ID] = c
					break
				}
			}
		}
	}
	return all
}
