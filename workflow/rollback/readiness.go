package rollback

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/git"
)

// Item is a line of the checklist.
type Item struct {
	ID     string `json:"id"`
	Area   string `json:"area"`
	State  string `json:"state"` // ready, missing, unknown, said (by a person), none (nothing here needs it)
	Detail string `json:"detail"`
}

// said are what no repository shows.
var said = []Item{
	{ID: "backup_frequency", Area: "database", Detail: "a backup every hour"},
	{ID: "backup_retention", Area: "database", Detail: "backups are kept for 30 days"},
	{ID: "feature_flags", Area: "application", Detail: "features can be turned off"},
	{ID: "backward_compatibility", Area: "application", Detail: "two versions back work with the data"},
	{ID: "immutable_deployments", Area: "infrastructure", Detail: "a deployment is never changed"},
	{ID: "blue_green", Area: "infrastructure", Detail: "two environments can be switched"},
}

// SaidIDs are the items that only a person can know.
func SaidIDs() []string {
	var ids []string
	for _, i := range said {
		ids = append(ids, i.ID)
	}
	return ids
}

// Readiness looks at the commit that is checked out. have are items that a person
// says are there.
func (r *Repo) Readiness(ctx context.Context, have []string) ([]Item, error) {
	head, err := r.commit(ctx, "HEAD")
	if err != nil {
		return nil, err
	}
	var list []Item
	for _, look := range []func(context.Context, string) (Item, error){r.releases, r.good, r.migrations, r.health, r.terraform} {
		item, err := look(ctx, head)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	for _, i := range said {
		i.State = Unknown
		if slices.Contains(have, i.ID) {
			i.State = "said"
		}
		list = append(list, i)
	}
	return list, nil
}

func (r *Repo) releases(ctx context.Context, head string) (Item, error) {
	out, err := r.git.Git(ctx, "tag", "--merged", head)
	version := regexp.MustCompile(`^v?\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$`)
	n := 0
	for line := range strings.Lines(out) {
		if version.MatchString(strings.TrimSpace(line)) {
			n++
		}
	}
	i := Item{ID: "tagged_releases", Area: "version_control", State: "ready", Detail: fmt.Sprintf("%d semantic version tag(s) in the history", n)}
	if n == 0 {
		i.State = "missing"
	}
	return i, err
}

func (r *Repo) good(ctx context.Context, head string) (Item, error) {
	i := Item{ID: "last_good", Area: "version_control", State: "ready"}
	name, _, err := r.lastGood(ctx, head)
	if errors.As(err, new(*UsageError)) {
		i.State, i.Detail = "missing", "no tag stable-* and no commit \"stable: …\""
		return i, nil
	}
	i.Detail = "wf-ci rollback plan goes back to " + name
	return i, err
}

// grep are the files of a commit that a pattern is in.
func (r *Repo) grep(ctx context.Context, head, pattern string, pathspecs ...string) ([]string, error) {
	out, err := r.git.Git(ctx, append([]string{"grep", "-z", "-l", "-I", "-E", "-e", pattern, head, "--"}, pathspecs...)...)
	if git.Exited(err, 1) {
		return nil, nil
	}
	var files []string
	for name := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		files = append(files, strings.TrimPrefix(name, head+":"))
	}
	return files, err
}

// migrations are those of Alembic and Django, and whether each can go back.
func (r *Repo) migrations(ctx context.Context, head string) (Item, error) {
	i := Item{ID: "reversible_migrations", Area: "database", State: "none", Detail: "no migrations of Alembic or Django"}
	alembic, err := r.grep(ctx, head, `^def upgrade\(`, ":(top,glob)**/versions/*.py")
	if err != nil {
		return i, err
	}
	django, err := r.grep(ctx, head, `^class Migration\(`, ":(top,glob)**/migrations/*.py")
	if err != nil {
		return i, err
	}
	var bad []string
	for _, f := range append(slices.Clone(alembic), django...) {
		text, err := r.git.Git(ctx, "cat-file", "blob", head+":"+f)
		if err != nil {
			return i, err
		}
		if !reversible(text) {
			bad = append(bad, f)
		}
	}
	if n := len(alembic) + len(django); n > 0 {
		i.State, i.Detail = "ready", fmt.Sprintf("%d migration(s), each with a way back", n)
	}
	if len(bad) > 0 {
		i.State, i.Detail = "missing", "no way back: "+strings.Join(first(bad), ", ")
	}
	return i, nil
}

// reversible reads a migration as text: it knows the usual forms, and no others.
func reversible(text string) bool {
	if strings.Contains(text, "def upgrade(") {
		_, down, ok := strings.Cut(text, "\ndef downgrade(")
		if !ok {
			return false
		}
		_, body, _ := strings.Cut(down, "\n")
		for line := range strings.Lines(body) {
			line = strings.TrimSpace(line)
			if line == "" || line == "pass" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, `"""`) {
				continue
			}
			return !strings.HasPrefix(line, "raise ")
		}
		return false
	}
	for _, call := range []struct{ name, back string }{{"RunPython(", "reverse_code"}, {"RunSQL(", "reverse_sql"}} {
		if n := strings.Count(text, call.name); n > 0 && strings.Count(text, call.back) < n && strings.Count(text, "noop") < n {
			return false
		}
	}
	return true
}

func (r *Repo) health(ctx context.Context, head string) (Item, error) {
	files, err := r.grep(ctx, head, `HEALTHCHECK|livenessProbe|readinessProbe|healthcheck:`, ":(top,glob)**/*ockerfile*", ":(top,glob)**/*.yml", ":(top,glob)**/*.yaml")
	i := Item{ID: "health_checks", Area: "application", State: "ready", Detail: "in " + strings.Join(first(files), ", ")}
	if len(files) == 0 {
		i.State, i.Detail = "missing", "no HEALTHCHECK, probe or healthcheck in a Dockerfile or YAML file"
	}
	return i, err
}

func (r *Repo) terraform(ctx context.Context, head string) (Item, error) {
	i := Item{ID: "state_management", Area: "infrastructure", State: "none", Detail: "no Terraform here"}
	all, err := r.grep(ctx, head, `.`, ":(top,glob)**/*.tf")
	if err != nil || len(all) == 0 {
		return i, err
	}
	files, err := r.grep(ctx, head, `^[[:space:]]*(backend[[:space:]]+"|cloud[[:space:]]*\{)`, ":(top,glob)**/*.tf")
	i.State, i.Detail = "ready", "a remote state in "+strings.Join(first(files), ", ")
	if len(files) == 0 {
		i.State, i.Detail = "missing", "Terraform without a remote backend: its state has no versions"
	}
	return i, err
}
