// Package pack reads objects from the files of a git repository: packs and
// loose objects. It is there for speed where many objects are read at once, and
// knows the deltas between them.
//
// It never has the last word. What it cannot read (another format, a damaged
// file, an object that is not there) it leaves to the git command, whose answer
// counts. What it gives was checked as git checks it when it reads: lengths, and
// the checksum of each compressed stream.
package pack
