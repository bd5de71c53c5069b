package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/media"
)

func (a *API) media() {
	tags := []string{"media"}
	add(a, huma.Operation{OperationID: "listMedia", Method: http.MethodGet, Path: "/media", Tags: tags, Summary: "List files",
		Description: "Newest first. With sha256, only the file that arrived with exactly these bytes, so that it need not be uploaded again."}, a.listMedia)
	add(a, huma.Operation{OperationID: "getMedia", Method: http.MethodGet, Path: "/media/{id}", Tags: tags, Summary: "Get a file's description"}, a.getMedia)
	add(a, huma.Operation{OperationID: "deleteMedia", Method: http.MethodDelete, Path: "/media/{id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Delete a file", Description: "A file that a waiting post needs stays: 409."}, a.deleteMedia)
	picture := map[string]*huma.Response{"200": {Description: "The picture", Content: map[string]*huma.MediaType{"image/jpeg": {}}}}
	add(a, huma.Operation{OperationID: "getPoster", Method: http.MethodGet, Path: "/media/{id}/poster", Tags: tags, Responses: picture,
		Summary: "Get the small picture of a file"}, a.getPoster)
	add(a, huma.Operation{OperationID: "putPoster", Method: http.MethodPut, Path: "/media/{id}/poster", Tags: tags, DefaultStatus: http.StatusNoContent,
		MaxBodyBytes: posterLimit, Summary: "Give a video its small picture"}, a.putPoster)
}

// Media is a file as it is described.
type Media struct {
	ID             shippost.MediaID     `json:"id"`
	Status         shippost.MediaStatus `json:"status" enum:"receiving,checking,ready,rejected,deleted"`
	Kind           shippost.MediaKind   `json:"kind,omitempty" enum:"video,photo"`
	FileName       string               `json:"file_name" doc:"As its owner called it."`
	Type           string               `json:"type,omitempty" doc:"MIME type found in the bytes."`
	Size           int64                `json:"size"`
	SHA256         string               `json:"sha256,omitempty" doc:"Of the bytes as stored, which are what the platform gets."`
	ReceivedSHA256 string               `json:"received_sha256,omitempty" doc:"Of the bytes as they arrived."`
	Facts          MediaFacts           `json:"facts"`
	Usable         bool                 `json:"usable" doc:"Can go into a post."`
	Problems       []shippost.Problem   `json:"problems"`
	Removed        []string             `json:"removed" doc:"What was taken out of the file, in words."`
	PosterURL      string               `json:"poster_url,omitempty"`
	UploadedBy     shippost.UserID      `json:"uploaded_by"`
	CreatedAt      time.Time            `json:"created_at"`
	DeletedAt      time.Time            `json:"deleted_at,omitzero"`
}

// MediaFacts is what reading a file told.
type MediaFacts struct {
	Container  string  `json:"container,omitempty"`
	VideoCodec string  `json:"video_codec,omitempty"`
	AudioCodec string  `json:"audio_codec,omitempty"`
	DurationMS int64   `json:"duration_ms,omitempty"`
	Width      int     `json:"width,omitempty" doc:"Pixels as shown."`
	Height     int     `json:"height,omitempty" doc:"Pixels as shown."`
	FrameRate  float64 `json:"frame_rate,omitempty"`
}

func mediaOf(m shippost.Media) Media {
	f := m.Facts
	body := Media{ID: m.ID, Status: m.Status, Kind: m.Kind, FileName: m.FileName, Type: m.Type, Size: m.Size, SHA256: m.SHA256, ReceivedSHA256: m.ReceivedSHA256,
		Facts:  MediaFacts{f.Container, f.VideoCodec, f.AudioCodec, f.Duration.Milliseconds(), f.Width, f.Height, f.FrameRate},
		Usable: m.Usable(), Problems: convert(m.Problems, same), Removed: convert(m.Removed, same), UploadedBy: m.UploadedBy,
		CreatedAt: m.CreatedAt, DeletedAt: m.DeletedAt}
	if m.PosterKey != "" {
		body.PosterURL = Prefix + "/media/" + string(m.ID) + "/poster"
	}
	return body
}

