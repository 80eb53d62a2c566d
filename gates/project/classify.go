package project

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// Class is what a file is to those who work on the repository.
type Class string

const (
	Source    Class = "source"    // written here, to be shipped
	Test      Class = "test"      // written here, to test
	Vendored  Class = "vendored"  // somebody else's
	Generated Class = "generated" // written by a program
	Minified  Class = "minified"  // written by a program, for machines only
	Data      Class = "data"      // no code: data, prose, configuration, pictures
)

// HeadSize is how many bytes of a file's start decide; more do no harm.
const HeadSize = 16 << 10

// Classify says what a file is, from its path and its first bytes. Without
// bytes the path alone decides. What speaks for nothing else is a source.
func Classify(name string, head []byte) Class {
	head = head[:min(len(head), HeadSize)]
	if vendoredPath(name) {
		return Vendored
	}
	language := Language(name, head)
	if language == "" {
		return Data
	}
	switch {
	case minifiedName(name), minified(language, head):
		return Minified
	case generatedName(name), generatedHeader(language, head):
		return Generated
	case testPath(language, name):
		return Test
	}
	return Source
}

// extensions are the languages by the endings of their files.
var extensions = map[string]string{
	".go": "go",
	".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".jsx": "javascript",
	".ts": "typescript", ".mts": "typescript", ".cts": "typescript", ".tsx": "typescript",
	".vue": "vue", ".svelte": "svelte",
	".py": "python", ".pyi": "python", ".pyw": "python",
	".rs": "rust", ".java": "java", ".kt": "kotlin", ".kts": "kotlin", ".scala": "scala", ".groovy": "groovy",
	".rb": "ruby", ".rake": "ruby", ".php": "php", ".swift": "swift", ".dart": "dart", ".cs": "csharp",
	".c": "c", ".h": "c", ".cc": "cpp", ".cpp": "cpp", ".cxx": "cpp", ".hh": "cpp", ".hpp": "cpp",
	".ex": "elixir", ".exs": "elixir", ".lua": "lua", ".pl": "perl", ".pm": "perl",
	".sh": "shell", ".bash": "shell", ".zsh": "shell", ".ps1": "powershell",
}

// interpreters are the languages by the program of a #! line.
var interpreters = []struct{ prefix, language string }{
	{"python", "python"}, {"node", "javascript"}, {"deno", "typescript"}, {"bun", "typescript"}, {"ruby", "ruby"}, {"perl", "perl"},
	{"php", "php"}, {"bash", "shell"}, {"zsh", "shell"}, {"dash", "shell"}, {"sh", "shell"}, {"ksh", "shell"},
}

// Language is the language of a file in lower case; empty: no code that we
// know. An ending that the content belies (a video's .ts) does not count.
func Language(name string, head []byte) string {
	if bytes.IndexByte(head[:min(len(head), 8000)], 0) >= 0 {
		return "" // binary
	}
	language, ok := extensions[strings.ToLower(path.Ext(name))]
	if !ok {
		return interpreter(head)
	}
	if language == "typescript" {
		if start := bytes.TrimSpace(head); bytes.HasPrefix(start, []byte("<?xml")) || bytes.HasPrefix(start, []byte("<!DOCTYPE TS")) {
			return "" // a translation of Qt's
		}
	}
	return language
}

func interpreter(head []byte) string {
	if !bytes.HasPrefix(head, []byte("#!")) {
		return ""
	}
	line, _, _ := bytes.Cut(head[2:min(len(head), 200)], []byte("\n"))
	words := strings.Fields(string(line))
	for len(words) > 0 && (path.Base(words[0]) == "env" || strings.HasPrefix(words[0], "-")) {
		words = words[1:]
	}
	if len(words) == 0 {
		return ""
	}
	program := path.Base(words[0])
	for _, i := range interpreters {
		if strings.HasPrefix(program, i.prefix) {
			return i.language
		}
	}
	return ""
}

// vendors are directories of other people's code. dist is not one: see
// generatedName.
var vendors = []string{
	"node_modules", "bower_components", "jspm_packages", "vendor", "third_party", "third-party", "thirdparty", "3rdparty",
	".yarn", "Pods", "Carthage", "Godeps", "site-packages", ".venv", "venv", "virtualenv", "__pypackages__", ".cargo", ".bundle",
}

func vendoredPath(name string) bool { return set(vendors, path.Dir(name)) }

var minName = lazyregexp.New(`(?i)[.-](min|bundle\.min|prod\.min)\.(js|mjs|cjs|css)$`)

func minifiedName(name string) bool { return minName.MatchString(name) }

// minified tells by the lengths of lines: nobody writes most of a script in
// lines that no screen can show.
func minified(language string, head []byte) bool {
	if KindOf(language) != Node || len(head) < 1024 {
		return false
	}
	long, total := 0, 0
	for line := range bytes.Lines(head) {
		line = bytes.TrimSpace(line)
		if bytes.HasPrefix(line, []byte("//")) || bytes.HasPrefix(line, []byte("*")) || bytes.HasPrefix(line, []byte("/*")) && len(line) < 500 {
			continue // a licence above one line of code
		}
		total += len(line)
		if len(line) > 500 && !bytes.Contains(line[:min(len(line), 200)], []byte("base64,")) {
			long += len(line)
		}
	}
	return total > 512 && long*10 > total*6
}

