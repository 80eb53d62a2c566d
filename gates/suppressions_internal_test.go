package gates

import (
	"slices"
	"strings"
	"testing"
)

// markerExamples are lines with a marker, and lines that only look like one.
// The tildes are taken out: they keep the lines from being markers here.
var markerExamples = map[string]struct{ markers, words []string }{
	"git~leaks:allow": {
		[]string{`x = 1 # git~leaks:allow`, `// better~leaks:allow`, `key: y # truffle~hog:ignore`},
		[]string{`git~leaks: allow it`, `the engine git~leaks`, `truffle~hog --ignore`},
	},
	"no~sec": {
		[]string{`x() # no~sec`, `x() #no~sec B101`, `x() // #no~sec G104 -- why`, `x() //no~sec`, `/* #no~sec */`, `x() # NO~SEC`},
		[]string{`no~sec = true`, `print("no~sec")`, `# no~second`, `// it is no~secret`},
	},
	"nos~emgrep": {
		[]string{`x() # no~semgrep`, `x() // no~semgrep: rule-id`, `<!-- no~semgrep -->`, `x() # no~sem`, `x() # NO~SEM`},
		[]string{`run sem~grep`, `x.no~semantics()`, `no_~sem = 1`},
	},
	"nol~int": {
		[]string{`x() //no~lint`, `x() //no~lint:errcheck // why`, `x() // no~lint`},
		[]string{`no~lint = true`, `# no~lint`, `// no~linter`},
	},
	"lin~t:ignore": {
		[]string{`//lint~:ignore SA1000 why`, `//lint~:file-ignore U1000 why`, `// lint~:ignore x y`},
		[]string{`// lint~: ignore`, `npm run lint~:ignore`, `//lint~:ignored`},
	},
	"no~qa": {
		[]string{`import x  # no~qa`, `import x  # no~qa: F401`, `# flake8: no~qa`, `# ruff: no~qa`, `x = 1  #NO~QA`},
		[]string{`no~qa = 1`, `// no~qa`, `# no~qaeda`},
	},
	"typ~e: ignore": {
		[]string{`x = y  # type~: ignore`, `x = y  # type~: ignore[attr-defined]`, `x = y  #type~:ignore`},
		[]string{`type~: ignore`, `# type~: ignored`, `# the type~: int`},
	},
	"pyr~ight: ignore": {
		[]string{`x  # pyright~: ignore`, `# pyright~: basic`, `# mypy~: ignore-errors`, `x  # pyre-~ignore[7]`, `x  # ty~: ignore[foo]`},
		[]string{`# pyright~: strict`, `# mypy~: strict`, `pyright~: ignore`},
	},
	"pyl~int: disable": {
		[]string{`x = 1  # pylint~: disable=invalid-name`, `# pylint~: skip-file`, `# pylint~:disable=all`},
		[]string{`# pylint~: enable=all`, `pylint~: disable`, `# pylint~: disabled`},
	},
	"pra~gma: no cover": {
		[]string{`if x:  # pragma~: no cover`, `x  #pragma~:no cover`, `x  # PRAGMA~: NO COVER`, `x  # pragma~: nocover`},
		[]string{`# pragma~: once`, `#pragma~ omp parallel`, `pragma~: no cover`},
	},
	"esl~int-disable": {
		[]string{`/* eslint-~disable */`, `// eslint-~disable-next-line no-eval`, `x() // eslint-~disable-line`},
		[]string{`/* eslint-~enable */`, `eslint-~disabled`, `npx eslint --disable`},
	},
	"@ts~-ignore": {
		[]string{`// @ts-~ignore`, `// @ts-~expect-error why`, `// @ts-~nocheck`, `/* @ts-~ignore */`},
		[]string{`// @ts-~check`, `ts-~ignore`, `import "@ts-~ignored"`},
	},
	"bio~me-ignore": {
		[]string{`// biome-~ignore lint: why`, `/* biome-~ignore-all format */`, `// oxlint-~disable-next-line x`},
		[]string{`biome.json`, `// biome-~ignored`, `npx oxlint`},
	},
	"cov~erage ignore": {
		[]string{`/* istanbul~ ignore next */`, `/* c8~ ignore start */`, `/* v8~ ignore next 3 */`, `// coverage:~ignore-line`, `// coverage:~ ignore`},
		[]string{`// the coverage: ignored lines`, `istanbul is a city`, `mpv8~ ignore`},
	},
	"#[a~llow]": {
		[]string{`#[allow~(dead_code)]`, `#![allow~(clippy::all)]`, `#[expect~(unused)]`},
		[]string{`#[deny~(warnings)]`, `allow~(dead_code)`, `#[derive~(Debug)]`},
	},
	"@Su~ppressWarnings": {
		[]string{`@Sup~pressWarnings("unchecked")`, `@Sup~press("UNUSED")`, `@file:Foo @Sup~press("X")`},
		[]string{`Sup~pressWarnings`, `@Sup~pressed`, `@Sup~pressLint("x")`},
	},
	"NOS~ONAR": {
		[]string{`x(); // NO~SONAR`, `x()  # NO~SONAR why`},
		[]string{`no~sonar`, `NO~SONARS`, `sonar.exclusions`},
	},
	"she~llcheck disable": {
		[]string{`# shellcheck~ disable=SC2086`, `#shellcheck~ disable=all`},
		[]string{`# shellcheck~ source=a.sh`, `shellcheck~ disable=SC1`, `# shellcheck~ shell=bash`},
	},
	"had~olint ignore": {
		[]string{`# hadolint~ ignore=DL3008`, `# hadolint~ global ignore=DL3003`},
		[]string{`hadolint~ ignore=DL1`, `# hadolint~ shell=sh`},
	},
	"rub~ocop:disable": {
		[]string{`x # rubocop~:disable Style/X`, `# rubocop~:todo Metrics`, `#rubocop~:disable all`},
		[]string{`# rubocop~:enable all`, `rubocop~:disable`},
	},
	"php~stan-ignore": {
		[]string{`/** @phpstan-~ignore-line */`, `// @phpstan-~ignore argument.type`, `/** @psalm-~suppress X */`},
		[]string{`phpstan-~ignore`, `@phpstan-~param int`, `@psalm-~pure`},
	},
	"sca~nner skip": {
		[]string{
			`# trivy~:ignore:AVD-1`, `#tfsec~:ignore:aws-x`, `# checkov~:skip=CKV_1:why`, `# kics-scan~ ignore-line`, `# kics-scan~ disable=x`,
			`# zizmor~: ignore[x]`, `// lg~tm [js/x]`, `// lg~tm[js/x]`, `// code~ql [js/x]`,
		},
		[]string{`run trivy~ ignore`, `checkov~: skip`, `# zizmor~: x`, `the code~ql engine`, `algori~tm[0]`},
	},
	"jsc~pd:ignore": {
		[]string{`/* jscpd~:ignore-start */`, `<!-- jscpd~:ignore-start -->`},
		[]string{`/* jscpd~:ignore-end */`, `jscpd~:ignore`},
	},
}

