// Package postgres looks at a PostgreSQL database, and changes nothing in it:
// all is asked in one transaction that may only read.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Options are what is asked.
type Options struct {
	URL     string        // may hold a password: it is in no error. Required.
	SlowMS  float64       // statements that take longer on average
	Top     int           // of the slow ones
	Explain string        // a query to explain; empty: none
	Timeout time.Duration // of each statement. Required.
}

// Report is what was seen.
type Report struct {
	Version     string   `json:"version"`
	Database    string   `json:"database"`
	Slow        []Slow   `json:"slow"`
	SlowUnknown string   `json:"slow_unknown,omitempty"` // why there are none
	Running     []Active `json:"running"`                // for longer than SlowMS, now
	Locks       []Lock   `json:"locks"`
	Explain     []string `json:"explain,omitempty"`
}

// Slow is a statement of pg_stat_statements.
type Slow struct {
	Query   string  `json:"query"`
	Calls   int64   `json:"calls"`
	MeanMS  float64 `json:"mean_ms"`
	TotalMS float64 `json:"total_ms"`
	MaxMS   float64 `json:"max_ms"`
}

// Active is a statement that runs now.
type Active struct {
	PID   int32   `json:"pid"`
	User  string  `json:"user"`
	MS    float64 `json:"ms"`
	State string  `json:"state"`
	Query string  `json:"query"`
}

// Lock is a session that waits for others.
type Lock struct {
	PID       int32   `json:"pid"`
	User      string  `json:"user"`
	BlockedBy []int32 `json:"blocked_by"`
	MS        float64 `json:"ms"`
	Query     string  `json:"query"`
}

// ErrURL says that a URL cannot be read. What is wrong with it is not said: the
// parser's words may hold a part of the password.
var ErrURL = errors.New("the database's URL cannot be read: want postgres://USER@HOST:PORT/DATABASE")

// ErrExplain says that what is to be explained is not one query.
var ErrExplain = errors.New("only one SELECT, VALUES, TABLE or WITH can be explained")

// Look asks a database.
func Look(ctx context.Context, o Options) (*Report, error) {
	config, err := pgx.ParseConfig(o.URL)
	if err != nil {
		return nil, ErrURL
	}
	config.ConnectTimeout = o.Timeout
	config.RuntimeParams["application_name"] = "wf-ci debug db"
	config.RuntimeParams["default_transaction_read_only"] = "on"
	config.RuntimeParams["statement_timeout"] = fmt.Sprint(o.Timeout.Milliseconds())
	config.RuntimeParams["lock_timeout"] = "2000"
	if o.Explain != "" && !query(o.Explain) {
		return nil, ErrExplain
	}
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect: %s", o.hide(plain(err)))
	}
	defer c.Close(context.WithoutCancel(ctx))
	tx, err := c.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, fmt.Errorf("begin: %s", o.hide(plain(err)))
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	r := &Report{}
	for _, ask := range []struct {
		what string
		do   func(context.Context, pgx.Tx, Options, *Report) error
	}{{"version", version}, {"slow queries", slow}, {"running queries", running}, {"locks", locks}, {"explain", explain}} {
		if err := ask.do(ctx, tx, o, r); err != nil {
			return nil, fmt.Errorf("%s: %s", ask.what, o.hide(plain(err)))
		}
	}
	return r, nil
}

// plain is an error in the server's words, or the network's.
func plain(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return fmt.Sprintf("%s (SQLSTATE %s)", pg.Message, pg.Code)
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

// hide takes the URL and its password out of a text.
func (o Options) hide(text string) string {
	text = strings.ReplaceAll(text, o.URL, "[url]")
	if c, err := pgx.ParseConfig(o.URL); err == nil && c.Password != "" {
		text = strings.ReplaceAll(text, c.Password, "[redacted]")
	}
	return text
}

// query says whether a text is one query, as far as its first word tells; the
// server refuses whatever else it would do, for the transaction only reads.
func query(text string) bool {
	text = strings.TrimRight(strings.TrimSpace(text), "; \n\t")
	f := strings.Fields(text)
	return len(f) > 0 && !strings.Contains(text, ";") && slices.Contains([]string{"SELECT", "VALUES", "TABLE", "WITH"}, strings.ToUpper(f[0]))
}

func version(ctx context.Context, tx pgx.Tx, _ Options, r *Report) error {
	return tx.QueryRow(ctx, "SELECT current_setting('server_version'), current_database()").Scan(&r.Version, &r.Database)
}

func slow(ctx context.Context, tx pgx.Tx, o Options, r *Report) error {
	r.Slow = []Slow{}
	var schema *string
	err := tx.QueryRow(ctx, `SELECT (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements')`).Scan(&schema)
	if err != nil {
		return err
	}
	if schema == nil {
		r.SlowUnknown = "the extension pg_stat_statements is not installed in this database (CREATE EXTENSION pg_stat_statements)"
		return nil
	}
	inner, err := tx.Begin(ctx) // a savepoint: the library may not be loaded
	if err != nil {
		return err
	}
	rows, err := inner.Query(ctx, `SELECT query, calls, mean_exec_time, total_exec_time, max_exec_time FROM `+*schema+`.pg_stat_statements
		WHERE mean_exec_time > $1 ORDER BY mean_exec_time DESC, query LIMIT $2`, o.SlowMS, o.Top)
	if err == nil {
		r.Slow, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Slow])
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		r.Slow, r.SlowUnknown = []Slow{}, pg.Message
		return inner.Rollback(ctx)
	}
	if err != nil {
		return err
	}
	return inner.Commit(ctx)
}

func running(ctx context.Context, tx pgx.Tx, o Options, r *Report) error {
	rows, err := tx.Query(ctx, `SELECT pid, coalesce(usename, ''), extract(epoch FROM clock_timestamp() - query_start)::float8 * 1000 AS ms, coalesce(state, ''), left(query, 2000)
		FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' AND state <> 'idle'
		AND clock_timestamp() - query_start > make_interval(secs => $1 / 1000.0) ORDER BY ms DESC, pid LIMIT $2`, o.SlowMS, o.Top)
	if err != nil {
		return err
	}
	r.Running, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Active])
	return err
}

func locks(ctx context.Context, tx pgx.Tx, _ Options, r *Report) error {
	rows, err := tx.Query(ctx, `SELECT pid, coalesce(usename, ''), pg_blocking_pids(pid), extract(epoch FROM clock_timestamp() - query_start)::float8 * 1000, left(query, 2000)
		FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0 ORDER BY pid`)
	if err != nil {
		return err
	}
	r.Locks, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Lock])
	return err
}

// explain asks for the plan, and does not run the query.
func explain(ctx context.Context, tx pgx.Tx, o Options, r *Report) error {
	if o.Explain == "" {
		return nil
	}
	rows, err := tx.Query(ctx, "EXPLAIN (VERBOSE) "+strings.TrimRight(strings.TrimSpace(o.Explain), "; \n\t"))
	if err != nil {
		return err
	}
	r.Explain, err = pgx.CollectRows(rows, pgx.RowTo[string])
	return err
}
