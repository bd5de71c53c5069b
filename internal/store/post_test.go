package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// file adds a row for a stored video, as far as posts care.
func file(t *testing.T, db *store.DB, actor shippost.Actor, status shippost.MediaStatus) shippost.MediaID {
	t.Helper()
	id := shippost.NewMediaID(db.Now())
	storetest.Update(t, db, func(tx *store.Tx) error {
		_, err := tx.SQL().ExecContext(t.Context(), `INSERT INTO media (id, workspace_id, uploaded_by, status, kind, file_name, type, size,
			received_sha256, sha256, blob_key, poster_key, facts, problems, removed, created_at)
			VALUES ($1, $2, $3, $4, 'video', 'a.mp4', 'video/mp4', 8, '', '', '', '', '{}', '[]', '[]', 1)`,
			string(id), string(actor.Workspace), string(actor.User), string(status))
		return err
	})
	return id
}

func aPost(actor shippost.Actor, account shippost.Account, at time.Time, media ...shippost.MediaID) shippost.Post {
	yes, no := true, false
	due, err := shippost.DueAt(at, "Europe/Zurich")
	if err != nil {
		panic(err)
	}
	return shippost.Post{
		ID: shippost.NewPostID(at), Workspace: actor.Workspace, Account: account.ID, Status: shippost.PostQueued, Media: media,
		Caption: "Tide pools 🌊 at dawn", Options: shippost.Options{TikTok: &shippost.TikTokOptions{PrivacyLevel: shippost.PrivacySelf,
			AllowComment: &yes, AllowDuet: &no, YourBrand: &no, CoverMS: 1500, Consent: true}},
		Due: due, LateWindow: 15 * time.Minute, Version: 1, CreatedBy: actor.User, CreatedAt: at, UpdatedAt: at,
	}
}

func TestPost_RoundTrip(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		actor := storetest.Workspace(t, db)
		account := storetest.Account(t, db, actor)
		b, a := file(t, db, actor, shippost.MediaReady), file(t, db, actor, shippost.MediaReady)
		want := aPost(actor, account, db.Now(), b, a, b)
		want.Group = "grp_x"
		want.Phase = shippost.PhaseStaged
		want.Hold = &shippost.Hold{Code: "cap", Message: "Full.", Remedy: shippost.RemedyWait, Since: db.Now()}
		want.Failure = &shippost.Failure{Code: "spam_risk", Message: "Refused.", LogID: "2026"}
		want.CommittedAt, want.PostedAt = db.Now(), db.Now()
		want.PlatformIDs, want.Permalink = []string{"7300000000000000001"}, "https://www.tiktok.com/@ada/video/7300000000000000001"
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.InsertPost(t.Context(), &want) })

		storetest.View(t, db, func(tx *store.Tx) error {
			got, err := tx.Post(t.Context(), actor.Workspace, want.ID)
			if err != nil {
				return err
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("the post changed in the table (-want +got):\n%s", d)
			}
			if _, err := tx.Post(t.Context(), "ws_other", want.ID); !shippost.IsCode(err, "post_not_found") {
				t.Errorf("in another workspace: got %v, want post_not_found", err)
			}
			return nil
		})
	})
}

func TestPost_DeletedAndForeignMedia(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		actor, other := storetest.Workspace(t, db), storetest.Workspace(t, db)
		account := storetest.Account(t, db, actor)
		for name, c := range map[string]struct {
			media shippost.MediaID
			code  string
		}{
			"deleted": {file(t, db, actor, shippost.MediaDeleted), "media_deleted"},
			"foreign": {file(t, db, other, shippost.MediaReady), "media_not_found"},
			"unknown": {"med_unknown", "media_not_found"},
		} {
			p := aPost(actor, account, db.Now(), c.media)
			err := db.Update(t.Context(), func(tx *store.Tx) error { return tx.InsertPost(t.Context(), &p) })
			if !shippost.IsCode(err, c.code) {
				t.Errorf("%s: got %v, want %s", name, err, c.code)
			}
			err = db.View(t.Context(), func(tx *store.Tx) error { _, err := tx.Post(t.Context(), p.Workspace, p.ID); return err })
			if !shippost.IsKind(err, shippost.NotFound) {
				t.Errorf("%s: half a post was kept: %v", name, err)
			}
		}
	})
}

