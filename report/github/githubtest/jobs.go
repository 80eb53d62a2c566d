package githubtest

import "fmt"

// RunJob is a job of a workflow run.
type RunJob struct {
	ID                 int64
	Name, Runner       string
	Labels             []string
	Started, Completed string // RFC 3339; Completed empty: it is running
}

func (s *Server) listJobs(r request) answer {
	if s.Private && !s.may("actions") {
		return denied
	}
	list := []any{}
	for _, j := range s.RunJobs {
		status := "completed"
		var completed, conclusion any = j.Completed, "success"
		if j.Completed == "" {
			status, completed, conclusion = "in_progress", nil, nil
		}
		list = append(list, sample("job", map[string]any{
			"id": j.ID, "name": j.Name, "runner_name": j.Runner, "labels": j.Labels, "status": status, "conclusion": conclusion,
			"started_at": j.Started, "completed_at": completed, "run_id": r.number("run_id"),
		}))
	}
	path := fmt.Sprintf("/repos/%s/actions/runs/%d/attempts/%d/jobs", s.Repository, r.number("run_id"), r.number("attempt_number"))
	return answer{status: 200, body: map[string]any{"total_count": len(list), "jobs": page(r, list)}, header: s.pages(r, path, len(list))}
}

// membership: who may not ask sees nobody, as a workflow's own token.
func (s *Server) membership(r request) answer {
	for _, m := range s.Members {
		if m == r.values["org"]+"/"+r.values["team_slug"]+" "+r.values["username"] {
			return answer{status: 200, body: map[string]any{"url": s.URL, "role": "member", "state": "active"}}
		}
	}
	return refusal(404, "Not Found")
}
