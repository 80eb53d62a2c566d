package session

// Checklist is what no tool looks at for you (E2).
func Checklist() []string {
	return []string{
		"No credentials are hard-coded in new code",
		"API keys come from the environment",
		"Database connection strings are secured",
		"Logs hold no sensitive data",
		"New endpoints check who is asking",
		"What users send is validated",
		"SQL is parameterized",
		"Output is encoded against XSS",
		"CORS lets in whom it should, and nobody else",
		"File uploads are restricted",
	}
}
