package research

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Hit is a file that is about the topic.
type Hit struct {
	Repo  string `json:"repo"` // its directory
	Path  string `json:"path"`
	Line  int    `json:"line"`
	Text  string `json:"text"` // of the line
	Score int    `json:"score"`
}

// Scan is what a search has looked at and found.
type Scan struct {
	Hits    []Hit    `json:"hits"` // the best first
	Found   int      `json:"found"`
	Repos   int      `json:"repos"`
	Files   int      `json:"files"`
	Bytes   int64    `json:"bytes"`
	Stopped []string `json:"stopped"` // what was not looked at, and why
}

// Limits bound a search. Zero is the default.
type Limits struct {
	Time  time.Duration // 10 s
	Jobs  int           // 4
	Shown int           // 20
}

// The rest of the bounds: nobody's notes are larger.
const (
	reposMost = 1000
	depthMost = 4
	filesMost = 5000      // of one repository
	fileMost  = 256 << 10 // bytes
	bytesMost = 512 << 20 // of all
)

// texts are the files that are read: documents and sources, nothing that holds
// secrets by habit.
var textEndings = []string{
	".md", ".markdown", ".rst", ".txt", ".adoc", ".py", ".js", ".ts", ".tsx", ".jsx", ".go", ".rs", ".java", ".kt", ".rb", ".php", ".cs", ".swift", ".sql", ".sh", ".tf",
}

// skipped are folders of others' code, and of what was built.
var skipped = []string{"node_modules", "vendor", "dist", "build", "target", "__pycache__", "site-packages", "venv"}

// Words are those of a topic that are looked for.
func Words(topic string) []string {
	small := strings.Fields("a an and as at by for from in into is it of on or our should that the to use using vs versus we what which with")
	var words []string
	for _, w := range strings.FieldsFunc(strings.ToLower(topic), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '+' && r != '#' }) {
		if !slices.Contains(small, w) && !slices.Contains(words, w) && strings.ContainsFunc(w, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			words = append(words, w)
		}
	}
	return words
}

// Search looks for a topic in the repositories below the roots. It ends in time,
// and says what it left out.
func Search(ctx context.Context, topic string, roots []string, l Limits) Scan {
	words := Words(topic)
	s := &search{words: words, phrase: strings.ToLower(strings.Join(strings.Fields(topic), " ")), need: (2*len(words) + 2) / 3}
	if len(words) <= 2 {
		s.need = len(words)
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(l.Time, 10*time.Second))
	defer cancel()
	if len(words) > 0 {
		s.repos(ctx, roots, cmp.Or(l.Jobs, 4))
	}
	if ctx.Err() != nil {
		s.stop("the time was up")
	}
	slices.Sort(s.Stopped)
	s.Stopped = slices.Compact(s.Stopped)
	slices.SortFunc(s.Hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), strings.Compare(a.Repo, b.Repo), strings.Compare(a.Path, b.Path))
	})
	s.Found = len(s.Hits)
	s.Hits = slices.Clip(s.Hits[:min(len(s.Hits), cmp.Or(l.Shown, 20))])
	return s.Scan
}

type search struct {
	Scan
	words  []string
	phrase string
	need   int // words that a file has to have
	mu     sync.Mutex
}

func (s *search) stop(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Stopped = append(s.Stopped, why)
}

func (s *search) repos(ctx context.Context, roots []string, jobs int) {
	queue := make(chan string)
	var wg sync.WaitGroup
	for range jobs {
		wg.Go(func() {
			for dir := range queue {
				s.repo(ctx, dir)
			}
		})
	}
	seen := make(map[string]bool)
	for _, root := range roots {
		s.find(ctx, root, func(dir string) bool {
			if seen[dir] {
				return true
			}
			if len(seen) == reposMost {
				s.stop("more than a thousand repositories")
				return false
			}
			seen[dir] = true
			select {
			case queue <- dir:
				return true
			case <-ctx.Done():
				return false
			}
		})
	}
	close(queue)
	wg.Wait()
	s.Repos = len(seen)
}

