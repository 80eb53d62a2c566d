package sast

import (
	"context"
	"errors"
	"slices"
)

// compiled is a rule in the form that is run on files of one family.
type compiled struct {
	*rule
	search, sources, sinks, sanitizers *formula
	sourceRaws                         map[string]bool
	// needs are texts of which a file has to hold one of each group.
	needs [][]string
}

// compileRule compiles a rule for a family.
func compileRule(ctx context.Context, x *rule, f family) (*compiled, error) {
	c := &compiled{rule: x, sourceRaws: make(map[string]bool)}
	var errs []error
	one := func(s *spec) *formula {
		if s == nil {
			return nil
		}
		f, err := compileSpec(ctx, s, f, x.imports)
		errs = append(errs, err)
		return f
	}
	c.search, c.sources, c.sinks, c.sanitizers = one(x.search), one(x.sources), one(x.sinks), one(x.sanitizers)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, f := range []*formula{c.search, c.sources, c.sinks} {
		if f != nil {
			c.needs = append(c.needs, f.needs()...)
		}
	}
	if c.sources != nil {
		c.sources.raws(c.sourceRaws)
	}
	return c, nil
}

func compileSpec(ctx context.Context, s *spec, f family, imports map[string]string) (*formula, error) {
	out := &formula{op: s.op, re: s.re, names: s.names}
	if s.op == opPattern {
		p, err := compile(ctx, f, s.text, imports)
		if err != nil {
			return nil, s.at.errorf("pattern: %v", err)
		}
		out.pattern = p
		return out, nil
	}
	var errs []error
	for _, sub := range s.subs {
		c, err := compileSpec(ctx, sub, f, imports)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out.subs = append(out.subs, c)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if s.op == opAnd {
		return out, checkBound(s, out)
	}
	return out, nil
}

// checkBound: a condition on a metavariable that nothing binds is a typo.
func checkBound(s *spec, f *formula) error {
	bound := make(map[string]bool)
	for _, sub := range f.subs {
		sub.bindings(bound)
	}
	for i, sub := range f.subs {
		if sub.op != opFocus && sub.op != opMetaRegexp && sub.op != opMetaPattern {
			continue
		}
		for _, name := range sub.names {
			if !bound[name] {
				return s.subs[i].at.errorf("no pattern has the metavariable $%s", name)
			}
		}
	}
	return nil
}

func (f *formula) bindings(into map[string]bool) {
	switch f.op {
	case opNot, opNotInside:
		return
	case opPattern:
		for _, n := range f.pattern.names {
			if n != "" {
				into[n] = true
			}
		}
	}
	for _, sub := range f.subs {
		sub.bindings(into)
	}
}

// needs are groups of texts: a file that holds none of a group has no match.
func (f *formula) needs() [][]string {
	switch f.op {
	case opPattern:
		var groups [][]string
		for _, w := range f.pattern.fixed {
			groups = append(groups, []string{w})
		}
		return groups
	case opAnd:
		var groups [][]string
		for _, sub := range f.subs {
			if sub.op == opPattern || sub.op == opAnd || sub.op == opEither || sub.op == opInside {
				groups = append(groups, sub.needs()...)
			}
		}
		return groups
	case opInside:
		return f.subs[0].needs()
	case opEither:
		return needsOfEither(f.subs)
	}
	return nil
}

// needsOfEither is one group: what each of them needs most.
func needsOfEither(subs []*formula) [][]string {
	var group []string
	for _, sub := range subs {
		most := mostNeeded(sub.needs())
		if len(most) == 0 {
			return nil
		}
		group = append(group, most...)
	}
	slices.Sort(group)
	return [][]string{slices.Compact(group)}
}

// mostNeeded is the longest text that has to be there, or else the first group
// of which one has to be.
func mostNeeded(groups [][]string) []string {
	var longest, several []string
	for _, g := range groups {
		switch {
		case len(g) == 1 && (longest == nil || len(g[0]) > len(longest[0])):
			longest = g
		case len(g) > 1 && several == nil:
			several = g
		}
	}
	if longest != nil {
		return longest
	}
	return several
}

// raws are the dotted names that are sources as they stand.
func (f *formula) raws(into map[string]bool) {
	if f.op == opPattern && len(f.pattern.roots) == 1 {
		if raw := f.pattern.raws[f.pattern.roots[0]]; raw != "" {
			into[raw] = true
		}
	}
	if f.op == opEither {
		for _, sub := range f.subs {
			sub.raws(into)
		}
	}
}
