package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
)

func (a *API) labels() {
	tags := []string{"labels"}
	add(a, huma.Operation{OperationID: "listLabels", Method: http.MethodGet, Path: "/labels", Tags: tags, Summary: "List the labels",
		Description: "All on one page, by name."}, a.listLabels)
	add(a, huma.Operation{OperationID: "addLabel", Method: http.MethodPost, Path: "/labels", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Make a label"}, a.addLabel)
	add(a, huma.Operation{OperationID: "changeLabel", Method: http.MethodPut, Path: "/labels/{id}", Tags: tags, Summary: "Give a label another name or colour",
		Description: "Posts keep it."}, a.changeLabel)
	add(a, huma.Operation{OperationID: "removeLabel", Method: http.MethodDelete, Path: "/labels/{id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Remove a label", Description: "From all posts too."}, a.removeLabel)
	add(a, huma.Operation{OperationID: "labelPost", Method: http.MethodPut, Path: "/posts/{id}/labels", Tags: tags, Summary: "Choose the labels of a post",
		Description: "In the place of those it had, whatever state it is in. Its version stays: nothing of what is sent changes."}, a.labelPost)
}

// Label is a word that posts are found again by.
type Label struct {
	ID     shippost.LabelID `json:"id"`
	Name   string           `json:"name"`
	Colour string           `json:"colour" enum:"grey,red,orange,yellow,green,teal,blue,purple,pink"`
}

func labelOf(l shippost.Label) Label { return Label{l.ID, l.Name, l.Colour} }

func labelIDs(ids []string) []shippost.LabelID {
	return convert(ids, func(id string) shippost.LabelID { return shippost.LabelID(id) })
}

func (a *API) listLabels(ctx context.Context, actor shippost.Actor, _ *struct{}) (*listed[Label], error) {
	list, err := a.opt.Labels.List(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &listed[Label]{Body: page[Label]{Items: convert(list, labelOf)}}, nil
}

// LabelForm is a label as it is asked for.
type LabelForm struct {
	Name   string `json:"name" maxLength:"400"`
	Colour string `json:"colour" enum:"grey,red,orange,yellow,green,teal,blue,purple,pink" doc:"Shown beside the name, never alone."`
}

func (a *API) addLabel(ctx context.Context, actor shippost.Actor, in *struct{ Body LabelForm }) (*struct{ Body Label }, error) {
	l, err := a.opt.Labels.Add(ctx, actor, shippost.Label{Name: in.Body.Name, Colour: in.Body.Colour})
	return &struct{ Body Label }{labelOf(l)}, err
}

// LabelPath is the part of an address that names a label.
type LabelPath struct {
	ID string `path:"id" maxLength:"64"`
}

type changeLabelInput struct {
	LabelPath
	Body LabelForm
}

func (a *API) changeLabel(ctx context.Context, actor shippost.Actor, in *changeLabelInput) (*struct{ Body Label }, error) {
	l, err := a.opt.Labels.Change(ctx, actor, shippost.Label{ID: shippost.LabelID(in.ID), Name: in.Body.Name, Colour: in.Body.Colour})
	return &struct{ Body Label }{labelOf(l)}, err
}

func (a *API) removeLabel(ctx context.Context, actor shippost.Actor, in *LabelPath) (*struct{}, error) {
	return &struct{}{}, a.opt.Labels.Remove(ctx, actor, shippost.LabelID(in.ID))
}

type labelPostInput struct {
	PostPath
	Body struct {
		Labels []string `json:"label_ids" maxItems:"50" doc:"At most 10 labels; none for an empty list."`
	}
}

func (a *API) labelPost(ctx context.Context, actor shippost.Actor, in *labelPostInput) (*WrittenPost, error) {
	if err := a.opt.Posts.Label(ctx, actor, in.id(), labelIDs(in.Body.Labels)); err != nil {
		return nil, err
	}
	return a.getPost(ctx, actor, &in.PostPath)
}

// addLabels puts the labels of posts beside them.
func (a *API) addLabels(ctx context.Context, actor shippost.Actor, posts ...*Post) error {
	found, err := a.opt.Posts.Labels(ctx, actor, convert(posts, func(p *Post) shippost.PostID { return p.ID }))
	for _, p := range posts {
		p.Labels = convert(found[p.ID], same)
	}
	return err
}
