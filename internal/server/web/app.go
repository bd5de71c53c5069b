package web

import (
	"fmt"
	"io/fs"
	"net/http"
	"strings"
)

// appPaths are the addresses of the app's screens. Whoever is signed in gets the app there, and the app shows the screen.
var appPaths = []string{
	"/{$}", "/calendar", "/compose", "/compose/{id}", "/posts", "/posts/{id}", "/queue", "/slots", "/library", "/library/{id}",
	"/activity", "/accounts", "/accounts/{id}", "/settings", "/settings/review", "/settings/{section}",
}

// addApp lists the built app: index.html, the folder assets, whose names change with their content, and the files beside,
// whose names do not.
func (p *Pages) addApp(built fs.FS, mux *http.ServeMux) error {
	err := fs.WalkDir(built, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		f, err := newStatic(built, name)
		switch {
		case err != nil:
			return err
		case name == "index.html":
			p.index = f
		case strings.HasPrefix(name, "assets/"):
			p.kept["/"+name] = f
		default:
			mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) { f.send(w, r, askAgain) })
		}
		return nil
	})
	if err == nil && p.index.kind == "" {
		err = fmt.Errorf("there is no index.html")
	}
	if err != nil {
		return fmt.Errorf("read the web app: %w", err)
	}
	mux.HandleFunc("GET /assets/", p.file)
	return nil
}

// app answers with the app, which holds nothing of anybody; others are asked to sign in first, and come back here.
func (p *Pages) app(w http.ResponseWriter, r *http.Request) {
	if _, err := p.Actor(r); err != nil {
		p.fail(w, r, err)
		return
	}
	if r.Method == http.MethodGet {
		p.count(r, r.Pattern)
	}
	p.index.send(w, r, "")
}
