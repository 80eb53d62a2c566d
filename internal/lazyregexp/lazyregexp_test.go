package lazyregexp_test

import (
	"reflect"
	"regexp"
	"sync"
	"testing"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// Each method says what that of [regexp.Regexp] says.
func TestSaysWhatRegexpSays(t *testing.T) {
	const source, text = `(\w)(\d+)`, "a1 b22 c"
	lazy, plain := reflect.ValueOf(lazyregexp.New(source)), reflect.ValueOf(regexp.MustCompile(source))
	arguments := map[reflect.Type]any{
		reflect.TypeFor[[]byte](): []byte(text), reflect.TypeFor[string](): text, reflect.TypeFor[int](): -1,
		reflect.TypeFor[func(string) string](): func(s string) string { return "<" + s + ">" },
	}
	for i := range lazy.NumMethod() {
		name := lazy.Type().Method(i).Name
		var in []reflect.Value
		for j := range lazy.Method(i).Type().NumIn() {
			in = append(in, reflect.ValueOf(arguments[lazy.Method(i).Type().In(j)]))
		}
		got, want := lazy.Method(i).Call(in)[0].Interface(), plain.MethodByName(name).Call(in)[0].Interface()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	re := lazyregexp.New(`^a+$`)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if !re.MatchString("aaa") || re.MatchString("b") {
				t.Error("wrong answer")
			}
		})
	}
	wg.Wait()
}
