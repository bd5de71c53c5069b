package publish

import (
	"flag"
	"os"
	"testing"
)

// TestMain keeps the properties short: each of their runs is hours of a server's life. Stories of a lane wait for due times and
// take little computing, so several wait together. Ask for other figures with -rapid.checks and -parallel.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { asked[f.Name] = true })
	for name, value := range map[string]string{"rapid.checks": "10", "test.parallel": "6"} {
		if asked[name] {
			continue
		}
		if err := flag.Set(name, value); err != nil {
			panic(err) // both are linked in
		}
	}
	os.Exit(m.Run())
}
