package chaos

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// orderVariable is what only a build with fault points knows.
const orderVariable = "SHIPPOST_CHAOS"

func TestReleaseHasNoFaultPoints(t *testing.T) {
	t.Parallel()
	for _, pkg := range append([]string{"./testdata/victim"}, commands(t)...) {
		release, err := os.ReadFile(build(t, pkg))
		if err != nil {
			t.Fatal(err)
		}
		// Names of TikTok's webhook events, which the simulator sends, contain names of fault points.
		release = bytes.ReplaceAll(release, []byte("post.publish."), nil)
		// So does the name of a type.
		release = bytes.ReplaceAll(release, []byte("publish.refusedError"), nil)
		for _, trace := range traces() {
			if bytes.Contains(release, []byte(trace)) {
				t.Errorf("the release build of %s contains %q: fault points and the settable clock must not be in it", pkg, trace)
			}
		}
	}
}

// The search above proves something only if it finds what it looks for where it is.
func TestChaosBuildHasFaultPoints(t *testing.T) {
	t.Parallel()
	tagged, err := os.ReadFile(build(t, "./testdata/victim", "-tags=chaos"))
	if err != nil {
		t.Fatal(err)
	}
	for _, trace := range traces() {
		if !bytes.Contains(tagged, []byte(trace)) {
			t.Errorf("the chaos build of the victim lacks %q", trace)
		}
	}
}

func TestReleaseIgnoresOrders(t *testing.T) {
	t.Parallel()
	clock := writeClock(t, "72h")
	out, err := run(build(t, "./testdata/victim"), orderVariable+"=chaos.victim.point=kill", orderVariable+"_CLOCK="+clock, orderVariable+"_CHUNK=5242880")
	if err != nil || !strings.Contains(out, "done") {
		t.Fatalf("a release build followed an order: %v\n%s", err, out)
	}
	if !strings.Contains(out, "chunk 0\n") {
		t.Errorf("a release build took the size of chunks from its environment\n%s", out)
	}
	if off := time.Until(printedClock(t, out)).Abs(); off > time.Minute {
		t.Errorf("the clock of a release build is off by %s, want none", off)
	}
}

func TestOrders(t *testing.T) {
	t.Parallel()
	victim := build(t, "./testdata/victim", "-tags=chaos")

	t.Run("none", func(t *testing.T) {
		out, err := run(victim)
		if err != nil || !strings.HasSuffix(out, "done\n") {
			t.Fatalf("without orders: %v\n%s", err, out)
		}
	})
	t.Run("kill leaves no time for anything", func(t *testing.T) {
		passes := filepath.Join(t.TempDir(), "passes")
		out, err := run(victim, orderVariable+"=chaos.victim.point=kill", orderVariable+"_LOG="+passes)
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("ended with %v, want SIGKILL", err)
		}
		if out != "started\n" {
			t.Errorf("printed %q, want only the lines before the point", out)
		}
		got, err := os.ReadFile(passes)
		if err != nil {
			t.Fatal(err)
		}
		if want := "chaos.victim.err\nchaos.victim.point\n"; string(got) != want {
			t.Errorf("recorded passes %q, want %q", got, want)
		}
	})
	t.Run("error", func(t *testing.T) {
		out, err := run(victim, orderVariable+"=chaos.victim.err=error")
		if err != nil || !strings.Contains(out, "failed: "+ErrInjected.Error()) {
			t.Fatalf("Err did not fail: %v\n%s", err, out)
		}
	})
	t.Run("only the second pass", func(t *testing.T) {
		out, err := run(victim, orderVariable+"=chaos.victim.point=kill@2")
		if err != nil || !strings.Contains(out, "done") {
			t.Fatalf("an order for the second pass hit the first: %v\n%s", err, out)
		}
	})
	t.Run("delay", func(t *testing.T) {
		start := time.Now()
		if out, err := run(victim, orderVariable+"=chaos.victim.point=delay:150ms"); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if took := time.Since(start); took < 150*time.Millisecond {
			t.Errorf("took %s, want at least 150ms", took)
		}
	})
	t.Run("chunk", func(t *testing.T) {
		if out, err := run(victim, orderVariable+"_CHUNK=5242880"); err != nil || !strings.Contains(out, "chunk 5242880\n") {
			t.Fatalf("%v\n%s", err, out)
		}
		if out, err := run(victim, orderVariable+"_CHUNK=5MB"); err == nil {
			t.Fatalf("a size that is no number was taken\n%s", out)
		}
	})
	t.Run("clock", func(t *testing.T) {
		out, err := run(victim, orderVariable+"_CLOCK="+writeClock(t, "-48h"))
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if off := time.Since(printedClock(t, out)); (off - 48*time.Hour).Abs() > time.Minute {
			t.Errorf("the clock is %s behind, want 48h", off)
		}
	})
	t.Run("pause stops the whole process", func(t *testing.T) { pauseAndGoOn(t, victim) })
}

