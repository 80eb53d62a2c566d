package project

// ParseForTest reads one manifest.
func ParseForTest(name, text string) {
	d := detector{content: map[string][]byte{"pnpm-workspace.yaml": []byte(text)}}
	p := Project{Dir: "."}
	_ = d.parse(&p, name, []byte(text))
	goWork([]byte(text))
	d.found = []Project{p, {Dir: "a/b", Kind: Node}, {Dir: "a/b", Kind: Rust}}
	d.workspaces()
}
