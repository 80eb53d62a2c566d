package reports

import (
	"bytes"
	"encoding/csv"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/costs"
)

// The rows of FOCUS add up to the ledger exactly, for each entry.
func TestFocus(t *testing.T) {
	in := input(t)
	var buf bytes.Buffer
	if err := Focus(&buf, in, "shop"); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(buf.Bytes())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := func(name string) int { return slices.Index(rows[0], name) }
	sums := make(map[string]costs.Nano)
	for _, row := range rows[1:] {
		usd, err := costs.ParseUSD(row[column("BilledCost")])
		if err != nil {
			t.Fatal(err)
		}
		sums[row[column("x_EntryId")]] += usd
		if start, end := row[column("ChargePeriodStart")], row[column("ChargePeriodEnd")]; start >= end || !strings.HasSuffix(start, "Z") {
			t.Errorf("charged from %s to %s", start, end)
		}
	}
	for _, e := range upTo(in) {
		if sums[e.ID] != e.USD {
			t.Errorf("%s: $%s, want $%s", e.Key, sums[e.ID], e.USD)
		}
	}
	if len(sums) != len(in.Entries)-1 {
		t.Errorf("%d entries", len(sums))
	}
	in.Entries = in.Entries[len(in.Entries)-6:]
	buf.Reset()
	if err := Focus(&buf, in, "shop"); err != nil {
		t.Fatal(err)
	}
	golden(t, "focus.csv", buf.Bytes())
}

// What FOCUS 1.2 requires of each row: its columns' pages at
// github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec, tag v1.2. A price that
// nobody knows is left out against its rule: zero would say that it was free.
func TestFocusConforms(t *testing.T) {
	in := input(t)
	in.Entries = append(in.Entries,
		seal(t, costs.Entry{Key: "credit", Time: evening, Category: "api", USD: -5, Basis: costs.Reported, Source: "test"}),
		seal(t, costs.Entry{Key: "paid by the month", Time: evening, Category: "llm", Model: "claude-sonnet-4-5", Basis: costs.Subscription, Source: "test",
			Units: []costs.Quantity{{Unit: "input", N: 1_000_001_000_000, Rate: 3_000_001}}}),
		seal(t, costs.Entry{Key: "corrects a month that is over", Time: evening.AddDate(0, -2, 0), Category: "ci", USD: 7, Basis: costs.Reported, Source: "test",
			Replaces: strings.Repeat("a", 32), Reason: "typed wrong"}))
	var buf bytes.Buffer
	if err := Focus(&buf, in, "shop"); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&buf).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, line := range rows[1:] {
		row := make(map[string]string)
		for i, c := range rows[0] {
			row[c] = line[i]
		}
		seen[row["ChargeCategory"]+row["ChargeClass"]+row["x_Basis"]] = true
		conforms(t, row)
	}
	for _, kind := range []string{"Creditreported", "Usagesubscription", "Usagelist", "UsageCorrectionreported", "Usageunpriced"} {
		if !seen[kind] {
			t.Errorf("no row is %s", kind)
		}
	}
}

