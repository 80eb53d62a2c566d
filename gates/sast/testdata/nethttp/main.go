package main

import (
	"crypto/tls"
	"database/sql"
	"encoding/json"
	"fmt"
	"html/template"
	"log"
	"math/rand"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

type server struct {
	db   *sql.DB
	page *template.Template
}

func (s *server) search(w http.ResponseWriter, r *http.Request) {
	term := strings.TrimSpace(r.URL.Query().Get("q"))
	limit, err := strconv.Atoi(r.FormValue("limit"))
	if err != nil {
		http.Error(w, "limit", http.StatusBadRequest)
		return
	}
	query := fmt.Sprintf("SELECT name FROM items WHERE name LIKE '%%%s%%'", term)
	rows, err := s.db.QueryContext(r.Context(), query) // want go-sql-injection go-sql-built
	if err != nil {
		log.Printf("query %q: %v", term, err)
		return
	}
	defer rows.Close()
	s.db.QueryRowContext(r.Context(), "SELECT count(*) FROM items WHERE name = $1 LIMIT $2", term, limit)
	s.page.Execute(w, rows)
}

func (s *server) file(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	if filepath.IsLocal(name) {
		http.ServeFile(w, r, filepath.Join("files", name))
		return
	}
	data, err := os.ReadFile("files/" + name) // want go-path-traversal
	if err != nil {
		return
	}
	w.Write(data)
}

func (s *server) lookup(w http.ResponseWriter, r *http.Request) {
	host := r.FormValue("host")
	out, err := exec.Command("nslookup", host).Output()
	if err != nil {
		out, err = exec.Command("sh", "-c", "host "+host).Output() // want go-command-injection go-shell-dynamic
	}
	json.NewEncoder(w).Encode(map[string]string{"out": string(out)})
	fmt.Fprintf(w, "<p>%s</p>", host) // want go-xss-response
	fmt.Fprintf(w, "<p>%s</p>", template.HTMLEscapeString(host))
}

func (s *server) back(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound) // want go-open-redirect
	http.Redirect(w, r, "/login?to="+r.URL.Path, http.StatusFound)
}

func main() {
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // want go-tls-verify-off
	}}
	sessionToken := rand.Uint64() // want go-insecure-random
	delay := rand.Intn(10)
	log.Print(client, sessionToken, delay)
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", nil)) // want go-http-no-timeout
}
