package cli

import (
	"slices"
	"testing"
)

func TestBrowserCommand(t *testing.T) {
	t.Parallel()
	for system, want := range map[string][]string{
		"linux":   {"xdg-open", "http://localhost:1"},
		"freebsd": {"xdg-open", "http://localhost:1"},
		"darwin":  {"open", "http://localhost:1"},
		"windows": {"rundll32", "url.dll,FileProtocolHandler", "http://localhost:1"},
	} {
		if got := browserCommand(system, "http://localhost:1"); !slices.Equal(got, want) {
			t.Errorf("%s: %q", system, got)
		}
	}
}
