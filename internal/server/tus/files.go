package tus

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/tus/tusd/v2/pkg/handler"
	"golang.org/x/exp/slog"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/server/listen"
)

// files shows the library to the protocol as its data store.
type files struct{ library *media.Library }

var (
	_ handler.DataStore           = files{}
	_ handler.TerminaterDataStore = files{}
	_ handler.Upload              = (*file)(nil)
	_ handler.TerminatableUpload  = (*file)(nil)
	_ media.Interrupter           = body{}
)

// file is one upload, as one request sees it.
type file struct {
	library *media.Library
	request *request
}

func of(ctx context.Context) (*request, error) {
	q, ok := ctx.Value(requestKey{}).(*request)
	if !ok {
		return nil, errors.New("tus: a request came past the handler")
	}
	return q, nil
}

// NewUpload implements handler.DataStore.
func (f files) NewUpload(ctx context.Context, info handler.FileInfo) (handler.Upload, error) {
	q, err := of(ctx)
	if err != nil {
		return nil, err
	}
	name := info.MetaData["filename"]
	if name == "" {
		name = info.MetaData["name"]
	}
	u, err := f.library.Begin(ctx, q.actor, media.Offer{Size: info.Size, FileName: name, Metadata: info.MetaData})
	if err != nil {
		return nil, refusal(ctx, err)
	}
	q.id, q.upload = u.ID, u
	q.announce(f.library)
	return &file{f.library, q}, nil
}

// GetUpload implements handler.DataStore. The handler has read the upload, and has made sure whose it is.
func (f files) GetUpload(ctx context.Context, id string) (handler.Upload, error) {
	q, err := of(ctx)
	if err != nil {
		return nil, err
	}
	if id != string(q.id) {
		return nil, handler.ErrNotFound
	}
	return &file{f.library, q}, nil
}

// AsTerminatableUpload implements handler.TerminaterDataStore.
func (files) AsTerminatableUpload(u handler.Upload) handler.TerminatableUpload { return u.(*file) }

// GetInfo implements handler.Upload.
func (f *file) GetInfo(context.Context) (handler.FileInfo, error) {
	u := f.request.upload
	return handler.FileInfo{ID: string(u.ID), Size: u.Size, Offset: u.Received, MetaData: u.Metadata}, nil
}

// body is the body of a request that can be interrupted.
type body struct {
	io.Reader
	*request
}

// WriteChunk implements handler.Upload. With the last byte the library finishes the upload.
func (f *file) WriteChunk(ctx context.Context, offset int64, src io.Reader) (int64, error) {
	q := f.request
	n, err := f.library.Append(ctx, q.actor, q.id, offset, body{src, q})
	q.upload.Received += n
	if n > 0 {
		q.upload.TouchedAt = f.library.Now()
	}
	q.announce(f.library)
	return n, refusal(ctx, err)
}

// GetReader implements handler.Upload. Files are read elsewhere.
func (*file) GetReader(context.Context) (io.ReadCloser, error) { return nil, handler.ErrNotImplemented }

// FinishUpload implements handler.Upload. Append did it, in the transaction that noted the last byte.
func (*file) FinishUpload(context.Context) error { return nil }

// Terminate implements handler.TerminatableUpload.
func (f *file) Terminate(ctx context.Context) error {
	err := f.library.Abort(ctx, f.request.actor, f.request.id)
	if err == nil {
		f.request.answer.Header().Del("Upload-Expires")
	}
	return refusal(ctx, err)
}

// refusal turns an error of the library into one that the protocol passes on with its status and words.
func refusal(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	e := shippost.AsError(err)
	if e.Kind == shippost.Internal {
		return err // logged and put into words where the answer is written
	}
	status := statusOf(e)
	text, jerr := json.Marshal(listen.ProblemOf((&http.Request{}).WithContext(ctx), status, e))
	if jerr != nil {
		return errors.Join(err, jerr)
	}
	header := handler.HTTPHeader{"Content-Type": problemType}
	if after := seconds(e.RetryAfter); after != "" {
		header["Retry-After"] = after
	}
	return handler.Error{ErrorCode: e.Code, Message: e.Message, HTTPResponse: handler.HTTPResponse{StatusCode: status, Body: string(text), Header: header}}
}

// silent drops what the protocol library would log: each request, and each client that goes away. What is our fault is
// logged where the answer is written.
var silent = slog.New(nothing{})

type nothing struct{}

func (nothing) Enabled(context.Context, slog.Level) bool  { return false }
func (nothing) Handle(context.Context, slog.Record) error { return nil }
func (n nothing) WithAttrs([]slog.Attr) slog.Handler      { return n }
func (n nothing) WithGroup(string) slog.Handler           { return n }