func TestMediaList_Unused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		actor := storetest.Workspace(t, db)
		used, unused := file(t, db, actor, shippost.MediaReady), file(t, db, actor, shippost.MediaReady)
		p := aPost(actor, storetest.Account(t, db, actor), db.Now(), used)
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.InsertPost(t.Context(), &p) })
		storetest.View(t, db, func(tx *store.Tx) error {
			list, err := tx.MediaList(t.Context(), actor.Workspace, store.MediaFilter{Unused: true, Limit: 9})
			if err != nil || len(list) != 1 || list[0].ID != unused {
				t.Errorf("got %v, %v; want the one that no post has", list, err)
			}
			return nil
		})
	})
}

func TestUpdatePost_ComparesAndSets(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		actor := storetest.Workspace(t, db)
		p := aPost(actor, storetest.Account(t, db, actor), db.Now(), file(t, db, actor, shippost.MediaReady))
		storetest.Update(t, db, func(tx *store.Tx) error { return tx.InsertPost(t.Context(), &p) })
		other := file(t, db, actor, shippost.MediaReady)

		stale, strange := p, p
		stale.Version, strange.Workspace = 7, "ws_other"
		storetest.Update(t, db, func(tx *store.Tx) error {
			for name, c := range map[string]struct {
				p   shippost.Post
				was shippost.PostStatus
			}{"version": {stale, p.Status}, "status": {p, shippost.PostDraft}, "workspace": {strange, p.Status}} {
				if ok, err := tx.UpdatePost(t.Context(), &c.p, c.was, true); ok || err != nil {
					t.Errorf("other %s: got %v, %v; want no change", name, ok, err)
				}
			}
			return nil
		})
		p.Caption, p.Media, p.UpdatedAt = "Changed", []shippost.MediaID{other}, db.Now()
		storetest.Update(t, db, func(tx *store.Tx) error {
			locked, err := tx.LockPost(t.Context(), p.Workspace, p.ID)
			if err != nil || locked.Version != 1 || locked.Caption == p.Caption {
				t.Errorf("locked %+v, %v; want the first version", locked, err)
			}
			if ok, err := tx.UpdatePost(t.Context(), &p, shippost.PostQueued, true); !ok || err != nil || p.Version != 2 {
				t.Errorf("got %v, %v, version %d; want a second version", ok, err, p.Version)
			}
			got, err := tx.Post(t.Context(), p.Workspace, p.ID)
			if d := cmp.Diff(p, got); d != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, d)
			}
			return nil
		})
	})
}

// TestPosts_Pages walks through every kind of list in small pages and compares with the whole.
func TestPosts_Pages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		actor, other := storetest.Workspace(t, db), storetest.Workspace(t, db)
		accounts := []shippost.Account{storetest.Account(t, db, actor), storetest.Account(t, db, actor)}
		media := file(t, db, actor, shippost.MediaReady)
		start := db.Now().Truncate(time.Second)
		var all []shippost.Post
		storetest.Update(t, db, func(tx *store.Tx) error {
			for i := range 60 {
				p := aPost(actor, accounts[i%2], start.Add(time.Duration(i*37%20)*time.Minute), media) // several share a time
				p.ID = shippost.NewPostID(start.Add(time.Duration(i) * time.Millisecond))
				p.Status = []shippost.PostStatus{shippost.PostQueued, shippost.PostDraft, shippost.PostFailed}[i%3]
				if i%6 == 1 {
					p.Due = shippost.Due{}
				}
				if i%5 == 0 {
					p.Group = "grp_five"
				}
				all = append(all, p)
				if err := tx.InsertPost(t.Context(), &p); err != nil {
					return err
				}
			}
			foreign := aPost(other, accounts[0], start)
			return tx.InsertPost(t.Context(), &foreign)
		})
		for name, f := range map[string]store.PostFilter{
			"all":      {},
			"account":  {Accounts: []shippost.AccountID{accounts[1].ID}},
			"status":   {Statuses: []shippost.PostStatus{shippost.PostFailed}},
			"statuses": {Statuses: []shippost.PostStatus{shippost.PostFailed, shippost.PostDraft}, Accounts: []shippost.AccountID{accounts[0].ID}},
			"group":    {Group: "grp_five"},
			"from":     {From: start.Add(5 * time.Minute)},
			"calendar": {Order: store.DueFirst, From: start.Add(3 * time.Minute), To: start.Add(15 * time.Minute)},
			"due":      {Order: store.DueFirst},
			"upcoming": {Order: store.DueFirst, Statuses: []shippost.PostStatus{shippost.PostQueued}, Accounts: []shippost.AccountID{accounts[0].ID}},
			"nothing":  {Accounts: []shippost.AccountID{"acc_unknown"}},
		} {
			want := expected(all, f)
			var got []shippost.PostID
			f.Limit = 7
			for page := 0; ; page++ {
				var posts []shippost.Post
				storetest.View(t, db, func(tx *store.Tx) (err error) {
					posts, err = tx.Posts(t.Context(), actor.Workspace, f)
					return err
				})
				for _, p := range posts {
					got = append(got, p.ID)
					if len(p.Media) != 1 || p.Media[0] != media {
						t.Fatalf("%s: %s has media %v", name, p.ID, p.Media)
					}
				}
				if len(posts) < f.Limit || page > 20 {
					break
				}
				last := posts[len(posts)-1]
				f.After = store.PostPlace{ID: last.ID, Due: last.Due.At}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s (-want +got):\n%s", name, d)
			}
		}
	})
}

