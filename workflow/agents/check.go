package agents

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// places tells in which line an entry stands.
type places struct {
	file string
	root *yaml.Node // nil: unknown
}

// at is a mistake of the i-th entry of a section.
func (p places) at(section string, i int, format string, args ...any) error {
	m := mistake{file: p.file, text: fmt.Sprintf(format, args...)}
	if p.root == nil {
		return m
	}
	for k := 0; k+1 < len(p.root.Content); k += 2 {
		if list := p.root.Content[k+1]; p.root.Content[k].Value == section && i < len(list.Content) {
			m.line = list.Content[i].Line
		}
	}
	return m
}

// idShape is what an id may look like: it is put into terminals, diagrams and
// instructions.
var idShape = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9._-]*(:[A-Za-z0-9][A-Za-z0-9._-]*)?$`)

// check looks at the entries of add, which are part of the catalog.
func (c *Catalog) check(add *Catalog, p places) error {
	for i, t := range add.Types {
		if t.Type == "" || len(t.Words) == 0 {
			return p.at("types", i, "a task type needs type and words")
		}
	}
	for i, d := range add.Domains {
		if err := c.checkDomain(d); err != nil {
			return p.at("domains", i, "domain %q: %v", d.Domain, err)
		}
	}
	seen := make(map[string]bool)
	for i, a := range add.Agents {
		if err := c.checkAgent(a); err != nil {
			return p.at("agents", i, "agent %q: %v", a.ID, err)
		}
		if seen[a.ID] {
			return p.at("agents", i, "agent %q is there twice", a.ID)
		}
		seen[a.ID] = true
	}
	for i, w := range add.Words {
		if len(Words(w.Word)) == 0 {
			return p.at("words", i, "word %q: no word in it", w.Word)
		}
		if err := c.known(w.Agent); err != nil {
			return p.at("words", i, "word %q: %v", w.Word, err)
		}
	}
	for i, chain := range add.Chains {
		if err := c.checkChain(chain); err != nil {
			return p.at("chains", i, "chain %q: %v", chain.ID, err)
		}
	}
	for i, t := range add.Trees {
		if err := c.checkTree(t); err != nil {
			return p.at("trees", i, "tree %q: %v", t.ID, err)
		}
	}
	return nil
}

func (c *Catalog) checkAgent(a Agent) error {
	switch {
	case !idShape.MatchString(a.ID):
		return fmt.Errorf("an id is plugin:agent or a name, of letters, digits, '.', '_' and '-'")
	case a.Name != "" && !idShape.MatchString(a.Name):
		return fmt.Errorf("name %q: want letters, digits, '.', '_' and '-'", a.Name)
	case strings.TrimSpace(a.Says) == "":
		return fmt.Errorf("says what? (the key says)")
	case len(a.Keywords) == 0:
		return fmt.Errorf("needs keywords")
	case a.Instead != "":
		if _, ok := c.Agent(a.Instead); !ok {
			return fmt.Errorf("instead: no agent %q", a.Instead)
		}
	}
	for _, k := range a.Keywords {
		if len(Words(k)) == 0 {
			return fmt.Errorf("keyword %q: no word in it", k)
		}
	}
	for _, t := range slices.Concat(a.Types, a.Also) {
		if !slices.ContainsFunc(c.Types, func(k Type) bool { return k.Type == t }) {
			return fmt.Errorf("no task type %q; there are: %s", t, strings.Join(c.typeNames(), ", "))
		}
	}
	for _, d := range a.Domains {
		if !slices.ContainsFunc(c.Domains, func(k Domain) bool { return k.Domain == d }) {
			return fmt.Errorf("no domain %q", d)
		}
	}
	return nil
}

func (c *Catalog) typeNames() []string {
	var names []string
	for _, t := range c.Types {
		names = append(names, t.Type)
	}
	return names
}

func (c *Catalog) checkDomain(d Domain) error {
	if d.Domain == "" || len(d.Parts)+len(d.Files) == 0 {
		return fmt.Errorf("needs domain, and parts or files")
	}
	for _, f := range d.Files {
		if !wellFormed(f) {
			return fmt.Errorf("file %q: a malformed pattern", f)
		}
	}
	if len(c.Agents) == 0 {
		return nil // the agents come later
	}
	return c.known(d.Agent)
}

// known says whether there is such an agent and it can be had.
func (c *Catalog) known(id string) error {
	a, ok := c.Agent(id)
	switch {
	case !ok:
		_, err := c.Find(id)
		return err
	case a.Gone != "":
		return fmt.Errorf("agent %s is gone: %s; take %s", id, a.Gone, a.Instead)
	}
	return nil
}

func (c *Catalog) checkChain(chain Chain) error {
	if !idShape.MatchString(chain.ID) || len(chain.Steps) == 0 {
		return fmt.Errorf("needs an id and steps")
	}
	before := make(map[string]bool)
	for _, s := range chain.Steps {
		if !idShape.MatchString(s.ID) || before[s.ID] {
			return fmt.Errorf("step %q: want an id of its own", s.ID)
		}
		if err := c.known(s.Agent); err != nil {
			return fmt.Errorf("step %q: %w", s.ID, err)
		}
		for _, after := range s.After {
			if !before[after] {
				return fmt.Errorf("step %q: after %q, which is no earlier step", s.ID, after)
			}
		}
		before[s.ID] = true
	}
	return nil
}

// maxDepth is how deep a tree may be.
const maxDepth = 20

func (c *Catalog) checkTree(t Tree) error {
	if !idShape.MatchString(t.ID) || t.Ask == "" || len(t.Answers) == 0 {
		return fmt.Errorf("needs an id, ask and answers")
	}
	return c.checkAnswers(t.Answers, 1)
}

func (c *Catalog) checkAnswers(list []Answer, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("deeper than %d questions", maxDepth)
	}
	for _, a := range list {
		leaf, branch := a.Agent != "", a.Ask != "" && len(a.Answers) > 0
		if a.When == "" || leaf == branch {
			return fmt.Errorf("answer %q: needs when, and either agent or ask with answers", a.When)
		}
		if leaf {
			if err := c.known(a.Agent); err != nil {
				return fmt.Errorf("answer %q: %w", a.When, err)
			}
			continue
		}
		if err := c.checkAnswers(a.Answers, depth+1); err != nil {
			return err
		}
	}
	return nil
}
