package archtest

import (
	"path"
	"strconv"
	"strings"
	"testing"
)

// room says what the packages of a folder may import of ours. The first room that matches counts.
type room struct {
	folder string
	may    []string
	why    string
}

// house is the import table. Imports point inward: cmd, cli, app, server, feature, then what remembers or talks to
// the world, then the vocabulary. "." is the root package.
var house = []room{
	{"", nil, "the vocabulary is what everything else rests on; it depends on nothing"},
	{"cmd/...", []string{"internal/cli"}, "a command is five lines; what it does is in cli"},
	{"internal/cli", []string{".", "client", "internal/app", "internal/config", "internal/platform/tiktoksim/..."}, "commands start an app or talk to a running one; they decide nothing"},
	{"internal/app", []string{".", "client", "openapi", "ui", "internal/config", "internal/chaos", "internal/server/...", "internal/feature/...",
		"internal/store", "internal/blob/...", "internal/jobs", "internal/quota", "internal/seal", "internal/probe", "internal/outbound", "internal/mail",
		"internal/platform/..."}, "app alone knows all parts and wires them"},
	{"internal/server/...", []string{".", "openapi", "ui", "internal/feature/...", "internal/server/..."}, "servers translate; what they need from store or platform is a feature's to decide"},
	{"internal/feature/...", []string{".", "internal/feature/...", "internal/chaos", "internal/store", "internal/jobs", "internal/blob/...", "internal/quota",
		"internal/seal", "internal/probe", "internal/outbound", "internal/mail", "internal/platform"}, "a feature knows the contract of platforms, never one platform, and nothing about the ways in"},
	{"internal/jobs", []string{".", "internal/store", "internal/chaos"}, "the queue shares transactions with the store and knows no feature"},
	{"internal/quota", []string{".", "internal/store"}, "counting needs rows and nothing else"},
	{"internal/store", []string{".", "internal/chaos"}, "the store remembers; rules about rows live in features"},
	{"internal/store/storetest/...", []string{"internal/store/storetest/..."}, "the server for tests is started without the store"},
	{"internal/platform", []string{"."}, "the contract of platforms speaks the vocabulary only"},
	{"internal/platform/tiktoksim/...", []string{"internal/platform/tiktoksim/..."}, "the simulator is written from TikTok's contract, not from our client: with shared types both would agree on the same mistake"},
	{"internal/platform/...", []string{".", "internal/platform", "internal/outbound"}, "an adapter knows its platform and the contract, and dials through outbound"},
	{"internal/blob/...", []string{".", "internal/blob/...", "internal/chaos"}, "files by key know nothing about what is in them"},
	{"internal/probe/...", []string{".", "internal/probe/..."}, "reading media files needs no database and no network"},
	{"internal/seal", []string{"."}, "sealing knows rows by name only"},
	{"internal/mail/...", []string{".", "internal/mail/..."}, "mail is handed over through a dialer that it is given, and knows nothing of who wants it sent"},
	{"internal/outbound/...", []string{"."}, "the guarded dialer is for all, so it knows none"},
	{"internal/config", []string{"."}, "the set-up is plain values"},
	{"internal/chaos/...", []string{"internal/chaos"}, "fault points are compiled away; they must not bring anything along"},
	{"internal/archtest", nil, "tests only"},
	{"client/...", []string{"."}, "programs of others import the client; it must not drag the server in"},
	{"openapi", nil, "a document"},
	{"ui", nil, "built files"},
	{"bench/...", []string{".", "client"}, "benchmarks measure the product from outside, as a program that uses its API"},
	{"e2e/...", nil, "whole-product tests use the product as people do"},
}

