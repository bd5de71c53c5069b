package snippet_test

import (
	"strings"
	"testing"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/snippet"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func TestSnippets(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		actor, stranger := storetest.Workspace(t, db), storetest.Workspace(t, db)
		k := snippet.New(db)
		first, err := k.Save(ctx, actor, shippost.Snippet{Kind: shippost.SnippetHashtags, Name: " Sea ", Text: "#sea"})
		if err != nil || first.Name != "Sea" {
			t.Fatalf("saved %+v, %v", first, err)
		}
		again, err := k.Save(ctx, actor, shippost.Snippet{Kind: shippost.SnippetHashtags, Name: "Sea", Text: "#sea #tide 🌊"})
		if err != nil || again.ID != first.ID || again.Text != "#sea #tide 🌊" {
			t.Errorf("the same name again: %+v, %v", again, err)
		}
		if _, err := k.Save(ctx, actor, shippost.Snippet{Kind: shippost.SnippetCaption, Name: "Sea", Text: "<b>Low tide</b>"}); err != nil {
			t.Errorf("a caption of the same name: %v", err)
		}
		if list, err := k.List(ctx, actor); err != nil || len(list) != 2 || list[0].Text != "<b>Low tide</b>" {
			t.Errorf("got %+v, %v", list, err)
		}
		if list, err := k.List(ctx, stranger); err != nil || len(list) != 0 {
			t.Errorf("a stranger sees %v, %v", list, err)
		}
		if err := k.Remove(ctx, stranger, first.ID); !shippost.IsCode(err, "snippet_not_found") {
			t.Errorf("a stranger removes: %v", err)
		}
		viewer := actor
		viewer.Role = shippost.Viewer
		for code, s := range map[string]shippost.Snippet{
			"invalid_kind":    {Kind: "song", Name: "a", Text: "b"},
			"invalid_name":    {Kind: shippost.SnippetCaption, Name: "  ", Text: "b"},
			"invalid_snippet": {Kind: shippost.SnippetCaption, Name: "a", Text: strings.Repeat("🌊", shippost.MaxSnippetText+1)},
		} {
			if _, err := k.Save(ctx, actor, s); !shippost.IsCode(err, code) {
				t.Errorf("got %v, want %s", err, code)
			}
		}
		if _, err := k.Save(ctx, viewer, shippost.Snippet{Kind: shippost.SnippetCaption, Name: "a", Text: "b"}); !shippost.IsCode(err, "not_allowed") {
			t.Errorf("a viewer saves: %v", err)
		}
		if err := k.Remove(ctx, actor, first.ID); err != nil {
			t.Fatal(err)
		}
	})
}
