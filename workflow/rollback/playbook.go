package rollback

import (
	"slices"
	"strings"
)

// Playbook is what to do in an incident, step by step.
type Playbook struct {
	ID    string   `json:"id"`
	Title string   `json:"title"`
	Needs []string `json:"needs"` // names that its commands use
	Steps []Op     `json:"steps"`
}

// Playbooks are all of them. {name} stands for what the user says.
func Playbooks() []Playbook {
	return []Playbook{
		{
			ID: "database-corruption", Title: "Data is corrupted", Needs: []string{"database"},
			Steps: []Op{
				{Name: "alert", Text: "page whoever is on call for the database"},
				{Name: "isolate", Text: "no more writes", Argv: []string{"psql", "--no-password", "--set=ON_ERROR_STOP=1", "--dbname={database}", "--command=ALTER DATABASE {database} SET default_transaction_read_only = on"}},
				{Name: "snapshot", Text: "keep it as it is now", Argv: []string{"pg_dump", "--no-password", "--format=custom", "--file=emergency-{database}.dump", "{database}"}},
				{Name: "assess", Text: "which tables, since when, the last good state, how much is lost; choose how to recover"},
				{Name: "recover", Text: "point-in-time recovery when the time is known (30-60 minutes), the last backup (15-30), or a healthy replica (5-10)"},
				{Name: "validate", Text: "integrity checks, row counts, the application's own tests"},
				{Name: "open", Text: "allow writes again", Argv: []string{"psql", "--no-password", "--set=ON_ERROR_STOP=1", "--dbname={database}", "--command=SET default_transaction_read_only = off; ALTER DATABASE {database} RESET default_transaction_read_only"}},
				{Name: "record", Text: "wf-ci rollback lost TEXT, where data is gone; watch for it to come back"},
			},
		},
		{
			ID: "service-outage", Title: "A service is down", Needs: []string{"service"},
			Steps: []Op{
				{Name: "alert", Text: "page whoever is on call; escalate after 5 minutes"},
				{Name: "status", Text: "is it running?", Argv: []string{"systemctl", "status", "--no-pager", "{service}"}},
				{Name: "changes", Text: "what was deployed last?", Argv: []string{"git", "log", "--oneline", "-10"}},
				{Name: "logs", Text: "what does it say?", Argv: []string{"journalctl", "--no-pager", "--lines=50", "--unit={service}"}},
				{Name: "assess", Text: "what it depends on, who is hit; was it a deployment, a configuration, a dependency? then wf-ci rollback plan"},
				{Name: "restart", Text: "start it anew (wf-ci rollback recover {service} does it three times, with a health check)", Argv: []string{"systemctl", "restart", "{service}"}},
				{Name: "verify", Text: "is it running?", Argv: []string{"systemctl", "is-active", "{service}"}},
				{Name: "watch", Text: "health checks, real users, the error rate against its baseline"},
				{Name: "postmortem", Text: "within 48 hours: root cause, what to do, changes to this page"},
			},
		},
	}
}

// Fill puts in what the user says. Every name is needed, and no other is known.
func (p Playbook) Fill(values map[string]string) (Playbook, error) {
	for name, v := range values {
		if !slices.Contains(p.Needs, name) {
			return p, usagef("--set %s: %s needs %s", name, p.ID, strings.Join(p.Needs, ", "))
		}
		if strings.Trim(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" && name == "database" {
			return p, usagef("--set database=%s: want letters, digits and underscores", v)
		}
		if err := plainName("--set "+name, v); err != nil {
			return p, err
		}
	}
	for _, name := range p.Needs {
		if values[name] == "" {
			return p, usagef("%s needs --set %s=…", p.ID, name)
		}
	}
	steps := slices.Clone(p.Steps)
	for i := range steps {
		steps[i].Argv = slices.Clone(steps[i].Argv)
		for name, v := range values {
			steps[i].Text = strings.ReplaceAll(steps[i].Text, "{"+name+"}", v)
		}
		for k, arg := range steps[i].Argv {
			for name, v := range values {
				arg = strings.ReplaceAll(arg, "{"+name+"}", v)
			}
			steps[i].Argv[k] = arg
		}
	}
	p.Steps = steps
	return p, nil
}