func TestImportsPointInward(t *testing.T) {
	t.Parallel()
	for _, p := range ours(t) {
		r, ok := roomOf(p.place())
		if !ok {
			t.Errorf("%s has no row in the import table (internal/archtest/imports_test.go): say where in the house it belongs and what it may import", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			folder, isOurs := strings.CutPrefix(imported, module)
			if !isOurs {
				continue
			}
			folder = strings.TrimPrefix(folder, "/")
			if p.testKit() {
				continue // a kit builds whatever its tests need
			}
			switch {
			case (pkg{ImportPath: imported}).testKit():
				t.Errorf("%s imports %s: a test kit must not be linked into the product", p.ImportPath, imported)
			case folder == "" && !matchesAny(r.may, "."), folder != "" && !matchesAny(r.may, folder):
				t.Errorf("%s imports %s: %s", p.ImportPath, imported, r.why)
			}
		}
	}
}

// The simulator's own tests may not know the client either, or it would be tested against itself.
func TestSimulatorTestsKnowOnlyTheSimulator(t *testing.T) {
	t.Parallel()
	const simulator = "internal/platform/tiktoksim"
	for _, p := range ours(t) {
		if !matches(simulator+"/...", p.place()) {
			continue
		}
		for _, imported := range append(p.TestImports, p.XTestImports...) {
			if folder, isOurs := strings.CutPrefix(imported, module); isOurs && !strings.HasPrefix(folder, "/"+simulator) {
				t.Errorf("a test of %s imports %s: the simulator is tested from TikTok's contract alone", p.ImportPath, imported)
			}
		}
	}
}

func roomOf(folder string) (room, bool) {
	for _, r := range house {
		if matches(r.folder, folder) {
			return r, true
		}
	}
	return room{}, false
}

// wrapped says where a module or package of others may be imported. Elsewhere the product uses our own words for it,
// so that a change of mind touches one folder.
var wrapped = []struct {
	prefix  string
	folders []string
	why     string
}{
	{"database/sql", []string{"internal/store/...", "internal/jobs", "bench"}, "SQL is written in one place, or two engines and many callers drift apart"},
	{"modernc.org/", []string{"internal/store/...", "bench"}, "the engine is the store's business"},
	{"github.com/jackc/", []string{"internal/store/...", "internal/jobs", "bench"}, "the engine is the store's business"},
	{"github.com/pressly/goose", []string{"internal/store/..."}, "migrations are the store's business"},
	{"github.com/tink-crypto/", []string{"internal/seal"}, "keys are handled in one place that can be reviewed whole"},
	{"github.com/tus/", []string{"internal/server/tus"}, "the upload protocol is one way in"},
	{"github.com/go-webauthn/", []string{"internal/feature/passkey"}, "answers of devices are checked in one place"},
	{"github.com/pquerna/", []string{"internal/feature/admin"}, "codes of authenticator apps are checked in one place"},
	{"github.com/boombuler/", []string{"internal/feature/admin"}, "QR codes are drawn for authenticator apps alone"},
	{"golang.org/x/crypto", []string{"internal/feature/certificate"}, "certificates are asked for in one place"},
	{"github.com/wneessen/", []string{"internal/mail"}, "what goes to a mail server is written in one place, or a header gets in by another"},
	{"github.com/danielgtaylor/huma", []string{"internal/server/api"}, "the API's framework must not shape the features"},
	{"github.com/alecthomas/kong", []string{"internal/config", "internal/cli"}, "flags are read in one place"},
	{"github.com/vbauerster/", []string{"internal/cli"}, "progress bars are for terminals"},
	{"github.com/abema/", []string{"internal/probe/...", "internal/platform/tiktoksim/..."}, "foreign files are parsed in one guarded place (and, apart from it, by the simulator)"},
	{"github.com/at-wat/", []string{"internal/probe/...", "internal/platform/tiktoksim/..."}, "foreign files are parsed in one guarded place (and, apart from it, by the simulator)"},
	{"github.com/gabriel-vasile/", []string{"internal/probe/..."}, "foreign files are parsed in one guarded place"},
	{"golang.org/x/image", []string{"internal/probe/...", "internal/platform/tiktoksim/..."}, "foreign files are parsed in one guarded place (and, apart from it, by the simulator)"},
	{"golang.org/x/text", []string{"internal/store"}, "text is made comparable in one place, or a search finds what another does not"},
	{"github.com/dustin/", []string{"internal/config", "internal/cli"}, "sizes are written for people at the edge only"},
	{"log", nil, "log/slog is the one logger"},
	{"math/rand", nil, "math/rand/v2 for chance, crypto/rand for secrets"},
	{"io/ioutil", nil, "it is deprecated"},
}

func TestWrappedModulesStayWrapped(t *testing.T) {
	t.Parallel()
	for _, s := range goFiles(t) {
		if s.test() {
			continue
		}
		for _, imported := range importsOf(s) {
			if strings.HasPrefix(imported, "github.com/riverqueue/") && !matches("internal/jobs", s.pkg) && path.Base(s.path) != "job.go" {
				t.Errorf("%s imports %s: River is known to package jobs and to files named job.go, so that jobs are found by file name", s.path, imported)
			}
			for _, w := range wrapped {
				if covers(w.prefix, imported) && !matchesAny(w.folders, s.pkg) {
					t.Errorf("%s imports %s: %s", s.path, imported, w.why)
				}
			}
		}
	}
}

// covers reports whether an import path is the prefix or lies below it. A prefix that ends in "/" covers all below.
func covers(prefix, imported string) bool {
	if strings.HasSuffix(prefix, "/") {
		return strings.HasPrefix(imported, prefix)
	}
	return imported == prefix || strings.Contains(prefix, ".") && strings.HasPrefix(imported, prefix+"/")
}

func importsOf(s source) []string {
	var list []string
	for _, i := range s.file.Imports {
		if p, err := strconv.Unquote(i.Path.Value); err == nil {
			list = append(list, p)
		}
	}
	return list
}
