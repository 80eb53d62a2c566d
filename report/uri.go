package report

import (
	"fmt"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
)

// uri is a path as a relative URI reference (RFC 3986), byte by byte: bytes
// that are not UTF-8, newlines, `%`, `#` and `?` are percent-encoded, and so is
// `:`, which would make a scheme of the first segment. What needs no escape is
// left alone, for readers that do not decode.
func uri(p gates.Path) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		if c := p[i]; uriSafe(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// uriSafe says whether a byte may stand in a segment, or is the slash between two.
func uriSafe(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-._~!$&'()*+,;=@/", c) >= 0
}

// inTree says whether a path can be one of the tree. A tool that was plugged in
// may have said anything, and one URI that code scanning does not like makes it
// refuse the whole file.
func inTree(p gates.Path) bool {
	if strings.IndexByte(string(p), 0) >= 0 {
		return false
	}
	for segment := range strings.SplitSeq(string(p), "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return true
}
