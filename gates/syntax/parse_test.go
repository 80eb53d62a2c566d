//go:build cgo

package syntax

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

var ctx = context.Background()

func parse(t testing.TB, l Language, src string) *Tree {
	t.Helper()
	tree, err := Parse(ctx, l, []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func find(t testing.TB, tree *Tree, kind string) Node {
	t.Helper()
	for n := range tree.Root().All() {
		if n.Is(kind) {
			return n
		}
	}
	t.Fatalf("no %s", kind)
	return Node{}
}

func TestEveryLanguage(t *testing.T) {
	for l, c := range map[Language]struct{ src, kind string }{
		Go:         {"package p\nfunc f() {}\n", "function_declaration"},
		Python:     {"def f():\n    pass\n", "function_definition"},
		JavaScript: {"const f = () => <b/>;\n", "jsx_self_closing_element"},
		TypeScript: {"const f = <T,>(x: T): T => x;\n", "type_annotation"},
		TSX:        {"const f = (x: number) => <b>{x}</b>;\n", "jsx_element"},
		Rust:       {"fn f() -> u8 { 1 }\n", "function_item"},
	} {
		tree := parse(t, l, c.src)
		if errs := tree.Errors(); len(errs) != 0 || tree.Root().HasError() {
			t.Errorf("%s: errors %v", l, errs)
		}
		find(t, tree, c.kind)
		if !KnownKind(l, c.kind) || KnownKind(l, c.kind+"x") || !KnownField(l, "name") || KnownField(l, "") {
			t.Errorf("%s: KnownKind, KnownField", l)
		}
	}
}

func TestNodes(t *testing.T) {
	tree := parse(t, Go, "package p\n\nfunc grüße(ä, b int) {\n\treturn\n}\n")
	f := find(t, tree, "function_declaration")
	name := f.ChildByField("name")
	if name.Text() != "grüße" || name.Field() != "name" || !name.Named() || !name.Leaf() || name.Parent() != f {
		t.Errorf("name %q, field %q", name.Text(), name.Field())
	}
	if got, want := name.Start(), (Position{Byte: 16, Line: 3, Column: 6}); got != want {
		t.Errorf("start %+v, want %+v", got, want)
	}
	if got, want := name.End(), (Position{Byte: 23, Line: 3, Column: 11}); got != want {
		t.Errorf("end %+v, want %+v", got, want)
	}
	if first, last := f.Lines(); first != 3 || last != 5 {
		t.Errorf("lines %d to %d", first, last)
	}
	if first, last := tree.Root().Lines(); first != 1 || last != 5 || tree.Lines() != 5 {
		t.Errorf("root: lines %d to %d of %d", first, last, tree.Lines())
	}
	var kinds []string
	for c := range f.Children() {
		kinds = append(kinds, c.Kind())
	}
	if got := strings.Join(kinds, " "); got != "func identifier parameter_list block" {
		t.Errorf("children: %s", got)
	}
	if f.Child(0).Named() || f.NamedChild(0) != name || f.Child(9).Exists() || name.Next().Kind() != "parameter_list" || name.Previous().Kind() != "func" {
		t.Error("siblings")
	}
	if f.Child(0).Previous().Exists() || f.ChildByField("body").Next().Exists() || tree.Root().Next().Exists() || tree.Root().Parent().Exists() {
		t.Error("there is something outside")
	}
	n := 0
	for range find(t, tree, "parameter_declaration").ChildrenByField("name") {
		n++
	}
	if n != 2 {
		t.Errorf("%d names of parameters", n)
	}
	if !f.Contains(name) || name.Contains(f) || !f.Contains(f) {
		t.Error("Contains")
	}
	visited := 0
	tree.Root().Walk(func(n Node) bool { visited++; return n != f })
	if below := countAll(f) - 1; visited != tree.Len()-below {
		t.Errorf("visited %d of %d, %d left out", visited, tree.Len(), below)
	}
}

func countAll(n Node) (count int) {
	for range n.All() {
		count++
	}
	return count
}

func TestLongLines(t *testing.T) {
	tree := parse(t, JavaScript, strings.Repeat("é", columnLimit/2)+"\nf();")
	for offset, want := range map[int]Position{
		columnLimit:     {Byte: columnLimit, Line: 1, Column: columnLimit/2 + 1},
		columnLimit + 1: {Byte: columnLimit + 1, Line: 2, Column: 1},
		1 << 30:         {Byte: columnLimit + 5, Line: 2, Column: 5},
	} {
		if got := tree.Position(offset); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	if got := parse(t, JavaScript, strings.Repeat(" ", columnLimit+1)).Position(columnLimit + 1); got.Column != 0 || got.Line != 1 {
		t.Errorf("far out: %+v", got)
	}
}

func TestNoNode(t *testing.T) {
	var n Node
	n.Walk(func(Node) bool { t.Error("walked"); return true })
	for range n.All() {
		t.Error("something in it")
	}
	first, last := n.Lines()
	if n.Exists() || n.Kind() != "" || n.Text() != "" || n.Field() != "" || n.Named() || n.Leaf() || n.Parent().Exists() ||
		n.Child(0).Exists() || n.ChildByField("x").Exists() || n.Next().Exists() || n.Previous().Exists() || n.Start() != (Position{}) ||
		n.End() != (Position{}) || first+last != 0 || n.IsError() || n.IsMissing() || n.HasError() || n.Contains(n) {
		t.Error("no node says something")
	}
}

func TestErrors(t *testing.T) {
	tree := parse(t, Go, "package p\nfunc f() { x := ) }\nfunc g() { if }\n")
	errs := tree.Errors()
	if len(errs) == 0 || tree.ErrorRatio() <= 0 || tree.ErrorRatio() > 1 || !tree.Root().HasError() {
		t.Fatalf("errors %v, ratio %v", errs, tree.ErrorRatio())
	}
	if line := errs[0].Start().Line; line != 2 {
		t.Errorf("first error on line %d", line)
	}
	if tree := parse(t, JavaScript, "f(1"); len(tree.Errors()) != 1 || !tree.Errors()[0].IsMissing() && !tree.Errors()[0].IsError() {
		t.Errorf("errors %v", tree.Errors())
	}
	if tree := parse(t, Go, ""); tree.ErrorRatio() != 0 || tree.Lines() != 0 {
		t.Errorf("an empty file: ratio %v, %d lines", tree.ErrorRatio(), tree.Lines())
	}
}

func TestLimits(t *testing.T) {
	src := []byte("package p\n" + strings.Repeat("var x = 1\n", 1000))
	if _, err := ParseWithin(ctx, Go, src, Limits{Size: 100}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("size: %v", err)
	}
	if _, err := ParseWithin(ctx, Go, src, Limits{Steps: 3}); !errors.Is(err, ErrTooHard) {
		t.Errorf("steps: %v", err)
	}
	if _, err := ParseWithin(ctx, Go, src, Limits{Time: time.Nanosecond}); !errors.Is(err, ErrTooHard) {
		t.Errorf("time: %v", err)
	}
	if _, err := Parse(ctx, Go, make([]byte, 4<<20+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("default size: %v", err)
	}
	if _, err := Parse(ctx, Language(77), src); !errors.Is(err, ErrLanguage) {
		t.Errorf("language: %v", err)
	}
	stop, cancel := context.WithCancelCause(ctx)
	cancel(errors.New("enough"))
	if _, err := Parse(stop, Go, src); err == nil || err.Error() != "enough" {
		t.Errorf("context: %v", err)
	}
}

// The parser listens while it works: this takes it minutes, and hardly a step.
func TestCancelled(t *testing.T) {
	src := []byte(strings.Repeat("@#", 100_000))
	stop, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := Parse(stop, TypeScript, src)
	if elapsed := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || elapsed > 5*time.Second {
		t.Errorf("%v after %s", err, elapsed)
	}
}

// Sources that are deep, broken or no text at all neither crash the parser nor
// keep it for long.
func TestHostileSources(t *testing.T) {
	const n = 100_000
	nested := map[Language][]string{
		Go:         {"(", "[", "{", "func(", "a[", "*", "\x00", "\xff", "1+", "if x {"},
		Python:     {"(", "[", "{", "not ", "f'{", "\x00", "\xff", "@ ", "if x:\n ", " \n  \n", "lambda:"},
		JavaScript: {"(", "[", "{", "a=>", "a?", "<a>", "`${", "@", "/", "\xff", "\r", "\u2028"},
		TypeScript: {"(", "<", "Array<", "{", "a?(", "\xff"},
		TSX:        {"<a>", "(", "<", "{"},
		Rust:       {"(", "a<", "{|", "/*", "fn f(){", "#", "\xff", "r#"},
	}
	for l, list := range nested {
		for _, s := range list {
			t.Run(fmt.Sprintf("%s/%q", l, s), func(t *testing.T) {
				tree, err := Parse(ctx, l, []byte(strings.Repeat(s, n/len(s))))
				if err != nil {
					if !errors.Is(err, ErrTooHard) {
						t.Error(err)
					}
					return
				}
				check(t, tree)
			})
		}
	}
	tree := parse(t, Go, "package p\nvar x = "+strings.Repeat("(", n)+"1"+strings.Repeat(")", n)+"\n")
	if len(tree.Errors()) != 0 || countAll(tree.Root()) != tree.Len() {
		t.Error("nested parentheses are sound Go")
	}
}

// check looks at what has to be so in every tree.
func check(t testing.TB, tree *Tree) {
	t.Helper()
	for i, d := range tree.nodes {
		if d.from > d.to || int(d.to) > len(tree.Source) || int(d.end) <= i || int(d.end) > len(tree.nodes) {
			t.Fatalf("node %d of %d: %+v", i, len(tree.nodes), d)
		}
		if d.parent >= int32(i) || d.parent < 0 && i > 0 || i > 0 && tree.nodes[d.parent].end < d.end {
			t.Fatalf("node %d is not in its parent: %+v", i, d)
		}
		_ = Node{tree, int32(i)}.Kind()
	}
	if r := tree.ErrorRatio(); r < 0 || r > 1 {
		t.Fatalf("error ratio %v", r)
	}
	for _, e := range tree.Errors() {
		if !e.IsError() && !e.IsMissing() || e.Start().Line < 1 || e.Start().Column < 1 && e.StartByte() <= columnLimit {
			t.Fatalf("error %v", e)
		}
	}
}

// What the parser takes in C is given back: a thousand trees do not add up.
func TestMemoryIsGivenBack(t *testing.T) {
	if testing.Short() {
		t.Skip("slow")
	}
	src := []byte("package p\n" + strings.Repeat("func f(a int) int { return a + 1 }\n", 2000))
	rounds := func(n int) {
		for range n {
			if _, err := Parse(ctx, Go, src); err != nil {
				t.Fatal(err)
			}
		}
		runtime.GC()
	}
	rounds(10)
	before := residentKB(t)
	rounds(50) // what is leaked would be some 4 MB a round
	if after := residentKB(t); after > before+60_000 {
		t.Errorf("resident memory grew from %d to %d kB", before, after)
	}
}

func residentKB(t *testing.T) (kb int) {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	_, rest, _ := strings.Cut(string(data), "VmRSS:")
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		t.Skip(err)
	}
	return kb
}

func FuzzParse(f *testing.F) {
	for _, l := range Languages() {
		f.Add(uint8(l), []byte("package p; func f() { if a && b { } }"))
		f.Add(uint8(l), []byte("def f(x):\n  return [a for a in x if a]\n\xff\x00"))
		f.Add(uint8(l), []byte("const f = async (a?: T) => <b>{`${a}`}</b>;"))
		f.Add(uint8(l), []byte("fn f<'a>(x: &'a str) -> R { match x { _ => r#\"a\"# } }"))
	}
	f.Fuzz(func(t *testing.T, l uint8, src []byte) {
		tree, err := ParseWithin(ctx, Languages()[int(l)%len(Languages())], src, Limits{Time: time.Second})
		if err == nil {
			check(t, tree)
		} else if !errors.Is(err, ErrTooHard) {
			t.Error(err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	dir := filepath.Join(runtime.GOROOT(), "src", "net", "http")
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		b.Skip("no sources of Go here")
	}
	var all [][]byte
	var size int64
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		all, size = append(all, src), size+int64(len(src))
	}
	b.SetBytes(size)
	for b.Loop() {
		for _, src := range all {
			if _, err := Parse(ctx, Go, src); err != nil {
				b.Fatal(err)
			}
		}
	}
}
