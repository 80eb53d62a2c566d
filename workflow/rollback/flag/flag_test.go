package flag

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/internal/journal"
	"github.com/wf-ci/wf-ci/workflow/rollback"
)

const token = "not-to-be-shown"

// service is a flag service on this machine.
type service struct {
	*httptest.Server
	mu     sync.Mutex
	at     int
	deaf   bool // takes what it is told, and does nothing
	broken int  // so many requests are answered with 503
	sets   []int
}

func newService(t *testing.T, at int) *service {
	s := &service{at: at}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *service) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "Bearer "+token:
		w.WriteHeader(http.StatusUnauthorized)
		return
	case r.URL.EscapedPath() != "/flags/new%2Fone":
		w.WriteHeader(http.StatusNotFound)
		return
	case s.broken > 0:
		s.broken--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if r.Method == http.MethodPut {
		data, _ := io.ReadAll(r.Body)
		var body map[string]int
		if json.Unmarshal(data, &body) != nil || len(body) != 1 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if !s.deaf {
			s.at = body["rollout_percentage"]
		}
		s.sets = append(s.sets, body["rollout_percentage"])
	}
	fmt.Fprintf(w, `{"name": "new/one", "rollout_percentage": %d}`, s.at)
}

func (s *service) put(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = n
}

// clock counts what was slept, and wakes nobody whose context is over.
type clock struct {
	slept time.Duration
	each  func() // after each sleep
}

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.slept += d
	if c.each != nil {
		c.each()
	}
	return ctx.Err()
}

func (s *service) client(t *testing.T, c *clock) *Client {
	t.Helper()
	client := &Client{Transport: http.DefaultTransport, Sleep: c.sleep, Method: http.MethodPut, Field: "rollout_percentage", Token: token}
	if err := client.At(s.URL+"/flags/{flag}", "new/one"); err != nil {
		t.Fatal(err)
	}
	return client
}

func TestOff(t *testing.T) {
	s, c := newService(t, 70), new(clock)
	s.broken = 2 // it is asked again
	moved := 0
	out, err := Off(context.Background(), s.client(t, c), func(from, to int) error { moved = from - to; return nil })
	if err != nil || out != (Outcome{State: Done, From: 70, At: 0}) || s.at != 0 || moved != 70 {
		t.Errorf("got %+v, %v; at %d", out, err, s.at)
	}
	// It is off already: nothing is changed.
	out, err = Off(context.Background(), s.client(t, c), func(int, int) error { return errors.New("moved") })
	if err != nil || out.State != Done || out.From != 0 {
		t.Errorf("got %+v, %v", out, err)
	}
	// The journal refuses: nothing is changed.
	s.put(70)
	if _, err = Off(context.Background(), s.client(t, c), func(int, int) error { return errors.New("full") }); err == nil || s.at != 70 {
		t.Errorf("got %v; at %d", err, s.at)
	}
}

// A service that says yes and does nothing is caught.
func TestOffIsReadBack(t *testing.T) {
	s, c := newService(t, 70), new(clock)
	s.deaf = true
	out, err := Off(context.Background(), s.client(t, c), func(int, int) error { return nil })
	if err == nil || out.State != Unknown || !strings.Contains(err.Error(), "it says 70 % all the same; it may still be at 70 %: turn it off by hand") {
		t.Errorf("got %+v, %v", out, err)
	}
}

