package logs

import (
	"fmt"
	"strings"
	"time"
)

// Chart draws a timeline in a few lines of text, at most width columns wide.
func (t Timeline) Chart(width int) string {
	if len(t.Buckets) == 0 {
		return ""
	}
	first := t.Buckets[0].At
	span := t.Buckets[len(t.Buckets)-1].At.Sub(first) + time.Duration(t.Seconds)*time.Second
	columns := min(max(width, 20), int(span/(time.Duration(t.Seconds)*time.Second)))
	counts := make([]int64, columns)
	var top int64
	for _, b := range t.Buckets {
		i := int(int64(b.At.Sub(first)/time.Second) * int64(columns) / int64(span/time.Second))
		counts[i] += b.Lines
		top = max(top, counts[i])
	}
	const rows = 4
	var out strings.Builder
	for row := rows - 1; row >= 0; row-- {
		var line strings.Builder
		for _, n := range counts {
			line.WriteRune(block(n, top, row, rows))
		}
		fmt.Fprintf(&out, "%s\n", strings.TrimRight(line.String(), " "))
	}
	from, to := first.Format("2006-01-02 15:04:05"), first.Add(span).Format("2006-01-02 15:04:05")
	each := (span / time.Duration(columns)).Round(time.Second)
	fmt.Fprintf(&out, "%s … %s UTC, a column is %s, the highest %d\n", from, to, each, top)
	return out.String()
}

// block is the part of a column that is in one row, in eighths.
func block(n, top int64, row, rows int) rune {
	eighths := int(n * int64(rows) * 8 / top)
	if n > 0 {
		eighths = max(eighths, 1)
	}
	switch here := eighths - row*8; {
	case here <= 0:
		return ' '
	default:
		return []rune("▁▂▃▄▅▆▇█")[min(here, 8)-1]
	}
}
