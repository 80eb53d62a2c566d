package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

const dayPage = "../../session/README.md"

// before is what stands before each console block of the page: the project in the
// morning, and the work of the day.
var before = []string{`
git init -q -b main .
printf '{"name": "shop"}\n' >package.json
git add -A; git commit -qm 'cart: first version'
cat >TASK.md <<'END'
# Tasks

- [ ] Write an API endpoint for orders P1
- [~] Fix the flaky test of the cart
- [ ] Deploy to staging
- [!] Payment, blocked by the bank
END
git add -A; git commit -qm 'plan'
wf-ci costs record --usd 0.81 --category compute
printf 'costs/*\n!costs/entries\n' >.gitignore
git add -A; git commit -qm 'costs of the first day'
wf-ci worktree spawn checkout
`, `
printf 'test("the price", async () => {});\n' >cart.test.js
sed -i 's/\[~\] Fix/[x] Fix/' TASK.md
git add -A
git commit -qm 'cart: the test waits for the price' -m 'Learned: prices come after the first render
Decision: no sleep in tests'
`}

// changing is what of the output is another at each run.
var changing = regexp.MustCompile(`(?m)\d{4}-\d\d-\d\d( \d\d:\d\d)?|\b\d{8}_\d{6}(_\d)?\b|^  [0-9a-f]{7} |Memory: [\d.]+ GB|\((now|\d+ \w+ ago)\)$|\d+h \d\dm|Ports: \d+, \d+|@ \d+`)

// TestDayPage runs the commands of the page on a project as the page has it.
func TestDayPage(t *testing.T) {
	data, err := os.ReadFile(dayPage)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	dir := filepath.Join(t.TempDir(), "shop")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	runner := gittest.Runner(t)
	n := 0
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		text := m[2]
		switch m[1] {
		case "console":
			if n < len(before) {
				prepare := filepath.Join(t.TempDir(), "prepare.sh")
				if err := os.WriteFile(prepare, []byte(before[n]), 0o644); err != nil {
					t.Fatal(err)
				}
				if said := shownBy(t, runner, dir, "$ sh -e "+prepare+" 2>&1\n"); strings.Contains(said, "wf-ci: ") || strings.Contains(said, "fatal") {
					t.Fatal(said)
				}
			}
			n++
			got := shownBy(t, runner, dir, text)
			if changing.ReplaceAllString(got, "X") == changing.ReplaceAllString(text, "X") {
				continue
			}
			if !*updateReadme {
				t.Errorf("the page shows\n%s\nand it is\n%s\n(go test ./cmd/wf-ci -run DayPage -update-readme)", text, got)
			}
			page = strings.Replace(page, text, got, 1)
		case "markdown": // a part of what the last command has written
			written, err := os.ReadFile(filepath.Join(dir, "PROJECT_CONTEXT.md"))
			if err != nil || !strings.Contains(string(written), text) {
				t.Errorf("%v: the context does not hold\n%s\nbut\n%s", err, text, written)
			}
		case "yaml":
			yamlBlock(t, text)
		default:
			t.Errorf("a block of %s is run by no test", m[1])
		}
	}
	if n != 3 {
		t.Errorf("%d sessions", n)
	}
	if *updateReadme {
		if err := os.WriteFile(dayPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
