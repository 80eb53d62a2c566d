package logs

import "slices"

// Categories are the seven kinds of trouble, in the order of a report.
var Categories = [...]string{"null_reference", "timeout", "connection", "auth", "database", "memory", "api"}

const (
	nullReference = 1 << iota
	timeout
	connection
	auth
	database
	memory
	api

	// The parts that make a kind, or a level, only together.
	null     // null, undefined, nil …
	property // … and property, attribute, reference
	code     // a number that is a kind of trouble where it is a status
	level    // the line says itself that it is an error

	kinds = api<<1 - 1
)

// word is a text that a line is looked through for, in any case.
type word struct {
	text string
	mean uint16
	// whole: not within a longer word: api is not in capital. Digits and letters
	// make a word; an upper-case letter after a lower-case one begins another, so
	// that SQLException and apiError have theirs.
	whole bool
}

// words are what the categories are told by. They are those of the reference,
// by whole words where it finds OOM in a room and 500 in 1500, with what common
// runtimes say besides.
var words = []word{
	{"null", null, true}, {"undefined", null, false}, {"nonetype", null, false}, {"nil", null, true},
	{"reference", property, false}, {"property", property, false}, {"properties", property, false}, {"attribute", property, false},
	{"nullpointer", nullReference, false}, {"nullreference", nullReference, false}, {"nil pointer", nullReference, false}, {"null pointer", nullReference, false},

	{"timeout", timeout, false}, {"timed out", timeout, false}, {"time out", timeout, false}, {"deadline exceeded", timeout, false}, {"deadlineexceeded", timeout, false}, {"etimedout", timeout, false},

	{"connection", connection, false}, {"socket", connection, false}, {"econnrefused", connection, false}, {"econnreset", connection, false},
	{"broken pipe", connection, false}, {"epipe", connection, true}, {"no route to host", connection, false}, {"ehostunreach", connection, false},

	{"unauthorized", auth, false}, {"authentication", auth, false}, {"permission", auth, false}, {"forbidden", auth, true}, {"access denied", auth, false}, {"eacces", auth, true},

	{"database", database, false}, {"sql", database, true}, {"mysql", database, true}, {"postgresql", database, true}, {"sqlstate", database, true}, {"sqlite", database, true},
	{"constraint", database, false}, {"foreign key", database, false}, {"deadlock", database, true},

	{"memory", memory, false}, {"heap", memory, true}, {"oom", memory, true}, {"oomkilled", memory, true}, {"outofmemory", memory, false}, {"enomem", memory, true},

	{"api", api, true}, {"apis", api, true}, {"endpoint", api, false}, {"route", api, true}, {"routes", api, true},
	{"not found", api, false}, {"internal server error", api, false}, {"bad gateway", api, false}, {"service unavailable", api, false},

	{"401", code | auth, true}, {"403", code | auth, true}, {"404", code | api, true}, {"500", code | api, true}, {"502", code | api, true}, {"503", code | api, true},

	{"error", level, false}, {"exception", level, false}, {"fatal", level, false}, {"panic", level, true}, {"critical", level, true},
	{"traceback", level, true}, {"fail", level, true}, {"failed", level, true}, {"failure", level, true}, {"err", level, true},
}

// machine finds all words of a line in one pass (Aho and Corasick).
type machine struct {
	next [][256]int16
	out  [][]int16 // words that end in a state
}

func newMachine() *machine {
	m := &machine{next: make([][256]int16, 1), out: make([][]int16, 1)}
	for w := range words {
		s := int16(0)
		for _, b := range []byte(words[w].text) {
			if m.next[s][b] == 0 {
				m.next[s][b] = int16(len(m.next))
				m.next = append(m.next, [256]int16{})
				m.out = append(m.out, nil)
			}
			s = m.next[s][b]
		}
		m.out[s] = append(m.out[s], int16(w))
	}
	m.link()
	for s := range m.next {
		for b := byte('A'); b <= 'Z'; b++ {
			m.next[s][b] = m.next[s][b-'A'+'a']
		}
		m.next[s]['_'] = m.next[s][' ']
		m.next[s]['-'] = m.next[s][' ']
	}
	return m
}

// link fills in where each state goes on when a word does not: breadth first.
func (m *machine) link() {
	fall := make([]int16, len(m.next))
	var queue []int16
	for _, s := range m.next[0] {
		if s != 0 {
			queue = append(queue, s)
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		for b := range 256 {
			t := m.next[s][b]
			if t == 0 {
				m.next[s][b] = m.next[fall[s]][b]
				continue
			}
			fall[t] = m.next[fall[s]][b]
			m.out[t] = slices.Concat(m.out[t], m.out[fall[t]])
			queue = append(queue, t)
		}
	}
}

// look gives all that a line means.
func (m *machine) look(line []byte) (mean uint16) {
	s := int16(0)
	for i, b := range line {
		s = m.next[s][b]
		for _, w := range m.out[s] {
			if words[w].here(line, i) {
				mean |= words[w].mean
			}
		}
	}
	if mean&null != 0 && mean&property != 0 {
		mean |= nullReference
	}
	return mean
}

// here says whether a word that ends at line[end] counts.
func (w *word) here(line []byte, end int) bool {
	start := end - len(w.text) + 1
	if !w.whole {
		return true
	}
	if begins(line, start) && ends(line, end) {
		return w.mean&code == 0 || status(line, start, end)
	}
	return false
}

func begins(line []byte, i int) bool {
	return i == 0 || !alnum(line[i-1]) || lower(line[i-1]) && upper(line[i])
}

func ends(line []byte, i int) bool {
	if i+1 >= len(line) || !alnum(line[i+1]) {
		return true
	}
	// SQLException, apiError: an upper-case letter begins the next word.
	return upper(line[i+1]) && (lower(line[i]) || i+2 < len(line) && lower(line[i+2]))
}

// status says whether a number is a status, and no quantity: neither a part of
// a longer number (1.500, 12:500) nor one of something (500 rows, 404 ms).
func status(line []byte, start, end int) bool {
	if start > 0 && slices.Contains([]byte(".,:/-$#"), line[start-1]) && start > 1 && digit(line[start-2]) {
		return false
	}
	rest := line[end+1:]
	if len(rest) > 1 && slices.Contains([]byte(".,:/-%"), rest[0]) && (digit(rest[1]) || rest[0] == '%') || len(rest) == 1 && rest[0] == '%' {
		return false
	}
	if len(rest) < 2 || rest[0] != ' ' {
		return true
	}
	unit := 1
	for unit < len(rest) && lower(rest[unit]|0x20) {
		unit++
	}
	return !slices.Contains(units, string(rest[1:unit]))
}

// units are what a number counts when it is no status.
var units = []string{
	"ms", "s", "us", "ns", "sec", "secs", "seconds", "second", "minutes", "min", "hours", "days", "milliseconds",
	"rows", "row", "items", "item", "records", "lines", "files", "users", "requests", "times", "tests", "entries", "events", "messages", "jobs", "tasks",
	"bytes", "kb", "mb", "gb", "KB", "MB", "GB", "KiB", "MiB", "GiB", "connections", "objects", "keys", "points", "retries", "attempts", "of",
}

func alnum(b byte) bool { return lower(b) || upper(b) || digit(b) || b >= 0x80 }
func lower(b byte) bool { return b >= 'a' && b <= 'z' }
func upper(b byte) bool { return b >= 'A' && b <= 'Z' }
func digit(b byte) bool { return b >= '0' && b <= '9' }
