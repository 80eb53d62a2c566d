package reports

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"math/big"
	"slices"
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

func (in Input) focus(e costs.Entry, account string) ([]map[string]string, error) {
	tags, err := json.Marshal(tagsOf(e))
	if err != nil {
		return nil, err
	}
	base := in.focusBase(e, account)
	base["Tags"] = string(tags)
	if len(e.Units) == 0 {
		base.money(e.USD, e.USD)
		return []map[string]string{base}, nil
	}
	var rows []map[string]string
	billed := split(e)
	for i, u := range e.Units {
		row := focusRow{}
		for k, v := range base {
			row[k] = v
		}
		row.money(billed[i], nano(u.N, u.Rate))
		row["ConsumedQuantity"], row["ConsumedUnit"] = u.N.String(), u.Unit
		row["PricingQuantity"], row["PricingUnit"] = u.N.String(), u.Unit
		row["SkuMeter"], row["ChargeDescription"] = u.Unit, what(e)+", "+u.Unit
		if e.Basis != costs.Unpriced {
			row["ListUnitPrice"], row["ContractedUnitPrice"] = unitPrice(u.Rate), unitPrice(u.Rate)
			row["PricingCategory"] = "Standard"
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// focusRow is a row by its columns.
type focusRow map[string]string

// money fills in the costs. What was not billed by the list has its list price all
// the same.
func (r focusRow) money(billed, list costs.Nano) {
	r["BilledCost"], r["EffectiveCost"], r["ContractedCost"] = billed.String(), billed.String(), billed.String()
	r["ListCost"] = list.String()
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
		"ServiceName": what(e), "SkuId": e.Model, "SkuPriceId": e.PriceRef, "x_EntryId": e.ID, "x_Basis": string(e.Basis), "x_Time": utc.Format(time.RFC3339Nano), "x_Source": e.Source,
	}
	r["ServiceCategory"], r["ServiceSubcategory"] = service(e.Category)
	if e.Replaces != "" {
		r["ChargeClass"] = "Correction"
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
		return "Developer Tools", "Development Environments"
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
func unitPrice(r prices.Rate) string {
	text := new(big.Rat).SetFrac64(int64(r), 1_000_000_000_000).FloatString(12)
	for len(text) > 0 && text[len(text)-1] == '0' {
		text = text[:len(text)-1]
	}
	if text[len(text)-1] == '.' {
		return text + "0"
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
