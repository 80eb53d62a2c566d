package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wf-ci/wf-ci/gates"
)

const (
	liveTick  = 100 * time.Millisecond
	liveSlow  = time.Second      // when a gate's start is worth a line in a log
	liveStill = 30 * time.Second // how often a log is told that a gate still runs
	liveLines = 10               // of gates that run; more would scroll small screens
)

// Live shows how a run goes. On a terminal it draws a line for each gate that
// runs, in place, and finished gates stay above them. Elsewhere it writes a
// line for each gate that takes over a second, now and then what it is doing, and
// one when it is done: what is faster is in the report.
//
// A gate's findings are not judged while others run: Live says pass of a gate
// without findings, and found of one with some.
//
// Live is safe for concurrent use. What cannot be written is lost: progress is
// no part of the verdict.
type Live struct {
	style   Style
	now     func() time.Time
	ids     []string
	idWidth int
	began   time.Time

	mu      sync.Mutex
	w       io.Writer
	started map[string]time.Time // gates that run
	doing   map[string][]string  // what they are at
	timers  map[string]*time.Timer
	// announced are the gates that a log has been told of.
	announced map[string]bool
	done      int
	drawn     int // lines of the block on the screen, the cursor below them
	frame     int
	closed    bool

	stop chan struct{}
	tick sync.WaitGroup
}

// NewLive begins to show a run of the gates with these ids, in this order. A
// terminal is drawn on when style.Width says how wide it is. Close ends it.
func NewLive(w io.Writer, style Style, ids []string, now func() time.Time) *Live {
	l := &Live{
		style: style, now: now, ids: ids, idWidth: idWidth(ids), began: now(),
		w: w, started: make(map[string]time.Time), doing: make(map[string][]string), timers: make(map[string]*time.Timer), announced: make(map[string]bool),
		stop: make(chan struct{}),
	}
	if l.terminal() {
		l.tick.Go(l.redraw)
	}
	return l
}

func (l *Live) terminal() bool { return l.style.Width > 0 }

// redraw moves the spinners until Close.
func (l *Live) redraw() {
	t := time.NewTicker(liveTick)
	defer t.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-t.C:
			l.mu.Lock()
			l.frame++
			if !l.closed {
				l.draw("")
			}
			l.mu.Unlock()
		}
	}
}

// Event takes the start or the end of a gate.
func (l *Live) Event(e gates.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	text := ""
	if e.Done {
		l.finish(e.Gate)
		// In a log, the end of a gate that was not announced is a line of the
		// report that follows.
		if l.terminal() || l.announced[e.Gate] {
			text = l.doneLine(e) + "\n"
		}
	} else {
		l.start(e.Gate)
	}
	l.draw(text)
}

func (l *Live) start(id string) {
	l.started[id] = l.now()
	if l.terminal() {
		return
	}
	l.timers[id] = time.AfterFunc(liveSlow, func() { l.announce(id) })
}

// announce writes a line of a gate that runs, and again after a while.
func (l *Live) announce(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, running := l.started[id]
	if !running || l.closed { // it may have ended while this was on its way
		return
	}
	what := "started"
	if l.announced[id] {
		what = "still running after " + timeWords(l.now().Sub(at).Milliseconds())
	}
	l.announced[id] = true
	l.draw(fmt.Sprintf("%s %s\n", pad(l.style.clean(id), l.idWidth), strings.Join(append([]string{what}, l.at(id)...), ": ")))
	l.timers[id].Reset(liveStill)
}

// Doing takes what a gate's programs are at. It is shown when there is a line to
// be written.
func (l *Live) Doing(id string, what []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.doing[id] = what
}

// at is what a gate is at, in one text; none: nobody said.
func (l *Live) at(id string) []string {
	what := l.doing[id]
	if len(what) == 0 {
		return nil
	}
	return []string{l.style.clean(strings.Join(slices.Compact(slices.Sorted(slices.Values(what))), ", "))}
}

