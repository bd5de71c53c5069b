package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// promises is how many there are; ids are never given twice.
const promises = 22

var (
	aPromise = regexp.MustCompile(`(?m)^func (TestPromise_P(\d\d)_\w+)\(`)
	aRow     = regexp.MustCompile(`(?m)^\| P(\d+) \| (\S[^|]*) \| ([^|]+) \|$`)
	aName    = regexp.MustCompile("`(TestPromise_P(\\d\\d)_\\w+)`")
)

// TestEachPromiseIsProven: every promise has a row in docs/promises.md, and every test that a row names is there and bears its number.
func TestEachPromiseIsProven(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{}
	each(t, func(path string, text []byte) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, m := range aPromise.FindAllSubmatch(text, -1) {
			tests[string(m[1])] = true
		}
	})
	text, err := os.ReadFile(filepath.Join(root, "docs", "promises.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := aRow.FindAllSubmatch(text, -1)
	if len(rows) != promises {
		t.Errorf("docs/promises.md has %d rows, want one for each of the %d promises", len(rows), promises)
	}
	for i, row := range rows {
		if got := string(row[1]); got != strconv.Itoa(i+1) {
			t.Errorf("row %d of docs/promises.md is of P%s", i+1, got)
		}
		named := aName.FindAllSubmatch(row[3], -1)
		if len(named) == 0 {
			t.Errorf("nothing proves P%s %s", row[1], row[2])
		}
		for _, m := range named {
			if !tests[string(m[1])] {
				t.Errorf("docs/promises.md names %s, which is not there", m[1])
			}
			if strings.TrimPrefix(string(m[2]), "0") != string(row[1]) {
				t.Errorf("docs/promises.md has %s prove P%s", m[1], row[1])
			}
		}
	}
}
