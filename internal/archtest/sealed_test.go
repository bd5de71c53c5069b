package archtest

import (
	"regexp"
	"strings"
	"testing"
)

var (
	sealPlace   = regexp.MustCompile(`seal\.Row\{Table: "(\w+)", Column: (?:"(\w+)"|\w+), ID: (\S+)`)
	sealedEntry = regexp.MustCompile(`\{Table: "(\w+)", Column: "(\w+)", key: "\w+"`)
)

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
			}
		}
		if n := strings.Count(string(s.text), "seal.Row{"); n != len(sealPlace.FindAll(s.text, -1)) {
			t.Errorf("%s names the place of a seal in a way that this test does not read: write seal.Row{Table: …, Column: …, ID: …} with a literal table", s.path)
		}
		for _, m := range sealPlace.FindAllSubmatch(s.text, -1) {
			place := string(m[1])
			if len(m[2]) > 0 {
				place += "." + string(m[2])
			}
			if !strings.Contains(string(m[3]), "keysMeta") { // the chain's keys, which journal.Chain seals anew itself
				places[place] = s.path
			}
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