func TestMisspeltOrderEndsTheProcess(t *testing.T) {
	t.Parallel()
	victim := build(t, "./testdata/victim", "-tags=chaos")
	for _, order := range []string{
		"chaos.victim.pint=kill", "chaos.victim.point", "chaos.victim.point=explode", "chaos.victim.point=kill@0",
		"chaos.victim.point=kill@x", "chaos.victim.point=delay:soon", "chaos.victim.point=delay", "chaos.victim.point=kill:9",
	} {
		out, err := run(victim, orderVariable+"="+order)
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok || exit.ExitCode() != 2 || strings.Contains(out, "started") {
			t.Errorf("order %q: %v, printed %q; want exit status 2 before anything else", order, err, out)
		}
	}
}

// TestEachPointIsListedAndUsedOnce compares points.go with the code.
func TestEachPointIsListedAndUsedOnce(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, p := range points {
		if listed[p.name] {
			t.Errorf("%s is listed twice in points.go", p.name)
		}
		if p.moment == "" {
			t.Errorf("%s: say in points.go which moment it stands for", p.name)
		}
		listed[p.name] = true
	}
	used := map[string][]string{}
	for _, call := range calls(t, filepath.Join("..", "..")) {
		used[call.name] = append(used[call.name], call.place)
	}
	for name, places := range used {
		if !listed[name] {
			t.Errorf("%s uses the fault point %q, which points.go does not list: nobody would ever crash there", places[0], name)
		}
		if len(places) > 1 {
			t.Errorf("fault point %q is used in %s: give each place its own name, so that an order means one place", name, strings.Join(places, " and "))
		}
	}
	for name := range listed {
		if used[name] == nil {
			t.Errorf("points.go lists %q, but nothing passes it: a crash test of it would prove nothing", name)
		}
	}
}

type call struct{ name, place string }

// calls finds every chaos.Point and chaos.Err of the module.
func calls(t *testing.T, root string) []call {
	t.Helper()
	var found []call
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !bytes.Contains(text, []byte("chaos.")) {
			return nil
		}
		file, err := parser.ParseFile(fset, path, text, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			c, ok := n.(*ast.CallExpr)
			if !ok || !isPoint(c) {
				return true
			}
			place := fset.Position(c.Pos()).String()
			lit, ok := c.Args[0].(*ast.BasicLit)
			if !ok {
				t.Errorf("%s: write the name of a fault point as a plain string, so that a search finds it", place)
				return true
			}
			name, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, call{name, place})
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func isPoint(c *ast.CallExpr) bool {
	sel, ok := c.Fun.(*ast.SelectorExpr)
	if !ok || len(c.Args) != 1 {
		return false
	}
	pkg, ok := sel.X.(*ast.Ident)
	return ok && pkg.Name == "chaos" && (sel.Sel.Name == "Point" || sel.Sel.Name == "Err")
}

// traces are the texts that tell a build with fault points from one without.
func traces() []string {
	list := []string{orderVariable, ErrInjected.Error()}
	for _, p := range points {
		list = append(list, p.name)
	}
	return list
}

// commands returns the commands of the product.
func commands(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{if eq .Name "main"}}{{.ImportPath}}{{end}}`, "ship-post.com/shippost/cmd/...").Output()
	if err != nil {
		t.Fatalf("list the commands: %v", err)
	}
	return strings.Fields(string(out))
}

func build(t *testing.T, pkg string, flags ...string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "binary")
	args := append([]string{"build", "-o", binary}, flags...)
	if out, err := exec.Command("go", append(args, pkg)...).CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
	return binary
}

func run(binary string, env ...string) (string, error) {
	cmd := exec.Command(binary)
	cmd.Env = env
	out, err := cmd.Output()
	return string(out), err
}

func pauseAndGoOn(t *testing.T, victim string) {
	cmd := exec.Command(victim)
	cmd.Env = []string{orderVariable + "=chaos.victim.point=pause"}
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil {
		t.Fatal(err)
	}
	if !status.Stopped() || status.StopSignal() != syscall.SIGSTOP {
		t.Fatalf("status %#x, want stopped by SIGSTOP", status)
	}
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.HasSuffix(out.String(), "done\n") {
		t.Errorf("after SIGCONT: %v\n%s", err, out.String())
	}
}

func writeClock(t *testing.T, off string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clock")
	if err := os.WriteFile(path, []byte(off+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func printedClock(t *testing.T, out string) time.Time {
	t.Helper()
	m := regexp.MustCompile(`clock (\S+)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no clock in %q", out)
	}
	at, err := time.Parse(time.RFC3339, m[1])
	if err != nil {
		t.Fatal(err)
	}
	return at
}
