package ci

import (
	"context"
	"errors"
)

// push compares with the tip before, as long as the push went on from it.
func (r *resolver) push(ctx context.Context) (Resolved, error) {
	why := "the ref is new"
	if len(r.c.Bases) > 0 {
		base, reason, err := r.before(ctx, r.c.Bases[0])
		if err != nil {
			return Resolved{}, err
		}
		if base != "" {
			return Resolved{Base: base, Note: "the push since " + short(base)}, nil
		}
		why = reason
	}
	base, _, reason, err := sinceDefault(ctx, r.repo, r.head, r.c.Default)
	if err != nil {
		return Resolved{}, err
	}
	if base == "" {
		return Resolved{Note: everything(why + ", and " + reason)}, nil
	}
	return Resolved{Base: base, Note: why + ": " + reason}, nil
}

// before is the base that the tip before a push gives: itself when HEAD went on
// from it. Empty, with the reason, where it does not help.
func (r *resolver) before(ctx context.Context, rev string) (base, why string, err error) {
	tip, err := r.find(ctx, rev)
	if err == nil && tip == "" && !r.c.Forced {
		tip, err = r.bring(ctx, rev)
		if errors.Is(err, ErrUnreadableBase) {
			return "", "the tip before the push (" + short(rev) + ") is not here", nil
		}
	}
	if err != nil {
		return "", "", err
	}
	if tip == "" {
		return "", "the tip before the push (" + short(rev) + ") was thrown away", nil
	}
	common, err := r.repo.MergeBase(ctx, tip, r.head)
	switch {
	case err != nil:
		return "", "", err
	case tip == r.head:
		return "", "the push brought no commit", nil
	case common == tip:
		return tip, "", nil
	case common == "" && !r.c.Forced && r.head == r.c.Head:
		// A shallow clone does not show the way from the one to the other; the
		// platform says that there is one.
		return tip, "", nil
	case common != "" && common != r.head && r.c.OnDefault:
		return common, "", nil // rewritten: all since the two parted
	}
	return "", "HEAD does not go on from the tip before the push (" + short(rev) + ")", nil
}
