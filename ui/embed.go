// Package ui holds the built web app. Its source is beside this file; dist is written by the build and committed, so that the
// program can be built without Node.
package ui

import (
	"embed"
	"io/fs"
)

//go:generate npm run --silent generate

//go:embed all:dist
var dist embed.FS

// Dist returns the built files: index.html, what its head names, and the folder assets, whose names change with their content.
func Dist() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return sub
}