// find calls fn for the repositories below a root, not for those inside others.
// A root without any is looked at as it is.
func (s *search) find(ctx context.Context, root string, fn func(dir string) bool) {
	found := false
	err := filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return cmp.Or(ctx.Err(), skipBad(at == root, err))
		}
		if !d.IsDir() {
			return nil
		}
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			found = true
			if !fn(at) {
				return filepath.SkipAll
			}
			return filepath.SkipDir
		}
		rel, err := filepath.Rel(root, at)
		if err != nil || at != root && (strings.HasPrefix(d.Name(), ".") || slices.Contains(skipped, d.Name()) || strings.Count(rel, string(filepath.Separator)) >= depthMost) {
			return filepath.SkipDir
		}
		return nil
	})
	switch {
	case err != nil && ctx.Err() == nil:
		s.stop(err.Error())
	case !found:
		fn(root)
	}
}

func skipBad(root bool, err error) error {
	if root {
		return err
	}
	return filepath.SkipDir
}

// repo looks into one repository. Links are not followed.
func (s *search) repo(ctx context.Context, dir string) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		s.stop(err.Error())
		return
	}
	defer root.Close()
	n := 0
	_ = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return fs.SkipAll
		}
		if err != nil {
			return fs.SkipDir
		}
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(d.Name(), ".") || slices.Contains(skipped, d.Name())) {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || strings.HasPrefix(d.Name(), ".") || !slices.Contains(textEndings, strings.ToLower(path.Ext(name))) {
			return nil
		}
		if n++; n > filesMost {
			s.stop(dir + ": more than 5000 files")
			return fs.SkipAll
		}
		if !s.file(root, dir, name) {
			s.stop("more than 512 MiB of text")
			return fs.SkipAll
		}
		return nil
	})
}

// file looks at one file; false: enough was read.
func (s *search) file(root *os.Root, dir, name string) bool {
	f, err := root.Open(name)
	if err != nil {
		return true
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, fileMost))
	s.mu.Lock()
	s.Files++
	s.Bytes += int64(len(data))
	more := s.Bytes < bytesMost
	s.mu.Unlock()
	if err != nil || bytes.IndexByte(data, 0) >= 0 {
		return more
	}
	if h, ok := s.match(name, data); ok {
		h.Repo = dir
		s.mu.Lock()
		s.Hits = append(s.Hits, h)
		s.mu.Unlock()
	}
	return more
}

// match is how much a file is about the topic: 10 for each word, 30 for the
// topic as it is, 5 for a document that says what a repository is.
func (s *search) match(name string, data []byte) (Hit, bool) {
	lower := bytes.ToLower(data)
	h := Hit{Path: name}
	first := len(lower)
	for _, w := range s.words {
		if at := wordAt(lower, w); at >= 0 {
			h.Score += 10
			first = min(first, at)
		}
	}
	if h.Score < 10*s.need || h.Score == 0 {
		return h, false
	}
	if at := wordAt(lower, s.phrase); at >= 0 {
		h.Score += 30
		first = at
	}
	if base := strings.ToLower(path.Base(name)); strings.HasPrefix(base, "readme") || strings.HasPrefix(base, "architecture") {
		h.Score += 5
	}
	h.Line = bytes.Count(lower[:first], []byte("\n")) + 1
	if len(lower) != len(data) { // a letter whose small form has another length
		data = lower
	}
	start := bytes.LastIndexByte(data[:first], '\n') + 1
	line, _, _ := bytes.Cut(data[start:], []byte("\n"))
	h.Text = strings.ToValidUTF8(strings.Join(strings.Fields(string(line[:min(len(line), 400)])), " "), "")
	if r := []rune(h.Text); len(r) > 160 {
		h.Text = string(r[:160]) + "…"
	}
	return h, true
}

// wordAt is where a word stands, not as a part of another; a plural counts.
func wordAt(text []byte, word string) int {
	if word == "" {
		return -1
	}
	for from := 0; ; {
		at := bytes.Index(text[from:], []byte(word))
		if at < 0 {
			return -1
		}
		at += from
		end := at + len(word)
		if end < len(text) && text[end] == 's' {
			end++
		}
		if (at == 0 || !letter(text[at-1])) && (end == len(text) || !letter(text[end])) {
			return at
		}
		from = at + 1
	}
}

func letter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}
