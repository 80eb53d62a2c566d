package worktree

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// envLimit bounds an env file.
const envLimit = 1 << 20

var (
	// assignment is a line of an env file: everything before the value, its name,
	// and the value with what follows it.
	assignment = lazyregexp.New(`^(\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=[ \t]*)(.*)$`)
	// comment follows a value.
	comment = lazyregexp.New(`[ \t]#`)
	// localURL is the port of a URL or address of this machine.
	localURL = lazyregexp.New(`(\b(?:localhost|127\.0\.0\.1|0\.0\.0\.0)|\[::1?\]):([0-9]+)`)
	// databaseURL is a database's URL up to the name, and the name.
	databaseURL = lazyregexp.New(`^([a-z][a-z0-9+]*://[^/?#\s]+/)([A-Za-z0-9_.-]+)`)
)

// databaseKeys name a database, by itself.
const databaseKeys = " DB_NAME DATABASE_NAME POSTGRES_DB PGDATABASE MYSQL_DATABASE MARIADB_DATABASE MONGO_INITDB_DATABASE "

// envChange is what is to be changed in an env file.
type envChange struct {
	Port     int
	Append   bool   // PORT is added where the file has none
	Compose  string // COMPOSE_PROJECT_NAME; empty: left as it is
	Database string // added to the names of databases; empty: left as they are
}

// rewrite changes an env file: the value of PORT, URLs of this machine on the
// old port, and what else was asked for. Everything else keeps its bytes:
// comments, quotes, export, the ends of lines, values over several lines.
func (c envChange) rewrite(text string) string {
	old := envValue(text, "PORT")
	havePort, haveCompose := false, c.Compose == ""
	var b strings.Builder
	for line := range envLines(text) {
		key, head, value, tail, ok := splitAssignment(line)
		if !ok {
			b.WriteString(line)
			continue
		}
		switch {
		case key == "PORT":
			value, havePort = strconv.Itoa(c.Port), true
		case key == "COMPOSE_PROJECT_NAME" && c.Compose != "":
			value, haveCompose = c.Compose, true
		default:
			value = c.value(key, value, old)
		}
		b.WriteString(head + value + tail)
	}
	out := b.String()
	if c.Append && !havePort {
		out = appendLine(out, "PORT="+strconv.Itoa(c.Port))
	}
	if c.Append && !haveCompose {
		out = appendLine(out, "COMPOSE_PROJECT_NAME="+c.Compose)
	}
	return out
}

// value changes what is neither PORT nor the Compose project.
func (c envChange) value(key, value, old string) string {
	if _, err := strconv.Atoi(old); err == nil {
		value = localURL.ReplaceAllStringFunc(value, func(m string) string {
			if host, port, _ := cutLast(m, ":"); port == old {
				return host + ":" + strconv.Itoa(c.Port)
			}
			return m
		})
	}
	if c.Database == "" {
		return value
	}
	if strings.Contains(databaseKeys, " "+key+" ") && value != "" {
		return value + "_" + c.Database
	}
	if strings.HasSuffix(key, "DATABASE_URL") {
		return databaseURL.ReplaceAllString(value, "${1}${2}_"+c.Database)
	}
	return value
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// appendLine adds a line as the file ends its own.
func appendLine(text, line string) string {
	end := "\n"
	if strings.Contains(text, "\r\n") {
		end = "\r\n"
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += end
	}
	return text + line + end
}

// envLines are the lines of an env file with their ends; a quoted value that
// goes over several lines is one.
func envLines(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for text != "" {
			n := lineEnd(text, 0)
			if quote, at := openQuote(text[:n]); quote != 0 {
				if i := closing(text, at, quote); i >= n {
					n = lineEnd(text, i)
				}
			}
			if !yield(text[:n]) {
				return
			}
			text = text[n:]
		}
	}
}

func lineEnd(text string, from int) int {
	if i := strings.IndexByte(text[from:], '\n'); i >= 0 {
		return from + i + 1
	}
	return len(text)
}

// openQuote is the quote that a line's value begins with, and where the value
// itself begins; 0 where there is none.
func openQuote(line string) (quote byte, at int) {
	m := assignment.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
	if m == nil || m[3] == "" || !strings.ContainsRune("\"'`", rune(m[3][0])) {
		return 0, 0
	}
	return m[3][0], len(m[1]) + 1
}

// closing is where a quoted value ends; -1 where it does not.
func closing(text string, from int, quote byte) int {
	for i := from; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote == '"':
			i++
		case text[i] == quote:
			return i
		}
	}
	return -1
}

// splitAssignment cuts a line into what is before its value, the value without
// quotes, and what follows it: a quote, a comment, the end of the line.
func splitAssignment(line string) (key, head, value, tail string, ok bool) {
	if quote, at := openQuote(line); quote != 0 {
		if i := closing(line, at, quote); i >= 0 {
			m := assignment.FindStringSubmatch(strings.TrimRight(line[:at], "\r\n"))
			return m[2], line[:at], line[at:i], line[i:], true
		}
	}
	body := strings.TrimRight(line, "\r\n")
	m := assignment.FindStringSubmatch(body)
	if m == nil {
		return "", "", "", "", false
	}
	value = m[3]
	if i := comment.FindStringIndex(value); i != nil {
		value = value[:i[0]]
	}
	value = strings.TrimRight(value, " \t")
	return m[2], m[1], value, line[len(m[1])+len(value):], true
}

// envValue is the last value of a key; empty where there is none.
func envValue(text, key string) string {
	found := ""
	for line := range envLines(text) {
		if k, _, value, _, ok := splitAssignment(line); ok && k == key {
			found = value
		}
	}
	return found
}

// envPorts are the pairs that the env files of a worktree name with PORT.
func envPorts(dir string) []int {
	var out []int
	for _, name := range []string{".env", ".env.local"} {
		data, err := readRegular(filepath.Join(dir, name), envLimit)
		if err != nil {
			continue
		}
		if p, err := strconv.Atoi(envValue(string(data), "PORT")); err == nil && p > 0 && p < 1<<16 {
			out = append(out, p)
		}
	}
	return out
}

// readRegular reads a file that is no link and not too large.
func readRegular(path string, limit int64) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	if info.Size() > limit {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errors.New("too large")}
	}
	return os.ReadFile(path)
}

// isEnvName knows the names of env files with values of their own.
func isEnvName(path string) bool {
	name := strings.ToLower(path[strings.LastIndexByte(path, '/')+1:])
	for _, sample := range []string{".example", ".sample", ".template", ".dist"} {
		if strings.HasSuffix(name, sample) {
			return false
		}
	}
	return name == ".env" || name == ".envrc" || name == ".dev.vars" || strings.HasPrefix(name, ".env.") || strings.HasSuffix(name, ".env")
}
