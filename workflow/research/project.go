package research

import (
	"errors"
	"fmt"
	"math/big"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/costs/prices"
)

// Usage is what one option uses in a month.
type Usage struct {
	Name          string
	Model         string
	Calls         Decimal // a month
	Input, Output Decimal // tokens of one call
	ComputeHours  Decimal
	ComputeHour   Decimal // US dollars
	StorageGB     Decimal
	StorageEach   Decimal // US dollars a GB
	Fixed         Decimal // US dollars; does not grow with use
}

// Projection is an option's monthly cost at every scale.
type Projection struct {
	Name      string       `json:"name"`
	Model     string       `json:"model,omitempty"`
	Price     string       `json:"price,omitempty"` // where the model's price is from
	Scenarios []Projected  `json:"scenarios"`
	Base      []CostOfPart `json:"parts"` // at scale 1
}

// Projected is the cost of a month at a scale.
type Projected struct {
	Scale   int64      `json:"scale"`
	Monthly costs.Nano `json:"monthly"`
	Yearly  costs.Nano `json:"yearly"`
}

// CostOfPart is one part of a cost.
type CostOfPart struct {
	What string     `json:"what"`
	USD  costs.Nano `json:"usd"`
}

// Scales of a projection.
func Scales() []int64 { return []int64{1, 10, 100, 1000} }

var usageKeys = []string{"name", "model", "calls", "input_tokens", "output_tokens", "compute_hours", "compute_hour_cost", "storage_gb", "storage_gb_cost", "monthly_fixed"}

// ReadUsage reads the options of a file: options: [{name, model, calls, …}].
func ReadUsage(name string, data []byte) ([]Usage, error) {
	d, err := open(name, data)
	if err != nil {
		return nil, err
	}
	var list []Usage
	err = d.each(d.top, []string{"topic", "options"}, func(key string, v *yaml.Node) error {
		if key == "topic" {
			return nil
		}
		if v.Kind != yaml.SequenceNode {
			return d.wrong(v, "want a list")
		}
		for _, e := range v.Content {
			u, err := d.usage(e)
			if err != nil {
				return err
			}
			list = append(list, u)
		}
		return nil
	})
	if err == nil && len(list) == 0 {
		err = d.wrong(d.top, "want options: [{name, model, calls, input_tokens, output_tokens, …}]")
	}
	return list, err
}

func (d document) usage(n *yaml.Node) (u Usage, err error) {
	numbers := map[string]*Decimal{
		"calls": &u.Calls, "input_tokens": &u.Input, "output_tokens": &u.Output, "compute_hours": &u.ComputeHours, "compute_hour_cost": &u.ComputeHour,
		"storage_gb": &u.StorageGB, "storage_gb_cost": &u.StorageEach, "monthly_fixed": &u.Fixed,
	}
	err = d.each(n, usageKeys, func(key string, v *yaml.Node) (err error) {
		switch key {
		case "name":
			u.Name, err = d.text(v)
		case "model":
			u.Model, err = d.text(v)
		default:
			if *numbers[key], err = d.number(v); err == nil && *numbers[key]%one != 0 && (key == "calls" || key == "input_tokens" || key == "output_tokens") {
				err = d.wrong(v, "%s: want a whole number", key)
			}
		}
		return err
	})
	switch {
	case err != nil:
	case u.Name == "":
		err = d.wrong(n, "an option wants a name")
	case (u.Input > 0 || u.Output > 0 || u.Calls > 0) && (u.Model == "" || u.Calls == 0):
		err = d.wrong(n, "the option %q: tokens want a model and calls", u.Name)
	}
	return u, err
}

// ErrUnpriced says that a model has no price.
var ErrUnpriced = errors.New("has no price: costs/prices.json takes prices of your own")

// Project reckons an option at every scale. What is fixed does not grow; all
// else does. The price of a model is that of calls of the option's size.
func Project(u Usage, table *prices.Table, at time.Time) (Projection, error) {
	p := Projection{Name: u.Name, Model: u.Model}
	inference, ref, err := inferenceOf(u, table, at)
	if err != nil {
		return p, err
	}
	p.Price = ref
	variable := []struct {
		what string
		cost *big.Int // in pico-dollars
	}{{"inference", inference}, {"compute", times(u.ComputeHours, u.ComputeHour)}, {"storage", times(u.StorageGB, u.StorageEach)}}
	sum := new(big.Int)
	for _, part := range variable {
		sum.Add(sum, part.cost)
		usd, err := nano(part.cost)
		if err != nil {
			return p, fmt.Errorf("%s of %s: %w", part.what, u.Name, err)
		}
		p.Base = append(p.Base, CostOfPart{part.what, usd})
	}
	p.Base = append(p.Base, CostOfPart{"fixed", costs.Nano(int64(u.Fixed) * 1000)})
	for _, scale := range Scales() {
		month := new(big.Int).Mul(sum, big.NewInt(scale))
		month.Add(month, new(big.Int).Mul(big.NewInt(int64(u.Fixed)), big.NewInt(1_000_000)))
		monthly, err := nano(month)
		if err != nil {
			return p, fmt.Errorf("%s × %d: %w", u.Name, scale, err)
		}
		yearly, err := nano(month.Mul(month, big.NewInt(12)))
		if err != nil {
			return p, fmt.Errorf("%s × %d: %w", u.Name, scale, err)
		}
		p.Scenarios = append(p.Scenarios, Projected{scale, monthly, yearly})
	}
	return p, nil
}

// inferenceOf is what the calls of a month cost, in pico-dollars.
func inferenceOf(u Usage, table *prices.Table, at time.Time) (*big.Int, string, error) {
	sum := new(big.Int)
	if u.Model == "" {
		return sum, "", nil
	}
	row, ok := table.Find(u.Model, at, int64(u.Input/one))
	if !ok {
		return nil, "", fmt.Errorf("the model %.60q %w", u.Model, ErrUnpriced)
	}
	for _, part := range []struct {
		unit string
		n    Decimal
	}{{prices.Input, u.Input}, {prices.Output, u.Output}} {
		rate, ok := row.Rate(part.unit)
		if !ok && part.n > 0 {
			return nil, "", fmt.Errorf("the %s of the model %.60q %w", part.unit, u.Model, ErrUnpriced)
		}
		n := new(big.Int).Mul(big.NewInt(int64(part.n/one)), big.NewInt(int64(u.Calls/one)))
		sum.Add(sum, n.Mul(n, big.NewInt(int64(rate))))
	}
	return sum, row.Ref(), nil
}

// times is a product of millionths: pico-dollars.
func times(a, b Decimal) *big.Int {
	return new(big.Int).Mul(big.NewInt(int64(a)), big.NewInt(int64(b)))
}

// nano rounds pico-dollars once, half up.
func nano(pico *big.Int) (costs.Nano, error) {
	n := new(big.Int).Add(pico, big.NewInt(500))
	n.Quo(n, big.NewInt(1000))
	if !n.IsInt64() {
		return 0, errors.New("the amount is too large")
	}
	return costs.Nano(n.Int64()), nil
}
