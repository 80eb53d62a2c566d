package research

import (
	"strings"
	"testing"
)

const whole = `viability: {monthly_cost: 15, budget: 100, complexity: 4, team_capability: 6, implementation_time: 10, deadline: 30, strategic_fit: 8}
scores: {cost_efficiency: 9, technical_fit: 8, scalability: 7, maintenance: 8, team_comfort: 6}
`

func TestDecimal(t *testing.T) {
	for in, want := range map[string]string{"7": "7", "0.25": "0.25", "25%": "0.25", "$12.50": "12.5", "007": "7", "1_000": "1000", "0": "0", "33.3333 %": "0.333333"} {
		if d, err := ParseDecimal(in); err != nil || d.String() != want {
			t.Errorf("%q: %s, %v; want %s", in, d, err, want)
		}
	}
	for _, in := range []string{"", "-1", "NaN", ".nan", "1e3", "x", "1.", ".5", "10000000000", "0.1234567", "%"} {
		if d, err := ParseDecimal(in); err == nil {
			t.Errorf("%q: %s", in, d)
		}
	}
}

// Every combination of the same score is that score: no float loses the GO.
func TestSevenIsEnough(t *testing.T) {
	for score := Decimal(0); score <= scoreMost; score += one / 10 {
		var list []Factor
		for _, f := range factors {
			list = append(list, Factor{f.name, f.weight, score})
		}
		r := Decide(&Input{Budget: one, Deadline: one, StrategicFit: 8 * one, Factors: list})
		if r.Score != score || (r.Decision == Go) != (score >= 7*one) {
			t.Fatalf("%s: %+v", score, r)
		}
		if want := int(min(10, int64(score)*12/10/int64(one))); r.Confidence != want || len(r.Reasons) == 0 {
			t.Fatalf("%s: confidence %d, want %d", score, r.Confidence, want)
		}
	}
}

func TestReview(t *testing.T) {
	for _, tt := range []struct {
		review, want string
		decision     Decision
	}{
		{"{performance: meets, integration: medium, feedback: mixed, cost_actual: 0, cost_projected: 0}", "proceed", Go},
		{"{performance: meets, integration: hard, feedback: mixed, cost_actual: 12, cost_projected: 10}", "iterate", NoGo},
		{"{performance: meets, integration: hard, feedback: mixed, cost_actual: 12.01, cost_projected: 10}", "pivot", NoGo},
		{"{performance: below, integration: hard, feedback: mixed, cost_actual: 13, cost_projected: 10}", "abandon", NoGo},
		{"{performance: below, integration: hard, feedback: negative, cost_actual: 13, cost_projected: 10}", "abandon", NoGo},
	} {
		in, err := ReadInput("d.yml", []byte(whole+"review: "+tt.review), 0, "")
		if err != nil {
			t.Fatal(err)
		}
		if r := Decide(in); r.Review != tt.want || r.Decision != tt.decision {
			t.Errorf("%s: %s, %s", tt.review, r.Review, r.Decision)
		}
	}
}

func FuzzReadInput(f *testing.F) {
	for _, s := range []string{whole, whole + "review: {performance: meets}", "a: &x 1\nb: *x", "scores: []", "{cost: 7, cost: 8}", "weights: {cost: 1}", "", "topic: [a]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		in, err := ReadInput("d.yml", []byte(text), one, "x")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "d.yml:") {
				t.Errorf("%v", err)
			}
			return
		}
		r := Decide(in)
		if r.Score < 0 || r.Score > scoreMost || r.Confidence < 0 || r.Confidence > 10 || len(r.Reasons) == 0 || r.Decision == "" {
			t.Errorf("%+v", r)
		}
	})
}
