package hook

import "strings"

const (
	shebang = "#!/bin/sh\n"
	mark    = "# wf-ci hook "
)

// Script is our hook. program is the path of wf-ci where PATH has none, as in
// programs with windows; empty: there is no other.
func Script(name, program string) string {
	body := commit
	if name == "pre-push" {
		body = push
	}
	body = strings.NewReplacer("NAME", name, "SUFFIX", KeptSuffix, "PROGRAM", quote(program)).Replace(body)
	return shebang + mark + digest(body) + "\n" + body
}

// quote makes one word of the shell's of a text.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// intro finds the hook that was there, and the program. It blocks where there is
// none: nothing passes because nobody looked.
const intro = `# Made by "wf-ci hook install"; "wf-ci hook uninstall" takes it away and brings back
# what was here before: that is in NAMESUFFIX and runs first.
kept="$0SUFFIX"
[ -x "$kept" ] && [ ! -d "$kept" ] || kept=
wf=PROGRAM
if command -v wf-ci >/dev/null 2>&1; then
	wf=wf-ci
elif [ ! -x "$wf" ]; then
	echo 'NAME: wf-ci is not in PATH, so nothing was looked at. Install it, or go on with --no-verify: CI looks again.' >&2
	exit 1
fi
`

const commit = intro + `if [ -n "$kept" ]; then
	"$kept" "$@" || exit
fi
exec "$wf" hook run NAME "$@"
`

// push hands what git says on the standard input to both.
const push = intro + `refs=$(cat)
tell() { [ -z "$refs" ] || printf '%s\n' "$refs"; }
if [ -n "$kept" ]; then
	tell | "$kept" "$@" || exit
fi
tell | "$wf" hook run NAME "$@"
`
