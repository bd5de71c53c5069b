package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/lifecycle"
)

func (a *API) data() {
	tags := []string{"data"}
	add(a, huma.Operation{OperationID: "getRetention", Method: http.MethodGet, Path: "/retention", Tags: tags, Summary: "How long files stay after they were posted",
		Description: "With what the latest sweeps removed."}, a.getRetention)
	add(a, huma.Operation{OperationID: "setRetention", Method: http.MethodPut, Path: "/retention", Tags: tags, Summary: "Change how long files stay after they were posted",
		Description: "A file whose every post is over is removed that many days after the last one was posted. Files of waiting, failed, missed or unclear posts and of drafts always stay."}, a.setRetention)
	add(a, huma.Operation{OperationID: "listExports", Method: http.MethodGet, Path: "/exports", Tags: tags, Summary: "List the copies of data you asked for"}, a.listExports)
	add(a, huma.Operation{OperationID: "createExport", Method: http.MethodPost, Path: "/exports", Tags: tags, DefaultStatus: http.StatusCreated, Security: sessionOnly,
		Summary: "Ask for a copy of your data", Description: "One archive with rows as JSON and files as they are. Needs a sign-in of the last ten minutes; once a day."}, a.createExport)
	add(a, huma.Operation{OperationID: "deleteExport", Method: http.MethodDelete, Path: "/exports/{id}", Tags: tags, DefaultStatus: http.StatusNoContent, Security: sessionOnly,
		Summary: "Remove a copy before its time"}, a.deleteExport)
	add(a, huma.Operation{OperationID: "previewErasure", Method: http.MethodGet, Path: "/erasures/preview", Tags: tags, Security: sessionOnly,
		Summary: "What deleting would take along"}, a.previewErasure)
	add(a, huma.Operation{OperationID: "createErasure", Method: http.MethodPost, Path: "/erasures", Tags: tags, DefaultStatus: http.StatusCreated, Security: sessionOnly,
		Summary: "Delete yourself or the workspace", Description: "At once nobody who goes is signed in, nothing that waits is sent and accounts are disconnected. " +
			"Seven days later everything is deleted, unless it is undone at the address in the answer. Needs a sign-in of the last ten minutes."}, a.createErasure)
}

// Retention is how long files stay.
type Retention struct {
	Days     int            `json:"keep_posted_days" minimum:"-1" maximum:"3650" doc:"Days after the last post with the file was posted; 0: until posted, -1: always."`
	Receipts []SweepReceipt `json:"receipts" readOnly:"true" doc:"What the latest sweeps removed, the newest first."`
	Removed  []RemovedFile  `json:"removed" readOnly:"true" doc:"Files that were removed lately, by a sweep or by somebody, the newest first."`
}

// SweepReceipt is what one sweep removed.
type SweepReceipt struct {
	At    time.Time `json:"at"`
	Files int64     `json:"files"`
	Bytes int64     `json:"bytes"`
	Days  int64     `json:"keep_posted_days" doc:"The rule it followed."`
}

// RemovedFile is a file that is not kept any more.
type RemovedFile struct {
	At      time.Time        `json:"at"`
	MediaID shippost.MediaID `json:"media_id"`
	Name    string           `json:"name"`
	Bytes   int64            `json:"bytes"`
	Swept   bool             `json:"swept" doc:"Its time was over. Otherwise somebody deleted it."`
	Days    int64            `json:"keep_posted_days" doc:"The rule that it followed."`
}

func (a *API) getRetention(ctx context.Context, actor shippost.Actor, _ *struct{}) (*struct{ Body Retention }, error) {
	days, err := a.opt.Data.KeepPosted(ctx, actor)
	if err != nil {
		return nil, err
	}
	receipts, err := a.opt.Data.Receipts(ctx, actor)
	if err != nil {
		return nil, err
	}
	removed, err := a.opt.Data.RemovedFiles(ctx, actor)
	return &struct{ Body Retention }{Retention{days, convert(receipts, func(r lifecycle.Receipt) SweepReceipt { return SweepReceipt(r) }),
		convert(removed, func(r lifecycle.Removed) RemovedFile {
			return RemovedFile{r.At, r.Media, r.Name, r.Bytes, r.Swept, r.Days}
		})}}, err
}

