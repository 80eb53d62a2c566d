package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/wf-ci/wf-ci/costs"
	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/report"
)

// ledgerFileLimit is more than a file of entries, or the chain, may hold.
const ledgerFileLimit = 512 << 20

// ledgerChange is what a change does to the ledger beside adding to it. Taking
// an entry away would make room in the budget, and so would a correction:
// that is allowed, and shown. all are the entries of the tree,
// in says which file an entry (by its id) is in.
func ledgerChange(ctx context.Context, t *gates.Target, all []costs.Entry, in map[string]string) ([]gates.Finding, error) {
	if t.Change.Everything() {
		return nil, nil
	}
	before := make(map[string]costs.Entry) // entries of files that are gone
	var found []gates.Finding
	for _, path := range t.Change.Gone() {
		if !costs.IsEntries(path) {
			continue
		}
		lost, err := lostEntries(ctx, t, path, in, before)
		if err != nil {
			return nil, err
		}
		if lost > 0 {
			found = append(found, gates.Finding{
				Rule: "ledger-entry-removed", Severity: gates.SeverityError, Path: gates.Path(path),
				Message: fmt.Sprintf("the change takes %d entries out of the ledger; put the file back (a correction is an entry of its own: wf-ci costs correct)", lost),
			})
		}
	}
	broken, err := chainChange(ctx, t)
	if err != nil {
		return nil, err
	}
	return append(append(found, broken...), corrections(t, all, in, before)...), nil
}

// lostEntries counts the entries of a file of the base that the tree does not
// have in any other file, as it has those that were packed.
func lostEntries(ctx context.Context, t *gates.Target, path string, in map[string]string, before map[string]costs.Entry) (lost int, err error) {
	data, err := t.Repo.ReadFile(ctx, t.Change.Base, path, ledgerFileLimit)
	if err != nil {
		return 0, err
	}
	list, err := costs.Decode(path, data)
	if err != nil {
		return 0, nil // it was broken; that it is gone mends it
	}
	for _, e := range list {
		before[e.ID] = e
		if in[e.ID] == "" {
			lost++
		}
	}
	return lost, nil
}

// chainChange says whether the chain goes on from that of the base.
func chainChange(ctx context.Context, t *gates.Target) ([]gates.Finding, error) {
	const name = "costs/chain.jsonl"
	if !t.Change.HasFile(name) && !slices.Contains(t.Change.Gone(), name) {
		return nil, nil
	}
	old, err := t.Repo.ReadFile(ctx, t.Change.Base, name, ledgerFileLimit)
	if err != nil {
		return nil, err
	}
	var now []byte
	if f := t.Tree.File(name); f != nil {
		if now, err = t.Tree.Read(ctx, *f, ledgerFileLimit); err != nil {
			return nil, err
		}
	}
	problem := ""
	if _, err := costs.ParseChain(now); err != nil {
		problem = err.Error()
	} else if !bytes.HasPrefix(now, old) {
		problem = "the change rewrites links of the chain; only new ones may follow the old ones"
	}
	if problem == "" {
		return nil, nil
	}
	return []gates.Finding{{Rule: "ledger-chain-changed", Severity: gates.SeverityError, Path: name, Message: problem}}, nil
}

// corrections are the entries that the change adds to take the place of others.
func corrections(t *gates.Target, all []costs.Entry, in map[string]string, before map[string]costs.Entry) []gates.Finding {
	byID := make(map[string]costs.Entry, len(all))
	for _, e := range all {
		byID[e.ID] = e
	}
	var found []gates.Finding
	for _, e := range all {
		old, ok := byID[e.Replaces]
		if _, packed := before[e.ID]; !ok || packed || !t.Change.HasFile(in[e.ID]) {
			continue
		}
		found = append(found, gates.Finding{
			Rule: "ledger-correction", Severity: gates.SeverityNote,
			Message: report.Visible(fmt.Sprintf("the change corrects %s from $%s to $%s: %s", what(old), old.USD, e.USD, e.Reason)),
		})
	}
	return found
}
