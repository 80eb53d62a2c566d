package gates

import "context"

// Lack is a tool that a gate would start here and that this machine does not
// have.
type Lack struct {
	Tool   string `json:"tool"`
	Remedy string `json:"remedy"` // what to do
}

// LacksOf is what a gate lacks, each tool once, in the gate's order.
func LacksOf(ctx context.Context, g *Gate, t *Target) ([]Lack, error) {
	if g.Lacks == nil {
		return nil, nil
	}
	all, err := g.Lacks(ctx, t)
	var list []Lack
	seen := make(map[string]bool)
	for _, l := range all {
		if !seen[l.Tool] {
			seen[l.Tool] = true
			list = append(list, l)
		}
	}
	return list, err
}
