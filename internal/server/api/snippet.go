package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
)

func (a *API) snippets() {
	tags := []string{"snippets"}
	add(a, huma.Operation{OperationID: "listSnippets", Method: http.MethodGet, Path: "/snippets", Tags: tags,
		Summary: "List captions and sets of hashtags to use again", Description: "All on one page, by kind and name."}, a.listSnippets)
	add(a, huma.Operation{OperationID: "saveSnippet", Method: http.MethodPost, Path: "/snippets", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Keep a caption or a set of hashtags", Description: "One of the same kind and name gets the new text."}, a.saveSnippet)
	add(a, huma.Operation{OperationID: "removeSnippet", Method: http.MethodDelete, Path: "/snippets/{id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Forget a caption or a set of hashtags"}, a.removeSnippet)
}

// Snippet is text to use again.
type Snippet struct {
	ID   shippost.SnippetID   `json:"id"`
	Kind shippost.SnippetKind `json:"kind" enum:"caption,hashtags"`
	Name string               `json:"name"`
	Text string               `json:"text"`
}

func snippetOf(s shippost.Snippet) Snippet { return Snippet{s.ID, s.Kind, s.Name, s.Text} }

func (a *API) listSnippets(ctx context.Context, actor shippost.Actor, _ *struct{}) (*listed[Snippet], error) {
	list, err := a.opt.Snippets.List(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &listed[Snippet]{Body: page[Snippet]{Items: convert(list, snippetOf)}}, nil
}

type saveSnippetInput struct {
	Body struct {
		Kind string `json:"kind" enum:"caption,hashtags"`
		Name string `json:"name" maxLength:"400"`
		Text string `json:"text" maxLength:"20000"`
	}
}

func (a *API) saveSnippet(ctx context.Context, actor shippost.Actor, in *saveSnippetInput) (*struct{ Body Snippet }, error) {
	s, err := a.opt.Snippets.Save(ctx, actor, shippost.Snippet{Kind: shippost.SnippetKind(in.Body.Kind), Name: in.Body.Name, Text: in.Body.Text})
	return &struct{ Body Snippet }{snippetOf(s)}, err
}

type snippetPath struct {
	ID string `path:"id" maxLength:"64"`
}

func (a *API) removeSnippet(ctx context.Context, actor shippost.Actor, in *snippetPath) (*struct{}, error) {
	return &struct{}{}, a.opt.Snippets.Remove(ctx, actor, shippost.SnippetID(in.ID))
}
