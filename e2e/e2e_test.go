// Package e2e tests the whole product from outside: the command line in scripts, the API against the simulated TikTok
// with its faults, and later the app in a browser.
package e2e

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"ship-post.com/shippost/internal/cli"
)

func TestMain(m *testing.M) {
	// Stories wait for due times and take hardly any computing, so many may wait together. -parallel still counts.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	testscript.Main(ended{m}, map[string]func(){
		"shippost": func() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// ended ends the browser after all tests, if one of them started it.
type ended struct{ m *testing.M }

// Run implements testscript.TestingM.
func (e ended) Run() int {
	defer stopChromium()
	code := e.m.Run()
	if n := checked.Load(); n > 0 && testing.Verbose() {
		fmt.Printf("axe looked %d times and found %d violations\n", n, flaws.Load())
	}
	return code
}

// TestScripts runs the stories in testdata.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			// A demo must not see how the machine of a developer is set up.
			env.Setenv("TMPDIR", env.WorkDir)
			env.Values[stageKey{}] = new(*stage)
			return nil
		},
		Cmds: commands,
	})
}
