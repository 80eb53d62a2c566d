package session

import (
	"fmt"
	"strings"
)

// TokenBudget is what a context may have without being asked (E4).
const TokenBudget = 2000

// Compressed is a context that fits a budget.
type Compressed struct {
	Text     string    `json:"text"`
	Tokens   int       `json:"tokens"`
	Budget   int       `json:"budget"`
	Encoding string    `json:"encoding"`
	Sections []Section `json:"sections"`
}

// Section is what became of one part.
type Section struct {
	Name     string  `json:"name"`
	Priority float64 `json:"priority"`
	Kept     string  `json:"kept"` // whole, shortened, dropped, empty
	Items    int     `json:"items"`
	Of       int     `json:"of"`
}

// shortenFrom is the priority from which a part is shortened rather than
// dropped.
const shortenFrom = 0.7

// compressible are the parts, the most important first.
func (c Context) compressible() []struct {
	Section
	heading string
	items   []string
} {
	var work, done []string
	for _, w := range c.InProgress {
		text := w.Task
		for _, more := range []string{w.Branch, w.Status} {
			if more != "" {
				text += ", " + more
			}
		}
		if w.Hold != "" {
			text += ", held up by " + w.Hold
		}
		work = append(work, text)
	}
	for _, a := range c.Completed {
		done = append(done, a.Text)
	}
	var figures []string
	for _, line := range c.Metrics.lines() {
		figures = append(figures, strings.TrimPrefix(line, "- "))
	}
	return []struct {
		Section
		heading string
		items   []string
	}{
		{Section{Name: "blockers", Priority: 1}, "Blockers", c.AllBlockers()},
		{Section{Name: "in_progress", Priority: 0.9}, "In Progress", work},
		{Section{Name: "decisions", Priority: 0.8}, "Decisions Made", c.Decisions},
		{Section{Name: "tomorrow_priorities", Priority: 0.7}, "Tomorrow's Priorities", c.Tomorrow},
		{Section{Name: "completed_tasks", Priority: 0.5}, "Completed This Session", done},
		{Section{Name: "metrics", Priority: 0.3}, "Session Metrics", figures},
	}
}

// Compress makes a context fit a budget of tokens. Every part that fits is kept
// whole; an important one that does not has its items cut and its list ended
// where the budget ends; others are left out.
func (c Context) Compress(budget int, count func(string) (int, error)) (Compressed, error) {
	out := Compressed{Budget: budget, Sections: []Section{}}
	var text strings.Builder
	for _, part := range c.compressible() {
		s := part.Section
		s.Of = len(part.items)
		if s.Of == 0 {
			s.Kept = "empty"
			out.Sections = append(out.Sections, s)
			continue
		}
		piece, n, err := fit(part.heading, part.items, budget-out.Tokens, s.Priority >= shortenFrom, count)
		if err != nil {
			return out, err
		}
		s.Items, s.Kept = piece.items, piece.kept
		out.Sections = append(out.Sections, s)
		text.WriteString(piece.text)
		out.Tokens += n
	}
	out.Text = text.String()
	return out, nil
}

// piece is a part as far as it is kept.
type piece struct {
	text  string
	items int
	kept  string
}

// fit makes a part fit what is left.
func fit(heading string, items []string, left int, shorten bool, count func(string) (int, error)) (piece, int, error) {
	whole := "### " + heading + "\n- " + strings.Join(items, "\n- ") + "\n"
	n, err := count(whole)
	if err != nil || n <= left {
		return piece{whole, len(items), "whole"}, n, err
	}
	if !shorten {
		return piece{kept: "dropped"}, 0, nil
	}
	for _, length := range []int{120, 60, 30} {
		p, n, err := shortened(heading, items, left, length, count)
		if err != nil || p.items == len(items) || length == 30 || p.items > 0 && 2*p.items >= len(items) {
			return p, n, err
		}
	}
	return piece{kept: "dropped"}, 0, nil
}

// shortened keeps items of a length for as long as there is room, and says how
// many are left out.
func shortened(heading string, items []string, left, length int, count func(string) (int, error)) (piece, int, error) {
	p := piece{text: "### " + heading + "\n", kept: "shortened"}
	total, err := count(p.text)
	if err != nil {
		return p, 0, err
	}
	rest, err := count(fmt.Sprintf("- … and %d more\n", len(items)))
	if err != nil {
		return p, 0, err
	}
	for _, item := range items {
		line := "- " + cut(item, length) + "\n"
		n, err := count(line)
		if err != nil {
			return p, 0, err
		}
		reserve := rest
		if p.items+1 == len(items) {
			reserve = 0
		}
		if total+n+reserve > left {
			break
		}
		p.text += line
		p.items++
		total += n
	}
	if p.items < len(items) {
		more := fmt.Sprintf("- … and %d more\n", len(items)-p.items)
		n, err := count(more)
		if err != nil {
			return p, 0, err
		}
		p.text += more
		total += n
	}
	if total > left {
		return piece{kept: "dropped"}, 0, nil
	}
	return p, total, nil
}

// cut is the beginning of a text, in characters.
func cut(text string, length int) string {
	runes := []rune(text)
	if len(runes) <= length {
		return text
	}
	return strings.TrimSpace(string(runes[:length-1])) + "…"
}
