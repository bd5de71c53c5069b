package snippet_test

import (
	"encoding/json"
	"strings"
	"testing"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/label"
	"ship-post.com/shippost/internal/feature/snippet"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func TestTemplates(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		actor, stranger := storetest.Workspace(t, db), storetest.Workspace(t, db)
		k, labels := snippet.New(db), label.New(db)
		mine, err := labels.Add(ctx, actor, shippost.Label{Name: "Spring", Colour: "green"})
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := labels.Add(ctx, stranger, shippost.Label{Name: "Spring", Colour: "green"})
		if err != nil {
			t.Fatal(err)
		}
		first, err := k.SaveTemplate(ctx, actor, shippost.Template{Name: " Tide ", Caption: "Low tide \u200d<b>", Labels: []shippost.LabelID{mine.ID, theirs.ID},
			Options: shippost.TemplateOptions{Title: "Tide", AutoMusic: true}})
		if err != nil || first.Name != "Tide" || len(first.Labels) != 1 || first.Labels[0] != mine.ID {
			t.Fatalf("saved %+v, %v", first, err)
		}
		again, err := k.SaveTemplate(ctx, actor, shippost.Template{Name: "Tide", Caption: "High tide", Labels: []shippost.LabelID{mine.ID}})
		if err != nil || again.ID != first.ID || again.Caption != "High tide" || again.Options.AutoMusic {
			t.Errorf("the same name again: %+v, %v", again, err)
		}
		if err := labels.Remove(ctx, actor, mine.ID); err != nil {
			t.Fatal(err)
		}
		if list, err := k.Templates(ctx, actor); err != nil || len(list) != 1 || len(list[0].Labels) != 0 {
			t.Errorf("got %+v, %v", list, err)
		}
		if list, err := k.Templates(ctx, stranger); err != nil || len(list) != 0 {
			t.Errorf("a stranger sees %v, %v", list, err)
		}
		for code, m := range map[string]shippost.Template{
			"invalid_name":    {Name: " "},
			"invalid_caption": {Name: "a", Caption: strings.Repeat("🌊", shippost.MaxSnippetText+1)},
			"invalid_title":   {Name: "a", Options: shippost.TemplateOptions{Title: strings.Repeat("a", shippost.MaxTemplateTitle+1)}},
		} {
			if _, err := k.SaveTemplate(ctx, actor, m); !shippost.IsCode(err, code) {
				t.Errorf("got %v, want %s", err, code)
			}
		}
		if err := k.RemoveTemplate(ctx, stranger, first.ID); !shippost.IsCode(err, "template_not_found") {
			t.Errorf("a stranger removes: %v", err)
		}
		if err := k.RemoveTemplate(ctx, actor, first.ID); err != nil {
			t.Error(err)
		}
	})
}

// What TikTok wants a creator to choose for each post cannot even be written into a template.
func TestTemplates_AnswerNothingForTheCreator(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(shippost.TemplateOptions{Title: "a", ToInbox: true, AutoMusic: true})
	if err != nil || string(text) != `{"title":"a","to_inbox":true,"auto_music":true}` {
		t.Errorf("a template keeps %s, %v: who can see it, what others may do, what it promotes and the consent are the creator's to say each time", text, err)
	}
}
