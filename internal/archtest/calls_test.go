package archtest

import (
	"bytes"
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// reservation says where a function, type or variable of the standard library may be used.
type reservation struct {
	pkg, name string
	folders   []string
	inTests   bool // tests may use it anywhere
	why       string
}

var reserved = []reservation{
	{"os", "Getenv", []string{"internal/config"}, true, "the environment is read in one place, which checks and documents it"},
	{"os", "LookupEnv", []string{"internal/config"}, true, "the environment is read in one place, which checks and documents it"},
	{"os", "Environ", []string{"internal/config", "bench"}, true, "the environment is read in one place, which checks and documents it"},
	{"os", "ExpandEnv", nil, true, "the environment is read in one place, which checks and documents it"},
	{"os", "Exit", []string{"cmd/...", "internal/store/storetest/runpostgres", "bench"}, true, "only a command ends the process; everything else returns an error"},
	{"log", "Fatal", nil, false, "only a command ends the process; everything else returns an error"},
	{"os/exec", "Command", nil, true, "a child process without a context outlives what asked for it"},
	{"os/exec", "CommandContext", []string{"internal/probe/...", "bench", "internal/cli"}, true, "ffmpeg is the one program we start, under limits; the demo opens a browser"},
	{"net/http", "Error", nil, true, "failures leave as a problem document or a page, never as bare text"},
	{"net/http", "DefaultServeMux", nil, false, "anything linked in can register there"},
	{"net/http", "HandleFunc", nil, false, "anything linked in can register there"},
	{"net/http", "Handle", nil, false, "anything linked in can register there"},
}

// dials are the names that open connections, send datagrams or look names up.
var dials = []reservation{
	{"net", "Dial", []string{"internal/outbound", "bench"}, true, dialing},
	{"net", "DialTimeout", []string{"internal/outbound"}, true, dialing},
	{"net", "Dialer", []string{"internal/outbound", "internal/platform/tiktoksim/..."}, true, dialing},
	{"net/http", "Get", nil, true, dialing},
	{"net/http", "Post", nil, true, dialing},
	{"net/http", "PostForm", nil, true, dialing},
	{"net/http", "Head", nil, true, dialing},
	{"net/http", "DefaultClient", []string{"bench"}, true, dialing},
	{"net/http", "DefaultTransport", nil, true, dialing},
	{"net/http", "Transport", []string{"bench", "internal/outbound", "internal/platform/tiktoksim/..."}, true, dialing},
	{"net/http", "Client", []string{"bench", "internal/outbound", "client/...", "internal/platform/tiktoksim/..."}, true, dialing},
	{"crypto/tls", "Dial", nil, true, dialing},
	{"crypto/tls", "DialWithDialer", nil, true, dialing},
	{"crypto/tls", "Dialer", nil, true, dialing},
	{"net", "DialIP", nil, true, dialing},
	{"net", "DialTCP", nil, true, dialing},
	{"net", "DialUDP", nil, true, dialing},
	{"net", "DialUnix", nil, true, dialing},
	{"net", "ListenIP", nil, true, dialing},
	{"net", "ListenMulticastUDP", nil, true, dialing},
	{"net", "ListenPacket", nil, true, dialing},
	{"net", "ListenUDP", nil, true, dialing},
	{"net", "DefaultResolver", nil, true, dialing},
	{"net", "LookupAddr", nil, true, dialing},
	{"net", "LookupCNAME", nil, true, dialing},
	{"net", "LookupHost", nil, true, dialing},
	{"net", "LookupIP", nil, true, dialing},
	{"net", "LookupMX", nil, true, dialing},
	{"net", "LookupNS", nil, true, dialing},
	{"net", "LookupSRV", nil, true, dialing},
	{"net", "LookupTXT", nil, true, dialing},
	{"net/http/httputil", "NewSingleHostReverseProxy", nil, true, dialing},
	{"net/http/httputil", "ReverseProxy", nil, true, dialing},
	{"net/rpc", "Dial", nil, true, dialing},
	{"net/rpc", "DialHTTP", nil, true, dialing},
	{"net/smtp", "Dial", nil, true, dialing},
	{"net/smtp", "SendMail", nil, true, dialing},
	{"syscall", "Connect", nil, true, dialing},
	{"syscall", "Sendto", nil, true, dialing},
	{"syscall", "Socket", nil, true, dialing},
	{"golang.org/x/sys/unix", "Connect", nil, true, dialing},
	{"golang.org/x/sys/unix", "Sendto", nil, true, dialing},
	{"golang.org/x/sys/unix", "Socket", nil, true, dialing},
}

const dialing = "every connection the product opens goes through package outbound, which knows whom it may talk to (reliability §12)"

// excuses lists the few places that use a reserved name for a reason of their own.
var excuses = map[string]string{
	"internal/app/visitor.go net/http.Client":     "the demo's own browser; it visits the two servers that it started itself",
	"internal/server/web/web.go net/http.Error":   "for the one page that is left when pages cannot be rendered",
	"internal/platform/tiktoksim/ net/http.Error": "the simulator answers as TikTok does",
	"internal/chaos/inject.go os.Getenv":          "fault points are ordered from outside and are not in a release",
	"internal/chaos/inject.go os.Exit":            "a misspelt order must not look like a passed test",
}

func TestReservedNamesStayInTheirPlace(t *testing.T) {
	t.Parallel()
	stayInTheirPlace(t, reserved)
}

// P22: no code of ours opens a connection but the guarded dialer, which knows whom the privacy policy names.
func TestPromise_P22_OnlyTheGuardedDialerDials(t *testing.T) {
	t.Parallel()
	stayInTheirPlace(t, dials)
	for _, s := range goFiles(t) {
		for _, i := range s.file.Imports {
			if i.Name != nil && i.Name.Name == "." && !s.test() {
				t.Errorf("%s imports %s without its name: a call of it could not be seen", s.path, i.Path.Value)
			}
		}
	}
}

func stayInTheirPlace(t *testing.T, rules []reservation) {
	t.Helper()
	needed := map[string]bool{}
	for _, s := range goFiles(t) {
		names := importNames(s)
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			id, ok := sel.X.(*ast.Ident)
			if !ok || id.Obj != nil || names[id.Name] == "" {
				return true
			}
			for _, r := range rules {
				if r.pkg != names[id.Name] || r.name != sel.Sel.Name || r.inTests && s.test() || matchesAny(r.folders, s.pkg) {
					continue
				}
				if r.name == "Client" && !constructs(s, sel) {
					continue // naming the type is fine: it is given to whoever needs it
				}
				if place := excuse(s, r.pkg+"."+r.name); place != "" {
					needed[place] = true
					continue
				}
				t.Errorf("%s uses %s.%s: %s", at(sel), id.Name, r.name, r.why)
			}
			return true
		})
	}
	for place := range excuses {
		_, what, _ := strings.Cut(place, " ")
		if slices.ContainsFunc(rules, func(r reservation) bool { return r.pkg+"."+r.name == what }) && !needed[place] {
			t.Errorf("the excuse for %q is not needed any more: delete it", place)
		}
	}
}

