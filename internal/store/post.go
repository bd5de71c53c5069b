package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ship-post.com/shippost"
)

var postTable = newTable("posts",
	column[shippost.Post]{"id", func(p *shippost.Post) any { return &p.ID }},
	column[shippost.Post]{"workspace_id", func(p *shippost.Post) any { return &p.Workspace }},
	column[shippost.Post]{"account_id", func(p *shippost.Post) any { return &p.Account }},
	column[shippost.Post]{"group_id", func(p *shippost.Post) any { return &p.Group }},
	column[shippost.Post]{"status", func(p *shippost.Post) any { return &p.Status }},
	column[shippost.Post]{"phase", func(p *shippost.Post) any { return &p.Phase }},
	column[shippost.Post]{"caption", func(p *shippost.Post) any { return &p.Caption }},
	column[shippost.Post]{"options", func(p *shippost.Post) any { return doc(&p.Options) }},
	column[shippost.Post]{"due_local", func(p *shippost.Post) any { return &p.Due.Local }},
	column[shippost.Post]{"due_zone", func(p *shippost.Post) any { return &p.Due.Zone }},
	column[shippost.Post]{"due_fold", func(p *shippost.Post) any { return &p.Due.Fold }},
	column[shippost.Post]{"due_at", func(p *shippost.Post) any { return at(&p.Due.At) }},
	column[shippost.Post]{"due_offset", func(p *shippost.Post) any { return span(&p.Due.Offset) }},
	column[shippost.Post]{"due_rules", func(p *shippost.Post) any { return &p.Due.Rules }},
	column[shippost.Post]{"late_window", func(p *shippost.Post) any { return span(&p.LateWindow) }},
	column[shippost.Post]{"version", func(p *shippost.Post) any { return &p.Version }},
	column[shippost.Post]{"hold", func(p *shippost.Post) any { return doc(&p.Hold) }},
	column[shippost.Post]{"failure", func(p *shippost.Post) any { return doc(&p.Failure) }},
	column[shippost.Post]{"created_by", func(p *shippost.Post) any { return &p.CreatedBy }},
	column[shippost.Post]{"created_at", func(p *shippost.Post) any { return at(&p.CreatedAt) }},
	column[shippost.Post]{"updated_at", func(p *shippost.Post) any { return at(&p.UpdatedAt) }},
	column[shippost.Post]{"overdue_at", func(p *shippost.Post) any { return at(&p.OverdueAt) }},
	column[shippost.Post]{"committed_at", func(p *shippost.Post) any { return at(&p.CommittedAt) }},
	column[shippost.Post]{"posted_at", func(p *shippost.Post) any { return at(&p.PostedAt) }},
	column[shippost.Post]{"platform_ids", func(p *shippost.Post) any { return doc(&p.PlatformIDs) }},
	column[shippost.Post]{"permalink", func(p *shippost.Post) any { return &p.Permalink }},
	column[shippost.Post]{"withdrawn_at", func(p *shippost.Post) any { return at(&p.WithdrawnAt) }},
)

// InsertPost adds a post with its media. A deleted file is refused (Conflict, code media_deleted).
func (t *Tx) InsertPost(ctx context.Context, p *shippost.Post) error {
	if err := postTable.insert(ctx, t, p); err != nil {
		return err
	}
	return t.addPostMedia(ctx, p)
}

// Post returns a post of the workspace with its media.
func (t *Tx) Post(ctx context.Context, ws shippost.WorkspaceID, id shippost.PostID) (shippost.Post, error) {
	return t.post(ctx, "", ws, id)
}

// LockPost is Post for a transaction that changes the post: until it ends nobody else can. Whatever else is locked
// with it, attempts above all, is locked after it.
func (t *Tx) LockPost(ctx context.Context, ws shippost.WorkspaceID, id shippost.PostID) (shippost.Post, error) {
	return t.post(ctx, t.forUpdate(), ws, id)
}

