package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const password = "hunter2-really"

// tool finds a program of PostgreSQL's, which Debian keeps out of PATH.
func tool(name string) string {
	if found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); err == nil && len(found) > 0 {
		return found[len(found)-1]
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

// server starts a PostgreSQL of its own on loopback and gives its URL.
func server(t *testing.T) string {
	t.Helper()
	initdb, postgres := tool("initdb"), tool("postgres")
	if initdb == "" || postgres == "" {
		t.Skip("PostgreSQL is not installed (Debian: postgresql)")
	}
	dir := t.TempDir()
	var as *syscall.SysProcAttr
	if os.Getuid() == 0 { // it refuses to run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Skip("running as root, and there is no user postgres to start the server as")
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
			if err := os.Chmod(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	pw := filepath.Join(dir, "pw")
	if err := os.WriteFile(pw, []byte(password), 0o644); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	run := func(name string, args ...string) *exec.Cmd {
		c := exec.Command(name, args...)
		c.SysProcAttr, c.Dir = as, dir
		return c
	}
	if out, err := run(initdb, "-D", data, "-U", "me", "--auth=scram-sha-256", "--pwfile="+pw, "--no-sync", "-E", "UTF8", "--locale=C").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	c := run(postgres, "-D", data, "-p", strconv.Itoa(port), "-h", "127.0.0.1", "-k", "", "-F", "-c", "shared_preload_libraries=pg_stat_statements")
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGQUIT)
		_ = c.Wait()
	})
	url := fmt.Sprintf("postgres://me:%s@127.0.0.1:%d/postgres", password, port)
	for range 200 {
		if c, err := pgx.Connect(context.Background(), url); err == nil {
			_ = c.Close(context.Background())
			return url
		}
		time.Sleep(100 * time.Millisecond)
	}
	text, _ := os.ReadFile(log.Name())
	t.Fatalf("the server does not come up:\n%s", text)
	return ""
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func exe(t *testing.T, c *pgx.Conn, sql string) {
	t.Helper()
	if _, err := c.Exec(t.Context(), sql); err != nil {
		t.Fatal(sql, err)
	}
}

func TestAgainstARealServer(t *testing.T) {
	url := server(t)
	o := Options{URL: url, SlowMS: 100, Top: 20, Timeout: 10 * time.Second}
	r, err := Look(t.Context(), o)
	if err != nil || r.Database != "postgres" || r.Version == "" || len(r.Locks) != 0 || r.SlowUnknown == "" {
		t.Fatalf("%+v, %v", r, err)
	}

	a, b := connect(t, url), connect(t, url)
	exe(t, a, "CREATE EXTENSION pg_stat_statements")
	exe(t, a, "CREATE TABLE x (id int PRIMARY KEY, n int)")
	exe(t, a, "INSERT INTO x VALUES (1, 1)")
	exe(t, a, "SELECT pg_sleep(0.3)")
	exe(t, a, "BEGIN")
	exe(t, a, "UPDATE x SET n = 2")
	waits := make(chan error, 1)
	go func() {
		_, err := b.Exec(context.Background(), "UPDATE x SET n = 3 WHERE id = 1")
		waits <- err
	}()
	o.Explain = "SELECT * FROM x WHERE id = 1;"
	for range 100 {
		if r, err = Look(t.Context(), o); err != nil || len(r.Locks) > 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil || len(r.Locks) != 1 || len(r.Locks[0].BlockedBy) != 1 || !strings.Contains(r.Locks[0].Query, "SET n = 3") {
		t.Fatalf("%+v, %v", r, err)
	}
	if len(r.Slow) == 0 || !strings.Contains(r.Slow[0].Query, "pg_sleep") || r.Slow[0].MeanMS < 100 || r.SlowUnknown != "" {
		t.Errorf("slow: %+v %q", r.Slow, r.SlowUnknown)
	}
	if len(r.Explain) == 0 || !strings.Contains(r.Explain[0], "x") {
		t.Errorf("explain: %q", r.Explain)
	}
	exe(t, a, "ROLLBACK")
	if err := <-waits; err != nil {
		t.Fatal(err)
	}

	// Nothing can be written, whatever is to be explained.
	for _, q := range []string{"DELETE FROM x", "SELECT 1; DELETE FROM x", "ANALYZE DELETE FROM x", ""} {
		o.Explain = q
		if _, err := Look(t.Context(), o); q != "" && !errors.Is(err, ErrExplain) {
			t.Errorf("%q: %v", q, err)
		}
	}
	o.Explain = "WITH gone AS (DELETE FROM x RETURNING *) SELECT * FROM gone"
	_, _ = Look(t.Context(), o)
	var n int
	if err := a.QueryRow(t.Context(), "SELECT count(*) FROM x").Scan(&n); err != nil || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}

	// No error holds the password or the URL.
	o.Explain = ""
	for _, bad := range []string{
		strings.Replace(url, "/postgres", "/nowhere", 1), strings.Replace(url, password, password+"x", 1), strings.Replace(url, "127.0.0.1:", "127.0.0.1:1", 1),
		"postgres://me:" + password + "@127.0.0.1:notaport/x", "postgres://me:" + password + "%zz@h/x",
	} {
		o.URL = bad
		_, err := Look(t.Context(), o)
		if err == nil || strings.Contains(err.Error(), password) || strings.Contains(err.Error(), "postgres://me") {
			t.Errorf("%v", err)
		}
	}
}

func FuzzQuery(f *testing.F) {
	f.Add("SELECT 1;")
	f.Add("WITH a AS (SELECT 1) TABLE a")
	f.Fuzz(func(t *testing.T, s string) {
		if query(s) && strings.Contains(strings.TrimRight(strings.TrimSpace(s), "; \n\t"), ";") {
			t.Fatal(s)
		}
	})
}
