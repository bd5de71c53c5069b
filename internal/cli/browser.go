package cli

import (
	"context"
	"os/exec"
)

// openBrowser opens an address in the person's browser. The command ends at once and leaves the browser running.
func openBrowser(ctx context.Context, system, address string) error {
	command := browserCommand(system, address)
	return exec.CommandContext(ctx, command[0], command[1:]...).Run() //nolint:gosec // the address is our own
}

// browserCommand returns what opens an address on a system.
func browserCommand(system, address string) []string {
	switch system {
	case "darwin":
		return []string{"open", address}
	case "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler", address}
	default:
		return []string{"xdg-open", address}
	}
}
