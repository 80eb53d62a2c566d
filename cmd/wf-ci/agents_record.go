package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/agents"
	"github.com/wf-ci/wf-ci/workflow/agents/metrics"
)

// agentsRecordCmd records an outcome.
type agentsRecordCmd struct {
	Agent        string        `arg:"" help:"The agent: its id, or the name it is called by."`
	Task         []string      `arg:"" help:"The task, in words."`
	Success      bool          `help:"It went well."`
	Failure      bool          `help:"It did not."`
	Duration     time.Duration `placeholder:"D" help:"How long it took, such as 90s or 12m."`
	Satisfaction int           `placeholder:"N" help:"How content you are, 1 to 5."`
	Tokens       int64         `placeholder:"N" help:"Tokens that it used."`
	USD          string        `name:"usd" placeholder:"AMOUNT" help:"US dollars that it cost."`
	At           string        `placeholder:"TIME" help:"When, RFC 3339. Default: now."`
	ID           string        `name:"id" placeholder:"ID" help:"A name of your own: what is recorded twice under it counts once."`
	agentMetrics
	agentsOptions
}

func (c *agentsRecordCmd) Run(ctx context.Context, a *app) error {
	h, err := a.agents(c.agentsOptions)
	if err != nil {
		return err
	}
	o, err := c.outcome(a, h)
	if err != nil {
		return err
	}
	path, err := c.path(a)
	if err != nil {
		return err
	}
	db, err := metrics.Open(ctx, path)
	if err != nil {
		return undecided{fmt.Errorf("record an outcome: %w", err)}
	}
	defer db.Close()
	added, err := db.Record(ctx, o)
	if err != nil {
		return undecided{fmt.Errorf("record an outcome: %w", err)}
	}
	if c.JSON {
		return writeJSON(a.rawOut, map[string]any{"agent": o.Agent, "id": o.ID, "type": o.Type, "success": o.Success, "added": added})
	}
	verb := "recorded"
	if !added {
		verb = "already recorded"
	}
	_, err = fmt.Fprintf(a.stdout, "%s: %s, %s\n", verb, o.Agent, map[bool]string{true: "success", false: "failure"}[o.Success])
	return err
}

// outcome makes the outcome from the flags.
func (c *agentsRecordCmd) outcome(a *app, h *agentHouse) (agents.Outcome, error) {
	var o agents.Outcome
	id, err := h.known(c.Agent)
	if err != nil {
		return o, err
	}
	task := strings.Join(c.Task, " ")
	if err := agents.CheckTask(task); err != nil {
		return o, usageError{err.Error()}
	}
	switch {
	case c.Success == c.Failure:
		return o, usagef("say how it went: --success or --failure")
	case c.Satisfaction < 0 || c.Satisfaction > 5:
		return o, usagef("--satisfaction %d: want 1 to 5", c.Satisfaction)
	case c.Duration < 0 || c.Tokens < 0:
		return o, usagef("--duration and --tokens cannot be negative")
	}
	at, err := a.instant(c.At)
	if err != nil {
		return o, err
	}
	if at.After(a.now().Add(time.Hour)) {
		return o, usagef("--at %s is in the future", c.At)
	}
	o = agents.Outcome{
		ID: c.ID, At: at, Agent: id, Task: a.redactor.Redact(task), Type: h.router.TypeOf(task), Success: c.Success,
		Duration: c.Duration, Satisfaction: c.Satisfaction, Tokens: c.Tokens,
	}
	if o.ID == "" {
		o.ID = rand.Text()
	}
	if c.USD != "" {
		usd, err := costs.ParseUSD(c.USD)
		if err == nil && usd < 0 {
			err = fmt.Errorf("amount %s: negative", c.USD)
		}
		if err != nil {
			return o, usageError{err.Error()}
		}
		nano := int64(usd)
		o.Cost = &nano
	}
	return o, nil
}

// known is the id of an agent of the catalog, or of one that is installed.
func (h *agentHouse) known(name string) (string, error) {
	found, err := h.router.Find(name)
	if err != nil {
		return "", usageError{err.Error()}
	}
	return found.ID, nil
}

// agentsStatsCmd shows how the agents did.
type agentsStatsCmd struct {
	Agent string `arg:"" optional:"" help:"Only this one."`
	agentMetrics
	agentsOptions
}

// agentStats is what agents stats prints for each agent.
type agentStats struct {
	agents.Stats
	USD *costs.Nano `json:"total_cost,omitempty"`
}

func (c *agentsStatsCmd) Run(ctx context.Context, a *app) error {
	outcomes, err := c.outcomes(ctx, a)
	if err != nil {
		return err
	}
	only := ""
	if c.Agent != "" {
		h, err := a.agents(c.agentsOptions)
		if err != nil {
			return err
		}
		if only, err = h.known(c.Agent); err != nil {
			return err
		}
	}
	list := []agentStats{}
	for _, s := range agents.Summarise(outcomes) {
		if only == "" || s.Agent == only {
			list = append(list, agentStats{s, (*costs.Nano)(s.Cost)})
		}
	}
	if c.JSON {
		return writeJSON(a.rawOut, map[string]any{"outcomes": len(outcomes), "agents": list})
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(a.stdout, "no outcomes are recorded; wf-ci agents record AGENT TASK --success writes one")
		return err
	}
	for _, s := range list {
		fmt.Fprintln(a.stdout, report.Visible(statsLine(s)))
	}
	return nil
}

func statsLine(s agentStats) string {
	line := fmt.Sprintf("%-48s %4d tasks, %3.0f %% went well", s.Agent, s.Uses, 100*s.SuccessRate)
	if s.Duration != nil {
		line += ", " + s.Duration.Round(time.Second).String() + " on average"
	}
	if s.Satisfaction != nil {
		line += fmt.Sprintf(", satisfaction %.1f of 5", *s.Satisfaction)
	}
	if s.USD != nil {
		line += ", $" + s.USD.String()
	}
	if len(s.Types) > 0 {
		line += "; mostly " + strings.Join(s.Types, ", ")
	}
	return line
}

// agentsRecommendCmd recommends agents.
type agentsRecommendCmd struct {
	agentTask
	agentMetrics
	K int `short:"k" default:"3" placeholder:"N" help:"How many."`
	agentsOptions
}

func (c *agentsRecommendCmd) Run(ctx context.Context, a *app) error {
	if c.K < 1 {
		return usagef("-k %d: want 1 or more", c.K)
	}
	if _, err := c.request(nil); err != nil {
		return err
	}
	h, err := a.agents(c.agentsOptions)
	if err != nil {
		return err
	}
	outcomes, err := c.outcomes(ctx, a)
	if err != nil {
		return err
	}
	q, err := c.request(agents.Records(outcomes))
	if err != nil {
		return err
	}
	out := agents.Recommend(h.router, agents.Train(outcomes), q, c.K)
	if c.JSON {
		return writeJSON(a.rawOut, out)
	}
	fmt.Fprintln(a.stdout, report.Visible(out.Why))
	for i, r := range out.Ranked {
		line := fmt.Sprintf("%d. %-48s %.2f = ", i+1, r.Agent, r.Score)
		if r.Learned != nil {
			line += fmt.Sprintf("0.7 × %.2f learned from %d like it + 0.3 × %.2f by the rules", *r.Learned, r.Like, r.Rules)
		} else {
			line += "the rules"
		}
		if r.Installed {
			line += "; installed"
		}
		fmt.Fprintln(a.stdout, report.Visible(line))
	}
	if len(out.Ranked) == 0 {
		fmt.Fprintln(a.stdout, "nothing is known that fits this task")
	}
	return nil
}
