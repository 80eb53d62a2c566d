package run

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// clean are the variables that a child may see: what programs need to find
// themselves, their caches and their registries. It is a list of what is let
// through, because a list of what is secret is never complete. Tokens, runtime
// URLs, command files of the runner and the Docker socket are not in it.
var clean = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TERM", "TMPDIR", "TMP", "TEMP",
	"CI", "NO_COLOR", "FORCE_COLOR", "COLUMNS",
	"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR",
	"GOPATH", "GOROOT", "GOCACHE", "GOMODCACHE", "GOBIN", "GOPROXY", "GONOPROXY", "GONOSUMDB", "GOSUMDB",
	"GOPRIVATE", "GOFLAGS", "GOTOOLCHAIN", "GOEXPERIMENT", "GOARCH", "GOOS", "CGO_ENABLED", "CC", "CXX",
	"NODE_PATH", "NODE_EXTRA_CA_CERTS", "NVM_DIR", "PNPM_HOME", "VOLTA_HOME", "COREPACK_HOME",
	"VIRTUAL_ENV", "PYENV_ROOT", "PYTHONPATH", "PYTHONUNBUFFERED", "CONDA_PREFIX", "PIP_CERT",
	"CARGO_HOME", "RUSTUP_HOME", "RUSTFLAGS", "JAVA_HOME", "MAVEN_OPTS", "GRADLE_USER_HOME", "DOTNET_ROOT",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO",
	"SYSTEMROOT", "SystemRoot", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "ProgramData",
}

// CleanEnv is the part of an environment that a child may see: a fixed list
// and LC_*.
func CleanEnv(environ []string) []string {
	var out []string
	for _, kv := range environ {
		key, value, ok := strings.Cut(kv, "=")
		if !ok {
			continue
		}
		listed := slices.Contains(clean, key) || strings.HasPrefix(key, "LC_")
		if listed && !hasCredentials(value) {
			out = append(out, kv)
		}
	}
	return out
}

// Pick is the part of an environment with these names.
func Pick(environ, names []string) []string {
	var out []string
	for _, kv := range environ {
		if key, _, ok := strings.Cut(kv, "="); ok && slices.Contains(names, key) {
			out = append(out, kv)
		}
	}
	return out
}

// hasCredentials sees https://user:password@host in a value such as GOPROXY.
func hasCredentials(value string) bool {
	_, rest, ok := strings.Cut(value, "://")
	if !ok {
		return false
	}
	authority, _, _ := strings.Cut(rest, "/")
	user, _, at := strings.Cut(authority, "@")
	return at && strings.Contains(user, ":")
}

// mergeEnv is base with extra on top: the last value of a key wins.
func mergeEnv(base, extra []string) []string {
	out := make([]string, 0, len(base)+len(extra))
	index := make(map[string]int, len(base)+len(extra))
	for _, kv := range slices.Concat(base, extra) {
		key, _, _ := strings.Cut(kv, "=")
		if i, ok := index[key]; ok {
			out[i] = kv
			continue
		}
		index[key] = len(out)
		out = append(out, kv)
	}
	return out
}

// lookPath finds a program in the child's PATH, not in ours. Relative entries
// of PATH are passed over: they would run what a checkout brings.
func lookPath(name, dir string, env []string) (string, error) {
	if strings.ContainsRune(name, filepath.Separator) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return name, nil
	}
	var path string
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = v
		}
	}
	for _, d := range filepath.SplitList(path) {
		if !filepath.IsAbs(d) {
			continue
		}
		for _, candidate := range executableNames(filepath.Join(d, name)) {
			if info, err := os.Stat(candidate); err == nil && !info.IsDir() && isExecutable(info) {
				return candidate, nil
			}
		}
	}
	return "", &NotStartedError{Name: name, Missing: true, Err: os.ErrNotExist}
}

// Has says whether a child would find a program, in PATH when it has no slash.
func (r *Runner) Has(name string) bool {
	path, err := lookPath(name, "", r.Env)
	if err != nil {
		return false
	}
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}