// expected is the list a filter means, found by looking at each post.
func expected(all []shippost.Post, f store.PostFilter) []shippost.PostID {
	var chosen []shippost.Post
	for _, p := range all {
		switch {
		case len(f.Accounts) > 0 && !slices.Contains(f.Accounts, p.Account), f.Group != "" && p.Group != f.Group,
			len(f.Statuses) > 0 && !slices.Contains(f.Statuses, p.Status),
			!f.From.IsZero() && (p.Due.IsZero() || p.Due.At.Before(f.From)),
			!f.To.IsZero() && (p.Due.IsZero() || !p.Due.At.Before(f.To)),
			f.Order == store.DueFirst && p.Due.IsZero():
		default:
			chosen = append(chosen, p)
		}
	}
	slices.SortFunc(chosen, func(a, b shippost.Post) int {
		if f.Order == store.DueFirst && !a.Due.At.Equal(b.Due.At) {
			return a.Due.At.Compare(b.Due.At)
		}
		if f.Order == store.DueFirst {
			return strings.Compare(string(a.ID), string(b.ID))
		}
		return strings.Compare(string(b.ID), string(a.ID))
	})
	var ids []shippost.PostID
	for _, p := range chosen {
		ids = append(ids, p.ID)
	}
	return ids
}

// TestPosts_Plans: with 100,000 posts in the table, no list sorts or reads the table from its beginning.
func TestPosts_Plans(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	actor := storetest.Workspace(t, db)
	account, rare := storetest.Account(t, db, actor), storetest.Account(t, db, actor)
	storetest.Update(t, db, func(tx *store.Tx) error {
		p := aPost(actor, account, db.Now())
		if err := tx.InsertPost(t.Context(), &p); err != nil {
			return err
		}
		_, err := tx.SQL().ExecContext(t.Context(), `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
			INSERT INTO posts (id, workspace_id, account_id, group_id, status, phase, caption, options, due_local, due_zone, due_fold, due_at,
				late_window, version, hold, failure, created_by, created_at, updated_at, platform_ids, permalink)
			SELECT printf('post_%026d', i), workspace_id, CASE WHEN i % 20000 = 0 THEN $2 ELSE account_id END, '',
				CASE WHEN i % 1000 = 0 THEN 'failed' ELSE 'posted' END, phase, caption, options, due_local, due_zone, due_fold, due_at + i * 1000000,
				late_window, version, hold, failure, created_by, created_at, updated_at, platform_ids, permalink
			FROM posts, n WHERE id = $1`, string(p.ID), string(rare.ID))
		return err
	})
	if err := db.Analyze(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := db.Now()
	for name, f := range map[string]store.PostFilter{
		"newest":                 {},
		"newest, later page":     {After: store.PostPlace{ID: "post_00000000000000000000050000"}},
		"failed ones":            {Statuses: []shippost.PostStatus{shippost.PostFailed}},
		"of an account":          {Accounts: []shippost.AccountID{rare.ID}},
		"calendar":               {Order: store.DueFirst, From: now.Add(time.Hour), To: now.Add(2 * time.Hour)},
		"calendar, later page":   {Order: store.DueFirst, After: store.PostPlace{ID: "post_00000000000000000000050000", Due: now.Add(50_000 * time.Second)}},
		"calendar of an account": {Order: store.DueFirst, Accounts: []shippost.AccountID{account.ID}, From: now.Add(time.Hour), To: now.Add(2 * time.Hour)},
	} {
		f.Limit = 50
		query, args, err := store.PostsQuery(actor.Workspace, f)
		if err != nil {
			t.Fatal(err)
		}
		plan := explain(t, db, query, args)
		if strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") || !strings.Contains(plan, "USING INDEX") {
			t.Errorf("%s: %s", name, plan)
		}
	}
	for name, f := range map[string]store.PostFilter{
		"marks":                 {From: now, To: now.Add(31 * 24 * time.Hour)},
		"marks of an account":   {From: now, To: now.Add(31 * 24 * time.Hour), Accounts: []shippost.AccountID{account.ID}},
		"marks of failed posts": {From: now, To: now.Add(31 * 24 * time.Hour), Statuses: []shippost.PostStatus{shippost.PostFailed}},
	} {
		query, args, err := store.MarksQuery(actor.Workspace, f)
		if err != nil {
			t.Fatal(err)
		}
		plan := explain(t, db, query, args)
		if !strings.Contains(plan, "posts_calendar (workspace_id=? AND due_at>? AND due_at<?)") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: %s", name, plan)
		}
	}
	for name, statement := range store.PlannedStatements {
		planned := explain(t, db, statement, []any{string(actor.Workspace), now.UnixMicro(), now.Add(31 * 24 * time.Hour).UnixMicro()})
		if strings.Contains(planned, "SCAN p") || !strings.Contains(planned, "USING INDEX posts_account") {
			t.Errorf("%s that are planned: %s", name, planned)
		}
	}
	for index, statement := range store.BringForwardStatements {
		args := []any{now.UnixMicro(), now.UnixMicro(), 1, 1}[:2+2*min(strings.Count(statement, "$4"), 1)]
		if plan := explain(t, db, statement, args); !strings.Contains(plan, "USING INDEX "+index) {
			t.Errorf("posts that were put off: %s", plan)
		}
	}
}

