package reports

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/prices"
)

// focusColumns are those of FOCUS 1.2 (Cost and Usage) that a ledger can fill, and
// those that must be there; x_ ones are ours.
var focusColumns = []string{
	"BilledCost", "BillingAccountId", "BillingAccountName", "BillingAccountType", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
	"ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart",
	"ConsumedQuantity", "ConsumedUnit", "ContractedCost", "ContractedUnitPrice", "EffectiveCost", "InvoiceId", "InvoiceIssuerName",
	"ListCost", "ListUnitPrice", "PricingCategory", "PricingCurrency", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName",
	"RegionId", "RegionName", "ResourceId", "ResourceName", "ResourceType", "ServiceCategory", "ServiceName", "ServiceSubcategory",
	"SkuId", "SkuMeter", "SkuPriceId", "SubAccountId", "SubAccountName", "Tags",
	"x_EntryId", "x_Basis", "x_Time", "x_Source",
}

// Focus writes the entries up to in.At as FOCUS 1.2: a row for each unit of an
// entry, which add up to the entry exactly. Billing periods are months in UTC, as
// FOCUS has it; an entry is charged in the second in which it happened.
func Focus(w io.Writer, in Input, account string) error {
	out := csv.NewWriter(w)
	if err := out.Write(focusColumns); err != nil {
		return err
	}
	for _, e := range upTo(in) {
		rows, err := in.focus(e, account)
		if err != nil {
			return err
		}
		for _, row := range rows {
			line := make([]string, len(focusColumns))
			for i, c := range focusColumns {
				line[i] = row[c]
			}
			if err := out.Write(line); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// upTo are the entries that count, by time.
func upTo(in Input) []costs.Entry {
	list := pick(in.Entries, func(e costs.Entry) bool { return !e.Time.After(in.At) })
	slices.SortFunc(list, func(a, b costs.Entry) int {
		if c := a.Time.Compare(b.Time); c != 0 {
			return c
		}
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return list
}

func (in Input) focus(e costs.Entry, account string) ([]focusRow, error) {
	tags, err := json.Marshal(tagsOf(e))
	if err != nil {
		return nil, err
	}
	base := in.focusBase(e, account)
	base["Tags"] = string(tags)
	if len(e.Units) == 0 {
		base.whole(e)
		return []focusRow{base}, nil
	}
	var rows []focusRow
	billed := split(e)
	for i, u := range e.Units {
		row := maps.Clone(base)
		row["BilledCost"], row["EffectiveCost"] = billed[i].String(), billed[i].String()
		row.meter(e, u.Unit, u.N.String())
		row["ChargeDescription"] = what(e) + ", " + u.Unit
		row.price(unitPrice(u.Rate), product(u.N, u.Rate))
		if e.Basis == costs.Unpriced { // which is not a price of zero
			row.price("", costs.Nano(0).String())
			row["PricingCategory"] = "Other"
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// focusRow is a row by its columns.
type focusRow map[string]string

// whole makes the row of an entry of which only the amount is known: one unit at
// that price, or, where it is negative, a credit, which has none.
func (r focusRow) whole(e costs.Entry) {
	usd := e.USD.String()
	r["BilledCost"], r["EffectiveCost"] = usd, usd
	if e.USD < 0 {
		r["ChargeCategory"], r["ChargeFrequency"] = "Credit", "One-Time"
		r["ContractedCost"], r["ListCost"] = usd, usd
		return
	}
	r.meter(e, "Units", "1")
	r.price(usd, usd)
}

// meter fills in what was used, and the price list's names for it.
func (r focusRow) meter(e costs.Entry, unit, quantity string) {
	r["ConsumedQuantity"], r["ConsumedUnit"] = quantity, unit
	r["PricingQuantity"], r["PricingUnit"] = quantity, unit
	r["PricingCategory"] = "Standard"
	r["SkuId"], r["SkuMeter"] = what(e), unit
	r["SkuPriceId"] = cmp.Or(e.PriceRef, string(e.Basis)) + "/" + what(e) + "/" + unit
}

// price fills in what one unit costs, and all of them, by the list. Nobody
// negotiated another price that a ledger could know; what was billed all the
// same stands in BilledCost.
func (r focusRow) price(unit, all string) {
	r["ListUnitPrice"], r["ContractedUnitPrice"] = unit, unit
	r["ListCost"], r["ContractedCost"] = all, all
}

// focusBase are the columns that all rows of an entry share.
func (in Input) focusBase(e costs.Entry, account string) focusRow {
	utc := e.Time.UTC()
	month := time.Date(utc.Year(), utc.Month(), 1, 0, 0, 0, 0, time.UTC)
	second := utc.Truncate(time.Second)
	provider := in.provider(e)
	r := focusRow{
		"BillingAccountId": account, "BillingAccountName": account, "BillingAccountType": "Repository", "BillingCurrency": "USD", "PricingCurrency": "USD",
		"BillingPeriodStart": month.Format(time.RFC3339), "BillingPeriodEnd": month.AddDate(0, 1, 0).Format(time.RFC3339),
		"ChargePeriodStart": second.Format(time.RFC3339), "ChargePeriodEnd": second.Add(time.Second).Format(time.RFC3339),
		"ChargeCategory": "Usage", "ChargeFrequency": "Usage-Based", "ChargeDescription": what(e),
		"ProviderName": provider, "PublisherName": provider, "InvoiceIssuerName": provider,
		"ServiceName": what(e), "x_EntryId": e.ID, "x_Basis": string(e.Basis), "x_Time": utc.Format(time.RFC3339Nano), "x_Source": e.Source,
	}
	r["ServiceCategory"], r["ServiceSubcategory"] = service(e.Category)
	if now := in.At.UTC(); e.Replaces != "" && month.Before(time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)) {
		r["ChargeClass"] = "Correction" // of a billing period that is over
	}
	return r
}

// provider is who has a price for it; else what wrote the entry.
func (in Input) provider(e costs.Entry) string {
	if e.Model != "" && in.Table != nil {
		if row, ok := in.Table.Find(e.Model, e.Time, 0); ok {
			return row.Provider
		}
	}
	return "unknown"
}

// service is FOCUS's word for a category.
func service(category string) (name, sub string) {
	switch category {
	case "llm", "embeddings":
		return "AI and Machine Learning", "Generative AI"
	case "compute":
		return "Compute", "Other (Compute)"
	case "storage":
		return "Storage", "Other (Storage)"
	case "bandwidth":
		return "Networking", "Other (Networking)"
	case "ci":
		return "Developer Tools", "Continuous Integration and Deployment"
	}
	return "Other", "Other (Other)"
}

func tagsOf(e costs.Entry) map[string]string {
	tags := make(map[string]string)
	for k, v := range map[string]string{"feature": e.Feature, "task": e.Task, "branch": e.Branch, "commit": e.Commit, "category": e.Category} {
		if v != "" {
			tags[k] = v
		}
	}
	return tags
}

// unitPrice is a rate in dollars for one.
func unitPrice(r prices.Rate) string { return decimal(big.NewInt(int64(r)), 12) }

// product is what so many cost at a rate, in dollars and without rounding.
func product(n costs.Count, r prices.Rate) string {
	return decimal(new(big.Int).Mul(big.NewInt(int64(n)), big.NewInt(int64(r))), 18)
}

// decimal is n / 10^digits, without zeros at its end.
func decimal(n *big.Int, digits int) string {
	text := new(big.Rat).SetFrac(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)).FloatString(digits)
	text = strings.TrimRight(text, "0")
	if strings.HasSuffix(text, ".") {
		text += "0"
	}
	return text
}

// split gives each unit its part of what the entry costs: by the list, and what
// rounding leaves to those that it took the most from.
func split(e costs.Entry) []costs.Nano {
	out := make([]costs.Nano, len(e.Units))
	weights, total := weigh(e)
	if total.Sign() == 0 {
		out[0] = e.USD
		return out
	}
	rests := make([]*big.Int, len(out))
	left := e.USD
	for i, w := range weights {
		q, r := new(big.Int).QuoRem(new(big.Int).Mul(w, big.NewInt(int64(e.USD))), total, new(big.Int))
		out[i], rests[i] = costs.Nano(q.Int64()), r.Abs(r)
		left -= out[i]
	}
	order := make([]int, len(out))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return rests[b].Cmp(rests[a]) })
	step := costs.Nano(1)
	if left < 0 {
		step = -1
	}
	for i := 0; left != 0; i++ {
		out[order[i%len(order)]] += step
		left -= step
	}
	return out
}

// weigh is what each unit weighs in the cost: its price, or, where there is none,
// its number.
func weigh(e costs.Entry) (weights []*big.Int, total *big.Int) {
	total = new(big.Int)
	for _, byPrice := range []bool{true, false} {
		weights = weights[:0]
		for _, u := range e.Units {
			w := big.NewInt(int64(u.N))
			if byPrice {
				w.Mul(w, big.NewInt(int64(u.Rate)))
			}
			weights = append(weights, w)
			total.Add(total, w)
		}
		if total.Sign() != 0 {
			break
		}
	}
	return weights, total
}
