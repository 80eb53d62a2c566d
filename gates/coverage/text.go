package coverage

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func isCoverprofile(data []byte) bool {
	return bytes.HasPrefix(data, []byte("mode: "))
}

var coverLine = regexp.MustCompile(`^(.+):(\d+)\.(\d+),(\d+)\.(\d+) (\d+) (\d+)$`)

// readCoverprofile reads what `go test -coverprofile` writes. The same block
// stands in it once for each package's tests (-coverpkg): those are one.
func readCoverprofile(data []byte) (*report, error) {
	b := newBuilder("coverprofile", byImport)
	seen := make(map[string]map[block]int)
	n := 0
	for line := range bytes.Lines(data) {
		n++
		whole := bytes.HasSuffix(line, []byte("\n"))
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" || strings.HasPrefix(text, "mode: ") {
			continue // also between profiles that were put together
		}
		m := coverLine.FindStringSubmatch(text)
		if m == nil {
			if !whole {
				return nil, fmt.Errorf("line %d breaks off", n)
			}
			return nil, fmt.Errorf("line %d: %.100q", n, text)
		}
		var v [6]int64
		for i := range v {
			var err error
			if v[i], err = strconv.ParseInt(m[i+2], 10, 64); err != nil {
				if i < 5 || !errors.Is(err, strconv.ErrRange) {
					return nil, fmt.Errorf("line %d: %.100q", n, text)
				} // a count that ran over is many: ParseInt gives the most
			}
		}
		if v[0] < 1 || v[2] < v[0] || v[2] > maxLine || v[1] > 1<<30 || v[3] > 1<<30 {
			return nil, fmt.Errorf("line %d: %.100q: no range of lines", n, text)
		}
		f, err := b.file(m[1])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if v[4] == 0 {
			continue // no statement
		}
		key := block{line: int(v[0]), col: int(v[1]), endLine: int(v[2]), endCol: int(v[3])}
		if seen[m[1]] == nil {
			seen[m[1]] = make(map[block]int)
		}
		if i, ok := seen[m[1]][key]; ok {
			f.blocks[i].count = add(f.blocks[i].count, v[5])
			continue
		}
		seen[m[1]][key] = len(f.blocks)
		key.count = v[5]
		f.blocks = append(f.blocks, key)
	}
	return &b.rep, nil
}

// expand turns blocks into lines, by the source that they were made of: the
// brace that opens a block and the one that closes it are no statement, nor are
// blank lines and comments. A line with several blocks ran when one of them
// did. It is an error when the source cannot be the one that was measured.
func expand(f *reportFile, source [][]byte) error {
	if err := expandSpans(f, source); err != nil {
		return err
	}
	if len(f.blocks) == 0 {
		return nil
	}
	code := codeLines(source)
	work := 0
	for _, blk := range f.blocks {
		if blk.endLine > len(source) {
			return fmt.Errorf("it covers line %d, and the file has %d", blk.endLine, len(source))
		}
		if work += blk.endLine - blk.line; work > maxLines {
			return errors.New("its blocks overlap too much")
		}
		for line := blk.line; line <= blk.endLine; line++ {
			text := source[line-1]
			if !code[line-1] || line == blk.line && blank(tail(text, blk.col), "{") || line == blk.endLine && line > blk.line && blank(text[:min(len(text), max(blk.endCol-1, 0))], "}") {
				continue
			}
			if old, ok := f.hits[line]; !ok || old < blk.count {
				f.hits[line] = blk.count
			}
		}
	}
	f.blocks = nil
	return nil
}

func tail(text []byte, col int) []byte {
	return text[min(len(text), max(col-1, 0)):]
}

// blank says whether a text is empty but for one brace and a comment.
func blank(text []byte, brace string) bool {
	text, _, _ = bytes.Cut(text, []byte("//"))
	return len(bytes.TrimSpace(bytes.Replace(text, []byte(brace), nil, 1))) == 0
}

// codeLines are the lines of a Go source that hold more than space, comments
// and closing brackets.
func codeLines(source [][]byte) []bool {
	code := make([]bool, len(source))
	comment, raw := false, false
	for i, line := range source {
		text := bytes.TrimSpace(line)
		if comment {
			at := bytes.Index(text, []byte("*/"))
			if at < 0 {
				continue
			}
			comment, text = false, bytes.TrimSpace(text[at+2:])
		}
		if !raw && bytes.HasPrefix(text, []byte("/*")) && !bytes.Contains(text, []byte("*/")) {
			comment = true
			continue
		}
		closing := len(bytes.Trim(text, "})], ;")) == 0
		code[i] = raw || !closing && !bytes.HasPrefix(text, []byte("//"))
		if bytes.Count(line, []byte("`"))%2 == 1 {
			raw = !raw
		}
	}
	return code
}

func isLCOV(data []byte) bool {
	for line := range bytes.Lines(data[:min(len(data), 4<<10)]) {
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0 || line[0] == '#':
		case bytes.HasPrefix(line, []byte("TN:")) || bytes.HasPrefix(line, []byte("SF:")):
			return true
		default:
			return false
		}
	}
	return false
}

// readLCOV reads a tracefile (geninfo(1)).
func readLCOV(data []byte) (*report, error) {
	b := newBuilder("lcov", byPath)
	var f *reportFile
	n := 0
	for line := range bytes.Lines(data) {
		n++
		text := strings.TrimRight(string(line), "\r\n")
		key, value, _ := strings.Cut(text, ":")
		var err error
		switch key {
		case "SF":
			if f != nil {
				return nil, fmt.Errorf("line %d: a file begins before the one above ends", n)
			}
			f, err = b.file(value)
		case "DA":
			if f == nil {
				return nil, fmt.Errorf("line %d: a line of no file", n)
			}
			err = b.lcovLine(f, value)
		case "end_of_record":
			f = nil
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if f != nil {
		return nil, fmt.Errorf("it breaks off in %.200q", f.name)
	}
	return &b.rep, nil
}

// lcovLine reads the value of DA: line, count and perhaps a checksum.
func (b *builder) lcovLine(f *reportFile, value string) error {
	parts := strings.Split(value, ",")
	if len(parts) < 2 || len(parts) > 3 {
		return fmt.Errorf("DA:%.100s", value)
	}
	line, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return fmt.Errorf("DA:%.100s", value)
	}
	count, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("DA:%.100s", value)
	}
	if err := b.hit(f, line, count); err != nil {
		return err
	}
	if len(parts) == 3 && len(parts[2]) == 22 && line > 0 {
		if f.sums == nil {
			f.sums = make(map[int]string)
		}
		f.sums[int(line)] = parts[2]
	}
	return nil
}

// checkSums compares the checksums of lines, where a report has them, with the
// source.
func checkSums(f *reportFile, source [][]byte) error {
	for _, line := range slices.Sorted(maps.Keys(f.sums)) {
		want := f.sums[line]
		if line > len(source) {
			continue // said elsewhere
		}
		sum := md5.Sum(bytes.TrimRight(source[line-1], "\r\n"))
		if base64.RawStdEncoding.EncodeToString(sum[:]) != want {
			return fmt.Errorf("line %d is not the one that was measured", line)
		}
	}
	return nil
}
