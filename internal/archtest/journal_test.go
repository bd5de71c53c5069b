package archtest

import (
	"go/ast"
	"go/parser"
	"regexp"
	"slices"
	"testing"
)

// audited says which kinds tell of each event that an audit log has to have (S16).
var audited = map[string][]string{
	"sign-in and sign-out":            {"EntryUserSignedIn", "EntryUserSignedOut", "EntrySignInRefused", "EntryAdminSignedIn"},
	"change of a factor":              {"EntryPasskeyAdded", "EntryPasskeyRenamed", "EntryPasskeyRemoved", "EntryMailAsked", "EntryMailConfirmed", "EntryMailRemoved", "EntryKeyCreated", "EntryKeyRevoked"},
	"who may do what":                 {"EntryAdminMade", "EntryUserDisabled"},
	"connection, its end and refresh": {"EntryAccountConnected", "EntryAccountDisconnected", "EntryAccountBroken", "EntryTokenRefreshed"},
	"a post on its way":               {"EntryPostScheduled", "EntryPostEdited", "EntryPostRescheduled", "EntryPostCancelled", "EntryPostStaging", "EntryPostStaged", "EntryPostCommitting", "EntryPostSent", "EntryPostPosted", "EntryPostFailed", "EntryPostMissed", "EntryPostUnconfirmed"},
	"manual release":                  {"EntryPostDecided"},
	"export":                          {"EntryExportAsked", "EntryExportReady", "EntryExportFetched", "EntryExportRemoved"},
	"erasure":                         {"EntryErasureAsked", "EntryErasureUndone", "EntryInquiryCarried"},
	"what an administrator read":      {"EntryAdminRead"},
	"key rotation":                    {"EntryKeysRotated"},
	"configuration":                   {"EntrySettingsChanged"},
	"answer to a breach":              {"EntryAccessEnded"},
	"restore and import":              {"EntryServerRestored", "EntryWorkspaceImported"},
}

// TestS16_EveryEntryIsWrittenSomewhere: each kind of journal entry, those of the list above among them, is given to something that
// records. Where kinds are only compared or looked for, nothing is written.
func TestS16_EveryEntryIsWrittenSomewhere(t *testing.T) {
	t.Parallel()
	written, declared := map[string]bool{}, map[string]bool{}
	for _, s := range goFiles(t) {
		switch {
		case s.path == "journal.go":
			for _, m := range regexp.MustCompile(`(?m)^\t(Entry[A-Z]\w*) +EntryKind = `).FindAllSubmatch(s.text, -1) {
				declared[string(m[1])] = true
			}
		case !s.test() && (matches("internal/feature/...", s.pkg) || matches("internal/app", s.pkg)):
			for _, name := range writes(s.file) {
				written[name] = true
			}
		}
	}
	if len(declared) < 80 {
		t.Fatalf("found %d kinds of entries", len(declared))
	}
	for name := range declared {
		if !written[name] {
			t.Errorf("nothing writes shippost.%s: an event that has a name is recorded where it happens, or the name goes", name)
		}
	}
	for event, kinds := range audited {
		for _, name := range kinds {
			if !declared[name] {
				t.Errorf("%s: there is no %s", event, name)
			}
		}
	}
}

var entryKind = regexp.MustCompile(`^Entry[A-Z]`)

// writes returns the kinds of entries that a file gives to something: to an entry's field, a call or a variable.
func writes(file *ast.File) (names []string) {
	var above []ast.Node
	ast.Inspect(file, func(n ast.Node) bool {
		if n == nil {
			above = above[:len(above)-1]
			return true
		}
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name != "EntryKind" && entryKind.MatchString(sel.Sel.Name) {
			switch parent := above[len(above)-1].(type) {
			case *ast.CaseClause, *ast.BinaryExpr:
			case *ast.CompositeLit:
				if _, list := parent.Type.(*ast.ArrayType); !list {
					names = append(names, sel.Sel.Name)
				}
			default:
				names = append(names, sel.Sel.Name)
			}
		}
		above = append(above, n)
		return true
	})
	return names
}

func TestWrites(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(fset, "p.go", `package p
func f() {
	if e.Kind == shippost.EntryCompared { }
	switch k { case shippost.EntryCase: }
	q := Query{Kinds: []shippost.EntryKind{shippost.EntryLooked}}
	record(shippost.EntryCalled)
	e := shippost.Entry{Kind: shippost.EntryField}
	kind := shippost.EntryKept
}`, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := writes(file), []string{"EntryCalled", "EntryField", "EntryKept"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
