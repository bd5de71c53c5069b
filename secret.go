package shippost

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"unique"
)

// Secret is text that must not leak: tokens, upload addresses, keys. Every way of printing it gives [redacted];
// Reveal is the one way to the text, so that a search for it finds each use. Two Secrets are == when their texts are.
type Secret struct {
	// A handle and not a string, because fmt reads the unexported fields of a struct around us without asking our
	// methods; all it finds then is a pointer.
	text unique.Handle[string]
}

// NewSecret wraps text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{unique.Make(text)}
}

const redacted = "[redacted]"

// Reveal returns the text itself.
func (s Secret) Reveal() string {
	if s.IsZero() {
		return ""
	}
	return s.text.Value()
}

// IsZero reports whether there is no text.
func (s Secret) IsZero() bool { return s == Secret{} }

// String returns "[redacted]".
func (s Secret) String() string { return redacted }

// GoString returns "[redacted]", for %#v.
func (s Secret) GoString() string { return redacted }

// Format writes "[redacted]" for every verb of package fmt, also those that do not ask String.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]", for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON writes "[redacted]".
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// MarshalText writes "[redacted]".
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
