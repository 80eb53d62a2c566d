package logs

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Sources are the tools whose logs can be read.
func Sources() []string {
	return []string{"claude", "codex", "gemini", "opencode", "copilot", "amp", "qwen"}
}

// Place is a folder with logs.
type Place struct {
	Dir string
	// Source is whose logs. Empty: each file says it itself.
	Source string
	// Only is the folders below which logs are. Empty: any.
	only []string
}

// Places are the folders where the tools keep their logs. getenv gives HOME and
// the tools' own variables; source is one tool, or empty for all.
func Places(getenv func(string) string, source string) []Place {
	home := getenv("HOME")
	below := func(variable string, parts ...string) []string {
		if dirs := getenv(variable); dirs != "" {
			return split(dirs)
		}
		if home == "" {
			return nil
		}
		return []string{filepath.Join(append([]string{home}, parts...)...)}
	}
	data := getenv("XDG_DATA_HOME")
	if data == "" && home != "" {
		data = filepath.Join(home, ".local", "share")
	}
	var all []Place
	add := func(source string, dirs []string, only ...string) {
		for _, dir := range dirs {
			all = append(all, Place{Dir: dir, Source: source, only: only})
		}
	}
	add("claude", claudeDirs(getenv), "projects")
	add("codex", below("CODEX_HOME", ".codex"), "sessions", "archived_sessions")
	add("gemini", below("GEMINI_DATA_DIR", ".gemini", "tmp"))
	if dir := getenv("OPENCODE_DATA_DIR"); dir != "" {
		add("opencode", split(dir))
	} else if data != "" {
		add("opencode", []string{filepath.Join(data, "opencode")})
	}
	add("copilot", below("COPILOT_OTEL_FILE_EXPORTER_PATH", ".copilot", "otel"))
	if dir := getenv("AMP_DATA_DIR"); dir != "" {
		add("amp", split(dir), "threads")
	} else if data != "" {
		add("amp", []string{filepath.Join(data, "amp")}, "threads")
	}
	add("qwen", below("QWEN_DATA_DIR", ".qwen"), "projects")
	return slices.DeleteFunc(all, func(p Place) bool { return source != "" && p.Source != source })
}

func split(list string) []string {
	var dirs []string
	for _, dir := range strings.Split(list, ",") {
		if dir = strings.TrimSpace(dir); dir != "" {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// claudeDirs are the folders of Claude Code: its variable, or both of its
// defaults. The variable may name projects itself.
func claudeDirs(getenv func(string) string) []string {
	if dirs := split(getenv("CLAUDE_CONFIG_DIR")); len(dirs) > 0 {
		for i, dir := range dirs {
			dirs[i] = strings.TrimSuffix(filepath.ToSlash(dir), "/projects")
		}
		return dirs
	}
	home, config := getenv("HOME"), getenv("XDG_CONFIG_HOME")
	if home == "" {
		return nil
	}
	if config == "" {
		config = filepath.Join(home, ".config")
	}
	return []string{filepath.Join(config, "claude"), filepath.Join(home, ".claude")}
}

// file is a log.
type file struct {
	path   string
	source string // empty until its head is read
	size   int64
	mtime  int64
}

// find lists the logs below the places, each once, by path. A folder that cannot
// be read is told to bad.
func find(places []Place, bad func(path string)) []file {
	var all []file
	seen := make(map[string]bool)
	for _, p := range places {
		tops := []string{p.Dir}
		if len(p.only) > 0 {
			tops = nil
			for _, sub := range p.only {
				tops = append(tops, filepath.Join(p.Dir, sub))
			}
		}
		for _, top := range tops {
			for _, f := range findIn(top, p.Source, bad) {
				if !seen[f.path] {
					seen[f.path] = true
					all = append(all, f)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b file) int { return strings.Compare(a.path, b.path) })
	return slices.DeleteFunc(all, func(f file) bool { // the plain one is the newer
		plain, packed := strings.CutSuffix(f.path, ".zst")
		return packed && seen[plain]
	})
}

func findIn(top, source string, bad func(path string)) []file {
	if real, err := filepath.EvalSymlinks(top); err == nil {
		top = real // the tools' folders may be links; what is in them is not followed
	}
	var all []file
	_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path == top && os.IsNotExist(err):
			return nil
		case err != nil:
			bad(path)
			return nil
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git"):
			return fs.SkipDir
		case !d.Type().IsRegular() || !isLog(d.Name(), source):
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil // gone meanwhile
		}
		f := file{path: path, source: source, size: info.Size(), mtime: info.ModTime().UnixNano()}
		if wal, err := os.Stat(path + "-wal"); strings.HasSuffix(path, ".db") && err == nil {
			f.size, f.mtime = f.size+wal.Size(), max(f.mtime, wal.ModTime().UnixNano())
		}
		all = append(all, f)
		return nil
	})
	return all
}

// isLog says by its name whether a file may be a log of a tool.
func isLog(name, source string) bool {
	lines, document, db := strings.HasSuffix(name, ".jsonl"), strings.HasSuffix(name, ".json"), strings.HasSuffix(name, ".db")
	packed := strings.HasSuffix(name, ".jsonl.zst")
	message := strings.HasPrefix(name, "msg_") && document
	session := strings.HasPrefix(name, "session-") && document
	thread := strings.HasPrefix(name, "T-") && document
	switch source {
	case "claude", "copilot", "qwen":
		return lines
	case "codex":
		return lines || packed
	case "gemini":
		return lines || session
	case "opencode":
		return message || db && strings.HasPrefix(name, "opencode")
	case "amp":
		return thread
	}
	return lines || packed || message || session || thread || db && strings.HasPrefix(name, "opencode")
}

// marks tell whose a log of lines is, by its head. Claude Code's have none that
// all of them share.
var marks = []struct{ text, source string }{
	{`"session_meta"`, "codex"}, {`"turn_context"`, "codex"}, {`"token_count"`, "codex"},
	{`"gen_ai.`, "copilot"}, {`"usageMetadata"`, "qwen"}, {`"projectHash"`, "gemini"}, {`"type":"gemini"`, "gemini"},
}

// sniff says whose a log is, of its name and its head.
func sniff(path string, r io.ReaderAt) string {
	base := filepath.Base(path)
	switch {
	case strings.HasSuffix(base, ".zst") || strings.HasPrefix(base, "rollout-"):
		return "codex"
	case strings.HasSuffix(base, ".db") || strings.HasPrefix(base, "msg_"):
		return "opencode"
	case strings.HasPrefix(base, "T-"):
		return "amp"
	case strings.HasPrefix(base, "session-"):
		return "gemini"
	}
	head := make([]byte, 16<<10)
	n, _ := r.ReadAt(head, 0) // what cannot be read here is told when it is read
	for _, m := range marks {
		if bytes.Contains(head[:n], []byte(m.text)) {
			return m.source
		}
	}
	return "claude"
}