func (l *Live) finish(id string) {
	delete(l.started, id)
	delete(l.doing, id)
	if t := l.timers[id]; t != nil {
		t.Stop()
		delete(l.timers, id)
	}
	l.done++
}

// Write puts lines above what is drawn: a log that shares the terminal.
func (l *Live) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.drawn == 0 {
		return l.w.Write(data)
	}
	text := string(data)
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	l.draw(text)
	return len(data), nil
}

// Close takes the gates that still run off the screen. What is finished stays.
func (l *Live) Close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.closed = true
	for _, t := range l.timers {
		t.Stop()
	}
	l.draw("")
	l.mu.Unlock()
	close(l.stop)
	l.tick.Wait()
}

// draw writes text for good, and the block of running gates below it, over the
// block that was there: in one write, so that nothing flickers.
func (l *Live) draw(text string) {
	var b bytes.Buffer
	if l.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r\x1b[J", l.drawn)
		l.drawn = 0
	}
	b.WriteString(text)
	if l.terminal() && !l.closed {
		for _, line := range l.block() {
			b.WriteString(line + "\n")
			l.drawn++
		}
	}
	if b.Len() > 0 {
		_, _ = l.w.Write(b.Bytes())
	}
}

// block is a line for each gate that runs, and one for the run.
func (l *Live) block() []string {
	if len(l.started) == 0 {
		return nil
	}
	frames := []rune(l.style.pick("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", `|/-\`))
	spinner := string(frames[l.frame%len(frames)])
	var lines []string
	for _, id := range l.ids {
		at, running := l.started[id]
		if !running || len(lines) == liveLines {
			continue
		}
		text := fmt.Sprintf("%s %s  %s", pad("running", len("skipped")), pad(l.style.clean(id), l.idWidth), l.style.join(append([]string{l.since(at)}, l.at(id)...)))
		lines = append(lines, l.style.paint(cyan, l.fit(spinner+" "+text)))
	}
	n := len(l.started)
	text := fmt.Sprintf("%d of %d done, %d running, %d waiting", l.done, len(l.ids), n, max(0, len(l.ids)-l.done-n))
	return append(lines, l.style.paint(dim, l.fit(l.style.join([]string{"  " + text, l.since(l.began)}))))
}

// since is the time since t. It says no more than the redrawing can keep up with.
func (l *Live) since(t time.Time) string {
	return fmt.Sprintf("%.1f s", l.now().Sub(t).Seconds())
}

// fit cuts a line so that the terminal does not break it. The last column stays
// empty: some terminals go on to the next line when it is filled.
func (l *Live) fit(s string) string { return cutColumns(s, max(1, l.style.Width-1)) }

// doneLine is a finished gate's line. It is cut on a terminal only.
func (l *Live) doneLine(e gates.Event) string {
	word, what := doneWords(e.Result)
	rest := fmt.Sprintf(" %s  %s", pad(l.style.clean(e.Gate), l.idWidth), l.style.clean(l.style.join(what)))
	if l.terminal() {
		rest = cutColumns(rest, max(0, l.style.Width-1-len("skipped")-4))
	}
	return l.style.statusWord(word) + rest
}

// doneWords are the status of a gate that nobody has judged yet, and what there
// is to say of it.
func doneWords(r gates.Result) (word string, what []string) {
	took := timeWords(r.Elapsed.Milliseconds())
	if r.Cached {
		took += ", cached"
	}
	found := gates.Plural(len(r.Outcome.Findings), "finding")
	switch {
	case r.Skipped != "":
		return string(gates.StatusSkipped), []string{r.Skipped}
	case r.Err != nil:
		return string(gates.StatusError), []string{"could not decide: " + r.Err.Error(), took}
	case len(r.Outcome.Findings) == 0:
		return string(gates.StatusPass), []string{"no findings", examinedWords(r.Outcome.Examined), took}
	}
	return "found", []string{found, examinedWords(r.Outcome.Examined), took}
}
