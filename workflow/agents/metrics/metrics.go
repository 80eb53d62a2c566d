// Package metrics keeps how agents did on tasks, in an SQLite file that many
// processes may write to at once. It is the only part of the agents that has a
// database: linking it costs every start of the program, see the README.
package metrics

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/wf-ci/wf-ci/workflow/agents"
)

// layout is the version of the tables, kept in the file.
const layout = 1

// patience is how long a writer waits for the others.
const patience = 30 * time.Second

// ErrNewer is the error of a file that a newer program has written.
var ErrNewer = errors.New("written by a newer wf-ci: update this one")

// DB is an open file. Close it.
type DB struct {
	db   *sql.DB
	path string
}

// Open opens the file, and makes it and its folder where they are missing.
func Open(ctx context.Context, path string) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	// SQLite would make it readable for everybody.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	d, err := open(path)
	if err != nil {
		return nil, err
	}
	if err := d.prepare(ctx); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

// Read opens a file that is there; nil where there is none.
func Read(ctx context.Context, path string) (*DB, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	d, err := open(path)
	if err != nil {
		return nil, err
	}
	if _, err := d.version(ctx); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, nil
}

func open(path string) (*DB, error) {
	// A transaction takes its lock when it begins: two that read first and write
	// then would stop each other for good. The journal stays SQLite's plain one:
	// writers are rare, and it leaves no second file behind.
	options := url.Values{"_txlock": {"immediate"}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", patience.Milliseconds())}}
	name := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: "mode=rw&" + options.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return &DB{db: db, path: path}, nil
}

// Close closes the file.
func (d *DB) Close() error { return d.db.Close() }

func (d *DB) version(ctx context.Context) (int, error) {
	var v int
	if err := d.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v); err != nil {
		return 0, fmt.Errorf("open the database: %w", err)
	}
	if v > layout {
		return v, ErrNewer
	}
	return v, nil
}

const tables = `CREATE TABLE IF NOT EXISTS outcomes (
	id           TEXT PRIMARY KEY,
	at           INTEGER NOT NULL, -- milliseconds since 1970
	agent        TEXT NOT NULL,
	task         TEXT NOT NULL,
	type         TEXT NOT NULL,
	success      INTEGER NOT NULL CHECK (success IN (0, 1)),
	duration_ms  INTEGER,
	satisfaction INTEGER CHECK (satisfaction BETWEEN 1 AND 5),
	tokens       INTEGER,
	cost_nano    INTEGER           -- billionths of a US dollar
) STRICT`

// prepare makes the tables, once, whoever comes first.
func (d *DB) prepare(ctx context.Context) error {
	v, err := d.version(ctx)
	if err != nil || v == layout {
		return err
	}
	return d.inTransaction(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, tables); err != nil {
			return fmt.Errorf("make the tables: %w", err)
		}
		_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", layout))
		return err
	})
}

func (d *DB) inTransaction(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := d.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("wait for other writers: %w", err)
	}
	if err := fn(tx); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

// Record writes one outcome. The same one twice counts once: added is false
// then. Another one of the same id is an error.
func (d *DB) Record(ctx context.Context, o agents.Outcome) (added bool, err error) {
	err = d.inTransaction(ctx, func(tx *sql.Tx) error {
		before, err := outcomes(ctx, tx, "WHERE id = ?", o.ID)
		if err != nil {
			return err
		}
		if len(before) > 0 {
			if !same(before[0], o) {
				return fmt.Errorf("outcome %q is recorded already, and differs", o.ID)
			}
			return nil
		}
		added = true
		_, err = tx.ExecContext(ctx, "INSERT INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			o.ID, o.At.UnixMilli(), o.Agent, o.Task, o.Type, o.Success,
			known(o.Duration.Milliseconds()), known(int64(o.Satisfaction)), known(o.Tokens), o.Cost)
		return err
	})
	return added && err == nil, err
}

// known is nil for what is not known.
func known(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

// same compares what was recorded, the time aside.
func same(a, b agents.Outcome) bool {
	cost := func(o agents.Outcome) int64 {
		if o.Cost == nil {
			return -1
		}
		return *o.Cost
	}
	return a.Agent == b.Agent && a.Task == b.Task && a.Success == b.Success && a.Satisfaction == b.Satisfaction &&
		a.Tokens == b.Tokens && a.Duration.Milliseconds() == b.Duration.Milliseconds() && cost(a) == cost(b)
}

// Outcomes are all of them, oldest first.
func (d *DB) Outcomes(ctx context.Context) ([]agents.Outcome, error) {
	list, err := outcomes(ctx, d.db, "")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.path, err)
	}
	return list, nil
}

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func outcomes(ctx context.Context, q queryer, where string, args ...any) ([]agents.Outcome, error) {
	rows, err := q.QueryContext(ctx, `SELECT id, at, agent, task, type, success, COALESCE(duration_ms, 0), COALESCE(satisfaction, 0),
		COALESCE(tokens, 0), cost_nano FROM outcomes `+where+" ORDER BY at, id", args...)
	if err != nil {
		return nil, fmt.Errorf("read the outcomes: %w", err)
	}
	defer rows.Close()
	var list []agents.Outcome
	for rows.Next() {
		var o agents.Outcome
		var at, took int64
		var cost sql.NullInt64
		if err := rows.Scan(&o.ID, &at, &o.Agent, &o.Task, &o.Type, &o.Success, &took, &o.Satisfaction, &o.Tokens, &cost); err != nil {
			return nil, fmt.Errorf("read the outcomes: %w", err)
		}
		o.At, o.Duration = time.UnixMilli(at).UTC(), time.Duration(took)*time.Millisecond
		if cost.Valid {
			o.Cost = &cost.Int64
		}
		list = append(list, o)
	}
	return list, rows.Err()
}
