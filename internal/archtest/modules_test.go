package archtest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// unwanted must not be linked, whoever asks for it.
var unwanted = map[string]string{
	"github.com/mattn/go-sqlite3":   "it needs a C compiler; the one engine is modernc.org/sqlite",
	"github.com/ncruces/go-sqlite3": "the one engine is modernc.org/sqlite",
	"github.com/stretchr/testify":   "an assertion library hides what a test says; it must not reach the binary either",
	"gorm.io/gorm":                  "SQL is written as SQL",
}

func TestWhatTheProductLinks(t *testing.T) {
	t.Parallel()
	listed := documented(t)
	for path := range linkedModules(t) {
		if why, bad := unwanted[path]; bad {
			t.Errorf("the product links %s: %s", path, why)
		}
		if listed[path].section == "Tests only" {
			t.Errorf("the product links %s, which docs/dependencies.md lists for tests only", path)
		}
	}
}

// networked are the modules of others that know the network, with why none of them opens a connection that the guarded dialer does
// not know of. Whoever adds one has read its code.
var networked = map[string]string{
	"github.com/danielgtaylor/huma/v2":    "answers requests",
	"github.com/go-viper/mapstructure/v2": "reads addresses from text",
	"github.com/go-webauthn/webauthn":     "would fetch lists of devices for a metadata provider; package passkey, which alone may import it, sets none",
	"github.com/go-webauthn/x":            "would ask whether certificates of such a list are revoked; without a provider there is no list",
	"github.com/google/go-tpm":            "can reach a security chip over a local socket; only its formats are read here",
	"github.com/google/uuid":              "asks this machine for its network cards",
	"github.com/jackc/pgx/v5":             "opens the connections to the database, which the policy names",
	"github.com/lib/pq":                   "River takes its arrays from it; databases are opened with pgx alone",
	"github.com/prometheus/client_golang": "answers requests",
	"github.com/prometheus/common":        "reads headers",
	"github.com/prometheus/procfs":        "reads addresses from files of the system",
	"github.com/tus/tusd/v2":              "answers requests",
	"golang.org/x/crypto":                 "asks authorities for certificates over the guarded client that package certificate, which alone may import it, gives it",
	"github.com/wneessen/go-mail":         "talks over the connection that package mail, which alone may import it, opened with the guarded dialer; its Client is never asked to dial",
}

// P22: what others wrote and the product links opens no connection of its own.
func TestPromise_P22_NoModuleDialsByItself(t *testing.T) {
	t.Parallel()
	list, err := dependencies()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, p := range list {
		if p.Module == nil || p.Module.Main || p.Standard {
			continue
		}
		for _, imported := range p.Imports {
			switch imported {
			case "net", "net/http", "net/http/httputil", "net/rpc", "net/smtp", "crypto/tls":
				found[p.Module.Path] = true
				if networked[p.Module.Path] == "" {
					t.Errorf("%s of %s imports %s: read whether it opens connections, and say in networked why it does not, or hand it the guarded dialer", p.ImportPath, p.Module.Path, imported)
				}
			}
		}
	}
	for m := range networked {
		if !found[m] {
			t.Errorf("%s does not know the network any more, or is not linked: delete its line", m)
		}
	}
	for _, s := range goFiles(t) {
		for _, imported := range importsOf(s) {
			if covers("github.com/go-webauthn/webauthn/metadata", imported) || covers("github.com/lib/pq", imported) {
				t.Errorf("%s imports %s, which opens connections of its own", s.path, imported)
			}
		}
	}
}

// entry is a row of docs/dependencies.md.
type entry struct{ section, licence string }

func TestEachDirectDependencyIsExplained(t *testing.T) {
	t.Parallel()
	listed := documented(t)
	wanted := map[string]string{} // module: section
	for _, p := range ours(t) {
		imports := append(append([]string{}, p.TestImports...), p.XTestImports...)
		for _, imported := range append(imports, p.Imports...) {
			if m := moduleOf(t, imported); m != "" && wanted[m] == "" {
				wanted[m] = "Tests only"
			}
		}
		if p.testKit() {
			continue
		}
		for _, imported := range p.Imports {
			if m := moduleOf(t, imported); m != "" {
				wanted[m] = "In the binary"
			}
		}
	}
	file, err := goMod()
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range file.Tool {
		wanted[moduleOf(t, tool.Path)] = "Tools"
	}
	for _, name := range npmPackages(t) {
		wanted[name] = "In the web app"
	}
	for m, section := range wanted {
		switch got, ok := listed[m]; {
		case !ok:
			t.Errorf("%s is used, but docs/dependencies.md does not say what for: add a row under %q", m, section)
		case got.section != section:
			t.Errorf("docs/dependencies.md lists %s under %q; it belongs under %q", m, got.section, section)
		}
	}
	for m := range listed {
		if wanted[m] == "" {
			t.Errorf("docs/dependencies.md lists %s, which nothing uses", m)
		}
	}
}

