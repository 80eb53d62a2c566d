package scan

import (
	"fmt"
	"strings"
	"testing"
)

// configurations are user rules of every kind, by what they try. Texts for them
// are made from their expressions, and from the words in [configWords].
var configurations = map[string]string{
	"no keywords": ruleTOML("a", `tok_[a-z0-9]{12}`) + ruleTOML("b", `[A-Z]{3}-\d{4}`),
	"keywords in other case": ruleTOML("a", `(?i)tok_[a-z0-9]{12}`, `keywords = ["TOK_", "Zeta"]`) +
		ruleTOML("b", `[0-9]{6,}`, `keywords = ["pin", "ſtar", "K"]`),
	"keyword elsewhere":       ruleTOML("a", `[a-f0-9]{16}`, `keywords = ["zeta"]`),
	"keyword with blanks":     ruleTOML("a", `tok_[a-z0-9]{12}`, `keywords = [" tok", "\n"]`),
	"keyword inside another":  ruleTOML("a", `tok_[a-z0-9]{12}`, `keywords = ["tok"]`) + ruleTOML("b", `to[a-z]{1,3}_`, `keywords = ["to", "tok_a"]`),
	"entropy":                 ruleTOML("a", `key=([a-z0-9]{10,20})`, `entropy = 3.0`) + ruleTOML("b", `[A-Z]{3}-\d{4}`, `entropy = 2.5`),
	"negative entropy":        ruleTOML("a", `key=([a-z0-9]{10,20})`, `entropy = -1.0`),
	"secret group":            ruleTOML("a", `(\w+)=(\w+)-(\w+)?`, `secretGroup = 2`) + ruleTOML("b", `(\w+)=(\w+)-(\w+)?`, `secretGroup = 3`, "entropy = 0.1") + ruleTOML("c", `(x)?(y)?=(\w+)`),
	"group that matches less": ruleTOML("a", `pin=(\d+)\b`, `secretGroup = 1`) + ruleTOML("b", `(?:^|\n)pin=(\d+)$`, `secretGroup = 1`),
	"named groups, flags":     ruleTOML("a", `(?is)begin(?P<body>.{4,30}?)end`, `secretGroup = 1`) + ruleTOML("b", `(?m)^pin=\d+$`) + ruleTOML("c", `(?U)tok_[a-z0-9]+z`),
	"assertions":              ruleTOML("a", `\btok_[a-z0-9]{12}\b`) + ruleTOML("b", `\Btok_\w+`) + ruleTOML("c", `^pin=\d+`) + ruleTOML("d", `pin=\d+$`) + ruleTOML("e", `\Apin=\d+`) + ruleTOML("f", `\d+\z`),
	"lines":                   ruleTOML("a", `pin=\d+\n\s*tok_\w+`) + ruleTOML("b", `\n+tok_\w+\n+`) + ruleTOML("c", `(?s)begin.*end`),
	"empty matches":           ruleTOML("a", `z*`) + ruleTOML("b", `(pin)?`, `keywords = ["pin"]`) + ruleTOML("c", `$`),
	"one letter":              ruleTOML("a", `z`) + ruleTOML("b", `.`, `keywords = ["zeta"]`),
	"many ways":               ruleTOML("a", `(a|aa)+b`) + ruleTOML("b", `(tok_|pin=|key=)(\w{2,6}|\d+)(-|_|x)`) + ruleTOML("c", `(?:[a-z]+[0-9]+)+_`),
	"unicode":                 ruleTOML("a", `ключ=\p{L}+`) + ruleTOML("b", `(?i)straße-\d+`) + ruleTOML("c", `é{2}[^a]x`) + ruleTOML("d", `\x{1F511}\w+`) + ruleTOML("e", "\\xff\\w+"),
	"fold":                    ruleTOML("a", `(?i)skikey-[a-z]{4}`, `keywords = ["skikey"]`) + ruleTOML("b", `(?i)kiss=[sk]+`),
	"generic":                 ruleTOML("Generic-one", `key=[a-z0-9]{4,}`) + ruleTOML("own", `=[a-z0-9]{4,}`) + ruleTOML("my-generic", `[a-z0-9]{4,}`),
	"tags":                    ruleTOML("a", `tok_[a-z0-9]{12}`, `tags = ["x", "y"]`) + ruleTOML("b", `pin=\d+`, `tags = []`),
	"two of one id":           ruleTOML("a", `tok_[a-z0-9]{12}`) + ruleTOML("a", `pin=\d+`),
	"path":                    ruleTOML("a", `pin=\d+`, `path = '''\.go$'''`) + ruleTOML("b", ``, `path = '''^a\.'''`) + ruleTOML("c", `tok_\w+`, `path = '''(?i)YAML'''`, `keywords = ["tok_"]`),
	"path with keywords":      ruleTOML("a", ``, `path = '''^a\.'''`, `keywords = ["pin"]`) + ruleTOML("c", `pin=\d+`) + ruleTOML("b", ``, `path = '''.'''`, `keywords = ["zeta"]`),
	"many paths": manyRules(70, func(i int) string {
		return ruleTOML(fmt.Sprint("r", i), `pin=\d+`, fmt.Sprintf("path = '''%c'''", 'a'+i%26))
	}),
	"skip report": ruleTOML("a", `pin=\d+`, "skipReport = true") + ruleTOML("b", `tok_\w+`) + "[[rules.required]]\nid = \"a\"\n",
	"required": ruleTOML("a", `pin=\d+`) + ruleTOML("b", `tok_[a-z0-9]{12}`, `keywords = ["tok_"]`) + requiredTOML("a", "withinLines = 1") +
		ruleTOML("c", `key=\w+`) + requiredTOML("a", "withinColumns = 5") + ruleTOML("d", `zeta`) + requiredTOML("a", "withinLines = 0", "withinColumns = 40") + requiredTOML("b") +
		ruleTOML("e", `[A-Z]{3}-\d{4}`) + requiredTOML("e") + ruleTOML("f", `key=\w`) + requiredTOML("a", "withinLines = 0") + requiredTOML("a"),
	"required with a keyword that is not there": ruleTOML("a", `pin=\d+`, `keywords = ["nowhere"]`) + ruleTOML("b", `tok_\w+`) + requiredTOML("a"),
	"required of paths":                         ruleTOML("a", `pin=\d+`, `path = '''\.go$'''`) + ruleTOML("b", `tok_\w+`) + requiredTOML("a") + ruleTOML("c", ``, `path = '''go'''`) + ruleTOML("d", `key=`) + requiredTOML("c"),
	"required of another":                       ruleTOML("a", `pin=\d+`) + ruleTOML("b", `tok_\w+`) + requiredTOML("a") + ruleTOML("c", `key=\w+`) + requiredTOML("b"),
	"required, allowed":                         ruleTOML("a", `pin=\d+`) + "[[rules.allowlists]]\nregexes = ['''[13579]$''']\n" + ruleTOML("b", `tok_\w+`) + requiredTOML("a"),

	"global allowlists": ruleTOML("a", `tok_[a-z0-9]{12}`) + ruleTOML("b", `pin=(\d+)`) + ruleTOML("c", `key=\w+`) +
		"[[allowlists]]\npaths = ['''\\.yaml$''', '''(?i)^B''']\n[[allowlists]]\ncommits = [\" ABCDEF0123 \"]\n[[allowlists]]\nregexes = ['''^\\d{3}$''', '''z''']\n[[allowlists]]\nstopwords = [\"ABC\", \"1\"]\n",
	"deprecated allowlist": ruleTOML("a", `tok_[a-z0-9]{12}`) + "[rules.allowlist]\nregexes = ['''z''']\n[allowlist]\nstopwords = [\"q\"]\n",
	"allowlist targets": ruleTOML("a", `pin=(\d+)`) + "[[rules.allowlists]]\nregexTarget = \"match\"\nregexes = ['''^pin=1''']\n" +
		ruleTOML("b", `tok_(\w+)`) + "[[rules.allowlists]]\nregexTarget = \"line\"\nregexes = ['''zeta|^\\n?key''']\n" +
		ruleTOML("c", `key=(\w+)`) + "[[rules.allowlists]]\nregexTarget = \"secret\"\nregexes = ['''^[a-m]''']\n",
	"allowlists of lines, decoded": ruleTOML("a", `pin=(\d+)`) + "[[rules.allowlists]]\nregexTarget = \"line\"\nregexes = ['''^\"?pin''', '''=$''']\n",
	"and": ruleTOML("a", `pin=(\d+)`) + "[[rules.allowlists]]\ncondition = \"AND\"\npaths = ['''go$''']\nregexes = ['''^1''']\n" +
		ruleTOML("b", `tok_(\w+)`) + "[[rules.allowlists]]\ncondition = \"&&\"\ncommits = [\"abcdef0123\"]\nstopwords = [\"a\"]\n" +
		ruleTOML("c", `key=(\w+)`) + "[[rules.allowlists]]\ncondition = \"and\"\ncommits = [\"abcdef0123\"]\npaths = ['''go$''']\n" +
		"[[allowlists]]\ncondition = \"and\"\nregexTarget = \"line\"\nregexes = ['''zeta''']\nstopwords = [\"b\"]\npaths = ['''yaml''']\n",
	"global and of places":   ruleTOML("a", `pin=(\d+)`) + "[[allowlists]]\ncondition = \"and\"\ncommits = [\"abcdef0123\"]\npaths = ['''go$''']\n",
	"or, spelled":            ruleTOML("a", `pin=(\d+)`) + "[[rules.allowlists]]\ncondition = \"||\"\npaths = ['''go$''']\nregexes = ['''^1''']\n",
	"flags across a list":    ruleTOML("a", `tok_\w+`) + "[[rules.allowlists]]\nregexes = ['''(?i)ABC''', '''DEF''']\n",
	"empty expressions":      ruleTOML("a", `pin=(\d*)`) + "[[rules.allowlists]]\nregexes = ['''''']\n" + ruleTOML("b", `key=`) + "[[rules.allowlists]]\npaths = ['''''']\n",
	"empty stop word":        ruleTOML("a", `pin=(\d*)`) + "[[rules.allowlists]]\nstopwords = ['', 'q']\n",
	"stop words, other case": ruleTOML("a", `tok_\w+`) + "[[rules.allowlists]]\nstopwords = ['É', 'Aß', 'ABCDEF', 'x', 'İ']\n",
	"lists on top of each other": ruleTOML("a", `tok_\w+`) + "[[rules.allowlists]]\ncondition='and'\nregexes=['''a''']\nstopwords=['b']\n[[rules.allowlists]]\nregexTarget='match'\nregexes=['''z$''']\n" +
		"[[allowlists]]\ncondition='and'\nregexes=['''c''']\nstopwords=['d']\npaths=['''.''']\n",
}