type setRetentionInput struct {
	Body struct {
		Days int `json:"keep_posted_days" minimum:"-1" maximum:"3650" doc:"Days after the last post with the file was posted; 0: until posted, -1: always."`
	}
}

func (a *API) setRetention(ctx context.Context, actor shippost.Actor, in *setRetentionInput) (*struct{ Body Retention }, error) {
	if err := a.opt.Data.SetKeepPosted(ctx, actor, in.Body.Days); err != nil {
		return nil, err
	}
	return a.getRetention(ctx, actor, nil)
}

// Export is a copy of data that somebody asked for.
type Export struct {
	ID        string    `json:"id"`
	What      string    `json:"what" enum:"workspace,person"`
	Status    string    `json:"status" enum:"waiting,ready,failed,gone"`
	Done      int64     `json:"done" doc:"Bytes of files copied so far."`
	Total     int64     `json:"total" doc:"Bytes of files to copy; 0 until they are counted."`
	Size      int64     `json:"size,omitempty" doc:"Of the archive."`
	URL       string    `json:"url,omitempty" doc:"Where the archive can be fetched, by whoever asked for it, while signed in."`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

func exportOf(e lifecycle.Export) Export {
	out := Export{ID: e.ID, What: e.What, Status: e.Status, Done: e.Done, Total: e.Total, Size: e.Size, CreatedAt: e.CreatedAt, ExpiresAt: e.ExpiresAt}
	if e.Status == "ready" {
		out.URL = "/exports/" + e.ID
	}
	return out
}

func (a *API) listExports(ctx context.Context, actor shippost.Actor, _ *struct{}) (*listed[Export], error) {
	all, err := a.opt.Data.Exports(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &listed[Export]{Body: page[Export]{Items: convert(all, exportOf)}}, nil
}

type whatInput struct {
	Body struct {
		What string `json:"what" enum:"workspace,person" doc:"The whole workspace (owners), or what belongs to the person who asks."`
	}
}

func (a *API) createExport(ctx context.Context, actor shippost.Actor, in *whatInput) (*struct{ Body Export }, error) {
	e, err := a.opt.Data.Export(ctx, actor, in.Body.What)
	return &struct{ Body Export }{exportOf(e)}, err
}

type exportPath struct {
	ID string `path:"id" maxLength:"64"`
}

func (a *API) deleteExport(ctx context.Context, actor shippost.Actor, in *exportPath) (*struct{}, error) {
	return nil, a.opt.Data.RemoveExport(ctx, actor, in.ID)
}

// Outlook is what deleting takes along.
type Outlook struct {
	What       string    `json:"what" enum:"workspace,person"`
	Workspaces []string  `json:"workspaces" doc:"Names of the workspaces that go with all that is in them."`
	People     int       `json:"people" doc:"How many people go, the one who asks included."`
	Accounts   int       `json:"accounts" doc:"Connections that end."`
	Waiting    int64     `json:"waiting" doc:"Posts that wait. They are not sent."`
	HandedOver int64     `json:"handed_over" doc:"Posts that the platform has already. They may still appear."`
	Posted     int64     `json:"posted" doc:"Posts on the platform. They stay there."`
	UndoUntil  time.Time `json:"undo_until"`
}

func outlookOf(o lifecycle.Outlook) Outlook {
	return Outlook{o.What, convert(o.Workspaces, func(w shippost.Workspace) string { return w.Name }), o.People, o.Accounts, o.Waiting, o.HandedOver, o.Posted, o.UndoUntil}
}

type previewErasureInput struct {
	What string `query:"what" enum:"workspace,person" required:"true"`
}

func (a *API) previewErasure(ctx context.Context, actor shippost.Actor, in *previewErasureInput) (*struct{ Body Outlook }, error) {
	o, err := a.opt.Data.Preview(ctx, actor, in.What)
	return &struct{ Body Outlook }{outlookOf(o)}, err
}

// Erasure is a deletion that was asked for.
type Erasure struct {
	Outlook
	URL string `json:"url" doc:"The page that tells how it goes and can undo it. It needs no sign-in: keep it."`
}

func (a *API) createErasure(ctx context.Context, actor shippost.Actor, in *whatInput) (*struct{ Body Erasure }, error) {
	asked, err := a.opt.Data.Erase(ctx, actor, in.Body.What)
	return &struct{ Body Erasure }{Erasure{outlookOf(asked.Outlook), "/erasure/" + asked.Token.Reveal()}}, err
}
