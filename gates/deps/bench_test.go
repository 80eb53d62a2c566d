package deps_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/deps"
	"github.com/wf-ci/wf-ci/gates/deps/osvtest"
	"github.com/wf-ci/wf-ci/gates/gatestest"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// export is as large as npm's: some 220,000 records, most of them malware.
func export(b *testing.B, dir string) {
	b.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	details := strings.Repeat("The package was found to contain malicious code. ", 20)
	for i := range 220_000 {
		f, err := z.Create(fmt.Sprintf("MAL-2026-%d.json", i))
		if err != nil {
			b.Fatal(err)
		}
		fmt.Fprintf(f, `{"id":"MAL-2026-%d","modified":"2026-01-01T00:00:00Z","summary":"Malicious code in p%d (npm)","details":%q,"affected":[{"package":{"name":"p%d","ecosystem":"npm"},"versions":["1.0.0","1.0.1"]}]}`, i, i, details, i)
	}
	if err := z.Close(); err != nil {
		b.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "npm"), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "npm", "all.zip"), out.Bytes(), 0o644); err != nil {
		b.Fatal(err)
	}
}

func update(b *testing.B, from, dir string) {
	b.Helper()
	_, err := deps.Update(context.Background(), deps.NPM, deps.UpdateOptions{DataDir: dir, From: from, HTTP: http.DefaultClient, Now: today, Agent: "test"})
	if err != nil {
		b.Fatal(err)
	}
}

func BenchmarkUpdate(b *testing.B) {
	from, dir := b.TempDir(), b.TempDir()
	export(b, from)
	for b.Loop() {
		update(b, from, dir)
	}
}

// A run of the gate on a lock file of 1000 packages, from that database.
func BenchmarkOffline(b *testing.B) {
	from, dir := b.TempDir(), b.TempDir()
	export(b, from)
	update(b, from, dir)
	entries := []string{`"": {}`}
	for i := range 1000 {
		entries = append(entries, fmt.Sprintf("\"node_modules/p%d\": {\"version\": \"2.0.%d\"}", i*200, i))
	}
	repo := gittest.New(b)
	repo.Write("package.json", "{}")
	repo.Write("package-lock.json", packageLock(entries...))
	repo.Commit("all")
	target := gatestest.Target(b, repo, "")
	target.DataDir, target.Offline = dir, true
	o := options(&osvtest.Server{})
	for b.Loop() {
		results, err := gates.Run(context.Background(), target, []gates.Gate{deps.Gate(o)}, gates.Options{Jobs: 1, Timeout: 1 << 40})
		if err != nil || results[0].Err != nil {
			b.Fatal(err, results[0].Err)
		}
	}
}
