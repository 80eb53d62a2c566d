package secrets

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// userRules are configurations of every kind, as people write them.
var userRules = map[string]string{
	"none": "",
	"extended": `
[extend]
useDefault = true
disabledRules = ["github-pat", "generic-api-key"]
[[rules]]
id = "ours"
description = "Ours."
regex = '''OURS-[0-9]{4}'''
keywords = ["ours-"]
tags = ["own", "x"]
[[rules]]
id = "aws-access-token"
entropy = 3.2
tags = ["cloud"]
[[allowlists]]
targetRules = ["aws-access-token", "ours"]
paths = ['''^crlf$''']
[[allowlists]]
paths = ['''^docs/''']
stopwords = ["7777"]
`,
	"extends a file": `
[extend]
path = "ci/base.toml"
disabledRules = ["jwt"]
[[rules]]
id = "ours"
regex = '''OURS-(\d)(\d{3})'''
secretGroup = 2
entropy = 0.5
[[rules.allowlists]]
regexTarget = "line"
regexes = ['''sample''']
`,
	"rules of paths": `
[[rules]]
id = "key-file"
path = '''\.(p12|pem|bin)$'''
[[rules]]
id = "ours-in-docs"
regex = '''OURS-\d+'''
path = '''^(docs|moved)'''
[[rules]]
id = "no-keywords"
regex = '''[A-Z]{4}-[0-9]{4}'''
[[allowlists]]
condition = "AND"
paths = ['''^docs/''']
regexes = ['''OURS-1''']
`,
	"that require others": `
[[rules]]
id = "user"
regex = '''user=(\w+)'''
[[rules]]
id = "ours"
regex = '''OURS-\d+'''
[[rules.required]]
id = "user"
withinLines = 2
[[rules]]
id = "quiet"
regex = '''quiet=\d+'''
skipReport = true
[[rules]]
id = "loud"
regex = '''loud=\d+'''
[[rules.required]]
id = "quiet"
[[rules.required]]
id = "user"
withinColumns = 60
`,
	"allowed by commit": `
[extend]
useDefault = true
[[rules]]
id = "ours"
regex = '''OURS-\d+'''
[[rules.allowlists]]
commits = ["COMMIT5"]
[[rules.allowlists]]
condition = "AND"
commits = ["COMMIT9"]
stopwords = ["1009"]
[[allowlists]]
commits = ["COMMIT7"]
`,
	"deprecated": `
title = "old"
[allowlist]
description = "x"
paths = ['''(?i)DOCS''', '''big''']
regexes = ['''OURS-100''']
[[rules]]
id = "ours"
description = "Ours"
regex = '''(?i)ours-\d+'''
keywords = ["OURS"]
[rules.allowlist]
regexTarget = "match"
regexes = ['''ours|9$''']
`,
}

const extendedFile = `
[extend]
useDefault = true
[[rules]]
id = "ours"
description = "of the file"
regex = '''never'''
keywords = ["ours"]
tags = ["file"]
[[allowlists]]
regexes = ['''OURS-1003''']
`

