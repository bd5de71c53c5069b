package cli

import (
	"fmt"
	"io"
)

// say writes for a person. If nobody can read it there is nobody to tell.
func say(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
