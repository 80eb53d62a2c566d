package secrets

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"
	_ "unsafe" // for go:linkname

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"
	"github.com/spf13/viper"
	"github.com/zricethezav/gitleaks/v8/cmd/scm"
	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/logging"
	"github.com/zricethezav/gitleaks/v8/sources"

	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// recorder keeps what a scanner says, in the words of describeHit.
type recorder struct {
	scanner
	mu   sync.Mutex
	said []string
}

func (r *recorder) scan(ctx context.Context, f fragment) ([]hit, error) {
	hits, err := r.scanner.scan(ctx, f)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range hits {
		r.said = append(r.said, fmt.Sprintf("%q %s %s %d:%d-%d:%d match %q secret %q line %q entropy %v tags %q", f.path, f.commit,
			h.rule, h.startLine, h.startColumn, h.endLine, h.endColumn, h.match, h.secret, h.line, h.entropy, h.tags))
	}
	return hits, err
}

// libraryFindings are those of gitleaks' own source and detector, in the same words.
func libraryFindings(t *testing.T, c config.Config, source func(*detect.Detector) sources.Source) []string {
	t.Helper()
	d := detect.NewDetector(c)
	d.MaxDecodeDepth = 5 // the command's; the library's own is 0
	d.IgnoreGitleaksAllow = true
	found, err := d.DetectSource(ctx, source(d))
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, h := range found {
		if strings.HasPrefix(h.File, ".git/") {
			continue
		}
		said = append(said, fmt.Sprintf("%q %s %s %d:%d-%d:%d match %q secret %q line %q entropy %v tags %q", h.File, h.Commit,
			h.RuleID, h.StartLine, h.StartColumn, h.EndLine, h.EndColumn, h.Match, h.Secret, h.Line, h.Entropy, h.Tags))
	}
	return said
}

// extendDepth is the counter that makes the library's own loader work only
// twice in a process.
//
//go:linkname extendDepth github.com/zricethezav/gitleaks/v8/config.extendDepth
var extendDepth int

// libraryConfig reads a configuration as the command does.
func libraryConfig(t testing.TB, text string) config.Config {
	t.Helper()
	logging.Logger = zerolog.Nop() // it logs secrets
	v := viper.New()
	v.SetConfigType("toml")
	if err := v.ReadConfig(strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	var vc config.ViperConfig
	if err := v.Unmarshal(&vc); err != nil {
		t.Fatal(err)
	}
	c, err := vc.Translate()
	extendDepth = 0
	if err != nil {
		t.Fatal(err)
	}
	for id, r := range c.Rules {
		r.Tags = slices.Clip(r.Tags) // the detector appends to it, from several goroutines
		c.Rules[id] = r
	}
	return c
}

func TestSameAsLibrary(t *testing.T) {
	repo := gittest.New(t)
	writeAll := func(seed uint64) {
		// Small files: every rule whose keyword is in one runs over all of it.
		for i, part := range slices.Collect(slices.Chunk(samples(t, seed, 1), 8)) {
			repo.Write(fmt.Sprintf("f%d.txt", i), strings.Join(part, "\n\n")+"\n")
			if name := []string{"yaml", "tf", "md"}[i%3]; name != "md" {
				repo.Write(fmt.Sprintf("f%d.%s", i, name), strings.Join(part, "\r\n "))
			}
			var encoded strings.Builder
			for k, s := range part {
				for range k % 6 {
					s = base64Of("it is " + s)
				}
				fmt.Fprintf(&encoded, "v%d = %q\n", k, s)
			}
			repo.Write(fmt.Sprintf("f%d.encoded", i), encoded.String())
		}
	}
	writeAll(1)
	repo.Write("a.tar.gz", "\x00"+awsKey(5)+"\n") // an archive, to gitleaks
	repo.Write("pdf", "%PDF-1.7\n\x00"+awsKey(6)+"\n")
	repo.Write("nul", "\x00\n"+awsKey(7)+"\n")
	repo.Write("x.png", awsKey(8)+"\n")
	repo.Write("node_modules/x", awsKey(8)+"\n")
	repo.Write("key.p12", strings.Repeat("x", 110_000))
	repo.Write("marked", awsKey(9)+" gitleaks"+":allow\n")
	wide := utf16.Encode([]rune("key = " + awsKey(10) + "\r\n"))
	utf16Text := []byte{0xff, 0xfe}
	for _, c := range wide {
		utf16Text = append(utf16Text, byte(c), byte(c>>8))
	}
	repo.Write("utf16", string(utf16Text))
	var big strings.Builder
	for i := range 12_000 {
		fmt.Fprintf(&big, "line %d\n", i)
		if i%300 == 0 {
			big.WriteString(awsKey(uint64(i)) + "\n" + strings.Repeat(" \n", i/300%3))
		}
	}
	repo.Write("big", big.String())
	repo.Write("minified", strings.Repeat("var a=1;", 13_000)+awsKey(11)+strings.Repeat(";b", 15_000)+awsKey(12))
	repo.Write("with space/caf\xe9\nline", awsKey(13)+"\n")
	repo.Write("moved", strings.Repeat("same\n", 50)+awsKey(14)+"\n")
	repo.Commit("one")
	repo.Git("mv", "moved", "there")
	repo.Git("rm", "--quiet", "big")
	repo.Write("no end", "a\nb")
	repo.Commit("two")
	repo.Write("no end", "a\nb\n"+awsKey(15))
	writeAll(2)
	repo.Commit("three")
	repo.Git("checkout", "--quiet", "-b", "side", "HEAD~")
	repo.Write("side", awsKey(16)+"\n")
	repo.Commit("side")
	repo.Git("checkout", "--quiet", "main")
	repo.Git("merge", "--quiet", "side")

	tt := target(t, repo, "")
	own := *builtin()
	record := &recorder{scanner: own.scanner}
	own.scanner = record
	l := look{target: tt, rules: &own, jobs: 2}
	if err := l.tree(ctx); err != nil {
		t.Fatal(err)
	}
	t.Chdir(repo.Dir)
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	shared := libraryConfig(t, config.DefaultConfig)
	want := libraryFindings(t, shared, func(d *detect.Detector) sources.Source {
		return &sources.Files{Config: &d.Config, Path: ".", Sema: d.Sema}
	})
	compare(t, "tree", want, record.said, 300)

	record.said = nil
	if _, err := l.history(ctx, Full); err != nil {
		t.Fatal(err)
	}
	want = libraryFindings(t, shared, func(d *detect.Detector) sources.Source {
		cmd, err := sources.NewGitLogCmdContext(ctx, ".", "--full-history --diff-filter=tuxdb HEAD")
		if err != nil {
			t.Fatal(err)
		}
		return &sources.Git{Cmd: cmd, Config: &d.Config, Sema: d.Sema, Remote: &sources.RemoteInfo{Platform: scm.NoPlatform}}
	})
	compare(t, "history", want, record.said, 600)
}

func compare(t *testing.T, what string, want, got []string, atLeast int) {
	t.Helper()
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-gitleaks +wf-ci):\n%s", what, diff)
	}
	t.Logf("%s: %d findings", what, len(want))
	if len(want) < atLeast {
		t.Errorf("%s: only %d findings to compare", what, len(want))
	}
}
