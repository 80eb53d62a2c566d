package worktree

// SetStep calls a function before each step of what changes something.
func (p *Project) SetStep(step func(string)) { p.step = step }

// SetFree replaces the question whether a port is free.
func (p *Project) SetFree(free func(int) bool) { p.free = free }

// Refs are refs, and whether they were read without git: "commit symref".
func (p *Project) Refs(names ...string) (map[string]string, bool) {
	have, ok := p.readRefs(names)
	out := make(map[string]string)
	for name, t := range have {
		out[name] = t.commit + " " + t.symref
	}
	return out, ok
}

// Layout is what is read of the worktrees without git.
func (p *Project) Layout() ([]Tree, bool) { return p.layout() }

// What tests look at.
var (
	Common        = common
	ParseRegistry = parseRegistry
	ParseTrees    = parseTrees
	ParseStatus   = parseStatus
	ParseProgress = parseProgress
	PortFree      = portFree
	TaskName      = taskName
	ValidName     = validName
	Slug          = slug
	IsEnvName     = isEnvName
	ValidBranch   = validBranch
)

// Rewrite is what a spawn does to an env file.
func Rewrite(text string, port int, compose, database string) string {
	return envChange{Port: port, Append: true, Compose: compose, Database: database}.rewrite(text)
}

// Pick chooses ports.
func (p Pool) Pick(taken []int, free func(int) bool) ([]int, error) { return p.pick(taken, free) }

// Encode writes a registry.
func (r *Registry) Encode(pool Pool) ([]byte, error) { return r.encode(pool, r.portsHeld()) }
