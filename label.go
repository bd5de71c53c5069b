package shippost

import (
	"slices"
	"time"
	"unicode/utf8"
)

// Label is a word that a workspace puts on posts to find them again. It never changes what is sent.
type Label struct {
	ID        LabelID
	Workspace WorkspaceID
	Name      string
	Colour    string // one of LabelColours; the name is always shown with it
	CreatedAt time.Time
}

// LabelColours are the colours that a label may have.
var LabelColours = []string{"grey", "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink"}

// Limits of labels.
const (
	MaxLabelName  = 40
	MaxLabels     = 100 // of a workspace
	MaxPostLabels = 10
)

// Check returns what is wrong with a label as somebody wrote it; nil for nothing.
func (l Label) Check() error {
	switch {
	case l.Name == "" || utf8.RuneCountInString(l.Name) > MaxLabelName:
		return Errorf(Invalid, "invalid_name", "Give it a name of 1 to %d characters.", MaxLabelName).At("name").With(RemedyEdit)
	case !slices.Contains(LabelColours, l.Colour):
		return Errorf(Invalid, "invalid_colour", "This is none of the colours a label may have.").At("colour").With(RemedyEdit)
	}
	return nil
}