// parityRepo has what makes histories hard. Its commits are as many as make the
// gate look at contents first.
func parityRepo(t *testing.T) (repo *gittest.Repo, commits []string) {
	repo = gittest.New(t)
	sub := gittest.New(t)
	sub.Write("in-submodule", awsKey(900)+"\n")
	sub.Commit("one")
	repo.Git("submodule", "--quiet", "add", sub.Dir, "sub")
	long := strings.Repeat("a line that stays\n", 40)
	repo.Write("ci/base.toml", extendedFile)
	repo.Write("moved/a", long+"user=ann OURS-1 "+awsKey(1)+"\n")
	repo.Write("hunks", "1\n2\n3\n4\n5\n6\n7\n8\n9\n")
	all := samples(t, 11, 1)
	for i := range manyCommits + 12 {
		ours := fmt.Sprintf("OURS-%d", 1000+i)
		switch i % 12 {
		case 0: // in two hunks of one file, and a match that is in neither alone
			begin, end := "-----BEGIN RSA "+"PRIVATE KEY-----", "-----END RSA "+"PRIVATE KEY-----"
			repo.Write("hunks", lines("user=bob", "2", begin+awsKey(uint64(i)), "4", "5", "6", randomText(uint64(i), 64, alphanumeric), "8", end, ours))
		case 1:
			repo.Write("crlf", fmt.Sprintf("a\r\nuser=x\r\nkey %s\r\n%s\r\n", awsKey(uint64(i)), ours))
		case 2:
			repo.Write("utf16", string(wide("key = "+awsKey(uint64(i))+" "+ours)))
		case 3:
			repo.Write("bytes.bin", "\x00"+awsKey(uint64(i))+ours)
			repo.Write("key.p12", "not\x00text"+ours)
			repo.Write("key.pem", fmt.Sprint("text", i))
		case 4:
			repo.Write("one line", strings.Repeat("var a=1;", 9_000)+awsKey(uint64(i))+strings.Repeat(";b", 20_000)+ours+strings.Repeat("x ", 60_000))
		case 5:
			repo.Write("encoded", lines(base64Of(base64Of("user=eve "+ours)+" "), hex.EncodeToString([]byte(awsKey(uint64(i))+" "+ours)), percent(awsKey(uint64(i))),
				base64Of(base64Of(base64Of(base64Of(base64Of("deep "+awsKey(uint64(i)))))))))
		case 6:
			repo.Git("mv", "moved/a", fmt.Sprintf("moved/b%d", i))
			repo.Git("mv", fmt.Sprintf("moved/b%d", i), "moved/a")
			repo.Write("moved/a", long+fmt.Sprintf("user=ann %s sample\n", ours)+awsKey(1)+"\n")
			repo.Git("mv", "moved/a", fmt.Sprintf("moved/c%d", i))
			repo.Write("moved/a", long+githubToken(uint64(i))+"\n")
		case 7:
			repo.Write("docs/x", lines("quiet=1", "loud=2 user=y", ours, awsKey(uint64(i))))
		case 8:
			repo.Git("rm", "--quiet", "-r", "docs")
			repo.Write("gone", ours+"\n")
		case 9:
			repo.Git("checkout", "--quiet", "-b", fmt.Sprint("side", i), "HEAD~2")
			repo.Write(fmt.Sprint("side", i), "user=z\n"+ours+" "+awsKey(uint64(i))+"\n")
			commits = append(commits, repo.Commit("side"))
			repo.Git("checkout", "--quiet", "main")
			repo.Git("merge", "--quiet", "--no-edit", fmt.Sprint("side", i))
			continue
		case 10:
			repo.Write("samples", strings.Join(all[i%len(all):min(len(all), i%len(all)+12)], "\n")+"\n"+ours+"\n")
		case 11:
			repo.Write("caf\xe9 \"x\"\n\ty", ours+" gitleaks"+":allow\n"+awsKey(uint64(i))+"\n")
			repo.Write("no end", "quiet=3\nloud=4 user=q "+ours)
		}
		commits = append(commits, repo.Commit(fmt.Sprint(i)))
	}
	return repo, commits
}

func wide(text string) []byte {
	out := []byte{0xff, 0xfe}
	for _, c := range utf16.Encode([]rune(text)) {
		out = append(out, byte(c), byte(c>>8))
	}
	return out
}

func percent(text string) string {
	var b strings.Builder
	for i := range len(text) {
		fmt.Fprintf(&b, "%%%02X", text[i])
	}
	return b.String()
}

// The command and the gate find the same with a user's rules: on the tree and
// in the history, in every field of the report.
func TestSameAsCommandWithUserRules(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the command")
	}
	repo, commits := parityRepo(t)
	for name, text := range userRules {
		t.Run(name, func(t *testing.T) {
			for _, i := range []int{5, 7, 9} {
				text = strings.ReplaceAll(text, fmt.Sprint("COMMIT", i), strings.ToUpper(commits[i]))
			}
			if text == "" {
				os.Remove(filepath.Join(repo.Dir, ".gitleaks.toml"))
			} else {
				repo.Write(".gitleaks.toml", text)
			}
			l, record := recordedLook(t, repo)
			if err := l.tree(ctx); err != nil {
				t.Fatal(err)
			}
			compare(t, "tree", outsideGit(commandSays(t, repo.Dir, "dir", ".")), withoutLines(record.said), 1)
			record.said = nil
			plain, err := l.target.Repo.Commits(ctx, 0, l.target.Change.Head)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.patches(ctx, patches{commits: plain}); err != nil {
				t.Fatal(err)
			}
			compare(t, "history", commandSays(t, repo.Dir, "git", ".", "--log-opts=--full-history --diff-filter=tuxdb HEAD"), withoutLines(record.said), 1)
		})
	}
}

// recordedLook is a look with the rules that are in the work tree.
func recordedLook(t *testing.T, repo *gittest.Repo) (*look, *recorder) {
	t.Helper()
	tt := target(t, repo, "")
	loaded, err := loadRules(ctx, tt)
	if err != nil {
		t.Fatal(err)
	}
	own := *loaded
	record := &recorder{scanner: own.scanner}
	own.scanner = record
	return &look{target: tt, rules: &own, jobs: 2}, record
}

// outsideGit leaves out what the command finds in git's own directory and in
// submodules: they are no part of the tree.
func outsideGit(said []string) []string {
	return slices.DeleteFunc(said, func(s string) bool {
		return strings.HasPrefix(s, `".git/`) || strings.HasPrefix(s, `".git"`) || strings.HasPrefix(s, `"sub/`)
	})
}
