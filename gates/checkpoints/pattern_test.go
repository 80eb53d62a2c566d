package checkpoints

import (
	"slices"
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	tests := []struct {
		pattern string
		yes, no []string
	}{
		{"*.proto", []string{"a.proto", "api/v1/a.proto"}, []string{"a.proto3", "proto"}},
		{"/*.proto", []string{"a.proto"}, []string{"api/a.proto"}},
		{"src/core", []string{"src/core", "src/core/a.go", "src/core/x/y.go"}, []string{"a/src/core/a.go", "src/corea"}},
		{"src/core/", []string{"src/core/a.go"}, []string{"src/core"}},
		{"core/", []string{"core/a.go", "x/core/y/a.go"}, []string{"core", "x/core"}},
		{"src/**", []string{"src/a", "src/a/b"}, []string{"lib/a", "a/src/b"}},
		{"**/db/*.sql", []string{"db/a.sql", "x/y/db/a.sql"}, []string{"db/x/a.sql", "adb/a.sql"}},
		{"a/**/z/**/b", []string{"a/z/b", "a/1/2/z/3/b", "a/z/z/b"}, []string{"a/b", "a/z", "z/b"}},
		{"**", []string{"a", "a/b"}, nil},
		{"{a,b/c}/*.go", []string{"a/x.go", "b/c/x.go"}, []string{"b/x.go", "c/x.go"}},
		{"x{,-*}.yml", []string{"x.yml", "d/x-1.yml"}, []string{"xy.yml"}},
		{"[0-9]?.txt", []string{"1a.txt"}, []string{"a1.txt", "12a.txt"}},
		{"./a//b", []string{"a/b"}, []string{"b"}},
		{"caf\xe9/*", []string{"caf\xe9/a"}, []string{"cafe/a"}},
		{"a b/*", []string{"a b/c\nd"}, []string{"a/b/c"}},
	}
	for _, tt := range tests {
		p, err := compile(tt.pattern)
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		for _, path := range tt.yes {
			if !p.match(path) {
				t.Errorf("%q does not match %q", tt.pattern, path)
			}
		}
		for _, path := range tt.no {
			if p.match(path) {
				t.Errorf("%q matches %q", tt.pattern, path)
			}
		}
	}
	for _, bad := range []string{"", "/", "[a", "{a", "a}", "{a,{b}}", "../a", "a/../b", "."} {
		if _, err := compile(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// What a person writes cannot keep us busy.
func TestPatternIsNotSlow(t *testing.T) {
	p, err := compile(strings.Repeat("**/a/", 200) + "b")
	if err != nil {
		t.Fatal(err)
	}
	if p.match(strings.Repeat("a/", 2000) + "c") {
		t.Error("matches")
	}
}

// Every family has files that it knows, and files that look like them and are
// none of any family's.
func TestSchemas(t *testing.T) {
	tests := map[string]struct{ yes, no []string }{
		"SQL migrations":           {[]string{"migrations/001_init.sql", "svc/a/migrations/2024/x.SQL", "db/schema.sql", "db/structure.sql", "shop.schema.sql", "schema/tables/users.sql"}, []string{"queries/users.sql", "sql/report.sql", "docs/migrations.md"}},
		"Alembic":                  {[]string{"alembic/versions/ab12_add.py", "app/alembic/versions/x.py", "migrations/versions/ab12.py"}, []string{"alembic/env.py", "src/versions/a.py"}},
		"Django":                   {[]string{"shop/migrations/0001_initial.py", "migrations/0042_auto.py"}, []string{"shop/migrations/__init__.py", "shop/models.py", "shop/0001_initial.py"}},
		"Rails":                    {[]string{"db/migrate/20240101000000_a.rb", "db/schema.rb", "db/animals_migrate/1_a.rb", "engines/x/db/schema.rb", "db/animals_schema.rb"}, []string{"db/seeds.rb", "app/models/schema.rb", "lib/migrate/a.rb"}},
		"Prisma":                   {[]string{"prisma/schema.prisma", "schema.prisma", "prisma/migrations/migration_lock.toml", "packages/db/prisma/migrations/1/migration.sql"}, []string{"prisma/seed.ts", "prisma.config.ts"}},
		"Drizzle":                  {[]string{"drizzle/0000_x.sql", "drizzle/meta/_journal.json"}, []string{"drizzle.config.ts", "drizzle/README.md"}},
		"Knex, Sequelize, TypeORM": {[]string{"migrations/20240101120000_users.js", "src/migration/1600000000000-Users.ts", "db/migrations/20240101-a.cjs"}, []string{"migrations/index.js", "src/1-a.ts", "migrations/run.ts"}},
		"Flyway":                   {[]string{"src/main/resources/db/migration/V1__init.sql", "sql/V2.1__x.sql", "sql/R__views.sql", "db/migration/V3__Code.java", "U1__undo.sql"}, []string{"sql/V1_init.sql", "sql/view__a.sql"}},
		"Liquibase":                {[]string{"src/main/resources/db/changelog/db.changelog-master.yaml", "liquibase/1.xml", "db.changelog-1.0.xml", "shop.databasechangelog.xml"}, []string{"CHANGELOG.md", "changelog/1.yml", "changelogs/unreleased/a.yml"}},
		"golang-migrate":           {[]string{"x/000001_init.up.sql", "000001_init.down.sql"}, []string{"backup.sql", "start.up.sh"}},
		"goose":                    {[]string{"migrations/00001_init.go", "internal/migrations/20240101_x.go"}, []string{"migrations/migrations.go", "00001_init.go"}},
		"Atlas":                    {[]string{"atlas.sum", "schema.hcl", "db/public.schema.hcl", "a.pg.hcl", "a.my.hcl", "a.lt.hcl"}, []string{"atlas.hcl", "main.hcl"}},
		"Entity Framework":         {[]string{"Data/Migrations/20240101_Init.cs", "Migrations/ShopContextModelSnapshot.cs"}, []string{"Migrations/Helper.cs", "Data/Shop.cs"}},
		"Laravel":                  {[]string{"database/migrations/2024_01_01_000000_a.php"}, []string{"database/seeders/A.php", "app/migrations/a.php"}},
		"Ecto":                     {[]string{"priv/repo/migrations/20240101_a.exs", "priv/repo/structure.sql"}, []string{"priv/repo/seeds.exs"}},
		"SeaORM":                   {[]string{"migration/src/m20220101_000001_create.rs"}, []string{"migration/src/lib.rs", "migration/src/main.rs"}},
		"Protocol Buffers, Thrift, Avro, FlatBuffers, Cap'n Proto": {[]string{"api/v1/a.proto", "a.thrift", "a.avsc", "a.fbs", "a.capnp"}, []string{"a.pb.go", "proto/README.md"}},
		"GraphQL":           {[]string{"schema.graphql", "a/schema.gql", "shop.schema.graphql", "x.graphqls", "graphql/schema/types/user.graphql"}, []string{"src/queries/user.graphql", "schema.ts"}},
		"OpenAPI, AsyncAPI": {[]string{"openapi.yaml", "docs/OpenAPI.json", "swagger.yml", "api/openapi-v2.yaml", "shop.openapi.json", "openapi/paths/user.yaml", "asyncapi.yaml", "openapi.internal.yaml"}, []string{"openapi.go", "openapi-generator.sh", "config.yaml"}},
	}
	all := known(schemas)
	for _, f := range schemas {
		tt, ok := tests[f.name]
		if !ok {
			t.Errorf("%s has no examples", f.name)
		}
		own := known([]family{f})
		for _, path := range tt.yes {
			if !own.match(fold(path)) {
				t.Errorf("%s does not know %s", f.name, path)
			}
		}
		for _, path := range tt.no {
			if all.match(fold(path)) {
				t.Errorf("%s: %s is none", f.name, path)
			}
		}
		for _, text := range f.patterns { // none is there for nothing
			p := mustCompile([]string{text})
			if !slices.ContainsFunc(tt.yes, func(path string) bool { return p.match(fold(path)) }) {
				t.Errorf("%s: no example of %s", f.name, text)
			}
		}
	}
}

func TestIsDecision(t *testing.T) {
	for _, line := range []string{
		"Decision: GO", "**NO-GO**", "GO/NO-GO: NO-GO", "## GO / NO-GO: **GO**", "decision: no-go", "- [x] GO",
		"The verdict: go", "NO GO until it is cheaper", "| Decision | GO |", "Recommendation: *Go*", "NO\u2011GO",
	} {
		if !isDecision(line) {
			t.Errorf("%q is a decision", line)
		}
	}
	for _, line := range []string{
		"## GO/NO-GO", "GO or NO-GO?", "- [ ] GO", "- [ ] NO-GO", "We write it in Go", "go to the shop", "ALGO", "GO111MODULE=on",
		"The decision is open", "NO-GO / GO", "- [ ] **GO**", "",
	} {
		if isDecision(line) {
			t.Errorf("%q is no decision", line)
		}
	}
}
