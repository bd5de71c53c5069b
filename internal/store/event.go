package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ship-post.com/shippost"
)

// Event is a journal entry as those who follow the journal see it: what happened to what, without the facts.
type Event struct {
	Seq       int64
	Workspace shippost.WorkspaceID
	At        time.Time
	Kind      shippost.EntryKind
	Account   shippost.AccountID
	Post      shippost.PostID
	Media     shippost.MediaID
}

// eventColumns only read.
var eventColumns = newTable(entries.name,
	column[Event]{"seq", func(e *Event) any { return &e.Seq }},
	column[Event]{"workspace_id", func(e *Event) any { return &e.Workspace }},
	column[Event]{"at", func(e *Event) any { return at(&e.At) }},
	column[Event]{"kind", func(e *Event) any { return &e.Kind }},
	column[Event]{"account_id", func(e *Event) any { return &e.Account }},
	column[Event]{"post_id", func(e *Event) any { return &e.Post }},
	column[Event]{"media_id", func(e *Event) any { return &e.Media }},
)

// Events returns events with a higher Seq than after, oldest first, of all workspaces. Only ShipPost itself may ask this,
// and it gives each listener those of their own workspace.
func (t *Tx) Events(ctx context.Context, after int64, limit int) ([]Event, error) {
	return eventColumns.list(ctx, t, "WHERE seq > $1 ORDER BY seq LIMIT $2", after, limit)
}

// EventsOf returns events of a workspace with a Seq above after and up to until, oldest first.
func (t *Tx) EventsOf(ctx context.Context, ws shippost.WorkspaceID, after, until int64, limit int) ([]Event, error) {
	return eventColumns.list(ctx, t, "WHERE workspace_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4", ws, after, until, limit)
}

// LastSeq returns the Seq of the newest entry that can be seen; 0 when there is none.
func (t *Tx) LastSeq(ctx context.Context) (seq int64, err error) {
	return seq, t.value(ctx, []any{&seq}, "SELECT COALESCE(MAX(seq), 0) FROM journal")
}

// Staging is how far the upload of a post that is being staged has come.
type Staging struct {
	Post       shippost.PostID
	Sent, Size int64 // bytes
}

// StagingPosts returns the posts of a workspace whose bytes are on their way, in no order.
func (t *Tx) StagingPosts(ctx context.Context, ws shippost.WorkspaceID, limit int) (list []Staging, err error) {
	values, err := plain([]any{ws, limit})
	if err != nil {
		return nil, err
	}
	rows, err := t.tx.QueryContext(ctx, `SELECT p.id, a.sent, a.size FROM posts p JOIN attempts a ON a.post_id = p.id AND a.state = 'open'
		WHERE p.workspace_id = $1 AND p.status = 'publishing' AND p.phase = 'staging' LIMIT $2`, values...)
	if err != nil {
		return nil, fmt.Errorf("list staging posts: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var s Staging
		if err := rows.Scan(&s.Post, &s.Sent, &s.Size); err != nil {
			return nil, fmt.Errorf("list staging posts: %w", err)
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// Recorded returns a channel that is closed when a transaction of this process that wrote into the journal is durable.
// Other processes on the same database are not noticed.
func (d *DB) Recorded() <-chan struct{} {
	d.recording.Lock()
	defer d.recording.Unlock()
	if d.recorded == nil {
		d.recorded = make(chan struct{})
	}
	return d.recorded
}

// tellRecorded wakes whoever waits on Recorded.
func (d *DB) tellRecorded() {
	d.recording.Lock()
	defer d.recording.Unlock()
	if d.recorded != nil {
		close(d.recorded)
		d.recorded = nil
	}
}
