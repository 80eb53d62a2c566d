package research

import (
	"fmt"
	"strings"
)

// Review is what came out of a first implementation: the third gate.
type Review struct {
	Performance string // exceeds, meets, below
	Integration string // easy, medium, hard
	Feedback    string // positive, mixed, negative
	Actual      Decimal
	Projected   Decimal // US dollars; zero: nobody said
}

// words of the review; the last of each speaks against it.
var (
	performanceWords = []string{"exceeds", "meets", "below"}
	integrationWords = []string{"easy", "medium", "hard"}
	feedbackWords    = []string{"positive", "mixed", "negative"}
)

// review is the third gate: what is weak decides what to do. One weak point is
// worth another round, two another option, three are enough.
func (r *Result) review(v *Review) {
	r.check(review, "performance", v.Performance != "below", "performance: %s expectations", v.Performance)
	r.check(review, "cost", v.Actual*10 <= v.Projected*12, "it costs $%s, $%s were projected", v.Actual, v.Projected)
	r.check(review, "integration", v.Integration != "hard", "integration was %s", v.Integration)
	r.check(review, "feedback", v.Feedback != "negative", "the team's feedback is %s", v.Feedback)
	weak := 0
	for _, c := range r.Checks {
		if c.Gate == review && !c.OK {
			weak++
		}
	}
	r.Review = []string{"proceed", "iterate", "pivot", "abandon", "abandon"}[weak]
}

// oneOf checks a word.
func oneOf(name, word string, words []string) error {
	for _, w := range words {
		if w == word {
			return nil
		}
	}
	return fmt.Errorf("%s: want %s, not %.40q", name, strings.Join(words, ", "), word)
}
