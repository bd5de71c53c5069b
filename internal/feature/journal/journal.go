// Package journal shows people what happened to their posts and in their workspace: afterwards, or as it happens.
package journal

import (
	"context"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Journal reads the record. Its methods may be called from many goroutines at once.
type Journal struct{ db *store.DB }

// New returns a Journal over the database.
func New(db *store.DB) *Journal { return &Journal{db} }

// Query chooses entries of the actor's workspace.
type Query struct {
	Post     shippost.PostID      // "" for the whole workspace
	Labels   []shippost.LabelID   // only about posts with one of these; nil for all
	Accounts []shippost.AccountID // only about one of these; nil for all
	Before   int64                // only entries with a lower Seq; 0 begins with the newest
	After    int64                // only entries with a higher Seq, oldest first; wins over Before
	Kinds    []shippost.EntryKind // nil for all
	Nouns    []string             // kinds of these too: post for post.posted and all others about posts
	Limit    int                  // required
}

// Entries returns what happened, newest first unless the query goes forward, and whether there is more.
// A post that is not the workspace's is NotFound. Where a request came from is told to owners only.
func (j *Journal) Entries(ctx context.Context, actor shippost.Actor, q Query) (entries []shippost.Entry, more bool, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, false, err
	}
	err = j.db.View(ctx, func(tx *store.Tx) error {
		if q.Post != "" {
			if _, err := tx.Post(ctx, actor.Workspace, q.Post); err != nil {
				return err
			}
		}
		entries, err = tx.Journal(ctx, store.JournalQuery{Workspace: actor.Workspace, Post: q.Post, Accounts: q.Accounts, Labels: q.Labels, Kinds: q.Kinds, Nouns: q.Nouns,
			Before: q.Before, After: q.After, Limit: q.Limit + 1})
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if len(entries) > q.Limit {
		entries, more = entries[:q.Limit], true
	}
	if !actor.Can(shippost.ManageMembers) {
		for i := range entries {
			entries[i].Actor.Network = ""
		}
	}
	return entries, more, nil
}
