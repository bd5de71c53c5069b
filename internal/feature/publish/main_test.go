package publish

import (
	"flag"
	"os"
	"testing"
)

// TestMain keeps the properties short: each of their runs is hours of a server's life. Ask for more with -rapid.checks.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", "10"); err != nil {
			panic(err) // rapid is linked in, so it has the flag
		}
	}
	os.Exit(m.Run())
}
