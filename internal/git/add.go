package git

import "context"

// Add is git add, with these arguments. Paths outside of a sparse checkout are
// like all others: git status shows a change there, and a plain git add refuses
// the whole command.
func (w Work) Add(ctx context.Context, args ...string) error {
	return add(func(args ...string) error {
		_, err := w.Git(ctx, args...)
		return err
	}, args)
}

// noEnvFiles keeps env files that nobody tracks out of git's objects.
var noEnvFiles = []string{
	":(top,exclude,glob)**/.env", ":(top,exclude,glob)**/.env.*", ":(top,exclude,glob)**/*.env", ":(top,exclude,glob)**/.envrc", ":(top,exclude,glob)**/.dev.vars",
}

// AddWork is git add of the whole work tree, but for env files that nobody tracks.
func (w Work) AddWork(ctx context.Context) error {
	return w.Add(ctx, append([]string{"--all", "--", ":/"}, noEnvFiles...)...)
}

// add asks for --sparse, which git has since 2.34; what is older adds such paths
// by itself.
func add(git func(args ...string) error, args []string) error {
	const wrongUse = 129
	err := git(append([]string{"add", "--sparse"}, args...)...)
	if exited(err, wrongUse) {
		err = git(append([]string{"add"}, args...)...)
	}
	return err
}
