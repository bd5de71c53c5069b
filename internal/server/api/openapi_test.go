package api

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

//go:generate go test -run TestDocument_Fresh -update

var update = flag.Bool("update", false, "write the OpenAPI document anew")

const documentFile = "../../../openapi/openapi.json"

// TestDocument_Fresh compares the published document with the routes of the code.
func TestDocument_Fresh(t *testing.T) {
	a := New(Options{})
	if *update {
		if err := os.WriteFile(documentFile, a.Document(), 0o644); err != nil { //nolint:gosec // a public file of the repository
			t.Fatal(err)
		}
	}
	published, err := os.ReadFile(documentFile)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(published), string(a.Document())); d != "" {
		t.Errorf("openapi/openapi.json is stale; run: go generate ./internal/server/api\n(-published +code):\n%s", d)
	}
}
