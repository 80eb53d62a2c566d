package feature

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// DrawMost is how many tasks are drawn: no browser draws more of them.
const DrawMost = 500

// Mermaid draws the plan: a box a group, the critical path in bold.
func (p *Plan) Mermaid(w io.Writer, tasks []Task) error {
	if len(tasks) > DrawMost {
		return fmt.Errorf("a picture of %d tasks cannot be drawn: Mermaid has room for %d", len(tasks), DrawMost)
	}
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	node, byID := make(map[string]string), make(map[string]Task)
	for i, t := range tasks {
		node[t.ID], byID[t.ID] = fmt.Sprintf("t%d", i+1), t
	}
	for i, group := range p.Groups {
		fmt.Fprintf(&b, "    subgraph g%d[\"Group %d\"]\n", i+1, i+1)
		for _, id := range group {
			fmt.Fprintf(&b, "        %s[\"%s\"]\n", node[id], box(byID[id]))
		}
		b.WriteString("    end\n")
	}
	for _, t := range tasks {
		for _, need := range t.Needs {
			arrow := "-->"
			if at := slices.Index(p.Critical, t.ID); at > 0 && p.Critical[at-1] == need {
				arrow = "==>"
			}
			fmt.Fprintf(&b, "    %s %s %s\n", node[need], arrow, node[t.ID])
		}
	}
	b.WriteString("    classDef critical stroke-width:4px\n    class ")
	for i, id := range p.Critical {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(node[id])
	}
	b.WriteString(" critical\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func box(t Task) string {
	text := label(t.ID)
	if t.Title != "" {
		text += "<br/>" + label(t.Title)
	}
	if t.Hours > 0 {
		text += "<br/>" + t.Hours.String() + " h"
	}
	return text
}

// label is a text inside a node: what has a meaning there is written as an
// entity.
func label(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case strings.ContainsRune("\"#<>&`;|\\", r):
			fmt.Fprintf(&b, "#%d;", r)
		case r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029:
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
