package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/media"
)

func (a *API) uploads() {
	add(a, huma.Operation{OperationID: "listUploads", Method: http.MethodGet, Path: "/uploads", Tags: []string{"media"},
		Summary: "List the asker's unfinished uploads",
		Description: "All on one page, the latest first. Files are uploaded at /uploads/ by the tus protocol; an upload that was broken off goes on " +
			"at its url once the same file is at hand again."}, a.listUploads)
}

// Upload is a file on its way in.
type Upload struct {
	ID          shippost.UploadID `json:"id"`
	Media       shippost.MediaID  `json:"media_id" doc:"What it becomes."`
	URL         string            `json:"url" doc:"Where the tus protocol goes on with it."`
	FileName    string            `json:"file_name"`
	Size        int64             `json:"size"`
	Received    int64             `json:"received" doc:"Bytes that are stored."`
	Fingerprint string            `json:"fingerprint,omitempty" doc:"As the client told it in the upload's metadata; see listMedia."`
	CreatedAt   time.Time         `json:"created_at"`
	ExpiresAt   time.Time         `json:"expires_at" doc:"When it is removed if nothing more arrives."`
}

func (a *API) listUploads(ctx context.Context, actor shippost.Actor, _ *struct{}) (*listed[Upload], error) {
	all, err := a.opt.Media.Unfinished(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &listed[Upload]{Body: page[Upload]{Items: convert(all, func(u media.Upload) Upload {
		return Upload{u.ID, u.Media, "/uploads/" + string(u.ID), u.FileName, u.Size, u.Received, u.Metadata[media.FingerprintKey], u.CreatedAt, a.opt.Media.Expires(u)}
	})}}, nil
}
