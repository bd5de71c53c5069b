package web

import (
	"maps"
	"slices"
)

// Routes returns the pattern of every route, for the test that has a row for each.
func Routes(p *Pages) []string { return slices.Sorted(maps.Keys(p.routes())) }
