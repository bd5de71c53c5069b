package archtest

import (
	"go/ast"
	"go/parser"
	"testing"
)

// The rules are only as good as the few functions they share.

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, folder string
		want            bool
	}{
		{"internal/store", "internal/store", true},
		{"internal/store", "internal/store/storetest", false},
		{"internal/store/...", "internal/store/storetest", true},
		{"internal/store/...", "internal/store", true},
		{"internal/store/...", "internal/storetest", false},
		{"", "", true},
		{"", "internal", false},
	} {
		if got := matches(tc.pattern, tc.folder); got != tc.want {
			t.Errorf("matches(%q, %q) = %v", tc.pattern, tc.folder, got)
		}
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		prefix, imported string
		want             bool
	}{
		{"database/sql", "database/sql", true},
		{"log", "log", true},
		{"log", "log/slog", false},
		{"modernc.org/", "modernc.org/sqlite/lib", true},
		{"golang.org/x/image", "golang.org/x/image/webp", true},
		{"github.com/tus/tusd", "github.com/tus/tusdx", false},
	} {
		if got := covers(tc.prefix, tc.imported); got != tc.want {
			t.Errorf("covers(%q, %q) = %v", tc.prefix, tc.imported, got)
		}
	}
}

func TestTestKits(t *testing.T) {
	t.Parallel()
	for folder, want := range map[string]bool{
		"internal/store": false, "internal/store/storetest": true, "internal/store/storetest/postgres": true,
		"internal/platform/platformtest": true, "e2e": true, "internal/feature/connect": false, "": false,
	} {
		if got := (pkg{ImportPath: module + "/" + folder}).testKit(); got != want {
			t.Errorf("testKit of %q = %v, want %v", folder, got, want)
		}
	}
}

func TestConstructs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"package p; import \"net/http\"; var c = http.Client{}":                 true,
		"package p; import \"net/http\"; var c = &http.Client{Timeout: 1}":      true,
		"package p; import \"net/http\"; var c = new(http.Client)":              true,
		"package p; import \"net/http\"; var c http.Client":                     true,
		"package p; import \"net/http\"; func do(c *http.Client) error { }":     false,
		"package p; import \"net/http\"; type doer struct{ http *http.Client }": false,
	} {
		file, err := parser.ParseFile(fset, "p.go", text, 0)
		if err != nil {
			t.Fatal(err)
		}
		s := source{path: "p.go", file: file}
		got := false
		for _, sel := range selectors(file) {
			got = got || constructs(s, sel)
		}
		if got != want {
			t.Errorf("%s: constructs = %v", text, got)
		}
	}
}

func selectors(file *ast.File) []*ast.SelectorExpr {
	var list []*ast.SelectorExpr
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			list = append(list, sel)
		}
		return true
	})
	return list
}