func (t *Tx) post(ctx context.Context, lock string, ws shippost.WorkspaceID, id shippost.PostID) (shippost.Post, error) {
	p, err := postTable.get(ctx, t, missing("post"), "WHERE workspace_id = $1 AND id = $2"+lock, ws, id)
	if err != nil {
		return p, err
	}
	one := []shippost.Post{p}
	err = t.fillPostMedia(ctx, one)
	return one[0], err
}

// PostOrder says in which order posts are listed.
type PostOrder string

// The orders.
const (
	NewestFirst PostOrder = "newest" // by creation, latest first
	DueFirst    PostOrder = "due"    // by due time, earliest first; posts without a time are left out
)

// PostFilter chooses posts of a workspace. Its zero value lists all, newest first.
type PostFilter struct {
	Order    PostOrder // "" means NewestFirst
	Statuses []shippost.PostStatus
	Accounts []shippost.AccountID // of one of these; empty for all
	Group    shippost.GroupID
	Labels   []shippost.LabelID // with one of these; empty for any
	Cause    string             // failed or held with this code, or without one in the status of this name
	Held     bool               // only those that wait for something
	From, To time.Time          // due at or after From, and before To; zero for no bound
	After    PostPlace          // where the page before ended; zero for the first page
	Limit    int                // how many at most; required
}

// PostPlace is a place in a list of posts: that of the last one seen.
type PostPlace struct {
	ID  shippost.PostID
	Due time.Time // set in the order DueFirst
}

// Posts lists posts of the workspace. The cost depends on how many are returned, not on how many there are.
func (t *Tx) Posts(ctx context.Context, ws shippost.WorkspaceID, f PostFilter) ([]shippost.Post, error) {
	tail, args := f.query(ws)
	posts, err := postTable.list(ctx, t, tail, args...)
	if err != nil {
		return nil, err
	}
	return posts, t.fillPostMedia(ctx, posts)
}

// query returns the end of the SELECT, which some index of the table serves in its order.
func (f PostFilter) query(ws shippost.WorkspaceID) (tail string, args []any) {
	q := f.conditions(ws)
	order := " ORDER BY id DESC"
	switch {
	case f.Order == DueFirst:
		order = " ORDER BY due_at, id"
		q.parts = append(q.parts, "due_at IS NOT NULL")
		if f.After.ID != "" {
			q.parts = append(q.parts, "(due_at, id) > ("+q.mark(moment(f.After.Due))+", "+q.mark(f.After.ID)+")")
		}
	case f.After.ID != "":
		q.add("id < ", f.After.ID)
	}
	return q.where() + order + " LIMIT " + q.mark(f.Limit), q.args
}

// conditions returns what the filter asks of a post, whatever its place in a list.
func (f PostFilter) conditions(ws shippost.WorkspaceID) conditions {
	q := conditions{}
	q.add("workspace_id = ", ws)
	if len(f.Accounts) > 0 {
		isOneOf(&q, "account_id", f.Accounts)
	}
	if f.Group != "" {
		q.add("group_id = ", f.Group)
	}
	if len(f.Statuses) > 0 {
		isOneOf(&q, "status", f.Statuses)
	}
	if len(f.Labels) > 0 {
		inner := conditions{args: q.args}
		isOneOf(&inner, "pl.label_id", f.Labels)
		q.args = inner.args
		q.parts = append(q.parts, "EXISTS (SELECT 1 FROM post_labels pl WHERE pl.post_id = posts.id AND "+inner.parts[0]+")")
	}
	if f.Held {
		q.parts = append(q.parts, "hold <> ''")
	}
	if f.Cause != "" {
		// Both are JSON that we wrote, with the code first; its quotes are escaped if it has any.
		prefix := `{"code":` + strconv.Quote(f.Cause) + ","
		q.parts = append(q.parts, "(substr(CASE WHEN status = 'queued' THEN hold ELSE failure END, 1, "+strconv.Itoa(len(prefix))+") = "+q.mark(prefix)+
			" OR failure = '' AND hold = '' AND status = "+q.mark(f.Cause)+")")
	}
	if !f.From.IsZero() {
		q.add("due_at >= ", moment(f.From))
	}
	if !f.To.IsZero() {
		q.add("due_at < ", moment(f.To))
	}
	return q
}