func TestRoll(t *testing.T) {
	half := 0.5
	type world struct {
		s      *service
		c      *clock
		cancel context.CancelFunc
		looks  int // readings so far
	}
	rate := func(r float64) func(*world) (Reading, error) {
		return func(*world) (Reading, error) { return Reading{Rate: r}, nil }
	}
	tests := []struct {
		name     string
		from, to int
		max      float64
		watch    func(*world) (Reading, error)
		want     Outcome
		sets     []int
		slept    time.Duration // without the waits between tries
		err      string
	}{
		{"back", 45, 0, 0, rate(0.01), Outcome{State: Done, From: 45, At: 0}, []int{35, 25, 15, 5, 0}, 20 * time.Minute, ""},
		{"out", 75, 100, 0, rate(0.01), Outcome{State: Done, From: 75, At: 100}, []int{85, 95, 100}, 15 * time.Minute, ""},
		{"there already", 30, 30, 1, rate(0), Outcome{State: Done, From: 30, At: 30}, nil, 0, ""},
		{"above at once", 30, 50, 0.5, rate(0.6), Outcome{State: Stopped, From: 30, Why: "the error rate is 0.6, above 0.5"}, []int{0}, 0, "above 0.5"},
		{"above later", 10, 50, 0, func(w *world) (Reading, error) {
			if w.looks > 15 {
				return Reading{Rate: 0.03}, nil
			}
			return Reading{Rate: 0.01}, nil
		}, Outcome{State: Stopped, From: 10, Why: "the error rate is 0.03, above 0.02"}, []int{20, 30, 0}, 7*time.Minute + 30*time.Second, "above 0.02"},
		{"its own baseline", 90, 100, 0, func(*world) (Reading, error) { return Reading{Rate: 0.9, Baseline: &half}, nil }, Outcome{State: Done, From: 90, At: 100}, []int{100}, 5 * time.Minute, ""},
		{"no limit", 90, 100, 0, rate(0), Outcome{State: Failed, From: 90, At: 90, Why: ErrLimit.Error()}, nil, 0, "name the limit"},
		{"out, and nobody can watch", 10, 100, 0, func(w *world) (Reading, error) {
			if w.looks > 11 {
				return Reading{}, errors.New("no metrics")
			}
			return Reading{Rate: 0.01}, nil
		}, Outcome{State: Failed, From: 10, At: 10, Why: "no metrics"}, []int{20, 30, 10}, 5*time.Minute + 30*time.Second, "no metrics"},
		{"back, and nobody can watch", 100, 0, 0, func(w *world) (Reading, error) {
			if w.looks > 11 {
				return Reading{}, errors.New("no metrics")
			}
			return Reading{Rate: 0.01}, nil
		}, Outcome{State: Failed, From: 100, At: 80, Why: "no metrics"}, []int{90, 80}, 5*time.Minute + 30*time.Second, "no metrics"},
		{"metrics that stutter", 10, 20, 0, func(w *world) (Reading, error) {
			if w.looks%3 != 0 {
				return Reading{}, errors.New("no metrics")
			}
			return Reading{Rate: 0.01}, nil
		}, Outcome{State: Done, From: 10, At: 20}, []int{20}, 5 * time.Minute, ""},
		{"interrupted on the way out", 10, 100, 0, func(w *world) (Reading, error) {
			if w.looks == 12 {
				w.cancel()
			}
			return Reading{Rate: 0.01}, nil
		}, Outcome{State: Interrupted, From: 10, At: 10, Why: "context canceled"}, []int{20, 30, 10}, 6 * time.Minute, "canceled"},
		{"interrupted on the way back", 100, 0, 0, func(w *world) (Reading, error) {
			if w.looks == 12 {
				w.cancel()
			}
			return Reading{Rate: 0.01}, nil
		}, Outcome{State: Interrupted, From: 100, At: 80, Why: "context canceled"}, []int{90, 80}, 6 * time.Minute, "canceled"},
		{"interrupted, and above the limit", 10, 100, 0.1, func(w *world) (Reading, error) {
			if w.looks == 12 {
				w.cancel()
				return Reading{Rate: 0.2}, nil
			}
			return Reading{Rate: 0.01}, nil
		}, Outcome{State: Stopped, From: 10, Why: "the error rate is 0.2, above 0.1"}, []int{20, 30, 0}, 5*time.Minute + 30*time.Second, "above"},
		{"somebody else turns it off", 10, 100, 0, func(w *world) (Reading, error) {
			if w.looks == 3 {
				w.s.put(0)
			}
			return Reading{Rate: 0.01}, nil
		}, Outcome{State: Moved, From: 10, At: 0, Why: "somebody has moved it to 0 %; it was at 20 %"}, []int{20}, 5 * time.Minute, "somebody has moved it"},
		{"turned off by somebody, and interrupted", 10, 100, 0, func(w *world) (Reading, error) {
			if w.looks == 3 {
				w.s.put(0)
				w.cancel()
			}
			return Reading{Rate: 0.01}, nil
		}, Outcome{State: Interrupted, From: 10, At: 0, Why: "context canceled"}, []int{20}, 90 * time.Second, "canceled"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			w := &world{s: newService(t, test.from), c: new(clock), cancel: cancel}
			var moves []int
			stutter := time.Duration(0)
			failed := 0
			out, err := Roll{
				Service: w.s.client(t, w.c), Sleep: w.c.sleep, To: test.to, Step: 10, Every: 5 * time.Minute, Look: 30 * time.Second, Max: test.max,
				Watch: func(context.Context) (Reading, error) {
					w.looks++
					r, err := test.watch(w)
					if failed++; err == nil {
						failed = 0
					} else if failed < tries {
						stutter += between
					}
					return r, err
				},
				Moving: func(from, to int) error { moves = append(moves, to); return nil }, Say: func(string) {},
			}.Run(ctx)
			if out != test.want {
				t.Errorf("got %+v, want %+v", out, test.want)
			}
			if !slices.Equal(w.s.sets, test.sets) || !slices.Equal(moves, test.sets) {
				t.Errorf("set to %v, noted %v, want %v", w.s.sets, moves, test.sets)
			}
			if got := w.c.slept - stutter; got != test.slept {
				t.Errorf("slept %s, want %s", got, test.slept)
			}
			if w.s.at != out.At {
				t.Errorf("it is at %d %%, and %d %% was said", w.s.at, out.At)
			}
			if err == nil != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("got %v, want %q", err, test.err)
			}
		})
	}
}

