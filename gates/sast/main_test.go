package sast

import (
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/gatestest"
)

func TestMain(m *testing.M) {
	gatestest.Main(m, map[string]gates.EngineFunc{GosecEngine: Gosec})
}
