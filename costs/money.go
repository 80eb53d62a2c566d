// Package costs is what the work cost: entries that are never changed, and the
// books that are folded from them.
//
//	[Entry]    one use of something, with its price and its cost; immutable
//	[Ledger]   the entries of a repository, in costs/entries
//	[Fold]     entries → [Books]: days, months, features; pure
//	[Budget]   limits, alerts, and whether a request may run
//
// Money is an integer number of nano-dollars. Each entry is rounded once, when
// it is made; sums are sums of integers, so their order never matters.
package costs

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// Nano is money: 1e-9 US dollars.
type Nano int64

const dollar Nano = 1_000_000_000

// ParseUSD reads an amount in US dollars, such as "12", "0.47" or "-1.5".
func ParseUSD(s string) (Nano, error) {
	n, err := parseDecimal(s, 9)
	if err != nil {
		return 0, fmt.Errorf("amount %q: %w: want US dollars such as 12.50", s, err)
	}
	return Nano(n), nil
}

var (
	errNumber = errors.New("not a decimal number")
	errFine   = errors.New("too many decimals")
	errLarge  = errors.New("too large")
)

// parseDecimal reads a decimal number as an integer count of 10^-places.
func parseDecimal(s string, places int) (int64, error) {
	digits, negative := strings.CutPrefix(s, "-")
	whole, part, dot := strings.Cut(digits, ".")
	if whole == "" || dot && part == "" || strings.Trim(whole+part, "0123456789") != "" {
		return 0, errNumber
	}
	part = strings.TrimRight(part, "0")
	if len(part) > places {
		return 0, fmt.Errorf("%w (%d at most)", errFine, places)
	}
	n, err := strconv.ParseInt(whole+part+strings.Repeat("0", places-len(part)), 10, 64)
	if err != nil {
		return 0, errLarge
	}
	if negative {
		n = -n
	}
	return n, nil
}

// String is the amount in US dollars, exact, with two decimals at least.
func (n Nano) String() string { return decimal(int64(n), 9, 2) }

// decimal writes n × 10^-places with at least so many decimals.
func decimal(n int64, places, least int) string {
	sign, u := "", uint64(n)
	if n < 0 {
		sign, u = "-", -uint64(n)
	}
	digits := strconv.FormatUint(u, 10)
	if len(digits) <= places {
		digits = strings.Repeat("0", places+1-len(digits)) + digits
	}
	whole, part := digits[:len(digits)-places], digits[len(digits)-places:]
	part = strings.TrimRight(part, "0")
	if len(part) < least {
		part += strings.Repeat("0", least-len(part))
	}
	if part == "" {
		return sign + whole
	}
	return sign + whole + "." + part
}

// Cents is the amount for people: two decimals, rounded half to even. What is
// not nothing, and less than a cent, is shown as such.
func (n Nano) Cents() string {
	const cent = int64(dollar) / 100
	u := int64(n)
	if u != 0 && -cent < u && u < cent {
		return "<$0.01"
	}
	c, rest := u/cent, u%cent
	if abs := max(rest, -rest); abs > cent/2 || abs == cent/2 && c%2 != 0 {
		c += sign(rest)
	}
	text := decimal(c, 2, 2)
	if c < 0 {
		return "-$" + text[1:]
	}
	return "$" + text
}

func sign(n int64) int64 {
	if n < 0 {
		return -1
	}
	return 1
}

// MarshalJSON writes a decimal string: a JSON number would be read as a float.
func (n Nano) MarshalJSON() ([]byte, error) { return []byte(`"` + n.String() + `"`), nil }

// UnmarshalJSON reads a decimal string, or the text of a number.
func (n *Nano) UnmarshalJSON(data []byte) error {
	text := string(data)
	if unquoted, err := strconv.Unquote(text); err == nil {
		text = unquoted
	}
	v, err := ParseUSD(text)
	if err == nil {
		*n = v
	}
	return err
}

// Count is how much of a unit was used: millionths, so that hours may be
// fractions. Tokens are whole.
type Count int64

const one Count = 1_000_000

// ParseCount reads a count such as "1200" or "1.5".
func ParseCount(s string) (Count, error) {
	n, err := parseDecimal(s, 6)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("count %q: want a number that is not negative, with six decimals at most", s)
	}
	return Count(n), nil
}

// Whole is a count of whole things.
func Whole(n int64) (Count, error) {
	if n < 0 || n > math.MaxInt64/int64(one) {
		return 0, fmt.Errorf("count %d: negative or too large", n)
	}
	return Count(n) * one, nil
}

func (c Count) String() string { return decimal(int64(c), 6, 0) }

// MarshalJSON writes a number; it is exact as text.
func (c Count) MarshalJSON() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalJSON reads the text of a number.
func (c *Count) UnmarshalJSON(data []byte) error {
	v, err := ParseCount(string(data))
	if err == nil {
		*c = v
	}
	return err
}

// cost is Σ count × rate, rounded once, half away from zero.
func cost(units []Quantity) (Nano, error) {
	if n, ok := smallCost(units); ok {
		return n, nil
	}
	return largeCost(units)
}

func largeCost(units []Quantity) (Nano, error) {
	sum, x, y := new(big.Int), new(big.Int), new(big.Int)
	for _, u := range units {
		sum.Add(sum, x.Mul(x.SetInt64(int64(u.N)), y.SetInt64(int64(u.Rate))))
	}
	// Millionths of pico-dollars: 1e18 are a dollar, 1e9 a nano-dollar.
	half := big.NewInt(500_000_000)
	if sum.Sign() < 0 {
		half.Neg(half)
	}
	sum.Quo(sum.Add(sum, half), big.NewInt(1_000_000_000))
	if !sum.IsInt64() {
		return 0, errLarge
	}
	return Nano(sum.Int64()), nil
}

// smallCost is cost in 128 bits, for amounts that are not negative and fit; it is
// what nearly all are, and an import has a hundred thousand of them.
func smallCost(units []Quantity) (Nano, bool) {
	var high, low, carry uint64
	for _, u := range units {
		if u.N < 0 || u.Rate < 0 {
			return 0, false
		}
		h, l := bits.Mul64(uint64(u.N), uint64(u.Rate))
		low, carry = bits.Add64(low, l, 0)
		if high, carry = bits.Add64(high, h, carry); carry != 0 {
			return 0, false
		}
	}
	low, carry = bits.Add64(low, 500_000_000, 0)
	high += carry
	if high >= 1_000_000_000 {
		return 0, false
	}
	nano, _ := bits.Div64(high, low, 1_000_000_000)
	return Nano(nano), nano <= math.MaxInt64
}
