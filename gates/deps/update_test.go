package deps_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/gates/deps"
)

func archive(t *testing.T, records ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for i, text := range records {
		f, err := z.Create(fmt.Sprintf("%d.json", i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func goodRecords(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(`{"id":"GHSA-%d","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"name":"p%d","ecosystem":"npm"}}]}`, i, i))
	}
	return out
}

// Whatever is wrong with an export, the database that was there stays.
func TestUpdateKeepsWhatIsThere(t *testing.T) {
	var body []byte
	header := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for k, v := range header {
			w.Header().Set(k, v)
		}
		_, _ = w.Write(body)
	}))
	defer server.Close()
	dir := t.TempDir()
	update := func() (deps.Status, error) {
		return deps.Update(context.Background(), deps.NPM, deps.UpdateOptions{DataDir: dir, From: server.URL, HTTP: http.DefaultClient, Now: today, Agent: "test"})
	}
	body = archive(t, append(goodRecords(10), "{", `{"id":"W","withdrawn":"2026-01-01T00:00:00Z"}`)...)
	s, err := update()
	if err != nil || s.Records != 10 || s.Unread != 1 || s.Withdrawn != 1 || s.Packages != 10 {
		t.Fatalf("%+v %v", s, err)
	}
	name := filepath.Join(dir, "osv", "npm.db")
	before, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	bomb := archive(t, append(goodRecords(10), `{"id":"B","summary":"`+strings.Repeat("0", 40<<20)+`"}`)...)
	for _, c := range []struct {
		name, want string
		body       []byte
		header     map[string]string
	}{
		{"no archive", "no archive", []byte("<html>"), nil},
		{"cut off", "no archive", body[:len(body)/2], nil},
		{"empty", "no record of this ecosystem", archive(t), nil},
		{"another ecosystem", "no record of this ecosystem", archive(t, `{"id":"A","affected":[{"package":{"name":"p","ecosystem":"Go"}}]}`), nil},
		{"much smaller", "it looks cut off", archive(t, goodRecords(4)...), nil},
		{"unreadable", "cannot be read", archive(t, append(goodRecords(10), strings.Split(strings.Repeat("{ ", 12), " ")...)...), nil},
		{"another checksum", "X-Goog-Hash", body, map[string]string{"X-Goog-Hash": "crc32c=AAAAAA=="}},
	} {
		body, header = c.body, c.header
		if _, err := update(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		after, err := os.ReadFile(name)
		if err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s: the database is another one (%v)", c.name, err)
		}
	}
	// One record that unpacks to more than any record is passed over, and counted.
	body, header = bomb, nil
	if s, err := update(); err != nil || s.Unread != 1 || s.Records != 10 {
		t.Errorf("%+v %v", s, err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "osv", ".wf-ci-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestUpdateShowsNoPassword(t *testing.T) {
	_, err := deps.Update(context.Background(), deps.NPM, deps.UpdateOptions{
		DataDir: t.TempDir(), From: "http://user:hunter2@127.0.0.1:1", HTTP: &http.Client{Timeout: time.Second}, Now: today, Agent: "test",
	})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}
