package shippost

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of tags.
const (
	MaxTag       = 40   // characters of one
	MaxMediaTags = 30   // of one file
	MaxTags      = 1000 // different ones of a workspace
)

// CleanTag returns a tag as it is kept: on one line, without a hash sign before it. The error, of kind Invalid, says why a
// text cannot be one.
func CleanTag(text string) (string, error) {
	tag := strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == '\u200c' || r == '\u200d': // they join the letters of some scripts, and the parts of some pictures
			return r
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r): // they can turn the direction of what follows
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))), " ")
	tag = strings.TrimSpace(strings.TrimLeft(tag, "#"))
	switch {
	case strings.Trim(tag, "\u200c\u200d") == "":
		return "", Errorf(Invalid, "tag_empty", "A tag needs at least one letter.").With(RemedyEdit)
	case utf8.RuneCountInString(tag) > MaxTag:
		return "", Errorf(Invalid, "tag_too_long", "A tag has at most %d characters.", MaxTag).With(RemedyEdit)
	case strings.Contains(tag, ","):
		return "", Errorf(Invalid, "tag_with_comma", "A comma ends a tag. Write two tags instead.").With(RemedyEdit)
	}
	return tag, nil
}