// UpdatePost writes content, time and state of a post whose row still has the status was and p.Version, and makes it
// a new version: p.Version grows by one. It reports whether the row was as expected. withMedia says that the files
// changed too.
func (t *Tx) UpdatePost(ctx context.Context, p *shippost.Post, was shippost.PostStatus, withMedia bool) (bool, error) {
	ok, err := t.swap(ctx, `UPDATE posts SET status = $1, phase = $2, caption = $3, options = $4, due_local = $5, due_zone = $6,
		due_fold = $7, due_at = $8, due_offset = $9, due_rules = $10, late_window = $11, version = version + 1, hold = $12, failure = $13,
		updated_at = $14, committed_at = $15, group_id = $16, overdue_at = NULL WHERE id = $17 AND workspace_id = $18 AND status = $19 AND version = $20`,
		p.Status, p.Phase, p.Caption, doc(&p.Options), p.Due.Local, p.Due.Zone, p.Due.Fold, at(&p.Due.At), span(&p.Due.Offset), p.Due.Rules,
		span(&p.LateWindow), doc(&p.Hold), doc(&p.Failure), at(&p.UpdatedAt), at(&p.CommittedAt), p.Group, p.ID, p.Workspace, was, p.Version)
	if err != nil || !ok {
		return ok, err
	}
	p.Version++
	p.OverdueAt = time.Time{}
	if !withMedia {
		return true, nil
	}
	if _, err := t.exec(ctx, "DELETE FROM post_media WHERE post_id = $1", p.ID); err != nil {
		return false, err
	}
	return true, t.addPostMedia(ctx, p)
}

// DeleteDraft removes a draft. It reports false when the post is none.
func (t *Tx) DeleteDraft(ctx context.Context, ws shippost.WorkspaceID, id shippost.PostID) (bool, error) {
	for _, table := range []string{"forecasts", "post_labels", "post_versions", "post_media"} {
		if _, err := t.exec(ctx, "DELETE FROM "+table+" WHERE post_id IN (SELECT id FROM posts WHERE id = $1 AND workspace_id = $2 AND status = 'draft')", id, ws); err != nil {
			return false, err
		}
	}
	return t.swap(ctx, "DELETE FROM posts WHERE id = $1 AND workspace_id = $2 AND status = 'draft'", id, ws)
}

// WithdrawnPosts returns posts of a workspace that viewers can no longer see, as the platform said since an instant; those due
// before another instant are left out, so that few are looked at. The latest first.
func (t *Tx) WithdrawnPosts(ctx context.Context, ws shippost.WorkspaceID, since, due time.Time, limit int) ([]shippost.Post, error) {
	return postTable.list(ctx, t, "WHERE workspace_id = $1 AND due_at > $2 AND withdrawn_at > $3 ORDER BY withdrawn_at DESC LIMIT $4", ws, moment(due), moment(since), limit)
}

// AccountLoad is how much an account is used.
type AccountLoad struct {
	Sent      int // posts that were handed over since a moment
	Scheduled int // posts that wait or are under way
}

