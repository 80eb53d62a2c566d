package rollback

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/wf-ci/wf-ci/internal/run"
)

// Op is a step outside of git: a command, or something that a person does.
type Op struct {
	Name string   `json:"name"`
	Text string   `json:"text,omitempty"`
	Argv []string `json:"argv,omitempty"` // empty: a person does it

	env   []string // that must not be shown
	stays bool     // it starts what is to go on without it: a daemon is left alone
}

// Runner starts the tools of others: one seam for all of them.
type Runner interface {
	Run(ctx context.Context, c run.Command) (run.Result, error)
}

// Do runs one step.
func (o Op) Do(ctx context.Context, r Runner, dir string) (run.Result, error) {
	res, err := r.Run(ctx, run.Command{Name: o.Argv[0], Args: o.Argv[1:], Dir: dir, Env: o.env, Contain: !o.stays})
	if err != nil {
		err = fmt.Errorf("%s: %w", o.Name, err)
	}
	return res, err
}

// plainName keeps what people type from being an option, or more than a name.
func plainName(what, s string) error {
	if s == "" || strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+:@/") != "" || strings.HasPrefix(s, "-") {
		return usagef("%s %q: want a plain name", what, s)
	}
	return nil
}

// App is an application to roll back.
type App struct {
	On        string // kubernetes, swarm
	Name      string
	Namespace string // of kubernetes; empty: the current one
	Revision  int    // of kubernetes; zero: the one before
}

// Ops are the steps that roll an application back.
func (a App) Ops() ([]Op, error) {
	if err := plainName("service", a.Name); err != nil {
		return nil, err
	}
	if a.Revision < 0 {
		return nil, usagef("--to-revision %d: want 1 or more", a.Revision)
	}
	if a.On == "swarm" {
		if a.Revision > 0 || a.Namespace != "" {
			return nil, usagef("docker service rollback knows the version before only, and no namespace")
		}
		return []Op{
			{Name: "rollback", Argv: []string{"docker", "service", "rollback", "--detach=false", a.Name}},
			{Name: "status", Argv: []string{"docker", "service", "ps", a.Name}},
		}, nil
	}
	kubectl := []string{"kubectl"}
	if a.Namespace != "" {
		if err := plainName("--namespace", a.Namespace); err != nil {
			return nil, err
		}
		kubectl = append(kubectl, "--namespace="+a.Namespace)
	}
	rollout := func(verb string, more ...string) []string {
		return append(append(kubectl[:len(kubectl):len(kubectl)], "rollout", verb, "deployment/"+a.Name), more...)
	}
	undo := rollout("undo")
	if a.Revision > 0 {
		undo = append(undo, fmt.Sprintf("--to-revision=%d", a.Revision))
	}
	return []Op{
		{Name: "history", Argv: rollout("history")}, {Name: "rollback", Argv: undo}, {Name: "status", Argv: rollout("status", "--timeout=5m")},
	}, nil
}

// Database is a PostgreSQL database whose migrations are to be rolled back.
type Database struct {
	Tool   string // alembic, django
	App    string // of Django
	Target string
	URL    string // never shown, and in no argument: other users see those
	Backup string // file to write
}

// DatabaseOps are the steps that roll a database back, and the one that restores
// it when they did not work.
type DatabaseOps struct {
	Ops     []Op
	Restore Op
}

