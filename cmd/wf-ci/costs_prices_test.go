package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The download of prices is bounded in size and time, follows no redirect to where
// others may write, and takes nothing but a 200.
func TestPricesFrom(t *testing.T) {
	const list = `[{"id":"p","models":[{"id":"m","prices":{"input_mtok":1}}]}]`
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	elsewhere := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	stop := make(chan struct{})
	defer close(stop)
	mux.HandleFunc("/list", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, list) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/list", http.StatusFound) })
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere+"/list", http.StatusFound)
	})
	mux.HandleFunc("/file", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "file:///etc/passwd")
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/round", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round", http.StatusFound) })
	mux.HandleFunc("/missing", http.NotFound)
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, list, http.StatusInternalServerError) })
	mux.HandleFunc("/empty", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, list)
	})
	mux.HandleFunc("/huge", func(w http.ResponseWriter, _ *http.Request) {
		block := make([]byte, 1<<20)
		for range upstreamLimit>>20 + 1 {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "[")
		_ = http.NewResponseController(w).Flush()
		<-stop
	})
	for from, want := range map[string]string{
		server.URL + "/list": "", server.URL + "/moved": "",
		server.URL + "/away": "not https://", server.URL + "/file": "not https://", server.URL + "/round": "too often",
		server.URL + "/missing": "404", server.URL + "/broken": "500", server.URL + "/empty": "204", server.URL + "/cut": "unexpected EOF",
		server.URL + "/huge": "above 32 MiB", server.URL + "/slow": "enough of it",
		elsewhere + "/list": "want a file, or an address", "ftp://127.0.0.1/list": "want a file, or an address", "https://": "want a file, or an address",
		strings.Replace(server.URL, "127.0.0.1:", "127.0.0.1:secret@localhost:", 1) + "/list": "want a file, or an address",
		"https://user:secret@prices.example/list":                                             "want a file, or an address",
		"https://prices.example:secret/list":                                                  "want a file, or an address",
	} {
		ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, errors.New("enough of it"))
		if !strings.HasSuffix(from, "/slow") {
			cancel()
			ctx, cancel = context.WithTimeout(context.Background(), time.Minute)
		}
		data, err := (&costsPricesDiffCmd{From: from}).fetch(ctx, &app{})
		cancel()
		switch {
		case want == "" && (err != nil || string(data) != list):
			t.Errorf("%s: %q, %v", from, data, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %.40q, %v, want %s", from, data, err, want)
		case err != nil && strings.Contains(err.Error(), "secret"):
			t.Errorf("%s: the message has the password: %v", from, err)
		}
	}
}