// AccountLoads returns the load of all accounts of a workspace that have any.
func (t *Tx) AccountLoads(ctx context.Context, ws shippost.WorkspaceID, since time.Time) (loads map[shippost.AccountID]AccountLoad, err error) {
	values, err := plain([]any{ws, moment(since)})
	if err != nil {
		return nil, err
	}
	// Each part is served by an index: the calendar's, since a post is handed over at its due time or some hours later, and
	// that of accounts and states.
	rows, err := t.tx.QueryContext(ctx, `SELECT a.id,
		(SELECT count(*) FROM posts p WHERE p.account_id = a.id AND p.status IN ('publishing', 'posted', 'in_inbox', 'unconfirmed') AND p.committed_at > $2),
		(SELECT count(*) FROM posts p WHERE p.account_id = a.id AND p.status IN ('queued', 'publishing'))
		FROM accounts a WHERE a.workspace_id = $1`, values...)
	if err != nil {
		return nil, fmt.Errorf("count the posts of accounts: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	loads = map[shippost.AccountID]AccountLoad{}
	for rows.Next() {
		var id shippost.AccountID
		var l AccountLoad
		if err := rows.Scan(&id, &l.Sent, &l.Scheduled); err != nil {
			return nil, fmt.Errorf("count the posts of accounts: %w", err)
		}
		loads[id] = l
	}
	return loads, rows.Err()
}

// CountScheduled returns how many posts of an account still wait or are under way.
func (t *Tx) CountScheduled(ctx context.Context, account shippost.AccountID) (int, error) {
	var n int
	err := t.value(ctx, []any{&n}, "SELECT count(*) FROM posts WHERE account_id = $1 AND status IN ('queued', 'publishing')", account)
	return n, err
}

// DraftTimes returns when the drafts for the inbox of an account's creator are due between two instants, both left out,
// that wait, are under way or lie in the inbox; except is not counted.
func (t *Tx) DraftTimes(ctx context.Context, account shippost.AccountID, after, before time.Time, except shippost.PostID) ([]time.Time, error) {
	// Options are JSON text that we wrote; quotes inside of it are escaped, so no title can look like this.
	list, err := postTable.list(ctx, t, `WHERE account_id = $1 AND status IN ('queued', 'publishing', 'in_inbox') AND due_at > $2 AND due_at < $3
		AND id <> $4 AND options LIKE '%"to_inbox":true%' ORDER BY due_at`, account, moment(after), moment(before), except)
	times := make([]time.Time, len(list))
	for i := range list {
		times[i] = list[i].Due.At
	}
	return times, err
}

// PostTimes returns when an account's posts go out or went out between two instants, both left out, in order: those that
// wait by their due time, the others by when they were handed over. Drafts for the inbox are not among them; except is not
// counted.
func (t *Tx) PostTimes(ctx context.Context, account shippost.AccountID, after, before time.Time, except shippost.PostID) (times []time.Time, err error) {
	rows, err := t.query(ctx, `SELECT due_at FROM posts WHERE account_id = $1 AND status IN ('queued', 'publishing') AND committed_at IS NULL AND due_at > $2 AND due_at < $3
			AND id <> $4 AND options NOT LIKE '%"to_inbox":true%'
		UNION ALL SELECT committed_at FROM posts WHERE account_id = $1 AND committed_at IS NOT NULL AND status IN ('publishing', 'posted', 'unconfirmed')
			AND committed_at > $2 AND committed_at < $3 AND id <> $4 AND options NOT LIKE '%"to_inbox":true%'
		ORDER BY 1`, account, moment(after), moment(before), except)
	if err != nil {
		return nil, fmt.Errorf("list the times of posts: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var when time.Time
		if err := rows.Scan(at(&when)); err != nil {
			return nil, fmt.Errorf("list the times of posts: %w", err)
		}
		times = append(times, when)
	}
	return times, rows.Err()
}

// PlannedPost is a post with when it goes out or went out.
type PlannedPost struct {
	ID      shippost.PostID
	Account shippost.AccountID
	At      time.Time
	Zone    string // of its due time
	Waits   bool   // it can still get another time
}

// sqlPlannedPosts joins in this order on SQLite, too: each account's own index, never all waiting posts of the server.
const sqlPlannedPosts = `SELECT p.id, p.account_id, p.due_at, p.due_zone, CASE WHEN p.status = 'queued' THEN 1 ELSE 0 END
		FROM accounts a CROSS JOIN posts p
		WHERE p.account_id = a.id AND a.workspace_id = $1 AND a.status <> 'disconnected' AND p.status IN ('queued', 'publishing') AND p.committed_at IS NULL
		AND p.due_at > $2 AND p.due_at < $3 AND p.options NOT LIKE '%"to_inbox":true%'
	UNION ALL SELECT p.id, p.account_id, p.committed_at, p.due_zone, 0
		FROM accounts a CROSS JOIN posts p
		WHERE p.account_id = a.id AND a.workspace_id = $1 AND a.status <> 'disconnected' AND p.committed_at IS NOT NULL AND p.status IN ('publishing', 'posted', 'unconfirmed')
		AND p.committed_at > $2 AND p.committed_at < $3 AND p.options NOT LIKE '%"to_inbox":true%'
	ORDER BY 3, 1`

// sqlPlannedDrafts is the same for drafts that go to an inbox or lie there, which have an index each.
const sqlPlannedDrafts = `SELECT p.id, p.account_id, p.due_at, p.due_zone, CASE WHEN p.status = 'queued' THEN 1 ELSE 0 END
		FROM accounts a CROSS JOIN posts p
		WHERE p.account_id = a.id AND a.workspace_id = $1 AND a.status <> 'disconnected' AND p.status IN ('queued', 'publishing')
		AND p.due_at > $2 AND p.due_at < $3 AND p.options LIKE '%"to_inbox":true%'
	UNION ALL SELECT p.id, p.account_id, p.due_at, p.due_zone, 0
		FROM accounts a CROSS JOIN posts p
		WHERE p.account_id = a.id AND a.workspace_id = $1 AND a.status <> 'disconnected' AND p.status = 'in_inbox'
		AND p.due_at > $2 AND p.due_at < $3 AND p.options LIKE '%"to_inbox":true%'
	ORDER BY 3, 1`

// PlannedPosts returns what PostTimes returns, for all accounts of a workspace that are connected: earliest first.
func (t *Tx) PlannedPosts(ctx context.Context, ws shippost.WorkspaceID, after, before time.Time) ([]PlannedPost, error) {
	return t.planned(ctx, sqlPlannedPosts, ws, after, before)
}

// PlannedDrafts returns what DraftTimes returns, for all accounts of a workspace that are connected: earliest first.
func (t *Tx) PlannedDrafts(ctx context.Context, ws shippost.WorkspaceID, after, before time.Time) ([]PlannedPost, error) {
	return t.planned(ctx, sqlPlannedDrafts, ws, after, before)
}

func (t *Tx) planned(ctx context.Context, query string, ws shippost.WorkspaceID, after, before time.Time) (posts []PlannedPost, err error) {
	rows, err := t.query(ctx, query, ws, moment(after), moment(before))
	if err != nil {
		return nil, fmt.Errorf("list planned posts: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var p PlannedPost
		var waits int
		if err := rows.Scan(&p.ID, &p.Account, at(&p.At), &p.Zone, &waits); err != nil {
			return nil, fmt.Errorf("list planned posts: %w", err)
		}
		p.Waits = waits == 1
		posts = append(posts, p)
	}
	return posts, rows.Err()
}

// PosterTime is when an account has a post.
type PosterTime struct {
	Account shippost.AccountID
	At      time.Time
}

// PosterTimes returns when accounts of a platform, on the whole server and beside one of them, have posts between two instants
// that are not drafts for the inbox: those that wait by their due time, the others by when they were handed over. In no order.
func (t *Tx) PosterTimes(ctx context.Context, p shippost.PlatformName, beside shippost.AccountID, after, before time.Time) (list []PosterTime, err error) {
	rows, err := t.query(ctx, `SELECT p.account_id, p.due_at FROM accounts a CROSS JOIN posts p WHERE p.account_id = a.id AND a.platform = $1 AND a.id <> $2
			AND a.status <> 'disconnected' AND p.status IN ('queued', 'publishing') AND p.due_at > $3 AND p.due_at < $4 AND p.options NOT LIKE '%"to_inbox":true%'
		UNION ALL SELECT p.account_id, p.committed_at FROM accounts a CROSS JOIN posts p WHERE p.account_id = a.id AND a.platform = $1 AND a.id <> $2
			AND a.status <> 'disconnected' AND p.committed_at IS NOT NULL AND p.committed_at > $3 AND p.committed_at < $4
			AND p.status <> 'in_inbox' AND p.options NOT LIKE '%"to_inbox":true%'`, p, beside, moment(after), moment(before))
	if err != nil {
		return nil, fmt.Errorf("list who posts when: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var one PosterTime
		if err := rows.Scan(&one.Account, at(&one.At)); err != nil {
			return nil, fmt.Errorf("list who posts when: %w", err)
		}
		list = append(list, one)
	}
	return list, rows.Err()
}

// PostsReckonedBefore returns waiting posts due after an instant whose due time was reckoned by zone rules older than
// the given ones, by id. Ask again after the last one for more.
func (t *Tx) PostsReckonedBefore(ctx context.Context, rules string, due time.Time, after shippost.PostID, limit int) ([]shippost.Post, error) {
	return postTable.list(ctx, t, `WHERE id > $1 AND status IN ('queued', 'publishing') AND due_at > $2 AND due_rules < $3 ORDER BY id LIMIT $4`,
		after, moment(due), rules, limit)
}

// addPostMedia writes which files a post has. Each file is locked, so that it is not deleted at the same moment.
func (t *Tx) addPostMedia(ctx context.Context, p *shippost.Post) error {
	lock := ""
	if t.db.engine == Postgres {
		lock = " FOR SHARE"
	}
	for i, id := range p.Media {
		var status shippost.MediaStatus
		err := t.value(ctx, []any{&status}, "SELECT status FROM media WHERE workspace_id = $1 AND id = $2"+lock, p.Workspace, id)
		if errors.Is(err, sql.ErrNoRows) {
			return missing("media")
		}
		if err != nil {
			return err
		}
		if status == shippost.MediaDeleted {
			return shippost.Errorf(shippost.Conflict, "media_deleted", "A file of this post has been deleted. Choose another one.").
				At("media_ids[" + strconv.Itoa(i) + "]").With(shippost.RemedyReplaceMedia)
		}
		if _, err := t.exec(ctx, "INSERT INTO post_media (post_id, position, media_id) VALUES ($1, $2, $3)", p.ID, i, id); err != nil {
			return err
		}
	}
	return nil
}

// fillPostMedia reads the files of all the posts at once.
func (t *Tx) fillPostMedia(ctx context.Context, posts []shippost.Post) (err error) {
	if len(posts) == 0 {
		return nil
	}
	index := make(map[shippost.PostID]int, len(posts))
	ids := make([]shippost.PostID, len(posts))
	for i, p := range posts {
		index[p.ID], ids[i] = i, p.ID
	}
	q := conditions{}
	isOneOf(&q, "post_id", ids)
	rows, err := t.query(ctx, "SELECT post_id, media_id FROM post_media "+q.where()+" ORDER BY post_id, position", q.args...)
	if err != nil {
		return fmt.Errorf("list the media of posts: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var post shippost.PostID
		var media shippost.MediaID
		if err := rows.Scan(&post, &media); err != nil {
			return fmt.Errorf("list the media of posts: %w", err)
		}
		p := &posts[index[post]]
		p.Media = append(p.Media, media)
	}
	return rows.Err()
}

// conditions collects the parts of a WHERE clause and their parameters.
type conditions struct {
	parts []string
	args  []any
}

// mark adds a parameter and returns its placeholder.
func (c *conditions) mark(arg any) string {
	c.args = append(c.args, arg)
	return "$" + strconv.Itoa(len(c.args))
}

// add adds "column = " or the like with its parameter.
func (c *conditions) add(condition string, arg any) {
	c.parts = append(c.parts, condition+c.mark(arg))
}

func (c *conditions) where() string { return "WHERE " + strings.Join(c.parts, " AND ") }

// isOneOf adds that a column has one of the values.
func isOneOf[T any](c *conditions, column string, values []T) {
	marks := make([]string, len(values))
	for i, v := range values {
		marks[i] = c.mark(v)
	}
	c.parts = append(c.parts, column+" IN ("+strings.Join(marks, ", ")+")")
}
