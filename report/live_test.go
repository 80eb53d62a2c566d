package report

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/gates"
)

// screen is a terminal that knows what Live writes: lines, cursor up, return,
// erase below. It breaks lines that are too long, as terminals do.
type screen struct {
	mu    sync.Mutex
	width int
	lines []string
	row   int
	raw   bytes.Buffer
}

var sequence = regexp.MustCompile(`^\x1b\[([0-9;]*)([A-Za-z])`)

func (s *screen) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raw.Write(data)
	for text := string(data); text != ""; {
		if m := sequence.FindStringSubmatch(text); m != nil {
			s.obey(m[1], m[2])
			text = text[len(m[0]):]
			continue
		}
		r, n := utf8.DecodeRuneInString(text)
		s.put(r)
		text = text[n:]
	}
	return len(data), nil
}

func (s *screen) obey(args, command string) {
	n, _ := strconv.Atoi(args)
	switch command {
	case "A":
		s.row -= n
		if s.row < 0 {
			panic("the cursor left the screen")
		}
	case "J":
		s.lines = s.lines[:s.row]
	}
}

func (s *screen) put(r rune) {
	for len(s.lines) <= s.row {
		s.lines = append(s.lines, "")
	}
	switch r {
	case '\n':
		s.row++
	case '\r':
	default:
		if utf8.RuneCountInString(s.lines[s.row]) == s.width {
			s.row++
			s.lines = append(s.lines, "")
		}
		s.lines[s.row] += string(r)
	}
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

func ended(id string, r gates.Result) gates.Event {
	return gates.Event{Gate: id, Done: true, Result: r}
}

var oneFile = gates.Outcome{Examined: gates.Examined{Files: 1}}

func TestLiveTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &screen{width: 60}
		l := NewLive(s, Style{Width: 60, Unicode: true}, []string{"secrets", "sast", "lint", "deps"}, time.Now)
		want := func(text string) {
			t.Helper()
			synctest.Wait()
			if got := s.String(); got != text {
				t.Errorf("screen:\n%s\nwant:\n%s", got, text)
			}
		}
		l.Event(gates.Event{Gate: "secrets"})
		l.Event(gates.Event{Gate: "sast"})
		want("⠋ running secrets  0.0 s\n⠋ running sast     0.0 s\n  0 of 4 done, 2 running, 2 waiting · 0.0 s")
		time.Sleep(250 * time.Millisecond)
		want("⠹ running secrets  0.2 s\n⠹ running sast     0.2 s\n  0 of 4 done, 2 running, 2 waiting · 0.2 s")
		l.Doing("sast", []string{"gosec", "bandit"})
		l.Event(ended("secrets", gates.Result{Outcome: oneFile, Elapsed: 250 * time.Millisecond}))
		want("✓ pass    secrets  no findings · 1 file · 250 ms\n⠹ running sast     0.2 s · bandit, gosec\n  1 of 4 done, 1 running, 2 waiting · 0.2 s")
		fmt.Fprint(l, "a log line")
		l.Event(ended("lint", gates.Result{Skipped: "left out: " + strings.Repeat("x", 99)}))
		l.Event(ended("sast", gates.Result{Err: errors.New("no\x1b[2Jway\n")}))
		l.Close()
		l.Close()
		l.Event(gates.Event{Gate: "deps"})
		time.Sleep(time.Second)
		want("✓ pass    secrets  no findings · 1 file · 250 ms\na log line\n" +
			"- skipped lint     left out: xxxxxxxxxxxxxxxxxxxxxxxxxxxx\n" +
			`! error   sast     could not decide: no\x1b[2Jway\n · 0 m`)
	})
}

// TestLiveNarrow: lines never break, so that what is drawn over is what was drawn.
func TestLiveNarrow(t *testing.T) {
	for _, width := range []int{1, 10, 20, 33, 80} {
		synctest.Test(t, func(t *testing.T) {
			s := &screen{width: width}
			var ids []string
			for i := range 30 {
				ids = append(ids, fmt.Sprintf("gate-%d", i))
			}
			l := NewLive(s, Style{Width: width, Color: true, Unicode: width%2 == 0}, ids, time.Now)
			for _, id := range ids {
				l.Event(gates.Event{Gate: id})
				time.Sleep(130 * time.Millisecond)
			}
			l.Close()
			if got := s.String(); got != "" {
				t.Errorf("width %d: garbage:\n%s", width, got)
			}
		})
	}
}

func TestLiveLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buf bytes.Buffer
		l := NewLive(&buf, Style{}, []string{"secrets", "sast", "lint"}, time.Now)
		l.Event(gates.Event{Gate: "secrets"})
		l.Event(gates.Event{Gate: "sast"})
		l.Event(gates.Event{Gate: "lint"})
		time.Sleep(500 * time.Millisecond)
		l.Event(ended("secrets", gates.Result{Outcome: oneFile, Cached: true}))
		l.Doing("lint", []string{"go vet", "eslint\x1b in web", "go vet"})
		time.Sleep(time.Second)
		synctest.Wait()
		l.Event(ended("sast", gates.Result{Outcome: gates.Outcome{Findings: make([]gates.Finding, 2)}, Elapsed: 1500 * time.Millisecond}))
		fmt.Fprintln(l, "log")
		l.Doing("lint", []string{"go vet"})
		time.Sleep(50 * time.Second)
		l.Doing("lint", nil)
		time.Sleep(15 * time.Second)
		l.Close()
		time.Sleep(time.Minute)
		// secrets took no second: it is in the report that follows.
		want := "sast    started\nlint    started: eslint\\x1b in web, go vet\n" +
			"found   sast     2 findings, nothing examined, 1.5 s\nlog\n" +
			"lint    still running after 31.0 s: go vet\nlint    still running after 1 min 01 s\n"
		got := buf.String()
		if rest, swapped := strings.CutPrefix(got, "lint    started: eslint\\x1b in web, go vet\nsast    started\n"); swapped { // both at once
			got = "sast    started\nlint    started: eslint\\x1b in web, go vet\n" + rest
		}
		if got != want {
			t.Errorf("got:\n%s\nwant:\n%s", got, want)
		}
	})
}

// TestLiveRace is for the race detector: events, logs and the ticker at once.
func TestLiveRace(t *testing.T) {
	for _, width := range []int{0, 40} {
		var ids []string
		for i := range 8 {
			ids = append(ids, fmt.Sprintf("gate-%d", i))
		}
		l := NewLive(&screen{width: 40}, Style{Width: width}, ids, time.Now)
		var wg sync.WaitGroup
		for _, id := range ids {
			wg.Go(func() {
				l.Event(gates.Event{Gate: id})
				fmt.Fprintln(l, "log")
				time.Sleep(110 * time.Millisecond)
				l.Event(ended(id, gates.Result{}))
			})
		}
		wg.Go(func() { time.Sleep(50 * time.Millisecond); l.Close() })
		wg.Wait()
		l.Close()
	}
}
