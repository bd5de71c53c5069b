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
		Description: "Newest first. With sha256, only the file that arrived with exactly these bytes, so that it need not be uploaded again. " +
			"To spare reading a large file in vain, ask with size and fingerprint first: when that finds nothing, there is no such file."}, a.listMedia)
	add(a, huma.Operation{OperationID: "getMedia", Method: http.MethodGet, Path: "/media/{id}", Tags: tags, Summary: "Get a file's description"}, a.getMedia)
	add(a, huma.Operation{OperationID: "deleteMedia", Method: http.MethodDelete, Path: "/media/{id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Delete a file", Description: "A file that a waiting post needs stays: 409, and its problems name the posts."}, a.deleteMedia)
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
	FileURL        string               `json:"file_url,omitempty" doc:"The file itself, whole or in parts, once it is ready."`
	Original       shippost.MediaID     `json:"original_id,omitempty" doc:"The file this one was made of by a conversion."`
	Tags           []string             `json:"tags" doc:"In the order of the alphabet."`
	Use            MediaUse             `json:"use" doc:"Where it is used."`
	Stay           *MediaStay           `json:"stay,omitempty" doc:"How long it stays, as things are; of files that are ready."`
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

	VariableRate bool `json:"variable_rate,omitempty" doc:"Frames are not shown equally long, as phones film."`
}

func mediaOf(m shippost.Media) Media {
	f := m.Facts
	body := Media{ID: m.ID, Status: m.Status, Kind: m.Kind, FileName: m.FileName, Type: m.Type, Size: m.Size, SHA256: m.SHA256, ReceivedSHA256: m.ReceivedSHA256,
		Facts:  MediaFacts{f.Container, f.VideoCodec, f.AudioCodec, f.Duration.Milliseconds(), f.Width, f.Height, f.FrameRate, f.VariableRate},
		Usable: m.Usable(), Problems: convert(m.Problems, same), Removed: convert(m.Removed, same), UploadedBy: m.UploadedBy,
		Original: m.Original, CreatedAt: m.CreatedAt, DeletedAt: m.DeletedAt}
	if m.PosterKey != "" {
		body.PosterURL = posterURL(m.ID)
	}
	if m.Status == shippost.MediaReady {
		body.FileURL = "/media/" + string(m.ID) + "/file"
	}
	return body
}

func posterURL(id shippost.MediaID) string { return Prefix + "/media/" + string(id) + "/poster" }

type listMediaInput struct {
	Cursor string   `query:"cursor" maxLength:"300" doc:"Where the page before ended."`
	Limit  int      `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many items at most."`
	Kind   string   `query:"kind" enum:"video,photo"`
	Status string   `query:"status" enum:"receiving,checking,ready,rejected,deleted" doc:"All but deleted ones when left out."`
	Unused bool     `query:"unused" doc:"Only files that no post has."`
	Search string   `query:"search" maxLength:"200" doc:"Words that are each in the name or in a tag, whatever their capitals and accents."`
	Tags   []string `query:"tag" maxItems:"10" doc:"Only files that have all of these tags, separated by commas."`
	SHA256 string   `query:"sha256" maxLength:"64" doc:"Hex, of the original file."`
	Size   int64    `query:"size" minimum:"1" doc:"Bytes of the original file; with sha256 or fingerprint."`
	Print  string   `query:"fingerprint" maxLength:"64" doc:"Hex SHA-256 of the size in decimal, a line feed, and the first, middle and last 64 KiB of the original file (of up to 192 KiB: of all of it). The middle begins at (size − 64 KiB) / 2, rounded down. Needs size."`
}

func (a *API) listMedia(ctx context.Context, actor shippost.Actor, in *listMediaInput) (*listed[Media], error) {
	if in.SHA256 != "" {
		return a.findMedia(ctx, actor, in)
	}
	if in.Print != "" {
		return a.resemblingMedia(ctx, actor, in)
	}
	f := media.Filter{Kind: shippost.MediaKind(in.Kind), Status: shippost.MediaStatus(in.Status), Unused: in.Unused, Words: searchWords(in.Search), Tags: in.Tags, Limit: in.Limit}
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
	items, err := a.shown(ctx, actor, files...)
	if err != nil {
		return nil, err
	}
	out := &listed[Media]{Body: page[Media]{Items: items}}
	if next != "" {
		out.Body.NextCursor = encodeCursor(next)
	}
	return out, nil
}

// searchWords takes what is searched apart; after the first few words nobody looks for less.
func searchWords(text string) []string {
	words := strings.Fields(text)
	return words[:min(len(words), 8)]
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
	case in.Size == 0 || in.Size == m.ReceivedSize:
		out.Body.Items, err = a.shown(ctx, actor, m)
		return out, err
	}
	return out, nil
}

// resemblingMedia lists the files that may be the one that is asked for.
func (a *API) resemblingMedia(ctx context.Context, actor shippost.Actor, in *listMediaInput) (*listed[Media], error) {
	if in.Size == 0 {
		return nil, shippost.Errorf(shippost.Invalid, "size_required", "A fingerprint is compared together with the size. Give both.").At("size")
	}
	files, err := a.opt.Media.Resembling(ctx, actor, in.Size, strings.ToLower(in.Print))
	if err != nil {
		return nil, err
	}
	items, err := a.shown(ctx, actor, files...)
	return &listed[Media]{Body: page[Media]{Items: items}}, err
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
	items, err := a.shown(ctx, actor, m)
	if err != nil {
		return nil, err
	}
	return &struct{ Body Media }{items[0]}, nil
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
