package checkpoints

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git"
)

// Reviews are what a platform knows of the people who looked at the change.
type Reviews struct {
	Author string   // login of whoever opened the change. Required.
	Head   string   // commit that a review has to be given for. Required.
	List   []Review // in the order of time

	// InTeams asks which of these teams ("organisation/team") a person is in. It
	// is asked of reviewers where a team owns a file. Nil: nobody can say.
	InTeams func(ctx context.Context, login string, teams []string) ([]string, error)
}

// Review is one person's word on the change.
type Review struct {
	Login  string
	State  string   // GitHub's: APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED, PENDING
	Commit string   // that was looked at
	Teams  []string // "organisation/team" of the person, as far as they are known
}

// last are the reviews that decide: of each person the last that says yes or no.
// A comment, and a review that is not sent yet, say neither.
func (r Reviews) last() []Review {
	var list []Review
	for _, review := range slices.Backward(r.List) {
		state := strings.ToUpper(review.State)
		if state == "COMMENTED" || state == "PENDING" || review.Login == "" {
			continue
		}
		if !slices.ContainsFunc(list, func(o Review) bool { return strings.EqualFold(o.Login, review.Login) }) {
			review.State = state
			list = append(list, review)
		}
	}
	slices.SortFunc(list, func(a, b Review) int { return strings.Compare(strings.ToLower(a.Login), strings.ToLower(b.Login)) })
	return list
}

// owns says whether a reviewer is one of the owners. An address is not a login.
func (r Review) owns(list []string) bool {
	return slices.ContainsFunc(list, func(owner string) bool {
		name := strings.TrimPrefix(owner, "@")
		if isTeam(owner) {
			return slices.ContainsFunc(r.Teams, func(team string) bool { return strings.EqualFold(team, name) })
		}
		return strings.HasPrefix(owner, "@") && strings.EqualFold(r.Login, name)
	})
}

// reviewed says why the reviews do not approve the files; empty: they do. Each
// file needs the yes of one of its owners, and no owner's no.
func (o Options) reviewed(who *owners, people *people, reviews Reviews, files []File) string {
	last := reviews.last()
	for _, f := range files {
		list := who.of(string(f.Path))
		if len(list) == 0 {
			return fmt.Sprintf("%s has no code owner in %s", f.Path, who.path)
		}
		why := fmt.Sprintf("no owner of %s (%s) has approved it", f.Path, strings.Join(list, ", "))
		approved := false
		for _, r := range last {
			if !r.owns(list) {
				continue
			}
			switch refusal := o.reviewRefusal(people, reviews, r); {
			case r.State == "CHANGES_REQUESTED":
				return fmt.Sprintf("@%s, an owner of %s, asks for changes", r.Login, f.Path)
			case refusal != "":
				why = refusal
			default:
				approved = true
			}
		}
		if !approved {
			return why
		}
	}
	return ""
}

// reviewRefusal is why an owner's review does not count; empty: it does.
func (o Options) reviewRefusal(people *people, reviews Reviews, r Review) string {
	isAuthor := strings.EqualFold(r.Login, reviews.Author) || slices.ContainsFunc(people.authors, func(p git.Person) bool { return isPerson("@"+r.Login, p) })
	switch {
	case r.State != "APPROVED":
		return fmt.Sprintf("the review by @%s does not count any more (%.40s)", r.Login, strings.ToLower(r.State))
	case isAuthor:
		return fmt.Sprintf("the review by @%s does not count: an author of the change", r.Login)
	case reviews.Head == "" || r.Commit != reviews.Head:
		return fmt.Sprintf("the review by @%s is of commit %.12s, and the change is at %.12s: ask for another look", r.Login, r.Commit, reviews.Head)
	case len(o.Approvers) > 0 && !slices.ContainsFunc(o.Approvers, func(a string) bool { return strings.EqualFold(a, "@"+r.Login) }):
		return fmt.Sprintf("the review by @%s does not count: not in gates.checkpoints.approvers", r.Login)
	}
	return ""
}

// ownerRefusal is why the author of a commit may not approve these files; empty:
// each of them is theirs.
func ownerRefusal(who *owners, author git.Person, files []File) string {
	for _, f := range files {
		list := who.of(string(f.Path))
		if len(list) == 0 {
			return fmt.Sprintf("%s has no code owner in %s", f.Path, who.path)
		}
		if slices.ContainsFunc(list, func(owner string) bool { return !isTeam(owner) && isPerson(owner, author) }) {
			continue
		}
		if slices.ContainsFunc(list, isTeam) {
			return fmt.Sprintf("%.200s is not named as an owner of %s (%s), and who is in a team cannot be told from a commit", author, f.Path, strings.Join(list, ", "))
		}
		return fmt.Sprintf("%.200s is not an owner of %s (%s)", author, f.Path, strings.Join(list, ", "))
	}
	return ""
}

// review says why no review stands in for a record; empty: one does.
func (b *book) review(ctx context.Context, who *owners, files []File) (string, error) {
	if b.reviews == nil {
		r, err := b.options.Reviews(ctx)
		if err != nil {
			return "", fmt.Errorf("ask for the reviews: %w", err)
		}
		b.reviews = &r
	}
	if err := b.reviews.askTeams(ctx, who.teams(files)); err != nil {
		return "", err
	}
	people, err := b.everybody(ctx)
	if err != nil {
		return "", err
	}
	return b.options.reviewed(who, people, *b.reviews, files), nil
}

// teams own some of the files.
func (o *owners) teams(files []File) []string {
	var teams []string
	for _, f := range files {
		for _, owner := range o.of(string(f.Path)) {
			if isTeam(owner) {
				teams = append(teams, strings.TrimPrefix(owner, "@"))
			}
		}
	}
	slices.Sort(teams)
	return slices.Compact(teams)
}

// askTeams adds to the reviews that decide which teams their authors are in.
func (r *Reviews) askTeams(ctx context.Context, teams []string) error {
	if r.InTeams == nil || len(teams) == 0 {
		return nil
	}
	asked := make(map[string][]string)
	for i, review := range r.List {
		in, ok := asked[review.Login]
		if !ok {
			var err error
			if in, err = r.InTeams(ctx, review.Login, teams); err != nil {
				return fmt.Errorf("ask who is in a team: %w", err)
			}
			asked[review.Login] = in
		}
		r.List[i].Teams = append(slices.Clone(review.Teams), in...)
	}
	return nil
}

// hint is what nobody can tell where no platform is asked; empty: all owners are
// people.
func (o *owners) hint(files []File) string {
	for _, f := range files {
		list := o.of(string(f.Path))
		if len(list) > 0 && !slices.ContainsFunc(list, func(owner string) bool { return !isTeam(owner) }) {
			return fmt.Sprintf(" (%s is owned by %s alone, and who is in a team cannot be told here: name people in %s)", f.Path, strings.Join(list, ", "), o.path)
		}
	}
	return ""
}

func (b *book) codeOwners(ctx context.Context) (*owners, error) {
	if b.owners == nil {
		o, err := readOwners(ctx, b.target)
		if err != nil {
			return nil, err
		}
		b.owners = o
	}
	return b.owners, nil
}

func (b *book) everybody(ctx context.Context) (*people, error) {
	if b.people == nil {
		p, err := findPeople(ctx, b.target)
		if err != nil {
			return nil, err
		}
		b.people = p
	}
	return b.people, nil
}

var ownersRule = gates.Rule{ID: "codeowners-line", Title: "A line of CODEOWNERS that counts for nothing", Help: "Write the line in GitHub's form: a pattern, and its owners."}
