package feature

import "slices"

// phase is a part of the work, and the agents for it, the first being the one
// to ask first.
type phase struct {
	name, says string
	agents     []string
}

// The agents are those of the reference.
var phases = []phase{
	{"planning", "scope, tasks, estimate", []string{"planning-prompts-skill", "feature-dev:code-architect"}},
	{"database", "schema and migrations, reviewed before the rest begins", []string{"database-design:schema-design", "supabase-sql-skill"}},
	{"backend", "services and interfaces", []string{"backend-development:backend-architect", "python-development:fastapi-pro"}},
	{"frontend", "what users see", []string{"frontend-mobile-development:frontend-developer", "javascript-typescript:typescript-pro"}},
	{"testing", "unit, integration and end-to-end tests", []string{"unit-testing:test-automator", "tdd-workflows:tdd-orchestrator"}},
	{"security", "review of what was built", []string{"full-stack-orchestration:security-auditor", "comprehensive-review:security-auditor"}},
	{"deployment", "pipeline and release", []string{"deployment-strategies:deployment-engineer", "cicd-automation:deployment-engineer"}},
}

// Phases are the parts of the work, in order.
func Phases() []string {
	var names []string
	for _, p := range phases {
		names = append(names, p.name)
	}
	return names
}

// PhaseAgents are the agents for a part of the work, the first one first.
func PhaseAgents(name string) []string {
	for _, p := range phases {
		if p.name == name {
			return slices.Clone(p.agents)
		}
	}
	return nil
}

// PhaseSays is what belongs to a part of the work.
func PhaseSays(name string) string {
	for _, p := range phases {
		if p.name == name {
			return p.says
		}
	}
	return ""
}
