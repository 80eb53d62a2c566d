package ci

import (
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// The places of a container action (Runner.Worker/Handlers/ContainerActionHandler.cs).
const (
	containerWorkspace = "/github/workspace"
	containerTemp      = "/github/runner_temp"
)

// Workspace is where the platform has the repository.
type Workspace struct {
	Dir       string // GITHUB_WORKSPACE; empty: not in Actions
	Container bool   // we run in a container, of an action or of a job

	mapped    bool   // the directories of the host have other names here
	host      string // the workspace's name on the host, where it is known
	hostTemp  string // the temporary directory's
	repoShort string // the repository's name without its owner
}

// containerMarks are files that container runtimes put into every container.
var containerMarks = []string{"/.dockerenv", "/run/.containerenv"}

// InContainer says whether we run in a container of whatever kind.
func InContainer() bool { return marked(containerMarks) }

func marked(marks []string) bool {
	for _, mark := range marks {
		if _, err := os.Lstat(mark); err == nil {
			return true
		}
	}
	return false
}

// NewWorkspace reads GITHUB_WORKSPACE and where it comes from.
func NewWorkspace(getenv func(string) string) Workspace {
	return newWorkspace(getenv, containerMarks)
}

func newWorkspace(getenv func(string) string, marks []string) Workspace {
	var w Workspace
	if !Actions(getenv) {
		return w
	}
	w.Dir = getenv("GITHUB_WORKSPACE")
	// act mounts the directories of the host under their own names.
	w.mapped = w.Dir == containerWorkspace
	w.Container = w.mapped || strings.HasPrefix(w.Dir, "/__w/")
	w.Container = w.Container || w.Dir != "" && marked(marks)
	_, w.repoShort, _ = strings.Cut(getenv("GITHUB_REPOSITORY"), "/")
	// RUNNER_WORKSPACE is the workspace's parent. It is not mounted itself, so
	// the runner leaves it as the host has it.
	if parent := getenv("RUNNER_WORKSPACE"); path.IsAbs(parent) && w.repoShort != "" {
		w.host = path.Join(parent, w.repoShort)
		w.hostTemp = path.Join(path.Dir(parent), "_temp")
	}
	return w
}

// hostWorkspace is a workspace of a hosted or self-hosted runner, where
// RUNNER_WORKSPACE does not say: NAME twice, in a folder work, _work or __w.
var hostWorkspace = lazyregexp.New(`^(?:/.+)?/(?:_?work|__w)/([A-Za-z0-9._-]+)/([A-Za-z0-9._-]+)(/.*)?$`)

// Path is a path of the runner's host as it is here. The runner maps an input
// that is such a path, but not one inside a longer text, nor what a workflow
// stored earlier (github.md A4), so both are accepted. Any other path stays.
func (w Workspace) Path(p string) string {
	if !w.mapped || !path.IsAbs(p) {
		return p
	}
	p = path.Clean(p)
	if rest, ok := below(p, w.host); ok {
		return containerWorkspace + rest
	}
	if rest, ok := below(p, w.hostTemp); ok {
		return containerTemp + rest
	}
	if m := hostWorkspace.FindStringSubmatch(p); m != nil && m[1] == m[2] && (w.repoShort == "" || m[1] == w.repoShort) {
		return containerWorkspace + m[3]
	}
	return p
}

// Handed is a path as the steps after this one know it, which run on the host:
// relative to the workspace, or the host's name of the temporary directory.
func (w Workspace) Handed(p string) string {
	if !filepath.IsAbs(p) || w.Dir == "" {
		return p
	}
	p = filepath.Clean(p)
	if rel, err := filepath.Rel(w.Dir, p); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	if rest, ok := below(p, containerTemp); ok && w.mapped && w.hostTemp != "" {
		return w.hostTemp + rest
	}
	return p
}

// below is the rest of a path under a directory.
func below(p, dir string) (rest string, ok bool) {
	if dir == "" {
		return "", false
	}
	rest, ok = strings.CutPrefix(p, dir)
	return rest, ok && (rest == "" || rest[0] == '/')
}

// GitEnv is the environment that makes git accept the workspace although it
// belongs to the runner and we are another user (github.md A4, "dubious
// ownership"): safe.directory for exactly the workspace, and for the top of the
// checkout that holds dir when that is below it. Nothing is written to any
// configuration. It is empty outside of a container in Actions, or where the
// owner is ours, so git's own protection stays.
//
// What GIT_CONFIG_COUNT already says is kept in front, but for credentials:
// children get this environment too.
func (w Workspace) GitEnv(getenv func(string) string, dir string) []string {
	if !w.Container {
		return nil
	}
	var dirs []string
	for _, d := range w.checkouts(dir) {
		if uid, _, ok := Owner(d); ok && uid != os.Geteuid() {
			dirs = append(dirs, d)
		}
	}
	if len(dirs) == 0 {
		return nil
	}
	pairs := gitConfig(getenv)
	for _, d := range dirs {
		pairs = append(pairs, [2]string{"safe.directory", d})
	}
	env := []string{"GIT_CONFIG_COUNT=" + strconv.Itoa(len(pairs))}
	for i, kv := range pairs {
		n := strconv.Itoa(i)
		env = append(env, "GIT_CONFIG_KEY_"+n+"="+kv[0], "GIT_CONFIG_VALUE_"+n+"="+kv[1])
	}
	return env
}

// checkouts are the workspace and, where it is another, the nearest directory
// above dir (and in the workspace) that is a checkout, by their real names: git
// compares those.
func (w Workspace) checkouts(dir string) []string {
	root, err := filepath.EvalSymlinks(w.Dir)
	if err != nil {
		return nil
	}
	dirs := []string{root}
	if dir == "" {
		return dirs
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(root, dir)
	}
	at, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return dirs
	}
	for ; strings.HasPrefix(at, root+string(filepath.Separator)); at = filepath.Dir(at) {
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return append(dirs, at)
		}
	}
	return dirs
}