// excuse returns the key of the excuse that covers a use in the file, "" for none.
func excuse(s source, name string) string {
	for place := range excuses {
		where, what, _ := strings.Cut(place, " ")
		if what == name && (where == s.path || strings.HasSuffix(where, "/") && strings.HasPrefix(s.path, where)) {
			return place
		}
	}
	return ""
}

// constructs reports whether the selector makes a value of its type, and not just names it behind a pointer.
func constructs(s source, sel *ast.SelectorExpr) bool {
	named := false
	ast.Inspect(s.file, func(n ast.Node) bool {
		star, ok := n.(*ast.StarExpr)
		named = named || ok && star.X == sel
		return !named
	})
	return !named
}

// importNames maps the names a file uses to import paths.
func importNames(s source) map[string]string {
	names := map[string]string{}
	for _, i := range s.file.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(p)
		if i.Name != nil {
			name = i.Name.Name
		}
		names[name] = p
	}
	return names
}

// A test that skips itself or sleeps proves nothing, or proves it by luck.
func TestTestsNeitherSkipNorSleep(t *testing.T) {
	t.Parallel()
	for _, s := range goFiles(t) {
		if !s.test() || strings.HasSuffix(s.path, "bench_test.go") {
			continue // a benchmark sets its stage in real time
		}
		names := importNames(s)
		// Inside a synctest bubble the clock is a fake one, and sleeping takes no time.
		bubble := bytes.Contains(s.text, []byte(`"testing/synctest"`))
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			id, ok := sel.X.(*ast.Ident)
			switch {
			case !ok:
			case names[id.Name] == "time" && sel.Sel.Name == "Sleep" && !bubble:
				t.Errorf("%s sleeps: move a settable clock, use synctest, or wait for a signal", at(call))
			case (id.Name == "t" || id.Name == "tb" || id.Name == "b") && (sel.Sel.Name == "Skip" || sel.Sel.Name == "Skipf" || sel.Sel.Name == "SkipNow"):
				t.Errorf("%s skips: a test that may not run proves nothing; install what it needs in scripts/tools", at(call))
			}
			return true
		})
	}
}