func plainLine(text string) string { return strings.ReplaceAll(text, "~", "") }

// matching are the names of the markers on a line.
func matching(line string) []string {
	var names []string
	for _, m := range markers {
		if m.pattern.MatchString(line) {
			names = append(names, m.name)
		}
	}
	return names
}

// Every marker has examples of both kinds: one that nobody tried is no marker.
func TestMarkers(t *testing.T) {
	t.Parallel()
	examples := make(map[string]struct{ markers, words []string })
	for name, ex := range markerExamples {
		examples[plainLine(name)] = ex
	}
	for _, m := range markers {
		ex := examples[m.name]
		if len(ex.markers) == 0 || len(ex.words) == 0 {
			t.Errorf("the marker %q has no example", m.name)
		}
		for _, line := range ex.markers {
			if got := matching(plainLine(line)); !slices.Equal(got, []string{m.name}) {
				t.Errorf("%q has the markers %q, want %q alone", plainLine(line), got, m.name)
			}
		}
		for _, line := range ex.words {
			if got := matching(plainLine(line)); len(got) != 0 {
				t.Errorf("%q has the markers %q, want none", plainLine(line), got)
			}
		}
		delete(examples, m.name)
	}
	for name := range examples {
		t.Errorf("there is no marker %q", name)
	}
}
