package gates

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/internal/git"
)

// String is the path as it is shown and written to JSON.
func (p Path) String() string {
	s := string(p)
	if utf8.ValidString(s) && !strings.HasPrefix(s, `"`) {
		return s
	}
	return git.Quote(s)
}

// MarshalText writes the path for JSON: see [Path].
func (p Path) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (p *Path) UnmarshalText(text []byte) error {
	s := string(text)
	if !strings.HasPrefix(s, `"`) {
		*p = Path(s)
		return nil
	}
	raw, err := git.Unquote(s)
	if err != nil {
		return fmt.Errorf("path %q: %w", s, err)
	}
	*p = Path(raw)
	return nil
}
