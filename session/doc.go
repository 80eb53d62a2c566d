// Package session is the day: what has to be known when it begins ([Start]),
// and what is written down when it ends ([Close]).
//
// PROJECT_CONTEXT.md is a document of people with blocks of ours in it
// ([Document]): blocks are renewed, and no other byte of it ever changes.
// Beside it, .claude/context.json holds the same for programs ([Context]).
//
// The package asks git, reads and writes files below the directories that it is
// given, and starts nothing. Costs, worktrees, agents and the mask for secrets
// come in as functions.
package session
