package admin

import (
	"os"
	"regexp"
	"testing"

	"ship-post.com/shippost"
)

// Whatever may stand in the audit log is told in words, and each kind in its own.
func TestEveryEntryHasWords(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../../../journal.go")
	if err != nil {
		t.Fatal(err)
	}
	kinds := regexp.MustCompile(`(?m)^\tEntry\w+ +(?:EntryKind )?= "([a-z_.]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(kinds) < 60 {
		t.Fatalf("only %d kinds were found", len(kinds))
	}
	used := map[string]string{}
	for _, k := range kinds {
		text := happened[shippost.EntryKind(k[1])]
		if text == "" {
			t.Errorf("%s has no words in words.go", k[1])
		}
		if other := used[text]; other != "" {
			t.Errorf("%s and %s are told alike", k[1], other)
		}
		used[text] = k[1]
	}
	for _, k := range []shippost.ActorKind{shippost.ActorUser, shippost.ActorKey, shippost.ActorAdmin, shippost.ActorSystem, shippost.ActorPlatform} {
		if who(k) == who("") {
			t.Errorf("%s has no words", k)
		}
	}
}
