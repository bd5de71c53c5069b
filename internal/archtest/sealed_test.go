package archtest

import (
	"regexp"
	"strings"
	"testing"
)

var (
	sealPlace   = regexp.MustCompile(`\bRow\{Table: "(\w+)", Column: (?:"(\w+)"|\w+), ID: ([^}]+)\}`)
	sealedEntry = regexp.MustCompile(`\{Table: "(\w+)", Column: "(\w+)", key: "\w+"(?:, which: "(.*)")?\}`)
	quoted      = regexp.MustCompile(`'([^']+)'`)
	begins      = regexp.MustCompile(`^(\w+)(.*)$`)
)

// metaID returns the row of table meta that an expression in a file names, as the condition of store.SealedColumns has it; "" when this test
// does not read the expression.
func metaID(text []byte, expression string) string {
	part := begins.FindStringSubmatch(expression)
	if part == nil {
		return ""
	}
	literal := regexp.MustCompile(`(?m)^(?:const)?\s*` + part[1] + `\s+= "([^"]+)"`).FindSubmatch(text)
	switch {
	case literal == nil:
		return ""
	case part[2] != "":
		return string(literal[1]) + "%"
	}
	return string(literal[1])
}

// TestRotationKnowsEverySeal: each place that something is sealed for is one that a rotation of the keys seals anew; what it forgets could not be
// opened any more once the old keys are gone.
func TestRotationKnowsEverySeal(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	places := map[string]string{}
	for _, s := range goFiles(t) {
		if s.test() || strings.HasSuffix(s.pkg, "/rotate") {
			continue
		}
		if s.path == "internal/store/sealed.go" {
			for _, m := range sealedEntry.FindAllSubmatch(s.text, -1) {
				known[string(m[1])], known[string(m[1])+"."+string(m[2])] = true, true
				for _, id := range quoted.FindAllSubmatch(m[3], -1) {
					known[string(m[1])+"."+string(m[2])+" of "+string(id[1])] = true
				}
			}
		}
		if n := strings.Count(string(s.text), "seal.Row{"); n > len(sealPlace.FindAll(s.text, -1)) {
			t.Errorf("%s names the place of a seal in a way that this test does not read: write seal.Row{Table: …, Column: …, ID: …} with a literal table", s.path)
		}
		for _, m := range sealPlace.FindAllSubmatch(s.text, -1) {
			place := string(m[1])
			if len(m[2]) > 0 {
				place += "." + string(m[2])
			}
			if strings.HasPrefix(string(m[3]), "keysMeta") { // the chain's keys, which journal.Chain seals anew itself
				continue
			}
			if place == "meta.value" {
				id := metaID(s.text, string(m[3]))
				if id == "" {
					t.Errorf("%s seals for a row of meta that this test does not read: begin its ID with a constant of the same file", s.path)
				}
				place += " of " + id
			}
			places[place] = s.path
		}
	}
	if len(places) < 7 {
		t.Fatalf("found %d places: %v", len(places), places)
	}
	for place, path := range places {
		if !known[place] {
			t.Errorf("%s seals for %s, which store.SealedColumns does not have", path, place)
		}
	}
}