type listMediaInput struct {
	Cursor string `query:"cursor" maxLength:"300" doc:"Where the page before ended."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many items at most."`
	Kind   string `query:"kind" enum:"video,photo"`
	Status string `query:"status" enum:"receiving,checking,ready,rejected,deleted" doc:"All but deleted ones when left out."`
	SHA256 string `query:"sha256" maxLength:"64" doc:"Hex, of the original file."`
	Size   int64  `query:"size" minimum:"1" doc:"With sha256: its bytes."`
}

func (a *API) listMedia(ctx context.Context, actor shippost.Actor, in *listMediaInput) (*listed[Media], error) {
	if in.SHA256 != "" {
		return a.findMedia(ctx, actor, in)
	}
	f := media.Filter{Kind: shippost.MediaKind(in.Kind), Status: shippost.MediaStatus(in.Status), Limit: in.Limit}
	if in.Cursor != "" {
		if err := decodeCursor(in.Cursor, &f.After); err != nil {
			return nil, err
		}
		if !shippost.ValidID("med_", string(f.After)) {
			return nil, badCursor()
		}
	}
	files, next, err := a.opt.Media.List(ctx, actor, f)
	if err != nil {
		return nil, err
	}
	out := &listed[Media]{Body: page[Media]{Items: convert(files, mediaOf)}}
	if next != "" {
		out.Body.NextCursor = encodeCursor(next)
	}
	return out, nil
}

// findMedia lists the one file with the bytes, or none.
func (a *API) findMedia(ctx context.Context, actor shippost.Actor, in *listMediaInput) (*listed[Media], error) {
	out := &listed[Media]{Body: page[Media]{Items: []Media{}}}
	m, err := a.opt.Media.Find(ctx, actor, strings.ToLower(in.SHA256))
	switch {
	case shippost.IsKind(err, shippost.NotFound):
		return out, nil
	case err != nil:
		return nil, err
	case in.Size == 0 || in.Size == m.Size:
		out.Body.Items = append(out.Body.Items, mediaOf(m))
	}
	return out, nil
}

// MediaPath is the part of an address that names a file.
type MediaPath struct {
	ID string `path:"id" maxLength:"64"`
}

func (p MediaPath) id() shippost.MediaID { return shippost.MediaID(p.ID) }

func (a *API) getMedia(ctx context.Context, actor shippost.Actor, in *MediaPath) (*struct{ Body Media }, error) {
	m, err := a.opt.Media.Get(ctx, actor, in.id())
	if err != nil {
		return nil, err
	}
	return &struct{ Body Media }{mediaOf(m)}, nil
}

func (a *API) deleteMedia(ctx context.Context, actor shippost.Actor, in *MediaPath) (*struct{}, error) {
	return &struct{}{}, a.opt.Media.Delete(ctx, actor, in.id())
}

func (a *API) getPoster(ctx context.Context, actor shippost.Actor, in *MediaPath) (*huma.StreamResponse, error) {
	picture, err := a.opt.Media.Poster(ctx, actor, in.id())
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		// Nothing was written through it, so closing cannot lose anything.
		defer func() { _ = picture.Close() }()
		w.Header().Set("Content-Type", picture.Type)
		w.Header().Set("ETag", strconv.Quote(picture.Version))
		w.Header().Set("Cache-Control", "private, no-cache")
		http.ServeContent(w, r, "", picture.ModTime, picture)
	}}, nil
}

type putPosterInput struct {
	MediaPath
	RawBody []byte `contentType:"image/jpeg"`
}

func (a *API) putPoster(ctx context.Context, actor shippost.Actor, in *putPosterInput) (*struct{}, error) {
	return &struct{}{}, a.opt.Media.SetPoster(ctx, actor, in.id(), in.RawBody)
}