var (
	generatedNames = lazyregexp.New(`(^|/)zz_generated[^/]*\.go$|\.pb(\.gw)?\.go$|_pb2(_grpc)?\.pyi?$|_(grpc_)?pb\.(js|ts|d\.ts)$|[._](generated|gen)\.[a-z]+$|\.g\.dart$|\.designer\.cs$`)
	webOutput      = []string{".next", ".nuxt", ".svelte-kit", ".output", "lcov-report", "storybook-static"}
)

// generatedName tells by the name. dist holds what a bundler wrote, but also
// Python's or Go's own packages of that name: only its scripts count.
func generatedName(name string) bool {
	if generatedNames.MatchString(name) || set(webOutput, path.Dir(name)) {
		return true
	}
	ext := path.Ext(name)
	return set([]string{"dist"}, path.Dir(name)) && (extensions[ext] == "javascript" || strings.HasSuffix(name, ".d.ts"))
}

var (
	// goGenerated is the form of go.dev/s/generatedcode.
	goGenerated = lazyregexp.New(`(?m)^// Code generated .* DO NOT EDIT\.\r?$`)
	// otherGenerated is a comment that begins with the mark, or says both that
	// it was generated and that it is not to be edited.
	otherGenerated = lazyregexp.New(`(?im)^\s*(?:/\*+|//+|#+|--|\*|;|<!--|""")\s*(?:@generated\b|.{0,80}\b(?:auto-?)?generated\b.{0,120}\b(?:do not|don't) (?:edit|modify|change)\b)`)
	goPackage      = lazyregexp.New(`(?m)^package\s`)
)

// generatedHeader tells by the comment at a file's top.
func generatedHeader(language string, head []byte) bool {
	if language == "go" {
		if at := goPackage.FindIndex(head); at != nil {
			head = head[:at[0]]
		}
		return goGenerated.Match(head)
	}
	end, lines := 0, 0
	for end < len(head) && lines < 25 {
		i := bytes.IndexByte(head[end:], '\n')
		if i < 0 {
			end = len(head)
			break
		}
		end, lines = end+i+1, lines+1
	}
	return otherGenerated.Match(head[:end])
}

var testNames = map[string]*lazyregexp.Regexp{
	"go":         lazyregexp.New(`_test\.go$`),
	"python":     lazyregexp.New(`(^|/)(test_[^/]*|[^/]*_test|tests?|conftest)\.pyi?$`),
	"javascript": lazyregexp.New(`[._-](test|tests|spec|e2e|cy|stories)\.[cm]?jsx?$|(^|/)(jest|vitest|karma|test)[.-]setup\.`),
	"typescript": lazyregexp.New(`[._-](test|tests|spec|e2e|cy|stories|test-d)\.[cm]?tsx?$|(^|/)(jest|vitest|karma|test)[.-]setup\.`),
	"rust":       lazyregexp.New(`(^|/)tests?\.rs$|_tests?\.rs$`),
	"java":       lazyregexp.New(`(Tests?|IT|TestCase)\.java$`),
	"kotlin":     lazyregexp.New(`(Tests?|IT|Spec)\.kt$`),
	"scala":      lazyregexp.New(`(Tests?|Spec|Suite)\.scala$`),
	"ruby":       lazyregexp.New(`_(spec|test)\.rb$`),
	"php":        lazyregexp.New(`Test\.php$`),
	"csharp":     lazyregexp.New(`Tests?\.cs$`),
	"elixir":     lazyregexp.New(`_test\.exs$`),
}

// testDirs are directories of tests. Go has none: what is shipped may be in a
// package named test.
var testDirs = map[string][]string{
	"":     {"test", "tests", "__tests__", "__mocks__", "__fixtures__", "spec", "specs", "e2e", "cypress", "testdata", "fixtures", "androidTest"},
	"go":   {"testdata"},
	"rust": {"tests", "benches", "testdata", "fixtures"},
}

func testPath(language, name string) bool {
	if re := testNames[language]; re != nil && re.MatchString(name) {
		return true
	}
	dirs, ok := testDirs[language]
	if !ok {
		dirs = testDirs[""]
	}
	return set(dirs, path.Dir(name))
}

// Executable says whether lines of a source can be run, and so be covered: not
// those of declarations and of the tools' own configuration.
func Executable(name string) bool {
	base := path.Base(name)
	switch {
	case !utf8.ValidString(name):
		return true
	case strings.HasSuffix(base, ".d.ts"), strings.HasSuffix(base, ".d.mts"), strings.HasSuffix(base, ".d.cts"), strings.HasSuffix(base, ".pyi"):
		return false
	case strings.Contains(base, ".config."), strings.HasPrefix(base, ".eslintrc"), strings.HasPrefix(base, "gulpfile."), strings.HasPrefix(base, "Gruntfile."):
		return false
	}
	return !slices.Contains([]string{"setup.py", "noxfile.py", "build.rs", "conf.py"}, base)
}