// maxGitConfig bounds what GIT_CONFIG_COUNT may claim.
const maxGitConfig = 1000

// gitConfig is what GIT_CONFIG_COUNT, KEY_n and VALUE_n say, without what may
// hold a credential. A count that is not one gives nothing, as for git an error.
func gitConfig(getenv func(string) string) [][2]string {
	count, err := strconv.Atoi(getenv("GIT_CONFIG_COUNT"))
	if err != nil || count < 0 || count > maxGitConfig {
		return nil
	}
	var pairs [][2]string
	for i := range count {
		n := strconv.Itoa(i)
		key, value := getenv("GIT_CONFIG_KEY_"+n), getenv("GIT_CONFIG_VALUE_"+n)
		if key != "" && !mayHoldCredential(key, value) {
			pairs = append(pairs, [2]string{key, value})
		}
	}
	return pairs
}

func mayHoldCredential(key, value string) bool {
	lower := strings.ToLower(key)
	for _, part := range []string{"extraheader", "credential", "password", "cookie", "askpass", "sshcommand"} {
		if strings.Contains(lower, part) {
			return true
		}
	}
	for _, s := range []string{key, value} {
		if _, rest, ok := strings.Cut(s, "://"); ok && strings.Contains(rest, "@") {
			return true
		}
	}
	return false
}

// Own gives a new file or directory to the workspace's owner, so that the
// runner, which is another user than we, can remove it in the next job. A path
// outside of the workspace, also by way of a symlink that a checkout brings,
// stays as it is: nil all the same, for it is none of ours to give away.
func (w Workspace) Own(path string) error {
	uid, gid, ok := Owner(w.Dir)
	if !ok || !w.Container || uid == os.Geteuid() {
		return nil
	}
	rel, ok := w.rel(path)
	if !ok {
		return nil
	}
	root, err := os.OpenRoot(w.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return chownIn(root, rel, uid, gid)
}

// rel is a path relative to the workspace, the links above its last part
// followed; false where it is not inside, or not there.
func (w Workspace) rel(path string) (string, bool) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(w.Dir, path)
	}
	root, err := filepath.EvalSymlinks(w.Dir)
	if err != nil {
		return "", false
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", false
	}
	rel, err := filepath.Rel(root, filepath.Join(parent, filepath.Base(path)))
	return rel, err == nil && filepath.IsLocal(rel)
}
