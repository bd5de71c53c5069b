package shippost

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecret_NeverPrints(t *testing.T) {
	const canary = "canary-7f3a9c"
	s := NewSecret(canary)
	type pocket struct{ inner Secret }      // fmt does not call methods of unexported fields
	type purse struct{ Key, Other *Secret } // nor does everybody follow pointers
	values := map[string]any{"itself": s, "pointer": &s, "unexported field": pocket{s}, "pointer to a struct": &pocket{s},
		"pointers": purse{&s, &s}, "slice": []Secret{s}, "map": map[string]Secret{"k": s}, "key of a map": map[Secret]int{s: 1}, "any": []any{s}}

	leaks := func(how, printed string) {
		t.Helper()
		for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprint([]byte(canary))} {
			if strings.Contains(printed, form) {
				t.Errorf("%s gives %q", how, printed)
			}
		}
	}
	for name, v := range values {
		for _, verb := range strings.Fields("%v %+v %#v %s %q %x %X %d %b %o %c %U %e %t %p %T %w %10s %.3s") {
			leaks(name+" with "+verb, fmt.Sprintf(verb, v))
		}
		for _, handler := range []func(*bytes.Buffer) slog.Handler{
			func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var log bytes.Buffer
			slog.New(handler(&log)).Info("x", "v", v)
			leaks(name+" with slog", log.String())
		}
	}
	doc, err := json.Marshal(struct{ A Secret }{s})
	if err != nil || string(doc) != `{"A":"[redacted]"}` {
		t.Errorf("JSON: got %s, %v", doc, err)
	}
	type page struct{ A Secret }
	doc, err = xml.Marshal(page{s})
	if err != nil || string(doc) != "<page><A>[redacted]</A></page>" {
		t.Errorf("XML: got %s, %v", doc, err)
	}
	leaks("an error", fmt.Errorf("refused %v", s).Error())
}

func TestSecret_Compares(t *testing.T) {
	a, b := NewSecret("one"), NewSecret("o"+strings.ToLower("NE"))
	if a != b || a == NewSecret("two") {
		t.Error("two Secrets are not equal exactly when their texts are")
	}
	if a.Reveal() != "one" || a.IsZero() {
		t.Error("the text is lost")
	}
	if none := NewSecret(""); !none.IsZero() || none.Reveal() != "" || none != (Secret{}) {
		t.Error("an empty text is not the zero Secret")
	}
}