// The service goes away in the middle: what is known is said.
func TestRollWithoutItsService(t *testing.T) {
	s, c := newService(t, 10), new(clock)
	out, err := Roll{
		Service: s.client(t, c), Sleep: c.sleep, To: 100, Step: 10, Every: time.Minute, Look: time.Minute, Max: 1,
		Watch: func(context.Context) (Reading, error) {
			if s.at == 20 {
				s.Close()
			}
			return Reading{}, nil
		},
		Moving: func(int, int) error { return nil }, Say: func(string) {},
	}.Run(context.Background())
	if out.State != Unknown || err == nil || !strings.Contains(err.Error(), "it may be at 20 % still; set it to 10 % by hand") {
		t.Errorf("got %+v, %v", out, err)
	}
}

func TestAnswers(t *testing.T) {
	for _, test := range []struct{ answer, want string }{
		{`{"rollout_percentage": 40, "more": [1]}`, ""},
		{`{"rollout_percentage": 40.0}`, ""},
		{`[40]`, "no JSON object"},
		{``, "no JSON object"},
		{`{"percentage": 40}`, `has no "rollout_percentage"`},
		{`{"rollout_percentage": "40"}`, "is no number"},
		{`{"rollout_percentage": null}`, "is no number"},
		{`{"rollout_percentage": 40.5}`, "want a whole number"},
		{`{"rollout_percentage": 101}`, "want a whole number"},
		{`{"rollout_percentage": -1}`, "want a whole number"},
		{`{"rollout_percentage": 1e300}`, "want a whole number"},
	} {
		n, err := percentage([]byte(test.answer), "rollout_percentage")
		if test.want == "" && (err != nil || n != 40) || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: got %d, %v", test.answer, n, err)
		}
	}
}

