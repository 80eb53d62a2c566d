package project

import "slices"

// mark is what a guide holds that knows of us.
const mark = "wf-ci local start"

// guides are the files that coding agents read: CLAUDE.md always, as it is also
// where what was learned goes; the others where they are asked for.
func (in Input) guides() ([]File, error) {
	work, err := in.template("work.md")
	if err != nil {
		return nil, err
	}
	head, err := in.template("guide.md")
	if err != nil {
		return nil, err
	}
	guide := func(name string) File { return File{Path: name, Text: head + work, Add: work, Mark: mark} }
	list := []File{guide("CLAUDE.md")}
	has := func(agent string) bool { return slices.Contains(in.Agents, agent) }
	if has("codex") || has("opencode") {
		list = append(list, guide("AGENTS.md"))
	}
	if has("gemini") {
		list = append(list, guide("GEMINI.md"))
	}
	if has("claude") {
		skill, err := in.template("skill.md")
		if err != nil {
			return nil, err
		}
		list = append(list, File{Path: ".claude/skills/wf-ci/SKILL.md", Text: skill + work})
	}
	return list, nil
}