func conforms(t *testing.T, row map[string]string) {
	t.Helper()
	usage := row["ChargeCategory"] == "Usage"
	amount := func(column string) *big.Rat {
		v, ok := new(big.Rat).SetString(row[column])
		if !ok {
			t.Errorf("%s is %q: %v", column, row[column], row)
			return new(big.Rat)
		}
		return v
	}
	for _, c := range []string{"BilledCost", "EffectiveCost", "ContractedCost", "ListCost"} {
		amount(c)
	}
	never := []string{"BillingAccountId", "BillingAccountType", "BillingCurrency", "BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart",
		"ChargePeriodEnd", "ChargeCategory", "ChargeFrequency", "InvoiceIssuerName", "ProviderName", "PublisherName", "ServiceCategory",
		"ServiceSubcategory", "ServiceName"}
	unknown := row["x_Basis"] == string(costs.Unpriced)
	if usage && row["ChargeClass"] == "" {
		never = append(never, "PricingQuantity", "PricingUnit", "PricingCategory", "ConsumedQuantity", "ConsumedUnit", "SkuId", "SkuPriceId", "SkuMeter")
		if !unknown {
			never = append(never, "ListUnitPrice", "ContractedUnitPrice")
		}
	}
	for _, c := range never {
		if row[c] == "" {
			t.Errorf("%s is null: %v", c, row)
		}
	}
	if !usage && (row["ConsumedQuantity"] != "" || row["ListCost"] != row["BilledCost"] || row["ContractedCost"] != row["BilledCost"]) {
		t.Errorf("a credit: %v", row)
	}
	for _, kind := range []string{"List", "Contracted"} {
		if row[kind+"UnitPrice"] == "" || row["ChargeClass"] != "" {
			continue
		}
		price := amount(kind + "UnitPrice")
		if all := new(big.Rat).Mul(price, amount("PricingQuantity")); price.Sign() < 0 || all.Cmp(amount(kind+"Cost")) != 0 {
			t.Errorf("%s: %s for one, %s of them, %s for all", kind, row[kind+"UnitPrice"], row["PricingQuantity"], row[kind+"Cost"])
		}
	}
	allowed := map[string][]string{"ChargeCategory": {"Usage", "Credit"}, "ChargeClass": {"", "Correction"}, "ChargeFrequency": {"One-Time", "Usage-Based"},
		"PricingCategory": {"", "Standard", "Other"}}
	for c, values := range allowed {
		if !slices.Contains(values, row[c]) {
			t.Errorf("%s is %q", c, row[c])
		}
	}
}

func TestSplit(t *testing.T) {
	e := costs.Entry{USD: 100, Units: []costs.Quantity{{Unit: "a", N: 1, Rate: 1}, {Unit: "b", N: 1, Rate: 1}, {Unit: "c", N: 1, Rate: 1}}}
	if got := split(e); !slices.Equal(got, []costs.Nano{34, 33, 33}) {
		t.Errorf("%v", got)
	}
	e.USD = -100
	if got := split(e); got[0]+got[1]+got[2] != -100 {
		t.Errorf("%v", got)
	}
	e.Units = []costs.Quantity{{Unit: "a"}, {Unit: "b"}}
	if got := split(e); got[0]+got[1] != -100 {
		t.Errorf("%v", got)
	}
}

// hledger itself reads the journal, checks the assertions, and adds up the same.
func TestHledger(t *testing.T) {
	in := input(t)
	var buf bytes.Buffer
	if err := Hledger(&buf, in); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("hledger")
	if err != nil {
		t.Skip("hledger is not installed (Debian: hledger)")
	}
	file := filepath.Join(t.TempDir(), "costs.journal")
	if err := os.WriteFile(file, buf.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	hledger := func(args ...string) (string, error) {
		cmd := exec.Command(program, append([]string{"-f", file}, args...)...)
		cmd.Env = []string{"LANG=C.UTF-8", "HOME=" + t.TempDir()}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := hledger("check", "--strict"); err != nil {
		t.Fatalf("%v\n%.2000s", err, out)
	}
	out, err := hledger("balance", "Expenses", "--depth", "1", "-N")
	if want := "$" + Total(upTo(in)).String(); err != nil || !strings.Contains(out, want) {
		t.Errorf("hledger says %s (%v), the ledger $%s", out, err, want)
	}
	edited := bytes.Replace(buf.Bytes(), []byte("$3.210000001\n"), []byte("$3.21\n"), 1)
	edited = bytes.Replace(edited, []byte("$-3.210000001\n"), []byte("$-3.21\n"), 1)
	if err := os.WriteFile(file, edited, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := hledger("check"); err == nil {
		t.Errorf("an edited journal is accepted: %s", out)
	}
}

func TestHledgerGolden(t *testing.T) {
	in := input(t)
	in.Entries = in.Entries[len(in.Entries)-6:]
	var buf bytes.Buffer
	if err := Hledger(&buf, in); err != nil {
		t.Fatal(err)
	}
	golden(t, "costs.journal", buf.Bytes())
}
