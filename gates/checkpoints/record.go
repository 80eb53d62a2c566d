package checkpoints

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// RecordSchema names the form of a record.
const RecordSchema = "wf-ci/approval/v1"

// Folder is where records are kept in the tree.
const Folder = ".wf-ci/approvals/"

// isRecord says whether a path is that of a record. What is beside the records
// is a file like any other, so that nothing hides there.
func isRecord(path string) bool {
	name, ok := strings.CutPrefix(path, Folder)
	return ok && strings.HasSuffix(name, ".json") && !strings.Contains(name, "/")
}

// recordLimit is the size, in bytes, above which a file is no record.
const recordLimit = 16 << 20

// textLimit bounds a name and a reason, in bytes.
const textLimit = 2000

// Record says that a person approved the content of some files.
type Record struct {
	Schema string    `json:"schema"` // RecordSchema
	Kind   Kind      `json:"kind"`
	By     string    `json:"by"` // what the record says; who committed it is another thing
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	Digest string    `json:"digest"` // of Kind and Files
	Files  []File    `json:"files"`  // sorted by path
}

// File is a path with the git id of its content; empty: the change takes the
// file away.
type File struct {
	Path gates.Path `json:"path"`
	OID  string     `json:"oid"`
}

// NewRecord is the approval of these files, as they are. The error says what is
// wrong with by or reason.
func NewRecord(kind Kind, by, reason string, at time.Time, files []File) (Record, error) {
	r := Record{
		Schema: RecordSchema, Kind: kind, By: strings.TrimSpace(by), Reason: strings.TrimSpace(reason),
		At: at.UTC().Truncate(time.Second), Digest: Digest(kind, files), Files: files,
	}
	if wrong := checkText(r.By); wrong != "" {
		return Record{}, fmt.Errorf("who approves %s", wrong)
	}
	if wrong := checkText(r.Reason); wrong != "" {
		return Record{}, fmt.Errorf("the reason %s", wrong)
	}
	return r, nil
}

// Digest ties an approval to the content of the files, which are sorted.
func Digest(kind Kind, files []File) string {
	h := sha256.New()
	part := func(s string) { fmt.Fprintf(h, "%d:%s", len(s), s) }
	part(RecordSchema)
	part(string(kind))
	for _, f := range files {
		part(string(f.Path))
		part(f.OID)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Path is where the record belongs in the tree.
func (r Record) Path() string { return Folder + string(r.Kind) + "-" + r.Digest + ".json" }

// Encode is the record as a file.
func (r Record) Encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(r)
	return b.Bytes(), err
}

// mistake is what is wrong with a record, and where.
type mistake struct {
	offset  int // in bytes
	message string
}

// Decode reads a record. Its error begins with name:line:column.
func Decode(name string, data []byte) (Record, error) {
	r, wrong := decode(data)
	if wrong == nil && r.Path() != name {
		wrong = &mistake{0, fmt.Sprintf("this record belongs in %s", r.Path())}
	}
	if wrong == nil {
		return r, nil
	}
	before := data[:min(max(wrong.offset, 0), len(data))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return Record{}, fmt.Errorf("%s:%d:%d: no approval: %s", gates.Path(name), line, column, wrong.message)
}

func decode(data []byte) (Record, *mistake) {
	var wire struct {
		Record
		At string `json:"at"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&wire); err != nil {
		return Record{}, jsonMistake(data, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Record{}, &mistake{int(d.InputOffset()), "something follows the record"}
	}
	r := wire.Record
	at := func(key, format string, args ...any) *mistake {
		return &mistake{max(0, bytes.Index(data, []byte(`"`+key+`"`))), key + ": " + fmt.Sprintf(format, args...)}
	}
	when, err := time.Parse(time.RFC3339, wire.At)
	wrongBy, wrongReason := checkText(r.By), checkText(r.Reason)
	switch {
	case r.Schema != RecordSchema:
		return Record{}, at("schema", "want %q, found %.60q", RecordSchema, r.Schema)
	case !r.Kind.known():
		return Record{}, at("kind", "want %s, found %.60q", kindWords(), r.Kind)
	case wrongBy != "":
		return Record{}, at("by", "it %s", wrongBy)
	case wrongReason != "":
		return Record{}, at("reason", "it %s", wrongReason)
	case err != nil:
		return Record{}, at("at", "want a time such as 2027-01-31T09:00:00Z, found %.60q", wire.At)
	case len(r.Files) == 0:
		return Record{}, at("files", "there are none")
	}
	for i, f := range r.Files {
		switch {
		case f.Path == "" || i > 0 && f.Path <= r.Files[i-1].Path:
			return Record{}, at("files", "want paths, sorted, each once")
		case f.OID != "" && !objectID.MatchString(f.OID):
			return Record{}, at("files", "%s has no object id", f.Path)
		}
	}
	if r.Digest != Digest(r.Kind, r.Files) {
		return Record{}, at("digest", "it is not that of the kind and the files in this record")
	}
	r.At = when
	return r, nil
}

var objectID = lazyregexp.New(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

var unknownField = lazyregexp.New(`unknown field "(.*)"`)

// jsonMistake finds the place of what the decoder refuses.
func jsonMistake(data []byte, err error) *mistake {
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return &mistake{int(syntax.Offset) - 1, syntax.Error()}
	case errors.As(err, &wrongType):
		return &mistake{int(wrongType.Offset) - 1, fmt.Sprintf("%.60q cannot be %.20s", wrongType.Field, wrongType.Value)}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &mistake{len(data), "it ends in the middle"}
	}
	if m := unknownField.FindStringSubmatch(err.Error()); m != nil {
		return &mistake{max(0, bytes.Index(data, []byte(`"`+m[1]+`"`))), fmt.Sprintf("unknown key %.60q", m[1])}
	}
	return &mistake{0, fmt.Sprintf("%.200s", err)}
}

// checkText says what is wrong with a name or a reason; empty: nothing.
func checkText(s string) string {
	switch {
	case strings.TrimSpace(s) == "":
		return "is blank"
	case len(s) > textLimit:
		return fmt.Sprintf("has more than %d bytes", textLimit)
	case !utf8.ValidString(s):
		return "is not UTF-8"
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }):
		return "has a character that cannot be seen"
	}
	return ""
}
