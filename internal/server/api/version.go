package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
)

func (a *API) versions() {
	add(a, huma.Operation{OperationID: "listVersions", Method: http.MethodGet, Path: "/posts/{id}/versions", Tags: []string{"posts"},
		Summary: "List what a post was", Description: "After each change of caption, choices, files or time, the latest first; at most the latest 100. What is saved of a draft " +
			"within two minutes is one change. To bring one back, change the post to what it was; consent is asked anew."}, a.listVersions)
}

// PostVersion is what a post was after somebody changed it.
type PostVersion struct {
	Version int64               `json:"version"`
	At      time.Time           `json:"at"`
	By      shippost.UserID     `json:"by,omitempty" doc:"Who changed it; absent where that is not known, or was ShipPost itself."`
	Name    string              `json:"name,omitempty" doc:"Their display name, while they have a place here."`
	Key     shippost.APIKeyID   `json:"key_id,omitempty" doc:"The key of the program that did it for them."`
	Status  shippost.PostStatus `json:"status" enum:"draft,queued,publishing,posted,failed,cancelled,missed,in_inbox,unconfirmed"`
	Media   []shippost.MediaID  `json:"media_ids"`
	Files   []PostMedia         `json:"media" doc:"The files in short, as they are now."`
	Caption string              `json:"caption"`
	Options PostOptions         `json:"options"`
	Due     *VersionDue         `json:"due,omitempty"`
}

// VersionDue is the wall-clock time that a version of a post was planned for.
type VersionDue struct {
	Local string `json:"local"`
	Zone  string `json:"zone"`
	Fold  string `json:"fold,omitempty" enum:"earlier,later"`
}

func versionOf(v shippost.PostVersion) PostVersion {
	body := PostVersion{Version: v.Version, At: v.At, By: v.By, Key: v.Key, Status: v.Status, Media: convert(v.Media, same), Files: []PostMedia{},
		Caption: v.Caption, Options: optionsOf(v.Options)}
	if v.Due.Local != "" {
		body.Due = &VersionDue{v.Due.Local, v.Due.Zone, string(v.Due.Fold)}
	}
	return body
}

func (a *API) listVersions(ctx context.Context, actor shippost.Actor, in *PostPath) (*listed[PostVersion], error) {
	list, names, err := a.opt.Posts.Versions(ctx, actor, in.id())
	if err != nil {
		return nil, err
	}
	out := &listed[PostVersion]{Body: page[PostVersion]{Items: convert(list, versionOf)}}
	shown := make([]*Post, len(list))
	for i := range list {
		out.Body.Items[i].Name = names[list[i].By]
		shown[i] = &Post{Media: list[i].Media}
	}
	err = a.addFiles(ctx, actor, shown...)
	for i, p := range shown {
		out.Body.Items[i].Files = p.Files
	}
	return out, err
}
