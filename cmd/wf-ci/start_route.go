package main

import (
	"github.com/wf-ci/wf-ci/session"
	"github.com/wf-ci/wf-ci/workflow/agents"
)

// dayRoute names an agent for a task of the queue: the same router as `wf-ci
// agents route`, without what was recorded. The catalog is read when the first
// task asks; where it cannot be, every task says why it has no agent.
func (a *app) dayRoute(dir string) func(task string) session.Assignment {
	var house *agentHouse
	var failed error
	return func(task string) session.Assignment {
		if house == nil && failed == nil {
			house, failed = a.agents(agentsOptions{Dir: dir})
		}
		if failed != nil {
			return session.Assignment{Why: []string{session.Clean(a.redactor.Redact(failed.Error()))}}
		}
		choice := house.router.Route(agents.Request{Task: task})
		return session.Assignment{Agent: choice.Agent, Why: choice.Why}
	}
}
