package secrets

import (
	"fmt"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// keyLines is where the keys of a TOML file are: "rules[0].regex" -> line.
// Keys are in lower case. What cannot be read is left out.
func keyLines(data []byte) map[string]int {
	lines := make(map[string]int)
	counts := make(map[string]int) // of the tables of an array
	var p unstable.Parser
	p.Reset(data)
	table := ""
	for p.NextExpression() {
		e := p.Expression()
		var parts []string
		line := 0
		for it := e.Key(); it.Next(); {
			if line == 0 && len(it.Node().Data) > 0 {
				line = lineOf(&p, data, it.Node())
			}
			parts = append(parts, strings.ToLower(string(it.Node().Data)))
		}
		switch e.Kind {
		case unstable.Table:
			table = indexed(parts, counts)
			lines[table] = line
		case unstable.ArrayTable:
			plain := indexed(parts, counts)
			table = fmt.Sprintf("%s[%d]", plain, counts[plain])
			counts[plain]++
			lines[table] = line
		case unstable.KeyValue:
			lines[strings.TrimPrefix(table+"."+strings.Join(parts, "."), ".")] = line
		}
	}
	return lines
}

// indexed is the name of a table, with the last index of each array in it.
func indexed(parts []string, counts map[string]int) string {
	name := ""
	for i, part := range parts {
		name = strings.TrimPrefix(name+"."+part, ".")
		if n := counts[name]; n > 0 && i < len(parts)-1 {
			name = fmt.Sprintf("%s[%d]", name, n-1)
		}
	}
	return name
}

func lineOf(p *unstable.Parser, data []byte, n *unstable.Node) int {
	at := int(n.Raw.Offset)
	if n.Raw.Length == 0 {
		at = int(p.Range(n.Data).Offset)
	}
	return 1 + strings.Count(string(data[:min(at, len(data))]), "\n")
}