// ruleTOML is a rule in TOML.
func ruleTOML(id, regex string, more ...string) string {
	text := fmt.Sprintf("[[rules]]\nid = %q\n", id)
	if regex != "" {
		text += "regex = '''" + regex + "'''\n"
	}
	return text + strings.Join(more, "\n") + "\n"
}

func requiredTOML(id string, more ...string) string {
	return fmt.Sprintf("[[rules.required]]\nid = %q\n%s\n", id, strings.Join(more, "\n"))
}

func manyRules(n int, make func(int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(make(i))
	}
	return b.String()
}

var configWords = strings.Split("pin=1|pin=123|pin=4568|pin=22 |tok_abcdef012345|tok_zzzzzzzzzzzz|tok_ABC|tok_DEFabc|key=aaaabbbbcccc|key=zq9|zeta|ZETA|ABC-1234|XYZ-0000|begin|end|x=y-z|=|-|_|aab|ключ=имя|STRASSE-1|straße-22|éé|\xff|SKIKEY-abcd|ſKikey-abcd|kiss=ſk|İ|🔑w|generic|0123456789abcdef| |\"", "|")

// configText is a text for a configuration.
func (s sampler) configText() string {
	var b strings.Builder
	for range 3 + s.IntN(14) {
		word := configWords[s.IntN(len(configWords))]
		switch s.IntN(8) {
		case 0:
			word = s.sample()
		case 1:
			word = s.encoded(word + strings.Repeat(" pin=77 tok_abcdefabcdef", s.IntN(2)))
		case 2:
			word = s.spoiled(word + "x")
		case 3:
			word = s.encoded(s.encoded("it is " + word + " key=abcd0"))
		}
		b.WriteString(word + []string{"", "", "\n", "\n", "\r\n", " ", "\n\n"}[s.IntN(7)])
	}
	return b.String()
}

func (s sampler) fragment() Fragment {
	return Fragment{
		Path: []string{"a.go", "b.yaml", "c.txt", "x/a.YAML", ""}[s.IntN(5)], Commit: []string{"", "abcdef0123", "0123"}[s.IntN(3)],
		Line: s.IntN(3), Text: s.configText(),
	}
}

func TestSameWithUserRules(t *testing.T) {
	total := 0
	for name, text := range configurations {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, text)
			hits := 0
			for seed := range uint64(80) {
				s := newSampler(p, seed)
				hits += p.same(t, s.fragment())
				if t.Failed() {
					t.Logf("seed %d", seed)
					return
				}
			}
			total += hits
			if hits == 0 {
				t.Error("no hits: the texts try nothing")
			}
		})
	}
	t.Logf("%d hits", total)
}
