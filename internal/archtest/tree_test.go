package archtest

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "ship-post.com/shippost"

// root is the module's folder as the tests see it.
var root = filepath.Join("..", "..")

// pkg is a package of the module as the go command describes it.
type pkg struct {
	ImportPath, Dir, Name              string
	GoFiles, IgnoredGoFiles            []string
	TestGoFiles, XTestGoFiles          []string
	Imports, TestImports, XTestImports []string
	Module                             *mod
	Standard                           bool
}

// mod is a module as the go command describes it.
type mod struct {
	Path, Version, Dir string
	Main, Indirect     bool
}

// place returns the package's folder in the module, "" for the root and with forward slashes.
func (p pkg) place() string { return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/") }

// testKit reports whether the package exists for tests only.
func (p pkg) testKit() bool {
	return slices.ContainsFunc(strings.Split(p.place(), "/"), func(part string) bool { return strings.HasSuffix(part, "test") || part == "e2e" })
}

// packages returns the packages of the module.
var packages = sync.OnceValues(func() ([]pkg, error) { return goList("./...") })

// dependencies returns every package that the product links, ours and others'. Test kits are left out.
var dependencies = sync.OnceValues(func() ([]pkg, error) {
	all, err := packages()
	if err != nil {
		return nil, err
	}
	args := []string{"-deps"}
	for _, p := range all {
		if !p.testKit() {
			args = append(args, p.ImportPath)
		}
	}
	return goList(args...)
})

func goList(args ...string) ([]pkg, error) {
	cmd := exec.Command("go", append([]string{"list", "-e", "-json"}, args...)...)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var list []pkg
	for dec := json.NewDecoder(out); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, cmd.Wait()
}

func ours(t *testing.T) []pkg {
	t.Helper()
	list, err := packages()
	if err != nil || len(list) < 10 {
		t.Fatalf("go list found %d packages: %v", len(list), err)
	}
	return list
}

// source is a Go file of the module.
type source struct {
	path string // from the module's folder, with forward slashes
	text []byte
	file *ast.File
	pkg  string // place of its package
}

// test reports whether the file belongs to tests.
func (s source) test() bool {
	return strings.HasSuffix(s.path, "_test.go") || pkg{ImportPath: module + "/" + s.pkg}.testKit()
}

// generated reports whether a program wrote the file.
func (s source) generated() bool { return ast.IsGenerated(s.file) }

var fset = token.NewFileSet()

// sources returns all Go files of the module, those of other systems and build tags too.
var sources = sync.OnceValues(func() ([]source, error) {
	var list []source
	err := walk(func(path string, text []byte) error {
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		file, err := parser.ParseFile(fset, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		dir := strings.TrimSuffix(filepath.ToSlash(filepath.Dir(path)), ".")
		list = append(list, source{path, text, file, dir})
		return nil
	})
	return list, err
})

func goFiles(t *testing.T) []source {
	t.Helper()
	list, err := sources()
	if err != nil || len(list) < 30 {
		t.Fatalf("found %d Go files: %v", len(list), err)
	}
	return list
}

// walk calls f for every file that belongs to the repository.
func walk(f func(path string, text []byte) error) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			switch rel {
			case ".git", ".cache", "bin", "data":
				return filepath.SkipDir
			}
			if d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || rel == ".git" { // a file in a linked worktree
			return nil
		}
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // an editor's temporary file, gone again
		}
		if err != nil {
			return err
		}
		return f(rel, text)
	})
}

// at returns the place of a node for messages.
func at(n ast.Node) string { return fset.Position(n.Pos()).String() }

// matches reports whether a folder is covered by a pattern: a folder, or a folder and everything below it ("x/...").
func matches(pattern, folder string) bool {
	if below, ok := strings.CutSuffix(pattern, "/..."); ok {
		return folder == below || strings.HasPrefix(folder, below+"/")
	}
	return pattern == folder
}

func matchesAny(patterns []string, folder string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, folder) })
}