func explain(t *testing.T, db *store.DB, query string, args []any) string {
	t.Helper()
	rows, err := db.SQL().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "; ")
}

func TestCountScheduled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		actor := storetest.Workspace(t, db)
		account, other := storetest.Account(t, db, actor), storetest.Account(t, db, actor)
		storetest.Update(t, db, func(tx *store.Tx) error {
			for _, status := range shippost.PostStatuses {
				p := aPost(actor, account, db.Now())
				p.Status = status
				if err := tx.InsertPost(t.Context(), &p); err != nil {
					return fmt.Errorf("%s: %w", status, err)
				}
			}
			if n, err := tx.CountScheduled(t.Context(), account.ID); n != 2 || err != nil {
				t.Errorf("got %d, %v; want the queued and the publishing one", n, err)
			}
			if n, err := tx.CountScheduled(t.Context(), other.ID); n != 0 || err != nil {
				t.Errorf("other account: got %d, %v", n, err)
			}
			return nil
		})
	})
}

func TestConsents(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		actor := storetest.Workspace(t, db)
		account := storetest.Account(t, db, actor)
		p := aPost(actor, account, db.Now())
		var want []shippost.Consent
		for version := range int64(2) {
			want = append(want, shippost.Consent{ID: shippost.NewConsentID(db.Now()), Post: p.ID, PostVersion: version + 1, User: actor.User,
				Account: account.ID, Nickname: "Ada", Wording: "v1", Media: []string{"aa", "bb"}, Caption: p.Caption, Options: p.Options, At: db.Now()})
		}
		storetest.Update(t, db, func(tx *store.Tx) error {
			if err := tx.InsertPost(t.Context(), &p); err != nil {
				return err
			}
			for _, i := range []int{1, 0} {
				if err := tx.InsertConsent(t.Context(), &want[i]); err != nil {
					return err
				}
			}
			got, err := tx.Consents(t.Context(), p.ID)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			return err
		})
	})
}

