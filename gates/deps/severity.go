package deps

import (
	"strings"

	gocvss20 "github.com/pandatix/go-cvss/20"
	gocvss30 "github.com/pandatix/go-cvss/30"
	gocvss31 "github.com/pandatix/go-cvss/31"
	gocvss40 "github.com/pandatix/go-cvss/40"
)

// Level is how bad a vulnerability is, the worst last.
type Level int

const (
	Unknown Level = iota
	Informational
	Low
	Medium
	High
	Critical
)

func (l Level) String() string {
	return [...]string{"unknown", "informational", "low", "medium", "high", "critical"}[l]
}

// rated is a level, and the score that it comes from; zero: it comes from a word.
type rated struct {
	level Level
	score float64
}

// rate is how bad a record says that it is, for a package: its vectors, else its
// database's word. Malware is critical.
func (r *Record) rate(e Ecosystem, name string) rated {
	if strings.HasPrefix(r.ID, "MAL-") {
		return rated{level: Critical}
	}
	best := rated{}
	add := func(x rated) {
		if x.level > best.level || x.level == best.level && x.score > best.score {
			best = x
		}
	}
	parts := r.of(e, name)
	for _, s := range r.Severity {
		add(vector(s.Score))
	}
	for _, a := range parts {
		for _, s := range a.Severity {
			add(vector(s.Score))
		}
		add(vector(string(a.Database.CVSS)))
	}
	if best.level != Unknown {
		return best
	}
	add(rated{level: word(r.Specific.Severity)})
	for _, a := range parts {
		add(rated{level: word(a.Specific.Severity)})
	}
	if best.level == Unknown {
		for _, a := range parts {
			if a.Specific.Informational != "" || a.Database.Informational != "" {
				add(rated{level: Informational})
			}
		}
	}
	return best
}

// word is a level in a database's words.
func word(s loose) Level {
	switch strings.ToLower(string(s)) {
	case "critical":
		return Critical
	case "high", "important":
		return High
	case "medium", "moderate":
		return Medium
	case "low":
		return Low
	}
	return Unknown
}

// vector is the score of a CVSS vector, whatever its version.
func vector(s string) rated {
	if s == "" {
		return rated{}
	}
	var score float64
	switch {
	case strings.HasPrefix(s, "CVSS:4.0/"):
		v, err := gocvss40.ParseVector(s)
		if err != nil {
			return rated{}
		}
		score = v.Score()
	case strings.HasPrefix(s, "CVSS:3.1/"):
		v, err := gocvss31.ParseVector(s)
		if err != nil {
			return rated{}
		}
		score = v.BaseScore()
	case strings.HasPrefix(s, "CVSS:3.0/"):
		v, err := gocvss30.ParseVector(s)
		if err != nil {
			return rated{}
		}
		score = v.BaseScore()
	default:
		v, err := gocvss20.ParseVector(strings.Trim(s, "()"))
		if err != nil {
			return rated{}
		}
		score = v.BaseScore()
	}
	return ofScore(score)
}

// ofScore is the level of a CVSS score.
func ofScore(score float64) rated {
	switch {
	case score >= 9:
		return rated{Critical, score}
	case score >= 7:
		return rated{High, score}
	case score >= 4:
		return rated{Medium, score}
	case score > 0:
		return rated{Low, score}
	}
	return rated{Informational, score}
}
