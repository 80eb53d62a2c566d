package githubtest

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/cgi"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/internal/run"
)

// signer is who commits what GitHub makes itself, and signs.
const signer = "noreply@github.com"

// git is the repository behind the server, as git has it: what is pushed and
// what the API writes meet there.
type git struct {
	dir    string
	runner *run.Runner
	smart  http.Handler
}

// hook answers for rule sets: a branch that is named in the file "protected" is
// closed, one in "signed" takes commits of GitHub's own only (github.md A9).
const hook = `#!/bin/sh
while read -r old new ref; do
	if grep -qxF "$ref" protected; then
		echo "error: GH013: Repository rule violations found for $ref."
		echo "- Changes must be made through a pull request."
		exit 1
	fi
	if grep -qxF "$ref" signed && [ "$(git log -1 --format=%ce "$new")" != noreply@github.com ]; then
		echo "error: GH013: Repository rule violations found for $ref."
		echo "- Commits must have verified signatures."
		exit 1
	fi
done
`

func newGit(t testing.TB, c Config) *git {
	t.Helper()
	g := &git{dir: t.TempDir(), runner: gittest.Runner(t)}
	repo := gittest.At(t, g.dir)
	repo.Git("init", "--quiet", "--bare", "--initial-branch=main")
	repo.Git("config", "http.receivepack", "true")
	for name, content := range map[string]string{"hooks/pre-receive": hook, "protected": strings.Join(c.Protected, "\n"), "signed": strings.Join(c.Signed, "\n")} {
		if err := os.WriteFile(filepath.Join(g.dir, name), []byte(content+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	g.smart = &cgi.Handler{
		Path: filepath.Join(repo.Git("--exec-path"), "git-http-backend"), Root: "/", Stderr: os.Stderr,
		Env: []string{"GIT_PROJECT_ROOT=" + g.dir, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=tester", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + g.dir},
	}
	return g
}

// run is git's standard output, without the last newline.
func (g *git) run(env []string, args ...string) (string, error) {
	res, err := g.runner.Run(context.Background(), run.Command{Name: "git", Args: args, Dir: g.dir, Env: env})
	return strings.TrimSpace(string(res.Stdout.Bytes)), err
}

// Refs are the refs of the repository, with where they are.
func (s *Server) Refs() map[string]string {
	out, err := s.git.run(nil, "for-each-ref", "--format=%(refname) %(objectname)")
	if err != nil {
		s.problem("%v", err)
	}
	refs := make(map[string]string)
	for line := range strings.Lines(out) {
		name, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		refs[name] = id
	}
	return refs
}

// Git runs git in the repository of the server.
func (s *Server) Git(t testing.TB, args ...string) string {
	t.Helper()
	out, err := s.git.run(nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// serveGit is git over HTTP: anybody with the token may fetch, and who may write
// contents may push. Writers are served side by side.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request, rest string) {
	user, password, _ := r.BasicAuth()
	s.mu.Lock()
	s.Requests = append(s.Requests, "git "+r.Method+" "+rest)
	down := s.Fault != nil && s.Fault(w, r, len(s.Requests))
	writes := strings.Contains(r.URL.String(), "git-receive-pack")
	may := s.may("contents")
	known := user == "x-access-token" && password == s.Token
	s.mu.Unlock()
	switch {
	case down:
	case !known:
		w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
		http.Error(w, "Invalid username or token.", http.StatusUnauthorized)
	case writes && !may:
		http.Error(w, "Permission to "+s.Repository+".git denied to "+s.Login+".", http.StatusForbidden)
	default:
		r.URL.Path = rest
		s.git.smart.ServeHTTP(w, r)
	}
}

// createCommit: without an author GitHub is who signs (github.md A9).
func (s *Server) createCommit(r request) answer {
	if !s.may("contents") {
		return denied
	}
	var b struct {
		Message, Tree     string
		Parents           []string
		Author, Committer *struct{}
	}
	if err := json.Unmarshal(r.body, &b); err != nil {
		return refusal(400, "%v", err)
	}
	args := []string{"commit-tree", b.Tree, "-m", b.Message}
	for _, p := range b.Parents {
		args = append(args, "-p", p)
	}
	var env []string
	if b.Author == nil && b.Committer == nil {
		env = []string{"GIT_COMMITTER_NAME=GitHub", "GIT_COMMITTER_EMAIL=" + signer}
	}
	id, err := s.git.run(env, args...)
	if err != nil {
		return refusal(422, "Tree SHA does not exist")
	}
	out := sample("git-commit", map[string]any{"sha": id, "message": b.Message})
	return answer{status: 201, body: out}
}

func (s *Server) createRef(r request) answer {
	var b struct{ Ref, SHA string }
	if err := json.Unmarshal(r.body, &b); err != nil || strings.Count(b.Ref, "/") < 2 {
		return refusal(422, "Reference name is not valid")
	}
	return s.putRef(b.Ref, b.SHA, strings.Repeat("0", len(b.SHA)), 201)
}

func (s *Server) updateRef(r request) answer {
	var b struct {
		SHA   string
		Force bool
	}
	if err := json.Unmarshal(r.body, &b); err != nil {
		return refusal(400, "%v", err)
	}
	ref := "refs/" + r.values["ref"]
	old, err := s.git.run(nil, "rev-parse", "--verify", "--quiet", ref)
	if err != nil {
		return refusal(422, "Reference does not exist")
	}
	if _, err := s.git.run(nil, "merge-base", "--is-ancestor", old, b.SHA); err != nil && !b.Force {
		return refusal(422, "Update is not a fast forward")
	}
	return s.putRef(ref, b.SHA, old, 200)
}

func (s *Server) putRef(ref, id, old string, status int) answer {
	if !s.may("contents") {
		return denied
	}
	signed, _ := s.git.run(nil, "log", "-1", "--format=%ce", id)
	for _, p := range s.Protected {
		if p == ref {
			return refusal(422, "Repository rule violations found\n\nChanges must be made through a pull request.")
		}
	}
	for _, p := range s.Signed {
		if p == ref && signed != signer {
			return refusal(422, "Repository rule violations found\n\nCommits must have verified signatures.")
		}
	}
	if _, err := s.git.run(nil, "update-ref", ref, id, old); err != nil {
		return refusal(422, "Reference already exists")
	}
	return answer{status: status, body: map[string]any{
		"ref": ref, "node_id": "R", "url": s.URL + "/" + ref, "object": map[string]any{"type": "commit", "sha": id, "url": s.URL + "/" + id},
	}}
}