// Ops are the steps.
func (d Database) Ops() (*DatabaseOps, error) {
	if err := plainName("--to", d.Target); err != nil && (d.Tool != "alembic" || d.Target != "-1") {
		return nil, err
	}
	env, name, err := postgres(d.URL)
	if err != nil {
		return nil, err
	}
	out := &DatabaseOps{
		Ops: []Op{
			{Name: "backup", Argv: []string{"pg_dump", "--no-password", "--format=custom", "--file=" + d.Backup}, env: env},
			{Name: "check the backup", Argv: []string{"pg_restore", "--list", d.Backup}},
		},
		Restore: Op{Name: "restore", Argv: []string{"pg_restore", "--no-password", "--clean", "--if-exists", "--single-transaction", "--exit-on-error", "--dbname=" + name, d.Backup}, env: env},
	}
	switch d.Tool {
	case "alembic":
		out.Ops = append(out.Ops, Op{Name: "current", Argv: []string{"alembic", "current"}}, Op{Name: "migrate", Argv: []string{"alembic", "downgrade", d.Target}})
	case "django":
		if err := plainName("--app", d.App); err != nil {
			return nil, err
		}
		out.Ops = append(out.Ops, Op{Name: "current", Argv: []string{"python", "manage.py", "showmigrations", d.App}},
			Op{Name: "migrate", Argv: []string{"python", "manage.py", "migrate", "--no-input", d.App, d.Target}})
	}
	return out, nil
}

// postgres is a database's URL as the variables that its tools read.
func postgres(raw string) (env []string, name string, err error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Host == "" || strings.Trim(u.Path, "/") == "" {
		return nil, "", usagef("the database's URL is none of PostgreSQL: want postgresql://user:password@host/name") // not what it is
	}
	name = strings.Trim(u.Path, "/")
	if err := plainName("the database's name", name); err != nil || strings.ContainsAny(name, ":/") {
		return nil, "", usagef("the database's name in the URL is no plain name")
	}
	env = []string{"PGHOST=" + u.Hostname(), "PGDATABASE=" + name}
	if p := u.Port(); p != "" {
		env = append(env, "PGPORT="+p)
	}
	if u.User != nil {
		env = append(env, "PGUSER="+u.User.Username())
		if p, ok := u.User.Password(); ok {
			env = append(env, "PGPASSWORD="+p)
		}
	}
	for key, variable := range map[string]string{"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT"} {
		if v := u.Query().Get(key); v != "" {
			env = append(env, variable+"="+v)
		}
	}
	return env, name, nil
}

// Run rolls the database back. Nothing is migrated without a backup that can be
// read; when the migration does not work, the backup is restored.
func (o *DatabaseOps) Run(ctx context.Context, r Runner, dir string, each func(Op)) error {
	for _, op := range o.Ops {
		each(op)
		_, err := op.Do(ctx, r, dir)
		if err == nil {
			continue
		}
		if op.Name != "migrate" {
			return fmt.Errorf("%w; the database was not touched", err)
		}
		each(o.Restore)
		if _, again := o.Restore.Do(context.WithoutCancel(ctx), r, dir); again != nil {
			return errors.Join(err, fmt.Errorf("%w: the backup is in %s", again, o.Restore.Argv[len(o.Restore.Argv)-1]))
		}
		return fmt.Errorf("%w; the database is restored from the backup", err)
	}
	return nil
}

// stateLimit bounds Terraform's state.
const stateLimit = 64 << 20

// TerraformBackup writes Terraform's state to a new file that only its owner may
// read: it holds secrets. An answer that is no state is an error.
func TerraformBackup(ctx context.Context, r Runner, dir, file string) (serial int64, err error) {
	var out bytes.Buffer
	if _, err := r.Run(ctx, run.Command{Name: "terraform", Args: []string{"state", "pull"}, Dir: dir, Stdout: &out, Contain: true}); err != nil {
		return 0, fmt.Errorf("read the state: %w", err)
	}
	if out.Len() > stateLimit {
		return 0, fmt.Errorf("the state is larger than %d MB", stateLimit>>20)
	}
	var s struct {
		Version int    `json:"version"`
		Serial  int64  `json:"serial"`
		Lineage string `json:"lineage"`
	}
	if err := json.Unmarshal(out.Bytes(), &s); err != nil || s.Version == 0 || s.Lineage == "" {
		return 0, errors.New("terraform state pull printed no state: is this its folder, after terraform init?")
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return 0, err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	_, err = f.Write(out.Bytes())
	return s.Serial, errors.Join(err, f.Sync(), f.Close())
}
