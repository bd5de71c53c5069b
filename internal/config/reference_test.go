package config

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

//go:generate go test -count=1 -run ^TestReferenceIsFresh$ . -update

var update = flag.Bool("update", false, "write the reference into docs/operate/configure.md")

// The settings stand between these lines of the page.
const (
	begin = "<!-- Settings: generated from package config by \"make generate\"; do not edit. -->\n"
	end   = "<!-- End of settings. -->\n"
)

func TestReferenceIsFresh(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "operate", "configure.md")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(raw), begin)
	old, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s lacks the lines\n%s%s", path, begin, end)
	}
	fresh := reference(t)
	if fresh == old {
		return
	}
	if !*update {
		t.Fatalf("%s does not say what package config does. Run: make generate", path)
	}
	if err := os.WriteFile(path, []byte(head+begin+fresh+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

// reference describes all settings in Markdown, one table for each group.
func reference(t *testing.T) string {
	t.Helper()
	var c Config
	parser, err := kong.New(&c, kong.Name("shippost"))
	if err != nil {
		t.Fatal(err)
	}
	flags := map[string]string{}
	for _, f := range parser.Model.Flags {
		for _, variable := range f.Envs {
			flags[variable] = "`--" + f.Name + "`"
		}
	}
	var b strings.Builder
	groups := reflect.TypeFor[Config]()
	for i := range groups.NumField() {
		group := groups.Field(i)
		fmt.Fprintf(&b, "\n### %s\n\n| variable | flag | default | meaning |\n|---|---|---|---|\n", group.Tag.Get("group"))
		for field := range fields(reflect.New(group.Type).Elem()) {
			variable := field.Tag.Get("env")
			kind := flags[variable]
			if secret := field.Tag.Get("secret"); secret != "" {
				variable, kind = secret, "secret"
			}
			standard := field.Tag.Get("default")
			if standard != "" {
				standard = "`" + standard + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", variable, kind, cmp.Or(standard, "empty"), strings.ReplaceAll(field.Tag.Get("help"), "|", `\|`))
		}
	}
	return b.String() + "\n"
}
