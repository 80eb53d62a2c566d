package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/report/notify"
)

// webhooks are the variables that hold addresses, in the order in which they are
// told. They are secrets, so they are in no file of a repository.
var webhooks = []struct {
	variable string
	kind     notify.Kind
}{
	{"WF_CI_SLACK_WEBHOOK", notify.Slack},
	{"WF_CI_DISCORD_WEBHOOK", notify.Discord},
	{"WF_CI_JSON_WEBHOOK", notify.JSON},
}

// notifyCmd tells a chat.
type notifyCmd struct {
	Test  bool   `xor:"what" required:"" help:"Send a message that says it is a test."`
	Text  string `xor:"what" required:"" placeholder:"TEXT" help:"What to say."`
	Title string `default:"wf-ci" placeholder:"TEXT" help:"What to say above it."`
	JSON  bool   `name:"json" help:"Write JSON to stdout."`
}

func (c *notifyCmd) Run(ctx context.Context, a *app) error {
	m := notify.Message{Title: a.redactor.Redact(c.Title), Text: a.redactor.Redact(c.Text), At: a.now()}
	if c.Test {
		m.Text, m.Status, m.Facts = "This is a test of wf-ci: the end of a day is told here.", "pass", []notify.Fact{{Name: "Test", Value: "has arrived"}}
	}
	list, err := a.tell(ctx, m)
	if err != nil {
		return usageError{err.Error()}
	}
	if len(list) == 0 {
		return usagef("there is nobody to tell: set WF_CI_SLACK_WEBHOOK, WF_CI_DISCORD_WEBHOOK or WF_CI_JSON_WEBHOOK to the webhook's address")
	}
	return c.show(a, list)
}

func (c *notifyCmd) show(a *app, list []notify.Delivery) error {
	type row struct {
		Kind    notify.Kind `json:"kind"`
		Arrived bool        `json:"arrived"`
		Tries   int         `json:"tries"`
		Error   string      `json:"error"`
	}
	rows := make([]row, len(list))
	failed := 0
	for i, d := range list {
		rows[i] = row{Kind: d.Kind, Arrived: d.Err == nil, Tries: d.Tries}
		if d.Err != nil {
			rows[i].Error = d.Err.Error()
			failed++
		}
	}
	if c.JSON {
		if err := writeJSON(a.rawOut, map[string]any{"deliveries": rows}); err != nil {
			return err
		}
	}
	for _, r := range rows {
		switch {
		case c.JSON:
		case r.Arrived:
			fmt.Fprintf(a.stdout, "%s: has arrived\n", r.Kind)
		default:
			fmt.Fprintf(a.stdout, "%s: not told: %s\n", r.Kind, r.Error)
		}
	}
	if failed > 0 {
		return undecided{fmt.Errorf("%s of %d not told", gates.Plural(failed, "webhook"), len(list))}
	}
	return nil
}

// tell sends a message to every webhook of the environment. The error is that of
// an address that is none.
func (a *app) tell(ctx context.Context, m notify.Message) ([]notify.Delivery, error) {
	sender := notify.Sender{}
	for _, w := range webhooks {
		address := a.getenv(w.variable)
		if address == "" {
			continue
		}
		if err := a.commands.Mask(ci.Secret(address)); err != nil {
			return nil, err
		}
		hook, err := notify.NewHook(w.kind, address)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.variable, err)
		}
		sender.Hooks = append(sender.Hooks, hook)
	}
	if len(sender.Hooks) == 0 {
		return nil, nil
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	sender.Transport = transport
	return sender.Send(ctx, m), nil
}
