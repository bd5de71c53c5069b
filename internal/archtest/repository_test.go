package archtest

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"ship-post.com/shippost/internal/config"
)

// foreign are texts that say more about the machine a change was made on than about the product. They are written in
// two halves, so that this file does not contain them.
var foreign = []struct{ text, why string }{
	{"/wo" + "rk/", "a path of somebody's machine"},
	{"/ro" + "ot/", "a path of somebody's machine"},
	{"/home/" + "user", "a path of somebody's machine"},
	{"/Us" + "ers/", "a path of somebody's machine"},
	{"artif" + "actory", "a private package registry; builds must work from the public ones"},
	{"verd" + "accio", "a private package registry; builds must work from the public ones"},
	{"pypi" + ".internal", "a private package registry; builds must work from the public ones"},
	{"BEGIN PRIVATE " + "KEY", "a private key; make one in the test that needs it"},
	{"BEGIN RSA PRIVATE " + "KEY", "a private key; make one in the test that needs it"},
	{"AI assis" + "tant", "talk about tools around the product"},
	{"language mo" + "del", "talk about tools around the product"},
	{"Claude" + " Code", "talk about tools around the product"},
	{"Copi" + "lot", "talk about tools around the product"},
	{"\n<<<<<" + "<< ", "one side of a conflict; choose one"},
	{"\n>>>>>" + ">> ", "one side of a conflict; choose one"},
}

func TestNothingForeignInTheRepository(t *testing.T) {
	t.Parallel()
	each(t, func(path string, text []byte) {
		if !utf8.Valid(text) {
			return // media
		}
		for _, f := range foreign {
			if bytes.Contains(text, []byte(f.text)) {
				t.Errorf("%s contains %q: %s", path, f.text, f.why)
			}
		}
	})
}

var variable = regexp.MustCompile(`\bSHIPPOST_[A-Z][A-Z_]*[A-Z]\b`)

// outsiders are variables that something beside the server's set-up reads.
var outsiders = map[string]string{
	"SHIPPOST_TEST_POSTGRES_URL": "the tests",
	"SHIPPOST_URL":               "programs that talk to a server",
	"SHIPPOST_API_KEY":           "programs that talk to a server",
	"SHIPPOST_CHAOS":             "builds with fault points",
	"SHIPPOST_CHAOS_LOG":         "builds with fault points",
	"SHIPPOST_CHAOS_CLOCK":       "builds with fault points",
	"SHIPPOST_CHAOS_CHUNK":       "builds with fault points",
}

// A page that names a variable which nothing reads costs its reader an evening.
func TestNamedVariablesExist(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for name := range outsiders {
		known[name] = true
	}
	for _, s := range (config.Config{}).Settings() {
		known[s.Variable], known[s.Variable+"_FILE"] = true, true
	}
	each(t, func(path string, text []byte) {
		if strings.HasPrefix(path, "internal/config/") || strings.HasPrefix(path, "internal/archtest/") || !utf8.Valid(text) {
			return
		}
		for _, name := range variable.FindAllString(string(text), -1) {
			if !known[name] {
				t.Errorf("%s names %s, which package config does not know", path, name)
			}
		}
	})
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"`)

func TestLinksInDocumentsLeadSomewhere(t *testing.T) {
	t.Parallel()
	each(t, func(path string, text []byte) {
		if !strings.HasSuffix(path, ".md") || strings.HasPrefix(path, "ui/") {
			return
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			target, err := url.Parse(m[1] + m[2])
			if err != nil {
				t.Errorf("%s: %q is no link: %v", path, m[0], err)
				continue
			}
			if target.IsAbs() || target.Path == "" {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(path), filepath.FromSlash(target.Path))); err != nil {
				t.Errorf("%s links to %s, which is not there", path, target.Path)
			}
		}
	})
}

