package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wf-ci/wf-ci/gates/deps/osvtest"
	"github.com/wf-ci/wf-ci/internal/config"
)

// cmdOSV is an osv.dev of the script's own:
//
//	osv start          start it, and name it in the environment
//	osv refuse STATUS  answer everything with this status; 0: answer again
//	osv export DIR     write its exports there
//	osv age DIR D      make the exports there as old as this
func cmdOSV(t testing.TB) func(*testscript.TestScript, bool, []string) {
	var mu sync.Mutex
	servers := make(map[*testscript.TestScript]*osvtest.Server)
	return func(ts *testscript.TestScript, neg bool, args []string) {
		mu.Lock()
		defer mu.Unlock()
		s := servers[ts]
		if neg || len(args) == 0 || s == nil && args[0] != "start" {
			ts.Fatalf("usage: osv start; osv refuse STATUS; osv export DIR; osv age DIR D")
		}
		switch args[0] {
		case "start":
			servers[ts] = osvtest.New(t)
			ts.Setenv("WF_CI_OSV_API", servers[ts].URL)
			ts.Setenv("WF_CI_OSV_DB", servers[ts].URL)
		case "refuse":
			status, err := strconv.Atoi(args[1])
			ts.Check(err)
			s.Refuse(status)
		case "export":
			s.Export(t, ts.MkAbs(args[1]))
		case "age":
			age, err := time.ParseDuration(args[2])
			ts.Check(err)
			names, err := filepath.Glob(filepath.Join(ts.MkAbs(args[1]), "*", "all.zip"))
			ts.Check(err)
			for _, name := range names {
				when := time.Now().Add(-age)
				ts.Check(os.Chtimes(name, when, when))
			}
		}
	}
}

// The addresses of mirrors are the machine's.
func TestMirrorsComeFromTheEnvironment(t *testing.T) {
	a := &app{environment: environment{getenv: func(key string) string { return map[string]string{"WF_CI_OSV_API": "http://mirror"}[key] }}}
	o := a.depsOptions(config.Default(), true)
	if o.API != "http://mirror" || !o.Reach || o.HTTP.Transport.(*http.Transport).ResponseHeaderTimeout == 0 {
		t.Errorf("%+v", o)
	}
}
