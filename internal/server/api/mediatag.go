package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/media"
)

func (a *API) mediaTags() {
	tags := []string{"media"}
	add(a, huma.Operation{OperationID: "listTags", Method: http.MethodGet, Path: "/media/tags", Tags: tags, Summary: "List the tags of files",
		Description: "All on one page, in the order of the alphabet."}, a.listTags)
	add(a, huma.Operation{OperationID: "tagMedia", Method: http.MethodPost, Path: "/media/tags", Tags: tags, Summary: "Tag files, or take tags away",
		Description: "All of it is done, or nothing. A tag that a file has already, whatever its capitals and accents, is not given again; one that it has not is not missed."}, a.tagMedia)
	add(a, huma.Operation{OperationID: "getMediaUsage", Method: http.MethodGet, Path: "/media/usage", Tags: tags, Summary: "How much storage is used"}, a.getMediaUsage)
	add(a, huma.Operation{OperationID: "listMediaPosts", Method: http.MethodGet, Path: "/media/{id}/posts", Tags: tags, Summary: "List the posts that have a file",
		Description: "Newest first."}, a.listMediaPosts)
}

// Tag is a word that files were given.
type Tag struct {
	Tag   string `json:"tag"`
	Files int64  `json:"files" doc:"How many have it."`
}

func (a *API) listTags(ctx context.Context, actor shippost.Actor, _ *struct{}) (*listed[Tag], error) {
	list, err := a.opt.Media.Tags(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &listed[Tag]{Body: page[Tag]{Items: convert(list, func(t media.TagCount) Tag { return Tag(t) })}}, nil
}

type tagMediaInput struct {
	Body struct {
		Media  []shippost.MediaID `json:"media_ids" minItems:"1" maxItems:"200" doc:"The files."`
		Add    []string           `json:"add,omitempty" maxItems:"30" doc:"Tags to give them, of at most 40 characters and without commas."`
		Remove []string           `json:"remove,omitempty" maxItems:"30" doc:"Tags to take from them."`
	}
}

func (a *API) tagMedia(ctx context.Context, actor shippost.Actor, in *tagMediaInput) (*listed[Tag], error) {
	if err := a.opt.Media.Tag(ctx, actor, in.Body.Media, in.Body.Add, in.Body.Remove); err != nil {
		return nil, err
	}
	return a.listTags(ctx, actor, nil)
}

// MediaUsage is how much a workspace may keep, and how much of it is taken.
type MediaUsage struct {
	Files    int64 `json:"files" doc:"That are kept or arrive."`
	Stored   int64 `json:"stored_bytes"`
	Quota    int64 `json:"quota_bytes" doc:"How many a workspace may keep."`
	Recent   int64 `json:"recent_bytes" doc:"Begun to upload within the last 24 hours."`
	Daily    int64 `json:"daily_bytes" doc:"How many may be within 24 hours."`
	Parallel int   `json:"parallel_uploads" doc:"Unfinished uploads that a workspace may have at a time."`
	MaxSize  int64 `json:"max_file_bytes" doc:"Of one file."`
}

func (a *API) getMediaUsage(ctx context.Context, actor shippost.Actor, _ *struct{}) (*struct{ Body MediaUsage }, error) {
	r, err := a.opt.Media.Room(ctx, actor)
	return &struct{ Body MediaUsage }{MediaUsage(r)}, err
}

type listMediaPostsInput struct {
	MediaPath
	Paging
	Waiting bool `query:"waiting" doc:"Only those that are queued or publishing, which keep the file from being deleted."`
}

func (a *API) listMediaPosts(ctx context.Context, actor shippost.Actor, in *listMediaPostsInput) (*listed[Post], error) {
	var after shippost.PostID
	if in.Cursor != "" {
		if err := decodeCursor(in.Cursor, &after); err != nil {
			return nil, err
		}
		if !shippost.ValidID("post_", string(after)) {
			return nil, badCursor()
		}
	}
	posts, next, err := a.opt.Media.Posts(ctx, actor, in.id(), in.Waiting, after, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &listed[Post]{Body: page[Post]{Items: convert(posts, postOf)}}
	if next != "" {
		out.Body.NextCursor = encodeCursor(next)
	}
	return out, nil
}

// MediaUse is where a file is used.
type MediaUse struct {
	Posts   int64 `json:"posts" doc:"That have it."`
	Waiting int64 `json:"waiting" doc:"Of them queued or publishing. While there are any the file cannot be deleted."`
	Posted  int64 `json:"posted" doc:"Of them posted."`
}

// MediaStay is how long a file stays.
type MediaStay struct {
	Why   string    `json:"why" enum:"always,unposted,needed,posted" doc:"always: the workspace keeps everything; unposted: no post with it was posted, so only a person removes it; needed: a post that is not over may need it; posted: its time runs since its last post."`
	Until time.Time `json:"until,omitzero" doc:"It is removed within a day after this."`
}

// shown completes the descriptions of files with what the workspace has to do with them.
func (a *API) shown(ctx context.Context, actor shippost.Actor, files ...shippost.Media) ([]Media, error) {
	standings, err := a.opt.Media.Standings(ctx, actor, files)
	if err != nil {
		return nil, err
	}
	stays, err := a.opt.Data.Stays(ctx, actor)
	if err != nil {
		return nil, err
	}
	return convert(files, func(m shippost.Media) Media {
		body, s := mediaOf(m), standings[m.ID]
		body.Tags = convert(s.Tags, same)
		body.Use = MediaUse{s.Use.Posts, s.Use.Waiting, s.Use.Posted}
		if m.Status == shippost.MediaReady {
			stay := stays(s.Use)
			body.Stay = &MediaStay{Why: stay.Why, Until: stay.Until}
		}
		return body
	}), nil
}
