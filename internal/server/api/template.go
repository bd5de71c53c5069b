package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
)

func (a *API) templates() {
	tags := []string{"templates"}
	add(a, huma.Operation{OperationID: "listTemplates", Method: http.MethodGet, Path: "/templates", Tags: tags,
		Summary: "List compositions to begin with", Description: "All on one page, by name."}, a.listTemplates)
	add(a, huma.Operation{OperationID: "saveTemplate", Method: http.MethodPost, Path: "/templates", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Keep a composition to begin with", Description: "One of the same name gets what this one holds. Who can see a post, what others may do with it, " +
			"what it promotes and the consent are never part of one: the creator answers these for each post."}, a.saveTemplate)
	add(a, huma.Operation{OperationID: "removeTemplate", Method: http.MethodDelete, Path: "/templates/{id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Forget a template"}, a.removeTemplate)
}

// TemplateForm is a template as it is asked for.
type TemplateForm struct {
	Name      string   `json:"name" maxLength:"400"`
	Caption   string   `json:"caption,omitempty" maxLength:"20000"`
	Title     string   `json:"title,omitempty" maxLength:"2000" doc:"A headline beside the caption, photos only."`
	ToInbox   bool     `json:"to_inbox,omitempty" doc:"Send a draft to the creator's TikTok inbox instead of posting."`
	AutoMusic bool     `json:"auto_music,omitempty" doc:"TikTok adds music of its choice, photos only."`
	Labels    []string `json:"label_ids,omitempty" maxItems:"50"`
}

// Template is a composition to begin a post with.
type Template struct {
	ID        shippost.TemplateID `json:"id"`
	Name      string              `json:"name"`
	Caption   string              `json:"caption"`
	Title     string              `json:"title"`
	ToInbox   bool                `json:"to_inbox"`
	AutoMusic bool                `json:"auto_music"`
	Labels    []shippost.LabelID  `json:"label_ids"`
}

func templateOf(t shippost.Template) Template {
	return Template{t.ID, t.Name, t.Caption, t.Options.Title, t.Options.ToInbox, t.Options.AutoMusic, convert(t.Labels, same)}
}

func (a *API) listTemplates(ctx context.Context, actor shippost.Actor, _ *struct{}) (*listed[Template], error) {
	list, err := a.opt.Snippets.Templates(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &listed[Template]{Body: page[Template]{Items: convert(list, templateOf)}}, nil
}

func (a *API) saveTemplate(ctx context.Context, actor shippost.Actor, in *struct{ Body TemplateForm }) (*struct{ Body Template }, error) {
	t, err := a.opt.Snippets.SaveTemplate(ctx, actor, shippost.Template{Name: in.Body.Name, Caption: in.Body.Caption, Labels: labelIDs(in.Body.Labels),
		Options: shippost.TemplateOptions{Title: in.Body.Title, ToInbox: in.Body.ToInbox, AutoMusic: in.Body.AutoMusic}})
	return &struct{ Body Template }{templateOf(t)}, err
}

type templatePath struct {
	ID string `path:"id" maxLength:"64"`
}

func (a *API) removeTemplate(ctx context.Context, actor shippost.Actor, in *templatePath) (*struct{}, error) {
	return &struct{}{}, a.opt.Snippets.RemoveTemplate(ctx, actor, shippost.TemplateID(in.ID))
}
