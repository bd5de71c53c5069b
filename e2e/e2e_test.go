// Package e2e tests the whole product from outside: the command line in scripts, the API against the simulated TikTok
// with its faults, and later the app in a browser.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"ship-post.com/shippost/internal/cli"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"shippost": func() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// TestScripts runs the stories in testdata.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			// A demo must not see how the machine of a developer is set up.
			env.Setenv("TMPDIR", env.WorkDir)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"clip": makeClip,
			"cut":  cutFile,
		},
	})
}

// makeClip makes a real video: clip NAME SECONDS [WIDTHxHEIGHT [KILOBITS]].
func makeClip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: clip name seconds [widthxheight [kilobits]]")
	}
	size, rate := "360x640", "400"
	if len(args) > 2 {
		size = args[2]
	}
	if len(args) > 3 {
		rate = args[3]
	}
	if err := clip(ts.MkAbs(args[0]), args[1], size, rate); err != nil {
		ts.Fatalf("%v", err)
	}
}

// clip makes a video with sound. The format follows from the name.
func clip(path, seconds, size, kilobits string) error {
	args := []string{"-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=" + size + ":rate=30:duration=" + seconds,
		"-f", "lavfi", "-i", "sine=frequency=440:duration=" + seconds}
	switch filepath.Ext(path) {
	case ".webm":
		args = append(args, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus")
	default:
		args = append(args, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags", "+faststart")
	}
	if kilobits != "400" {
		args = append(args, "-minrate", kilobits+"k", "-maxrate", kilobits+"k", "-bufsize", kilobits+"k", "-x264-params", "nal-hrd=cbr")
	}
	out, err := exec.Command("ffmpeg", append(args, "-b:v", kilobits+"k", path)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ffmpeg (Debian package ffmpeg) did not make %s: %w\n%s", path, err, out)
	}
	return nil
}

// cutFile keeps the first bytes of a file: cut NAME BYTES.
func cutFile(ts *testscript.TestScript, neg bool, args []string) {
	var n int64
	if neg || len(args) != 2 {
		ts.Fatalf("usage: cut name bytes")
	}
	if _, err := fmt.Sscan(args[1], &n); err != nil {
		ts.Fatalf("%q is no number of bytes", args[1])
	}
	if err := os.Truncate(ts.MkAbs(args[0]), n); err != nil {
		ts.Fatalf("%v", err)
	}
}
