// Package osvtest is osv.dev for tests: its API and its exports, on loopback,
// with a few advisories about packages that mostly exist in tests only.
package osvtest

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

//go:embed records.json
var recordsJSON []byte

// Server answers as api.osv.dev and the bucket of its exports do.
type Server struct {
	URL string

	mu       sync.Mutex
	requests []string
	refuse   int // status of all answers; zero: answer
	records  []record
}

type record struct {
	raw      json.RawMessage
	ID       string
	Modified string
	Affected []struct {
		Package  struct{ Name, Ecosystem string }
		Versions []string
	}
}

// New starts a server that ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{}
	var raws []json.RawMessage
	if err := json.Unmarshal(recordsJSON, &raws); err != nil {
		t.Fatal(err)
	}
	for _, raw := range raws {
		r := record{raw: raw}
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		s.records = append(s.records, r)
	}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.URL = h.URL
	return s
}

// Refuse makes every further answer this status; zero: the right one again.
func (s *Server) Refuse(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = status
}

// Requests are the methods and paths that were asked for.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	refuse := s.refuse
	s.mu.Unlock()
	switch {
	case refuse != 0:
		http.Error(w, "not now", refuse)
	case r.Method == http.MethodPost && r.URL.Path == "/v1/querybatch":
		s.batch(w, r)
	case r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/v1/vulns/"):
		s.vuln(w, strings.TrimPrefix(r.URL.Path, "/v1/vulns/"))
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/all.zip"):
		data := s.Zip(strings.Trim(strings.TrimSuffix(r.URL.Path, "/all.zip"), "/"))
		sum := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
		w.Header().Set("X-Goog-Hash", "crc32c="+base64.StdEncoding.EncodeToString([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}))
		_, _ = w.Write(data)
	default:
		http.NotFound(w, r)
	}
}

// batch answers one advisory a page, so that whoever does not turn the page
// misses the others. Which versions are affected the records say one by one.
func (s *Server) batch(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Queries []struct {
			Package struct{ Name, Ecosystem string }
			Version string
			Token   string `json:"page_token"`
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	results := make([]map[string]any, len(q.Queries))
	for i, query := range q.Queries {
		results[i] = map[string]any{}
		var hits []record
		for _, rec := range s.records {
			for _, a := range rec.Affected {
				if sameName(a.Package.Name, query.Package.Name, a.Package.Ecosystem) && a.Package.Ecosystem == query.Package.Ecosystem && contains(a.Versions, query.Version) {
					hits = append(hits, rec)
				}
			}
		}
		for n, hit := range hits {
			if query.Token == "" && n == 0 || query.Token == hit.ID {
				results[i]["vulns"] = []any{map[string]string{"id": hit.ID, "modified": hit.Modified}}
				if n+1 < len(hits) {
					results[i]["next_page_token"] = hits[n+1].ID
				}
			}
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"results": results})
}

// sameName normalises PyPI's names, as osv.dev does.
func sameName(a, b, ecosystem string) bool {
	if ecosystem == "PyPI" {
		clean := strings.NewReplacer("_", "-", ".", "-")
		return strings.EqualFold(clean.Replace(a), clean.Replace(b))
	}
	return a == b
}

func contains(list []string, v string) bool {
	for _, x := range list {
		if x == v || x == "*" {
			return true
		}
	}
	return false
}

func (s *Server) vuln(w http.ResponseWriter, id string) {
	for _, r := range s.records {
		if r.ID == id {
			_, _ = w.Write(r.raw)
			return
		}
	}
	http.Error(w, `{"code":5,"message":"Bug not found."}`, http.StatusNotFound)
}

// Zip is the export of an ecosystem.
func (s *Server) Zip(ecosystem string) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, r := range s.records {
		for _, a := range r.Affected {
			if a.Package.Ecosystem == ecosystem {
				f, err := z.Create(r.ID + ".json")
				if err == nil {
					_, _ = f.Write(r.raw)
				}
				break
			}
		}
	}
	_ = z.Close()
	return out.Bytes()
}

// Export writes the exports of all ecosystems below a directory.
func (s *Server) Export(t testing.TB, dir string) {
	t.Helper()
	for _, e := range []string{"npm", "PyPI", "crates.io", "Go"} {
		name := filepath.Join(dir, e, "all.zip")
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, s.Zip(e), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
