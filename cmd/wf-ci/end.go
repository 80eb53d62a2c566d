package main

import "context"

type endCmd struct {
	JSON bool `name:"json" help:"Write JSON to stdout."`
}

func (c *endCmd) Run(ctx context.Context, a *app) error { return nil }
