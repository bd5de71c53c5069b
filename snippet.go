package shippost

import (
	"time"
	"unicode/utf8"
)

// Snippet is text that a workspace uses again and again.
type Snippet struct {
	ID        SnippetID
	Workspace WorkspaceID
	Kind      SnippetKind
	Name      string
	Text      string
	CreatedAt time.Time
}

// SnippetKind says what a snippet is for.
type SnippetKind string

// The kinds of snippets.
const (
	SnippetCaption  SnippetKind = "caption"  // a caption to begin with
	SnippetHashtags SnippetKind = "hashtags" // a set of hashtags to add
)

// Limits of what a snippet holds.
const (
	MaxSnippetName = 80
	MaxSnippetText = 4000
)

// Check returns what is wrong with a snippet as somebody wrote it; nil for nothing.
func (s Snippet) Check() error {
	switch {
	case s.Kind != SnippetCaption && s.Kind != SnippetHashtags:
		return Errorf(Invalid, "invalid_kind", "A snippet is a caption or a set of hashtags.").At("kind").With(RemedyEdit)
	case s.Name == "" || utf8.RuneCountInString(s.Name) > MaxSnippetName:
		return Errorf(Invalid, "invalid_name", "Give it a name of 1 to %d characters.", MaxSnippetName).At("name").With(RemedyEdit)
	case s.Text == "" || utf8.RuneCountInString(s.Text) > MaxSnippetText:
		return Errorf(Invalid, "invalid_snippet", "Write 1 to %d characters.", MaxSnippetText).At("text").With(RemedyEdit)
	}
	return nil
}
