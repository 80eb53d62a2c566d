package agents

import (
	"fmt"
	"io"
	"strings"
)

// Chain finds a chain.
func (c *Catalog) Chain(id string) (Chain, bool) {
	for _, chain := range c.Chains {
		if chain.ID == id {
			return chain, true
		}
	}
	return Chain{}, false
}

// Tree finds a decision tree.
func (c *Catalog) Tree(id string) (Tree, bool) {
	for _, t := range c.Trees {
		if t.ID == id {
			return t, true
		}
	}
	return Tree{}, false
}

// label is a text inside a Mermaid node: what has a meaning there is written as
// an entity.
func label(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '"' || r == '#' || r == '<' || r == '>' || r == '&' || r == '`' || r == ';' || r == '|' || r == '\\':
			fmt.Fprintf(&b, "#%d;", r)
		case r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029:
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Mermaid writes the chain as a flowchart. A dotted arrow leads to a step that is
// taken only when something is found.
func (c Chain) Mermaid(w io.Writer) error {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	node := make(map[string]string)
	for i, s := range c.Steps {
		node[s.ID] = fmt.Sprintf("s%d", i+1)
		fmt.Fprintf(&b, "    %s[\"%s<br/>%s\"]\n", node[s.ID], label(s.Does), label(s.Agent))
	}
	for _, s := range c.Steps {
		for _, after := range s.After {
			arrow := "-->"
			if s.When != "" {
				arrow = fmt.Sprintf("-. \"%s\" .->", label(s.When))
			}
			fmt.Fprintf(&b, "    %s %s %s\n", node[after], arrow, node[s.ID])
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Mermaid writes the tree as a flowchart.
func (t Tree) Mermaid(w io.Writer) error {
	d := drawing{}
	d.WriteString("flowchart TD\n")
	d.question(t.Ask, t.Answers)
	_, err := io.WriteString(w, d.String())
	return err
}

type drawing struct {
	strings.Builder
	nodes int
}

func (d *drawing) node(format, text string) string {
	d.nodes++
	name := fmt.Sprintf("n%d", d.nodes)
	fmt.Fprintf(d, "    %s"+format+"\n", name, label(text))
	return name
}

func (d *drawing) question(ask string, answers []Answer) string {
	name := d.node("{\"%s\"}", ask)
	for _, a := range answers {
		var to string
		if a.Agent != "" {
			to = d.node("[\"%s\"]", a.Agent)
		} else {
			to = d.question(a.Ask, a.Answers)
		}
		fmt.Fprintf(d, "    %s -- \"%s\" --> %s\n", name, label(a.When), to)
	}
	return name
}