func FuzzPercentage(f *testing.F) {
	f.Add([]byte(`{"rollout_percentage": 40}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if n, err := percentage(data, "rollout_percentage"); err == nil && (n < 0 || n > 100) {
			t.Errorf("%q is %d %%", data, n)
		}
	})
}

// No error names the address or the token, and nobody is followed anywhere.
func TestNothingIsTold(t *testing.T) {
	for _, address := range []string{"http://example.com/secret-path/{flag}", "https://me:secret-path@example.com/{flag}", "https://example.com/secret-path", "secret-path{flag}", "ht tp://secret-path/{flag}"} {
		if err := new(Client).At(address, "x"); err == nil || strings.Contains(err.Error(), "secret-path") {
			t.Errorf("%s: got %v", address, err)
		}
	}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("somebody came") }))
	defer elsewhere.Close()
	for _, status := range []int{302, 307, 401, 403, 404, 409, 429, 500} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(status)
			fmt.Fprint(w, r.URL, r.Header)
		}))
		c := &Client{Transport: http.DefaultTransport, Sleep: new(clock).sleep, Method: http.MethodPut, Field: "x", Token: token}
		if err := c.At(server.URL+"/secret-path/{flag}", "x"); err != nil {
			t.Fatal(err)
		}
		_, err := c.Get(context.Background())
		if err == nil || !strings.Contains(err.Error(), fmt.Sprint(status)) || strings.Contains(err.Error(), "secret-path") || strings.Contains(err.Error(), token) {
			t.Errorf("%d: got %v", status, err)
		}
		server.Close()
		if _, err = c.Get(context.Background()); err == nil || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("got %v", err)
		}
	}
}

func TestUndo(t *testing.T) {
	s, c := newService(t, 70), new(clock)
	client := s.client(t, c)
	j := journal.Journal{Dir: t.TempDir()}
	log := &Log{Journal: j, Now: time.Now, Reason: "it broke", Record: Record{Flag: "new/one", URLEnv: "URL", Service: client.Digest()}}
	change := func() journal.Entry {
		t.Helper()
		if _, err := Off(context.Background(), client, log.Moving); err != nil {
			t.Fatal(err)
		}
		e, err := j.Get(log.ID())
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	e := change()
	if e.State != journal.Done || e.Summary != "feature flag new/one: 70 % -> 0 % (it broke)" || strings.Contains(string(e.Before), s.URL) || strings.Contains(string(e.Before), token) {
		t.Errorf("%+v %s", e, e.Before)
	}
	var no *rollback.RefusedError
	// Somebody has moved it.
	s.put(5)
	if _, err := Undo(context.Background(), j, e, client); !errors.As(err, &no) || s.at != 5 {
		t.Errorf("got %v; at %d", err, s.at)
	}
	// The variable names another service.
	s.put(0)
	other := *client
	if err := other.At(s.URL+"/other/{flag}", "new/one"); err != nil {
		t.Fatal(err)
	}
	if _, err := Undo(context.Background(), j, e, &other); !errors.As(err, &no) {
		t.Errorf("got %v", err)
	}
	text, err := Undo(context.Background(), j, e, client)
	if err != nil || s.at != 70 || text != "feature flag new/one is at 70 % again" {
		t.Errorf("got %q, %v; at %d", text, err, s.at)
	}
	if e, err = j.Get(e.ID); err != nil || e.State != journal.Undone {
		t.Errorf("got %+v, %v", e, err)
	}
	// In the end it is where it was: there is nothing to take back. Where somebody
	// else moved it, what was noted holds.
	for _, tt := range []struct {
		out   Outcome
		state journal.State
		left  []int
	}{
		{Outcome{State: Interrupted, At: 70}, journal.Undone, []int{70, 80}},
		{Outcome{State: Done, At: 80}, journal.Done, []int{80}},
		{Outcome{State: Failed, At: 5}, journal.Done, []int{70, 80}},
		{Outcome{State: Moved, At: 5}, journal.Done, []int{70, 80}},
		{Outcome{State: Unknown, At: 70}, journal.Done, []int{70, 80}},
	} {
		log := &Log{Journal: j, Now: time.Now, Record: Record{Flag: "x"}}
		if err := errors.Join(log.Moving(70, 80), log.Close(tt.out)); err != nil {
			t.Fatal(err)
		}
		e, err := j.Get(log.ID())
		if err != nil {
			t.Fatal(err)
		}
		if r, err := Read(e); err != nil || e.State != tt.state || !slices.Equal(r.Left, tt.left) {
			t.Errorf("%+v: got %+v %s, %v", tt.out, r, e.State, err)
		}
	}
	if err := new(Log).Close(Outcome{}); err != nil {
		t.Error(err)
	}
	// A journal of another kind.
	if _, err := Undo(context.Background(), j, journal.Entry{ID: "x", Before: []byte(`{"a": 1}`)}, client); err == nil {
		t.Error("no error")
	}
}
