package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ship-post.com/shippost"
)

var entries = newTable("journal",
	column[shippost.Entry]{"id", func(e *shippost.Entry) any { return &e.ID }},
	column[shippost.Entry]{"workspace_id", func(e *shippost.Entry) any { return &e.Workspace }},
	column[shippost.Entry]{"at", func(e *shippost.Entry) any { return at(&e.At) }},
	column[shippost.Entry]{"kind", func(e *shippost.Entry) any { return &e.Kind }},
	column[shippost.Entry]{"actor_kind", func(e *shippost.Entry) any { return &e.Actor.Kind }},
	column[shippost.Entry]{"actor_user", func(e *shippost.Entry) any { return &e.Actor.User }},
	column[shippost.Entry]{"actor_key", func(e *shippost.Entry) any { return &e.Actor.Key }},
	column[shippost.Entry]{"request_id", func(e *shippost.Entry) any { return &e.Actor.Request }},
	column[shippost.Entry]{"network", func(e *shippost.Entry) any { return &e.Actor.Network }},
	column[shippost.Entry]{"account_id", func(e *shippost.Entry) any { return &e.Account }},
	column[shippost.Entry]{"post_id", func(e *shippost.Entry) any { return &e.Post }},
	column[shippost.Entry]{"attempt_id", func(e *shippost.Entry) any { return &e.Attempt }},
	column[shippost.Entry]{"media_id", func(e *shippost.Entry) any { return &e.Media }},
	column[shippost.Entry]{"data", func(e *shippost.Entry) any { return doc(&e.Data) }},
	column[shippost.Entry]{"personal", func(e *shippost.Entry) any { return doc(&e.Personal) }},
)

// numberedEntries is entries with the number the database gave; it only reads.
var numberedEntries = newTable(entries.name, append([]column[shippost.Entry]{
	{"seq", func(e *shippost.Entry) any { return &e.Seq }},
}, entries.columns...)...)

// Record writes entries to the journal, in the transaction that makes the change they tell of. Empty ids and times
// are filled in; the workspace is written as it stands ("" for what concerns none).
func (t *Tx) Record(ctx context.Context, list ...shippost.Entry) error {
	if len(list) > 0 && !t.records {
		t.records = true
		t.OnCommit(t.db.tellRecorded)
	}
	list = slices.Clone(list)
	for i := range list {
		e := &list[i]
		if e.At.IsZero() {
			e.At = t.Now()
		}
		if e.ID == "" {
			e.ID = shippost.NewEntryID(e.At)
		}
	}
	if err := entries.insertAll(ctx, t, list); err != nil {
		return fmt.Errorf("record %s: %w", list[0].Kind, err)
	}
	for _, e := range list {
		if err := t.noteTidings(ctx, e); err != nil {
			return fmt.Errorf("note %s for those who want mail: %w", e.Kind, err)
		}
	}
	return nil
}

// Entry returns one entry.
func (t *Tx) Entry(ctx context.Context, id shippost.EntryID) (shippost.Entry, error) {
	return numberedEntries.get(ctx, t, missing("entry"), "WHERE id = $1", id)
}

// JournalQuery chooses entries. Empty fields do not choose.
type JournalQuery struct {
	Workspace shippost.WorkspaceID // "" reads every workspace; only ShipPost itself may
	Post      shippost.PostID
	Account   shippost.AccountID
	Accounts  []shippost.AccountID // about one of these
	Labels    []shippost.LabelID   // only about posts that have one of these
	Kinds     []shippost.EntryKind
	Nouns     []string  // or of one of these: post for post.posted and all others about posts
	Since     time.Time // only entries at or after this time
	Before    int64     // only entries with a lower Seq, newest first
	After     int64     // only entries with a higher Seq, oldest first; wins over Before
	Limit     int       // 0 means 100
}

// journalPage is how many entries a JournalQuery without a limit returns.
const journalPage = 100

// Journal returns entries in the order of the query's cursor, which is the Seq of the last entry of the page before.
// On PostgreSQL, entries of transactions that ran at the same time may become visible out of order: who follows the
// journal with After reads the last seconds again and knows entries by their id.
// The actors' role, session and workspace are not kept.
func (t *Tx) Journal(ctx context.Context, q JournalQuery) ([]shippost.Entry, error) {
	var where []string
	var args []any
	add := func(condition string, arg any) {
		args = append(args, arg)
		where = append(where, strings.ReplaceAll(condition, "?", "$"+strconv.Itoa(len(args))))
	}
	if q.Workspace != "" {
		add("workspace_id = ?", q.Workspace)
	}
	if q.Post != "" {
		add("post_id = ? AND post_id <> ''", q.Post)
	}
	if q.Account != "" {
		add("account_id = ?", q.Account)
	}
	if len(q.Labels) > 0 {
		c := conditions{args: args}
		isOneOf(&c, "pl.label_id", q.Labels)
		args = c.args
		where = append(where, "post_id <> '' AND post_id IN (SELECT pl.post_id FROM post_labels pl WHERE "+c.parts[0]+")")
	}
	if len(q.Accounts) > 0 {
		c := conditions{args: args}
		isOneOf(&c, "account_id", q.Accounts)
		args, where = c.args, append(where, c.parts...)
	}
	if len(q.Kinds)+len(q.Nouns) > 0 {
		c := conditions{args: args}
		if len(q.Kinds) > 0 {
			isOneOf(&c, "kind", q.Kinds)
		}
		for _, noun := range q.Nouns {
			c.add("kind LIKE ", noun+".%")
		}
		args, where = c.args, append(where, "("+strings.Join(c.parts, " OR ")+")")
	}
	if !q.Since.IsZero() {
		add("at >= ?", moment(q.Since))
	}
	order := "DESC"
	switch {
	case q.After > 0:
		add("seq > ?", q.After)
		order = "ASC"
	case q.Before > 0:
		add("seq < ?", q.Before)
	}
	limit := q.Limit
	if limit <= 0 {
		limit = journalPage
	}
	args = append(args, limit)
	if len(where) == 0 {
		where = []string{"1 = 1"}
	}
	return numberedEntries.list(ctx, t, "WHERE "+strings.Join(where, " AND ")+" ORDER BY seq "+order+" LIMIT $"+strconv.Itoa(len(args)), args...)
}
