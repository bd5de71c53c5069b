package config

import (
	"os"
	"runtime"
)

// Desktop reports whether somebody sits before this machine's own screen, so that a browser can be opened there.
func Desktop() bool {
	if os.Getenv("SSH_CONNECTION") != "" {
		return false
	}
	return runtime.GOOS == "darwin" || runtime.GOOS == "windows" || os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != ""
}