func TestScriptsCanBeRun(t *testing.T) {
	t.Parallel()
	found := 0
	each(t, func(path string, text []byte) {
		if !bytes.HasPrefix(text, []byte("#!")) {
			return
		}
		found++
		info, err := os.Stat(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode()&0o111 == 0 {
			t.Errorf("%s begins with #! but is not executable: chmod +x %s", path, path)
		}
		if bytes.HasPrefix(text, []byte("#!/usr/bin/env bash")) && !bytes.Contains(text, []byte("\nset -euo pipefail\n")) {
			t.Errorf("%s goes on after a failed command: begin it with set -euo pipefail", path)
		}
	})
	if found == 0 {
		t.Error("found no scripts")
	}
}

var (
	alone    = regexp.MustCompile(`(?m)^alone\+?='(.+)'$`)
	aTest    = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	computes = regexp.MustCompile(`part "long computations" go test .*`)
)

// TestNoTestIsLeftOut: what the race detector does not see runs without it, in the packages that scripts/test names there.
func TestNoTestIsLeftOut(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile(filepath.Join(root, "scripts", "test"))
	if err != nil {
		t.Fatal(err)
	}
	parts := alone.FindAllSubmatch(script, -1)
	line := computes.Find(script)
	if len(parts) == 0 || line == nil {
		t.Fatal("scripts/test runs long computations in another way; say here how")
	}
	var pattern []byte
	for _, p := range parts {
		pattern = append(pattern, p[1]...)
	}
	long := regexp.MustCompile(string(pattern))
	found := 0
	each(t, func(path string, text []byte) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, m := range aTest.FindAllSubmatch(text, -1) {
			if !long.Match(m[1]) {
				continue
			}
			found++
			if !bytes.Contains(append(line, ' '), []byte(" ./"+filepath.ToSlash(filepath.Dir(path))+" ")) {
				t.Errorf("scripts/test runs %s of %s neither under the race detector nor without it", m[1], path)
			}
		}
	})
	if found < 10 {
		t.Errorf("found %d long computations in the tests", found)
	}
}

func each(t *testing.T, f func(path string, text []byte)) {
	t.Helper()
	err := walk(func(path string, text []byte) error {
		f(path, text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestMigrationsHaveNumbersOfTheirOwn: two branches that each added one would meet here, and not at a server's next start.
func TestMigrationsHaveNumbersOfTheirOwn(t *testing.T) {
	t.Parallel()
	list, err := filepath.Glob(filepath.Join(root, "internal", "store", "migrations", "*.sql"))
	if err != nil || len(list) == 0 {
		t.Fatalf("%d migrations: %v", len(list), err)
	}
	taken := map[string]string{}
	for _, path := range list {
		name := filepath.Base(path)
		number, _, _ := strings.Cut(name, "_")
		if was := taken[number]; was != "" || len(number) != 4 {
			t.Errorf("%s has the number of %s: each has one of its own, of four digits", name, was)
		}
		taken[number] = name
	}
}

var metricName = regexp.MustCompile("[\"`](shippost_[a-z_]+[a-z])[\"`]")

// TestMetricsAreExplained: each figure that /metrics gives is in the operator's table, and no other is.
func TestMetricsAreExplained(t *testing.T) {
	t.Parallel()
	names := func(path string, text []byte, into map[string]string) {
		for _, m := range metricName.FindAllSubmatch(text, -1) {
			into[string(m[1])] = path
		}
	}
	given, told := map[string]string{}, map[string]string{}
	each(t, func(path string, text []byte) {
		switch {
		case path == "docs/operate/watch.md":
			names(path, text, told)
		case strings.HasPrefix(path, "internal/") && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && bytes.Contains(text, []byte("prometheus")):
			names(path, text, given)
		}
	})
	if len(given) == 0 {
		t.Fatal("found no metrics")
	}
	for name, path := range given {
		if told[name] == "" {
			t.Errorf("%s gives %s, which docs/operate/watch.md does not explain", path, name)
		}
	}
	for name := range told {
		if given[name] == "" {
			t.Errorf("docs/operate/watch.md explains %s, which nobody gives", name)
		}
	}
}

var (
	screen = regexp.MustCompile(`(?m)^ +'/([a-z]*)[^']*': `)
	inApp  = regexp.MustCompile("href(?:=|: )[\"'{`]+/([a-z-]*)")
)

// The app's router takes every link to this server for a screen, and has nothing to show at the address of a page that is none: those say
// that the browser shall go there.
func TestLinksToPagesOutsideTheAppHaveATarget(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../ui/src/router.ts")
	if err != nil {
		t.Fatal(err)
	}
	screens := map[string]bool{}
	for _, m := range screen.FindAllSubmatch(text, -1) {
		screens[string(m[1])] = true
	}
	outside := 0
	each(t, func(path string, text []byte) {
		if !strings.HasPrefix(path, "ui/src/") || strings.HasSuffix(path, ".test.ts") {
			return
		}
		for line := range strings.Lines(string(text)) {
			m := inApp.FindStringSubmatch(line)
			if m == nil || screens[m[1]] {
				continue
			}
			outside++
			if !strings.Contains(line, "target") {
				t.Errorf("%s: without a target the app finds nothing there: %s", path, strings.TrimSpace(line))
			}
		}
	})
	if !screens["posts"] || outside < 5 {
		t.Errorf("%d links lead out of the screens %v: not all are seen", outside, screens)
	}
}
