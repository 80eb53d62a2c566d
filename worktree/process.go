package worktree

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Process is a program whose working directory is in a worktree.
type Process struct {
	PID      int    `json:"pid"`
	Name     string `json:"name"`
	Terminal bool   `json:"terminal,omitempty"` // somebody sits before it

	started string // when, in the system's own count: a number comes round again
}

func (pr Process) String() string { return fmt.Sprintf("%s (%d)", pr.Name, pr.PID) }

// reapWait is how long programs may take to end once they were asked to, and once
// they were killed.
const reapWait = 3 * time.Second

// reap ends the programs that an inspection has found, if nothing else stands in
// the way: first the user sees which. Never by a port, never one with a terminal,
// and never one that has left the worktree by then. true: it is to be looked at
// again.
func (p *Project) reap(ctx context.Context, in *Inspection, o RemoveOptions) bool {
	why := in.refuse(o)
	if o.Reap == nil || len(why) != 1 || why[0].Rule != "processes" {
		return false
	}
	var list []Process
	for _, pr := range in.Processes {
		if !pr.Terminal {
			list = append(list, pr)
		}
	}
	if len(list) < len(in.Processes) {
		return false // it would be refused all the same
	}
	o.Reap(list)
	for _, kill := range []bool{false, true} {
		for _, pr := range list {
			pr.end(in.Tree.Path, kill)
		}
		waitFor(func() bool {
			left, _ := processesIn(in.Tree.Path)
			return len(left) == 0 || ctx.Err() != nil
		}, reapWait)
	}
	return true
}

// processes are programs at work inside.
func (in *Inspection) processes() {
	in.Processes, in.Blind = processesIn(in.Tree.Path)
	if len(in.Processes) == 0 {
		return
	}
	var names, ids []string
	hint := "--reap ends them"
	for _, pr := range in.Processes {
		names, ids = append(names, pr.String()), append(ids, fmt.Sprint(pr.PID))
		if pr.Terminal {
			names[len(names)-1] += " at a terminal"
			hint = "leave the worktree there"
		}
	}
	in.Reasons = append(in.Reasons, Reason{
		Rule: "processes", Detail: "programs run in it: " + strings.Join(first(names), ", "), Hint: hint + ", or kill " + strings.Join(first(ids), " "),
	})
}

// listening says who still listens on ports that are free again. Nobody is ended
// for that: they may be somebody else's.
func (p *Project) listening(ports []int) []string {
	var notes []string
	for _, port := range ports {
		if p.free(port) {
			continue
		}
		who := "somebody"
		if list := listenersOn(port); len(list) > 0 {
			who = list[0].String()
			notes = append(notes, fmt.Sprintf("%s still listens on the port %d: kill %d ends it, if it is yours", who, port, list[0].PID))
			continue
		}
		notes = append(notes, fmt.Sprintf("%s still listens on the port %d", who, port))
	}
	return notes
}
