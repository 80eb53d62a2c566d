package checkpoints

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sample(t testing.TB) (Record, []byte) {
	t.Helper()
	r, err := NewRecord(Schema, " Ana ", "looked <at> it", noon, []File{
		{Path: "a\xff", OID: strings.Repeat("a", 40)}, {Path: "b/gone"}, {Path: "c d", OID: strings.Repeat("0", 64)},
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return r, data
}

func TestRecordRoundTrip(t *testing.T) {
	r, data := sample(t)
	got, err := Decode(r.Path(), data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, got); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(r.Path(), ".wf-ci/approvals/schema-") || r.By != "Ana" {
		t.Errorf("got %+v", r)
	}
}

func TestDigestKnowsKindPathAndContent(t *testing.T) {
	files := []File{{Path: "a", OID: "1"}, {Path: "b", OID: "2"}}
	seen := map[string]bool{Digest(Schema, files): true}
	for _, d := range []string{
		Digest(Research, files), Digest(Schema, files[:1]), Digest(Schema, nil),
		Digest(Schema, []File{{Path: "a", OID: "1"}, {Path: "b", OID: "3"}}),
		Digest(Schema, []File{{Path: "a1", OID: ""}, {Path: "b", OID: "2"}}),
	} {
		if seen[d] {
			t.Errorf("twice: %s", d)
		}
		seen[d] = true
	}
}

func TestDecodeSaysWhere(t *testing.T) {
	r, data := sample(t)
	good := string(data)
	tests := map[string]struct{ name, data, want string }{
		"empty":         {r.Path(), "", r.Path() + ":1:1: no approval: it ends in the middle"},
		"truncated":     {r.Path(), good[:len(good)/2], "it ends in the middle"},
		"no JSON":       {r.Path(), "{\n  oh}", ":2:3: no approval: invalid character 'o'"},
		"wrong type":    {r.Path(), strings.Replace(good, `"Ana"`, "7", 1), ":4:"},
		"unknown key":   {r.Path(), strings.Replace(good, `"by"`, `"who": "x", "by"`, 1), `:4:3: no approval: unknown key "who"`},
		"schema":        {r.Path(), strings.Replace(good, RecordSchema, "wf-ci/approval/v2", 1), `:2:3: no approval: schema: want "wf-ci/approval/v1"`},
		"kind":          {r.Path(), strings.Replace(good, `"schema",`, `"shema",`, 1), ":3:3: no approval: kind: want schema, research or implementation"},
		"no name":       {r.Path(), strings.Replace(good, `"Ana"`, `" "`, 1), ":4:3: no approval: by: it is blank"},
		"no reason":     {r.Path(), strings.Replace(good, "looked <at> it", "", 1), ":5:3: no approval: reason: it is blank"},
		"invisible":     {r.Path(), strings.Replace(good, "Ana", `A\u202ena`, 1), "cannot be seen"},
		"line in it":    {r.Path(), strings.Replace(good, "looked", `a\nb`, 1), "cannot be seen"},
		"long":          {r.Path(), strings.Replace(good, "looked", strings.Repeat("x", 3000), 1), "more than 2000 bytes"},
		"time":          {r.Path(), strings.Replace(good, "2026-01-02T12:00:00Z", "yesterday", 1), `:6:3: no approval: at: want a time such as`},
		"digest":        {r.Path(), strings.Replace(good, `"digest": "`, `"digest": "0`, 1), ":7:3: no approval: digest: it is not that of"},
		"other content": {r.Path(), strings.Replace(good, strings.Repeat("a", 40), strings.Repeat("b", 40), 1), "digest: it is not that of"},
		"no id":         {r.Path(), strings.Replace(good, strings.Repeat("a", 40), "HEAD", 1), "has no object id"},
		"unsorted":      {r.Path(), strings.Replace(good, "b/gone", "z", 1), "want paths, sorted"},
		"path":          {r.Path(), strings.Replace(good, `\377`, `\3`, 1), "no approval"},
		"no files":      {r.Path(), `{"schema": "wf-ci/approval/v1", "kind": "schema", "by": "a", "reason": "b", "at": "2026-01-02T12:00:00Z"}`, "files: there are none"},
		"more":          {r.Path(), good + "{}", "something follows"},
		"other name":    {Folder + "x.json", good, "x.json:1:1: no approval: this record belongs in " + r.Path()},
		"null":          {r.Path(), "null", "schema: want"},
		"list":          {r.Path(), "[]", "no approval"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(tt.name, []byte(tt.data))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestNewRecordRefusesBlanks(t *testing.T) {
	files := []File{{Path: "a"}}
	if _, err := NewRecord(Schema, " ", "x", noon, files); err == nil {
		t.Error("no name: no error")
	}
	if _, err := NewRecord(Schema, "x", "a\nb", noon, files); err == nil {
		t.Error("a reason with a line end: no error")
	}
}

func FuzzDecode(f *testing.F) {
	r, data := sample(f)
	f.Add(data)
	f.Add([]byte(`{"kind": 7}`))
	f.Add([]byte("{\n\"\xff\": 1}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Decode(r.Path(), data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), r.Path()+":") {
				t.Errorf("no place: %v", err)
			}
			return
		}
		again, err := got.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(r.Path(), again)
		if err != nil || back.Digest != got.Digest || !bytes.Equal([]byte(back.By), []byte(got.By)) {
			t.Errorf("%v\n%s\n%s", err, data, again)
		}
	})
}
