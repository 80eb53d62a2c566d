package scan

// Rules are what is looked for, as plain data: the parts of a gitleaks
// configuration that decide findings. Every expression in them compiles.
type Rules struct {
	Rules      []Rule // no two of one id
	Allowlists []Allowlist
	Path       string // of the configuration's own file, which is not looked at; empty: none
}

// Rule is one kind of secret.
type Rule struct {
	ID, Description string
	Regex           string // empty: the path is enough
	Path            string // expression for paths; empty: all
	SecretGroup     int
	Entropy         float64
	Keywords        []string // lower case
	Tags            []string
	Allowlists      []Allowlist
	Required        []Required
	SkipReport      bool

	// Cuts are [CutRegex] of the Regex. Nil: not cut yet.
	Cuts []Cut
}

// Required is another rule that has to match nearby.
type Required struct {
	ID                         string
	WithinLines, WithinColumns *int
}

// Allowlist says what is no secret.
type Allowlist struct {
	And       bool // all conditions have to hold
	Commits   []string
	Paths     []string // expressions
	Target    string   // of the Regexes: "match" or "line"; empty: the secret
	Regexes   []string
	StopWords []string
}

//go:generate go test -run TestDefaultsAreCurrent . -update

// Default are gitleaks' own rules. They are shared: nobody may write to them.
func Default() Rules { return defaults }
