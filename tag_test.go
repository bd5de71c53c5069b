package shippost

import (
	"strings"
	"testing"
)

func TestCleanTag(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"sea": "sea", "  #Low   tide\n": "Low tide", "##a": "a", "مد وجزر": "مد وجزر", "\u202eevil": "evil", "<b>bold</b>": "<b>bold</b>",
		"می\u200cخواهم": "می\u200cخواهم", "👩\u200d👩\u200d👧": "👩\u200d👩\u200d👧", "a\x00b\xff": "ab", strings.Repeat("é", MaxTag): strings.Repeat("é", MaxTag),
	} {
		if got, err := CleanTag(text); got != want || err != nil {
			t.Errorf("%q became %q, %v; want %q", text, got, err, want)
		}
	}
	for text, code := range map[string]string{
		"": "tag_empty", " # ": "tag_empty", "\u200d": "tag_empty", "\u202e": "tag_empty", strings.Repeat("x", 1000): "tag_too_long", "a,b": "tag_with_comma",
	} {
		if got, err := CleanTag(text); !IsCode(err, code) {
			t.Errorf("%.20q became %q, %v; want %s", text, got, err, code)
		}
	}
}
