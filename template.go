package shippost

import (
	"time"
	"unicode/utf8"
)

// Template is a composition to begin a post with. Who can see the post, what others may do with it, what it promotes and the
// consent are not part of it: the creator answers these for each post.
type Template struct {
	ID        TemplateID
	Workspace WorkspaceID
	Name      string
	Caption   string
	Options   TemplateOptions
	Labels    []LabelID
	CreatedAt time.Time
	UpdatedAt time.Time
}

// TemplateOptions are those choices of a post that may be made ahead.
type TemplateOptions struct {
	Title     string `json:"title,omitempty"`
	ToInbox   bool   `json:"to_inbox,omitempty"`
	AutoMusic bool   `json:"auto_music,omitempty"`
}

// Limits of what a template holds.
const (
	MaxTemplates     = 200 // of a workspace
	MaxTemplateTitle = 500
)

// Check returns what is wrong with a template as somebody wrote it; nil for nothing.
func (t Template) Check() error {
	switch {
	case t.Name == "" || utf8.RuneCountInString(t.Name) > MaxSnippetName:
		return Errorf(Invalid, "invalid_name", "Give it a name of 1 to %d characters.", MaxSnippetName).At("name").With(RemedyEdit)
	case utf8.RuneCountInString(t.Caption) > MaxSnippetText:
		return Errorf(Invalid, "invalid_caption", "Write at most %d characters.", MaxSnippetText).At("caption").With(RemedyEdit)
	case utf8.RuneCountInString(t.Options.Title) > MaxTemplateTitle:
		return Errorf(Invalid, "invalid_title", "A title has at most %d characters.", MaxTemplateTitle).At("title").With(RemedyEdit)
	}
	return nil
}
