package reports

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"sync"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/report"
)

//go:embed page.css
var pageStyle string

//go:embed page.tmpl
var pageSource string

// pageTemplate is parsed when a page is asked for.
var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{"rich": visibleParts, "drawn": draw, "plain": plain, "number": func(t Table, column int) bool { return column >= t.Left }}).Parse(pageSource))
})

// HTML writes one page that needs nothing else: no script, no picture, nothing
// from another place. Its content policy lets in its own style, by its hash, and
// nothing more; the charts are SVG in the page.
func HTML(w io.Writer, p Page) error {
	sum := sha256.Sum256([]byte(pageStyle))
	return pageTemplate().Execute(w, struct {
		Page
		Policy string
		Style  template.CSS
	}{p, "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'", template.CSS(pageStyle)})
}

// visibleParts are the parts of a text, fit to be shown.
func visibleParts(text string) []Part {
	all := parts(text)
	for i, p := range all {
		all[i].Text = report.Visible(p.Text)
	}
	return all
}

// drawing is a chart with its places worked out, in units of the picture.
type drawing struct {
	Label         string
	Width, Height int
	Columns       []column
	Grid          []gridLine
	Limit         *gridLine
}

type column struct {
	X, Y, Width, Height int
	Mid, LabelY         int
	Title, Label        string // Label is empty where there is no room for it
}

type gridLine struct {
	Y     int
	Label string
}

// The picture: its plot begins at left and ends at right, top and bottom.
const (
	drawWidth, drawHeight     = 760, 200
	drawLeft, drawTop         = 64, 12
	drawRight, drawBottom     = drawWidth - 8, drawHeight - 26
	labelRoom                 = 62 // units that a label below needs
	labelLength               = 10 // characters
	plotHeight, gridLineCount = drawBottom - drawTop, 4
)

// draw places the bars. A limit far above them is not drawn: it would flatten them.
func draw(c *Chart) drawing {
	var top costs.Nano
	for _, b := range c.Bars {
		top = max(top, b.Cost)
	}
	d := drawing{Label: c.Label, Width: drawWidth, Height: drawHeight}
	shown := c.Limit > 0 && c.Limit <= 4*top
	if shown {
		top = max(top, c.Limit+c.Limit/10)
	}
	top = nice(top)
	for i := range gridLineCount + 1 {
		value := top / gridLineCount * costs.Nano(i)
		d.Grid = append(d.Grid, gridLine{height(value, top), axis(value)})
	}
	if shown {
		d.Limit = &gridLine{height(c.Limit, top), c.Note}
	}
	step := float64(drawRight-drawLeft) / float64(max(1, len(c.Bars)))
	every := max(1, int(labelRoom/step+0.999))
	for i, b := range c.Bars {
		d.Columns = append(d.Columns, bar(b, i, step, top, i%every == 0))
	}
	return d
}

func bar(b Bar, i int, step float64, top costs.Nano, labelled bool) column {
	text := plain(b.Label)
	x := drawLeft + int(float64(i)*step)
	gap := max(1, int(step/6))
	y := height(max(0, b.Cost), top)
	if b.Cost > 0 && y == drawBottom {
		y-- // what is not nothing is seen
	}
	c := column{X: x + gap, Y: y, Width: max(1, int(step)-2*gap), Height: drawBottom - y, Title: text + ": $" + b.Cost.String(), LabelY: drawBottom + 16}
	c.Mid = c.X + c.Width/2
	if labelled {
		c.Label = clip(text, max(labelLength, int(step/7)))
	}
	return c
}

// clip cuts a label.
func clip(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}

// height is where an amount is in the picture.
func height(value, top costs.Nano) int {
	if top <= 0 {
		return drawBottom
	}
	return drawBottom - int(float64(value)/float64(top)*plotHeight+0.5)
}

// nice is the next round amount whose quarters are round too.
func nice(top costs.Nano) costs.Nano {
	if top <= 0 {
		return 4 * cent
	}
	for unit := costs.Nano(100); unit < 1<<55; unit *= 10 {
		for _, n := range []costs.Nano{10, 12, 16, 20, 24, 32, 40, 60, 80} {
			if n*unit >= top {
				return n * unit
			}
		}
	}
	return top
}

// axis is an amount on an axis.
func axis(usd costs.Nano) string {
	if usd != 0 && usd < cent {
		return fmt.Sprintf("$%.4g", float64(usd)/1e9)
	}
	return usd.Cents()
}
