module github.com/wf-ci/wf-ci

go 1.26

require golang.org/x/sync v0.18.0 // indirect
