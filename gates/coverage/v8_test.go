package coverage

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// process is what V8 writes of one script, whose pieces are from, to, count.
func process(url string, maps string, pieces ...[3]int) string {
	var ranges []string
	for _, p := range pieces {
		ranges = append(ranges, fmt.Sprintf(`{"startOffset":%d,"endOffset":%d,"count":%d}`, p[0], p[1], p[2]))
	}
	return fmt.Sprintf(`{"result":[{"url":%q,"functions":[{"functionName":"","ranges":[%s]}]},{"url":"node:fs","functions":[]}],"timestamp":1,"source-map-cache":{%s}}`, url, strings.Join(ranges, ","), maps)
}

func TestV8(t *testing.T) {
	// The string is one character of two units: what counts characters is off.
	const source = "// 𝄞 a comment\nconst a = '𝄞';\n\nfunction b() {\n  return 1;\n}\nif (a) { c(); }\nconst d = () => 2;\n"
	from := strings.Index(source, "function") - 4 // two such characters before
	to := from + len("function b() {\n  return 1;\n}")
	end := len([]rune(source)) + 2
	rep, err := readReport([]byte(process("file:///w/a%20b.js", "", [3]int{0, end, 1}, [3]int{from, to, 0})))
	if err != nil || len(rep.files) != 1 || rep.files[0].name != "/w/a b.js" {
		t.Fatal(rep, err)
	}
	lines := bytes.Split([]byte(strings.TrimSuffix(source, "\n")), []byte("\n"))
	if err := expand(&rep.files[0], lines); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(rep.files[0].hits); got != "map[2:1 4:0 5:0 7:1 8:1]" {
		t.Error(got)
	}
	// Two processes: what either ran, ran.
	other, err := readReport([]byte(process("file:///w/a%20b.js", "", [3]int{0, end, 1}, [3]int{from, to, 2})))
	if err != nil {
		t.Fatal(err)
	}
	if err := expand(&other.files[0], lines); err != nil {
		t.Fatal(err)
	}
	rep.files[0].merge(&other.files[0])
	if got := fmt.Sprint(rep.files[0].hits); got != "map[2:2 4:2 5:2 7:2 8:2]" {
		t.Error(got)
	}
}

func TestV8ThatIsNotBelieved(t *testing.T) {
	for text, want := range map[string]string{
		process("file:///w/a.js", "", [3]int{5, 2, 1}):                                                     "a piece from 5 to 2",
		process("file:///w/a.js", "", [3]int{0, 2, -1}):                                                    "ran -1 times",
		process("file:///w/%zz.js", "", [3]int{0, 2, 1}):                                                   "the name",
		process("file:///w/a.js", "", [3]int{0, 2, 1})[:80]:                                                "unexpected end",
		process("file:///w/a.ts", `"file:///w/a.ts":{"lineLengths":[1]}`, [3]int{0, 2, 1}):                 "names no file", // made of the source, and not it
		process("file:///w/node_modules/x/a.js", "", [3]int{0, 2, 1}):                                      "names no file",
		process("evalmachine.<anonymous>", "", [3]int{0, 2, 1}):                                            "names no file",
		`{"result":[{"url":"file:///a.js","functions":[{"ranges":[{"startOffset":"x"}]}]}],"timestamp":1}`: "cannot unmarshal",
	} {
		if _, err := readReport([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	rep, err := readReport([]byte(process("file:///w/a.js", "", [3]int{0, 99, 1})))
	if err != nil {
		t.Fatal(err)
	}
	if err := expand(&rep.files[0], [][]byte{[]byte("a")}); err == nil || !strings.Contains(err.Error(), "up to character 99, and the file has 2") {
		t.Error(err)
	}
}

func FuzzV8(f *testing.F) {
	f.Add(process("file:///w/a.js", "", [3]int{0, 8, 1}, [3]int{2, 4, 0}), "a;\n𝄞b;\n")
	f.Add(process("file:///w/a.js", `"x":{}`), "")
	f.Add(`{"result":[],"timestamp":1}`, "x")
	f.Fuzz(func(t *testing.T, text, source string) {
		rep, err := readReport([]byte(text))
		if err != nil {
			return
		}
		lines := bytes.Split([]byte(source), []byte("\n"))
		for i := range rep.files {
			if expand(&rep.files[i], lines) != nil {
				continue
			}
			for line, n := range rep.files[i].hits {
				if rep.format == "v8" && (line < 1 || line > len(lines) || n < 0) {
					t.Errorf("line %d ran %d times", line, n)
				}
			}
		}
	})
}