func TestReplies(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now := db.Now()
		r := store.Reply{Actor: "ws_1/key_1", Key: "k", BodyHash: "aa", CreatedAt: now}
		storetest.Update(t, db, func(tx *store.Tx) error {
			if ok, err := tx.ClaimReply(t.Context(), &r); !ok || err != nil {
				t.Errorf("first claim: %v, %v", ok, err)
			}
			r.Status, r.Body = 201, `{"id":"post_1"}`
			return tx.FinishReply(t.Context(), &r)
		})
		storetest.Update(t, db, func(tx *store.Tx) error {
			if ok, err := tx.ClaimReply(t.Context(), &store.Reply{Actor: r.Actor, Key: "k", BodyHash: "bb", CreatedAt: now}); ok || err != nil {
				t.Errorf("second claim: %v, %v", ok, err)
			}
			got, ok, err := tx.Reply(t.Context(), r.Actor, "k")
			if d := cmp.Diff(r, got); d != "" || !ok || err != nil {
				t.Errorf("%v, %v (-want +got):\n%s", ok, err, d)
			}
			if _, ok, err := tx.Reply(t.Context(), "ws_2/key_1", "k"); ok || err != nil {
				t.Errorf("another actor's key: %v, %v", ok, err)
			}
			if n, err := tx.ForgetReplies(t.Context(), now.Add(time.Hour)); n != 1 || err != nil {
				t.Errorf("forgot %d, %v; want 1", n, err)
			}
			late := store.Reply{Actor: r.Actor, Key: "k", BodyHash: "cc", CreatedAt: now.Add(time.Hour)}
			if ok, err := tx.ClaimReply(t.Context(), &late); !ok || err != nil {
				t.Errorf("claim of a key that is forgotten: %v, %v", ok, err)
			}
			return nil
		})
	})
}

// TestMonthOnPostgres: a month of ten thousand posts among sixty thousand is read from an index, what is planned in it too.
func TestMonthOnPostgres(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	actor := storetest.Workspace(t, db)
	account := storetest.Account(t, db, actor)
	now := db.Now()
	storetest.Update(t, db, func(tx *store.Tx) error {
		p := aPost(actor, account, now)
		if err := tx.InsertPost(t.Context(), &p); err != nil {
			return err
		}
		_, err := tx.SQL().ExecContext(t.Context(), `INSERT INTO posts (id, workspace_id, account_id, group_id, status, phase, caption, options, due_local, due_zone,
				due_fold, due_at, late_window, version, hold, failure, created_by, created_at, updated_at, platform_ids, permalink)
			SELECT 'post_' || lpad(CAST(i AS TEXT), 26, '0'), workspace_id, account_id, '', status, phase, caption, options, due_local, due_zone,
				due_fold, due_at + i * CAST(259200000 AS BIGINT), late_window, version, hold, failure, created_by, created_at, updated_at, platform_ids, permalink
			FROM posts, generate_series(1, 60000) i WHERE id = $1`, string(p.ID))
		return err
	})
	if err := db.Analyze(t.Context()); err != nil {
		t.Fatal(err)
	}
	from, to := now.Add(30*24*time.Hour), now.Add(60*24*time.Hour)
	marks, args, err := store.MarksQuery(actor.Workspace, store.PostFilter{From: from, To: to})
	if err != nil {
		t.Fatal(err)
	}
	statements := map[string][]any{marks: args}
	for _, planned := range store.PlannedStatements {
		statements[planned] = []any{string(actor.Workspace), from.UnixMicro(), to.UnixMicro()}
	}
	for query, args := range statements {
		rows, err := db.SQL().QueryContext(t.Context(), "EXPLAIN "+query, args...)
		if err != nil {
			t.Fatal(err)
		}
		var plan []string
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, line)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(plan, "\n"); strings.Contains(text, "Seq Scan on posts") || !strings.Contains(text, "posts_") {
			t.Errorf("%.60s:\n%s", query, text)
		}
	}
}
