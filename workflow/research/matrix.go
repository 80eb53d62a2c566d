package research

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Criterion is what options are measured by.
type Criterion struct {
	Name   string  `json:"name"`
	Weight Decimal `json:"weight"`
}

// Option is one that can be chosen.
type Option struct {
	Name   string            `json:"name"`
	Scores []Decimal         `json:"scores"` // in the order of the criteria
	Says   map[string]string `json:"says,omitempty"`
	Total  Decimal           `json:"total"`
}

// Matrix is a weighted evaluation.
type Matrix struct {
	Topic    string      `json:"topic"`
	Criteria []Criterion `json:"criteria"`
	Options  []Option    `json:"options"` // in the order of the file
	// Winners have the highest total: more than one is a tie.
	Winners []string `json:"winners"`
}

type matrixReader struct {
	document
	m      *Matrix
	scored []map[string]Decimal
	nodes  []*yaml.Node
}

// ReadMatrix reads a matrix: criteria with weights that sum to 1, options with
// a score from 0 to 10 for each.
func ReadMatrix(name string, data []byte) (*Matrix, error) {
	d, err := open(name, data)
	if err != nil {
		return nil, err
	}
	r := &matrixReader{document: d, m: &Matrix{}}
	err = r.each(d.top, []string{"topic", "criteria", "options"}, func(key string, v *yaml.Node) (err error) {
		switch key {
		case "topic":
			r.m.Topic, err = r.text(v)
		case "criteria":
			err = r.criteria(v)
		default:
			err = r.list(v, r.option)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return r.m, r.fill()
}

func (r *matrixReader) list(n *yaml.Node, fn func(*yaml.Node) error) error {
	if n.Kind != yaml.SequenceNode {
		return r.wrong(n, "want a list")
	}
	for _, e := range n.Content {
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

func (r *matrixReader) criteria(n *yaml.Node) error {
	var weights []Decimal
	err := r.list(n, func(e *yaml.Node) error {
		c, weighed := Criterion{}, false
		err := r.each(e, []string{"name", "weight"}, func(key string, v *yaml.Node) (err error) {
			if key == "name" {
				c.Name, err = r.text(v)
			} else {
				weighed = true
				c.Weight, err = r.number(v)
			}
			return err
		})
		switch {
		case err != nil:
			return err
		case c.Name == "" || !weighed:
			return r.wrong(e, "a criterion wants a name and a weight")
		case slices.ContainsFunc(r.m.Criteria, func(o Criterion) bool { return o.Name == c.Name }):
			return r.wrong(e, "the criterion %q is there twice", c.Name)
		}
		r.m.Criteria, weights = append(r.m.Criteria, c), append(weights, c.Weight)
		return nil
	})
	if err != nil {
		return err
	}
	return r.sumOne(n, weights)
}

func (r *matrixReader) option(n *yaml.Node) error {
	o, scores := Option{Says: map[string]string{}}, map[string]Decimal{}
	err := r.each(n, []string{"name", "scores", "says"}, func(key string, v *yaml.Node) (err error) {
		switch key {
		case "name":
			o.Name, err = r.text(v)
		case "scores":
			err = r.each(v, nil, func(name string, at *yaml.Node) (err error) {
				scores[name], err = r.score(at)
				return err
			})
		default:
			err = r.each(v, nil, func(name string, at *yaml.Node) (err error) {
				o.Says[name], err = r.text(at)
				return err
			})
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case o.Name == "":
		return r.wrong(n, "an option wants a name")
	case slices.ContainsFunc(r.m.Options, func(other Option) bool { return other.Name == o.Name }):
		return r.wrong(n, "the option %q is there twice", o.Name)
	}
	r.m.Options, r.scored, r.nodes = append(r.m.Options, o), append(r.scored, scores), append(r.nodes, n)
	return nil
}

// fill puts the scores in the criteria's order, and finds the winners.
func (r *matrixReader) fill() error {
	m := r.m
	if len(m.Criteria) == 0 || len(m.Options) == 0 {
		return r.wrong(r.top, "want criteria and options")
	}
	best := Decimal(-1)
	for i := range m.Options {
		o := &m.Options[i]
		var parts []Factor
		for _, c := range m.Criteria {
			score, ok := r.scored[i][c.Name]
			if !ok {
				return r.wrong(r.nodes[i], "the option %q has no score for %q", o.Name, c.Name)
			}
			o.Scores, parts = append(o.Scores, score), append(parts, Factor{Weight: c.Weight, Score: score})
			delete(r.scored[i], c.Name)
		}
		for name := range r.scored[i] {
			return r.wrong(r.nodes[i], "the option %q has scores for what is no criterion, such as %q", o.Name, name)
		}
		o.Total = weighted(parts)
		switch {
		case o.Total > best:
			best, m.Winners = o.Total, []string{o.Name}
		case o.Total == best:
			m.Winners = append(m.Winners, o.Name)
		}
	}
	return nil
}

// Markdown is the matrix as a comparison document.
func (m *Matrix) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Comparison: %s\n\n| Criterion | Weight |", cell(m.Topic))
	for _, o := range m.Options {
		fmt.Fprintf(&b, " %s |", cell(o.Name))
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(m.Options)) + "\n")
	for i, c := range m.Criteria {
		fmt.Fprintf(&b, "| %s | %s %% |", cell(c.Name), c.Weight*100)
		for _, o := range m.Options {
			said := ""
			if s := o.Says[c.Name]; s != "" {
				said = " (" + cell(s) + ")"
			}
			fmt.Fprintf(&b, " %s%s |", o.Scores[i], said)
		}
		b.WriteByte('\n')
	}
	b.WriteString("| **Total** | |")
	for _, o := range m.Options {
		fmt.Fprintf(&b, " **%s** |", o.Total)
	}
	fmt.Fprintf(&b, "\n\n%s\n", m.Result())
	return b.String()
}

// Result says who wins.
func (m *Matrix) Result() string {
	if len(m.Winners) > 1 {
		return "Tie: " + cell(strings.Join(m.Winners, ", ")) + ". Weigh again, or let somebody choose."
	}
	return "Winner: " + cell(m.Winners[0])
}

// cell is a text on one line of a table.
func cell(s string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("|", `\|`, "<", "&lt;", "\x00", "").Replace(s)), " ")
}
