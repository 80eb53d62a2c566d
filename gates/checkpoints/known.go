package checkpoints

import (
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// family is a group of files that are known by their paths, in lower case.
type family struct {
	name     string
	patterns []string
}

// schemas are the files that say what data and interfaces look like, and those
// that change it. The paths are compared in lower case.
var schemas = []family{
	{"SQL migrations", []string{"**/{migration,migrations,migrate}/**/*.{sql,ddl}", "**/schema/**/*.{sql,ddl}", "schema.sql", "structure.sql", "*.schema.sql"}},
	{"Alembic", []string{"**/alembic/versions/**/*.py", "**/migrations/versions/**/*.py"}},
	{"Django", []string{"**/migrations/[0-9][0-9][0-9][0-9]_*.py"}},
	{"Rails", []string{"**/db/migrate/**/*.rb", "**/db/*_migrate/**/*.rb", "**/db/schema.rb", "**/db/*_schema.rb"}},
	{"Prisma", []string{"*.prisma", "**/prisma/migrations/**"}},
	{"Drizzle", []string{"**/drizzle/**/*.sql", "**/drizzle/meta/*.json"}},
	{"Knex, Sequelize, TypeORM", []string{"**/{migration,migrations}/**/[0-9]*.{js,cjs,mjs,ts,cts,mts}"}},
	{"Flyway", []string{"[vub][0-9]*__*.sql", "r__*.sql", "**/db/migration/**/*.{java,kt,groovy}"}},
	{"Liquibase", []string{"**/db/changelog/**/*.{xml,yaml,yml,json,sql}", "**/liquibase/**/*.{xml,yaml,yml,json,sql}", "db.changelog*.{xml,yaml,yml,json,sql}", "*.databasechangelog.*"}},
	{"golang-migrate", []string{"*.{up,down}.sql"}},
	{"goose", []string{"**/migrations/**/[0-9]*_*.go"}},
	{"Atlas", []string{"atlas.sum", "schema.hcl", "*.schema.hcl", "*.pg.hcl", "*.my.hcl", "*.lt.hcl"}},
	{"Entity Framework", []string{"**/migrations/[0-9]*_*.cs", "**/migrations/*modelsnapshot.cs"}},
	{"Laravel", []string{"**/database/migrations/**/*.php"}},
	{"Ecto", []string{"**/priv/*/migrations/**/*.exs", "**/priv/*/structure.sql"}},
	{"SeaORM", []string{"**/migration/src/m[0-9]*_*.rs"}},
	{"Protocol Buffers, Thrift, Avro, FlatBuffers, Cap'n Proto", []string{"*.{proto,thrift,avsc,avdl,fbs,capnp}"}},
	{"GraphQL", []string{"*.graphqls", "{schema,*.schema}.{graphql,gql}", "**/schema/**/*.{graphql,gql}"}},
	{"OpenAPI, AsyncAPI", []string{"{openapi,swagger,asyncapi}{,-*,_*,.*}.{yaml,yml,json}", "*.{openapi,swagger,asyncapi}.{yaml,yml,json}", "**/{openapi,swagger,asyncapi}/**/*.{yaml,yml,json}"}},
}

// others' code is not ours to approve file by file.
var others = []string{"node_modules/", "vendor/"}

// research are the documents in which a decision is looked for.
var research = []string{"research.md", "findings.md", "**/docs/decisions/**", "**/docs/research/**"}

// known are the built-in patterns of a list of families. They are part of the
// program, and every one is tested.
func known(families []family) patterns {
	var texts []string
	for _, f := range families {
		texts = append(texts, f.patterns...)
	}
	return mustCompile(texts)
}

func mustCompile(texts []string) patterns {
	ps, err := compileAll(texts)
	if err != nil {
		panic("checkpoints: " + err.Error())
	}
	return ps
}

const noGo = `no[-_ \x{2010}-\x{2013}]?go`

var (
	// choice names both, and decides nothing: GO/NO-GO, "GO or NO-GO".
	choice = lazyregexp.New(`(?i)\bgo\b[\s*]*(/|\||\bor\b)[\s*]*` + noGo + `\b|\b` + noGo + `\b[\s*]*(/|\||\bor\b)[\s*]*go\b`)
	// open is a box that is not ticked.
	open = lazyregexp.New(`(?i)\[ \][\s*_]*(` + noGo + `|go)\b`)
	// decided is the word itself, in capitals or behind what announces it.
	decided = lazyregexp.New(`\b(NO[-_ \x{2010}-\x{2013}]?GO|GO)\b|(?i:\b(decision|verdict|recommendation|outcome)\b[\s*_:=|]*\b(` + noGo + `|go)\b)`)
)

// isDecision says whether a line of a research document decides.
func isDecision(line string) bool {
	return decided.MatchString(open.ReplaceAllString(choice.ReplaceAllString(line, " "), " "))
}

// fold is the form in which paths are compared with the built-in patterns.
func fold(path string) string { return strings.ToLower(path) }
