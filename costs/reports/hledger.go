package reports

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/wf-ci/wf-ci/costs"
)

// Hledger writes the entries up to in.At as a journal: a transaction for each, and
// at its end an assertion of what is owed to each provider. It declares what it
// uses, so hledger check --strict accepts it, and refuses one that was edited.
func Hledger(w io.Writer, in Input) error {
	list := upTo(in)
	owed := make(map[string]costs.Nano)
	accounts := make(map[string]bool)
	var body strings.Builder
	for _, e := range list {
		expense, debt := "Expenses:"+account(e.Category)+":"+account(cmp.Or(e.Model, "other")), "Liabilities:"+account(in.provider(e))
		accounts[expense], accounts[debt] = true, true
		owed[debt] -= e.USD
		fmt.Fprintf(&body, "%s * (%s) %s%s\n", in.Zone.Date(e.Time), short(e.ID), payee(e), comment(e))
		fmt.Fprintf(&body, "    %s  $%s\n    %s  $%s\n\n", expense, e.USD, debt, -e.USD)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "; %d entries up to %s, time zone %s, $%s\n", len(list), local(in.At, in.Zone).Format("2006-01-02 15:04:05"), in.Zone, Total(list))
	fmt.Fprintf(&b, "; %s\n\ncommodity $1000.000000000\n\n", oneLine(plain(in.confidence(list).Line())))
	for _, a := range slices.Sorted(maps.Keys(accounts)) {
		fmt.Fprintf(&b, "account %s\n", a)
	}
	b.WriteString("\n" + body.String())
	if len(list) > 0 {
		fmt.Fprintf(&b, "%s * what is owed\n", in.Zone.Date(list[len(list)-1].Time))
		for _, debt := range slices.Sorted(maps.Keys(owed)) {
			fmt.Fprintf(&b, "    %s  $0 = $%s\n", debt, owed[debt])
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// account is a name as a part of an account: what the format reads otherwise (a
// colon, two blanks, a comment) becomes a dash.
func account(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_./", r) {
			return r
		}
		return '-'
	}, s)
	if strings.Trim(s, "-") == "" {
		return "other"
	}
	return s
}

// payee is what was used.
func payee(e costs.Entry) string {
	return account(what(e)) + " | " + account(cmp.Or(e.Task, e.Category))
}

// comment are the tags: name:value, separated by commas.
func comment(e costs.Entry) string {
	var tags []string
	for _, t := range [][2]string{{"feature", e.Feature}, {"branch", e.Branch}, {"commit", e.Commit}, {"basis", string(e.Basis)}, {"source", e.Source}} {
		if t[1] != "" {
			tags = append(tags, t[0]+":"+strings.NewReplacer(",", " ", ":", "-").Replace(oneLine(t[1])))
		}
	}
	return "  ; " + strings.Join(tags, ", ")
}

// oneLine takes out what ends a line, and what cannot be seen.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '-'
		}
		return r
	}, s)
}
