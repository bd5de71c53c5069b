package tiktoksim_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// TestReadmeIsTrue: every rule stands in README.md, and every test and rule that it names is there.
func TestReadmeIsTrue(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(tiktoksim.DefaultKnobs().Rules)
	if err != nil {
		t.Fatal(err)
	}
	var rules map[string]bool
	if err := json.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, line := range strings.Split(string(readme), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || strings.Contains(line, "`rules.`") {
			continue
		}
		for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(cells[2], -1) {
			listed[m[1]] = true
		}
	}
	for name := range rules {
		if !listed[name] {
			t.Errorf("README.md has no row for the rule %s", name)
		}
	}
	var code strings.Builder
	for _, pattern := range []string{"*_test.go", "inspect/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			code.Write(b)
		}
	}
	for _, name := range regexp.MustCompile(`\bTest[A-Za-z0-9]+`).FindAllString(string(readme), -1) {
		// "TestWebhook…" stands for all that begin so.
		if !regexp.MustCompile(`func ` + name + `[A-Za-z0-9]*\(t`).MatchString(code.String()) {
			t.Errorf("README.md names %s, which is not there", name)
		}
	}
}