// npmPackages returns what ui/package.json names. Types and plug-ins go with the package they are for.
func npmPackages(t *testing.T) []string {
	t.Helper()
	raw, err := os.ReadFile("../../ui/package.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Dependencies, DevDependencies map[string]string }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range file.DevDependencies {
		if !strings.HasPrefix(name, "@types/") && !strings.Contains(name, "plugin") && name != "@tailwindcss/vite" && name != "typescript-eslint" {
			names = append(names, name)
		}
	}
	for name := range file.Dependencies {
		names = append(names, name)
	}
	return names
}

func TestLicences(t *testing.T) {
	t.Parallel()
	listed := documented(t)
	checked := 0
	for path, dir := range linkedModules(t) {
		got := licence(t, dir)
		if got == "" {
			t.Errorf("%s: no licence that lets us ship it was recognised in %s", path, dir)
		}
		if want, ok := listed[path]; ok && want.licence != got {
			t.Errorf("docs/dependencies.md says that %s is under %s; its files say %s", path, want.licence, got)
		}
		checked++
	}
	if checked < 5 {
		t.Errorf("found %d linked modules", checked)
	}
}

// licences are the terms that a binary under Apache-2.0 may include, by a phrase that only their text has. The first match counts.
var licences = []struct{ name, phrase string }{
	{"MPL-2.0", "Mozilla Public License"},
	{"Apache-2.0", "Apache License"},
	{"MIT", "Permission is hereby granted, free of charge"},
	{"BSD-3-Clause", "Neither the name"},
	{"BSD-2-Clause", "Redistribution and use in source and binary forms"},
	{"ISC", "Permission to use, copy, modify, and"},
	{"Unlicense", "free and unencumbered software"},
}

var spaces = regexp.MustCompile(`\s+`)

// licence returns the name of the licence in a module's folder, "" for none that we may ship.
func licence(t *testing.T, dir string) string {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := strings.ToUpper(f.Name())
		if f.IsDir() || !(strings.HasPrefix(name, "LICEN") || strings.HasPrefix(name, "COPYING") || strings.HasPrefix(name, "UNLICENSE")) {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		text := spaces.ReplaceAllString(string(raw), " ")
		for _, l := range licences {
			if strings.Contains(text, l.phrase) {
				return l.name
			}
		}
	}
	return ""
}

// linkedModules returns the modules of all packages that the product links, with their folders.
func linkedModules(t *testing.T) map[string]string {
	t.Helper()
	list, err := dependencies()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, p := range list {
		if p.Module != nil && !p.Module.Main {
			found[p.Module.Path] = p.Module.Dir
		}
	}
	return found
}

var row = regexp.MustCompile("^\\| `([^`]+)` \\|.*\\| ([^|]+) \\|$")

// documented reads docs/dependencies.md: module, section heading, and the licence in the last column.
func documented(t *testing.T) map[string]entry {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	found, section := map[string]entry{}, ""
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			section = heading
		}
		if m := row.FindStringSubmatch(line); m != nil {
			found[m[1]] = entry{section, m[2]}
		}
	}
	if len(found) < 5 {
		t.Fatalf("found %d rows in docs/dependencies.md", len(found))
	}
	return found
}

type modFile struct {
	Require []mod
	Tool    []struct{ Path string }
}

// goMod returns go.mod as the go command reads it.
var goMod = sync.OnceValues(func() (modFile, error) {
	cmd := exec.Command("go", "mod", "edit", "-json")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return modFile{}, err
	}
	var m modFile
	return m, json.Unmarshal(out, &m)
})

// moduleOf returns the module that an import path belongs to, "" for the standard library and for us.
func moduleOf(t *testing.T, imported string) string {
	t.Helper()
	if strings.HasPrefix(imported, module) || !strings.Contains(strings.SplitN(imported, "/", 2)[0], ".") {
		return ""
	}
	file, err := goMod()
	if err != nil {
		t.Fatal(err)
	}
	best := ""
	for _, m := range file.Require {
		if covers(m.Path, imported) && len(m.Path) > len(best) {
			best = m.Path
		}
	}
	if best == "" {
		t.Errorf("%s belongs to no module of go.mod", imported)
	}
	return best
}
