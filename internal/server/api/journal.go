package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/journal"
)

func (a *API) entries() {
	add(a, huma.Operation{OperationID: "listPostEntries", Method: http.MethodGet, Path: "/posts/{id}/journal", Tags: []string{"posts"},
		Summary: "What happened to a post", Description: "Newest first."}, a.listPostEntries)
	add(a, huma.Operation{OperationID: "listEntries", Method: http.MethodGet, Path: "/journal", Tags: []string{"journal"},
		Summary: "What happened in the workspace", Description: "Newest first."}, a.listEntries)
}

// Entry is one thing that happened.
type Entry struct {
	ID       shippost.EntryID   `json:"id"`
	At       time.Time          `json:"at"`
	Kind     shippost.EntryKind `json:"kind" example:"post.scheduled" doc:"More kinds may be added."`
	Actor    EntryActor         `json:"actor"`
	Account  shippost.AccountID `json:"account_id,omitempty"`
	Post     shippost.PostID    `json:"post_id,omitempty"`
	Attempt  shippost.AttemptID `json:"attempt_id,omitempty"`
	Media    shippost.MediaID   `json:"media_id,omitempty"`
	Data     map[string]any     `json:"data" doc:"Facts; they depend on the kind."`
	Personal map[string]string  `json:"personal,omitempty" doc:"Facts about people; empty after erasure."`
}

// EntryActor is who did it.
type EntryActor struct {
	Kind    shippost.ActorKind `json:"kind" enum:"user,key,system,platform"`
	UserID  shippost.UserID    `json:"user_id,omitempty"`
	KeyID   shippost.APIKeyID  `json:"key_id,omitempty"`
	Request shippost.RequestID `json:"request_id,omitempty"`
	Network string             `json:"network,omitempty" doc:"Truncated address; for owners."`
}

func entryOf(e shippost.Entry) Entry {
	data := e.Data
	if data == nil {
		data = map[string]any{}
	}
	return Entry{ID: e.ID, At: e.At, Kind: e.Kind, Account: e.Account, Post: e.Post, Attempt: e.Attempt, Media: e.Media, Data: data, Personal: e.Personal,
		Actor: EntryActor{e.Actor.Kind, e.Actor.User, e.Actor.Key, e.Actor.Request, e.Actor.Network}}
}

type listPostEntriesInput struct {
	PostPath
	Paging
}

func (a *API) listPostEntries(ctx context.Context, actor shippost.Actor, in *listPostEntriesInput) (*listed[Entry], error) {
	return a.list(ctx, actor, journal.Query{Post: in.id()}, in.Paging)
}

type listEntriesInput struct {
	Label   []string `query:"label_id" maxItems:"100" doc:"Only what happened to posts with one of these labels."`
	Account []string `query:"account_id" maxItems:"100" doc:"Only what is about one of these accounts and its posts."`
	Kind    []string `query:"kind" maxItems:"100" doc:"Only these kinds: one, such as post.failed, or all about something, such as post."`
	Paging
}

func (a *API) listEntries(ctx context.Context, actor shippost.Actor, in *listEntriesInput) (*listed[Entry], error) {
	q := journal.Query{Labels: labelIDs(in.Label), Accounts: accountIDs(in.Account)}
	for _, kind := range in.Kind {
		switch {
		case strings.Trim(kind, kindLetters) != "":
			return nil, shippost.Errorf(shippost.Invalid, "invalid_kind", "A kind is written in small letters, such as post.failed, or post for all about posts.").At("kind")
		case strings.Contains(kind, "."):
			q.Kinds = append(q.Kinds, shippost.EntryKind(kind))
		default:
			q.Nouns = append(q.Nouns, kind)
		}
	}
	return a.list(ctx, actor, q, in.Paging)
}

// kindLetters are those that kinds of entries are made of.
const kindLetters = "abcdefghijklmnopqrstuvwxyz_."

func (a *API) list(ctx context.Context, actor shippost.Actor, q journal.Query, in Paging) (*listed[Entry], error) {
	q.Limit = in.Limit
	if in.Cursor != "" {
		if err := decodeCursor(in.Cursor, &q.Before); err != nil {
			return nil, err
		}
		if q.Before < 1 {
			return nil, badCursor()
		}
	}
	entries, more, err := a.opt.Journal.Entries(ctx, actor, q)
	if err != nil {
		return nil, err
	}
	out := &listed[Entry]{Body: page[Entry]{Items: convert(entries, entryOf)}}
	if more {
		out.Body.NextCursor = encodeCursor(entries[len(entries)-1].Seq)
	}
	return out, nil
}
