// Package scan finds secrets in texts, with the rules of gitleaks and with its
// results, and much faster.
//
// # How
//
// Nearly all of gitleaks' time goes into regular expressions that do not match.
// Here every rule is cut beforehand ([CutRegex]) into head, literal and tail,
// such that each match of the expression is a match of head, then one of the
// literals, then the tail. All literals of all rules are looked for in one pass
// over the text (finder). Where one is, an automaton that is built as it is
// needed (dfa) says whether the tail matches behind it, and how far the longest
// such match goes; how far the head can go back is known from its length and
// from the bytes that can be in it. Only the windows that this gives are
// searched with the expression itself, as package regexp would (matcher).
//
// # Why it is exact
//
// What gitleaks asks of an expression is FindAllStringIndex(text). Claim: the
// same matches are found by searching the windows one after another.
//
//  1. Every way in which the expression can match lies in one window. It has a
//     literal somewhere with the head before and the tail behind. The head is
//     no longer than Head.Max and only of Head.Bytes, so it begins no earlier
//     than the window does. The tail matches behind the literal, so the
//     automaton, which follows all ways at once, was in an accepting state
//     where the match ends, and the window ends at the last of these states.
//     Windows that touch are merged, so that two of them share no way to match.
//  2. A window is a character longer on both sides. So a match in the text does
//     not touch the edges of its window (but where these are the text's), and
//     each assertion in it (^, $, \b) sees the same characters in the window
//     as in the text: it matches there, too.
//  3. The other way round, a match in the window that does not touch an edge is
//     one in the text. One that does touch may be due to the edge ("$"). Then
//     nothing is taken from the windows, and the expression runs over the whole
//     text.
//  4. Of all ways to match from one place, package regexp prefers one by an
//     order that does not depend on what is around. As the ways are the same in
//     the window and in the text, so is the match; and so is where the search
//     goes on, at its end.
//
// Windows begin and end between characters as the decoder of UTF-8 sees them
// from the text's start.
//
// Expressions that ignore case also match U+017F for s and U+212A for k. A text
// with one of these is not for cuts: the expressions run over all of it. Rules
// that cannot be cut run over whole texts always, as far as a keyword is there
// and an automaton finds that they match at all. A rule whose tails read more
// than a few times the text is run over the whole text as well, so that the time
// is linear in the text.
//
// The keywords of a rule are looked for where it could have a match, in the
// lowered text, as gitleaks does for all rules before.
//
// The tests hold all of it against gitleaks itself: every rule on samples made
// from its expression, on samples with changes, encoded ones, on our sources,
// and by fuzzing.
package scan
