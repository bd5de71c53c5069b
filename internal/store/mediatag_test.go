package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func TestFold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"Été": "ete", "E\u0301te\u0301": "ete", "ÅNGSTRÖM": "angstrom", "ﬁlm": "film", "مَدّ": "مد", "日本": "日本", "a\u200db": "ab", "100%_\\": "100%_\\"} {
		if got := store.Fold(text); got != want {
			t.Errorf("%q folds to %q, want %q", text, got, want)
		}
	}
}

// TestMediaSearch: names and tags are found whatever their capitals, accents and form; signs that mean something to the
// database mean themselves; pages follow each other without gap; and nobody finds another's files.
func TestMediaSearch(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		actor, other := storetest.Workspace(t, db), storetest.Workspace(t, db)
		ids := map[shippost.MediaID]string{}
		put := func(who shippost.Actor, name string, tags ...string) {
			t.Helper()
			m := aFile(who, db.Now().Add(time.Duration(len(ids))*time.Second))
			m.FileName = name
			ids[m.ID] = name
			storetest.Update(t, db, func(tx *store.Tx) error {
				if err := tx.InsertMedia(ctx, &m); err != nil {
					return err
				}
				for _, tag := range tags {
					if added, err := tx.TagMedia(ctx, who.Workspace, m.ID, tag); err != nil || !added {
						return fmt.Errorf("tag %q: %t, %w", tag, added, err)
					}
				}
				return nil
			})
		}
		put(actor, "E\u0301te\u0301 1.mov", "Sea")
		put(actor, "été 2.mov", "SEA", "Low tide") // one tag, however it is written
		put(actor, "50%_off.mp4", "شاطئ", "<b>x</b>")
		put(actor, "plain.mp4")
		put(other, "été of others.mp4", "Sea", "secret")
		for _, c := range []struct {
			f    store.MediaFilter
			want []string
		}{
			{store.MediaFilter{Words: []string{"ETE"}}, []string{"été 2.mov", "E\u0301te\u0301 1.mov"}},
			{store.MediaFilter{Words: []string{"été", "2"}}, []string{"été 2.mov"}},
			{store.MediaFilter{Words: []string{"tide"}}, []string{"été 2.mov"}},
			{store.MediaFilter{Words: []string{"%"}}, []string{"50%_off.mp4"}},
			{store.MediaFilter{Words: []string{"_"}}, []string{"50%_off.mp4"}},
			{store.MediaFilter{Words: []string{`\`}}, nil},
			{store.MediaFilter{Words: []string{"<b>"}}, []string{"50%_off.mp4"}},
			{store.MediaFilter{Words: []string{"secret"}}, nil},
			{store.MediaFilter{Tags: []string{"sea"}}, []string{"été 2.mov", "E\u0301te\u0301 1.mov"}},
			{store.MediaFilter{Tags: []string{"sea", "low tide"}}, []string{"été 2.mov"}},
			{store.MediaFilter{Tags: []string{"sea"}, Words: []string{"1"}}, []string{"E\u0301te\u0301 1.mov"}},
			{store.MediaFilter{Tags: []string{"شاطئ"}}, []string{"50%_off.mp4"}},
			{store.MediaFilter{Tags: []string{"secret"}}, nil},
		} {
			var got []string
			storetest.View(t, db, func(tx *store.Tx) error {
				for f := c.f; ; {
					f.Limit = 1
					page, err := tx.MediaList(ctx, actor.Workspace, f)
					if err != nil || len(page) == 0 {
						return err
					}
					f.After = page[0].ID
					got = append(got, ids[page[0].ID])
				}
			})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%+v (-want +got)\n%s", c.f, diff)
			}
		}
		storetest.Update(t, db, func(tx *store.Tx) error {
			tags, err := tx.Tags(ctx, actor.Workspace, 9)
			if diff := cmp.Diff([]store.TagCount{{"<b>x</b>", 1}, {"Low tide", 1}, {"Sea", 2}, {"شاطئ", 1}}, tags); diff != "" || err != nil {
				t.Errorf("tags: %v (-want +got)\n%s", err, diff)
			}
			for id, name := range ids {
				if name == "été 2.mov" {
					if gone, err := tx.UntagMedia(ctx, other.Workspace, id, "sea"); gone || err != nil {
						t.Errorf("a stranger took a tag away: %t, %v", gone, err)
					}
					if gone, err := tx.UntagMedia(ctx, actor.Workspace, id, "sea"); !gone || err != nil {
						t.Errorf("a tag stayed: %t, %v", gone, err)
					}
					if got, err := tx.MediaTags(ctx, []shippost.MediaID{id, "med_unknown"}); len(got) != 1 || len(got[id]) != 1 || err != nil {
						t.Errorf("left %v, %v", got, err)
					}
				}
			}
			return nil
		})
	})
}

// TestMediaUses counts a file's posts by what they mean for it.
func TestMediaUses(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, now := t.Context(), db.Now()
		actor, other := storetest.Workspace(t, db), storetest.Workspace(t, db)
		account := storetest.Account(t, db, actor)
		m, unused := aFile(actor, now), aFile(actor, now)
		var posts []shippost.PostID
		storetest.Update(t, db, func(tx *store.Tx) error {
			for _, file := range []shippost.Media{m, unused} {
				if err := tx.InsertMedia(ctx, &file); err != nil {
					return err
				}
			}
			for i, status := range []shippost.PostStatus{shippost.PostDraft, shippost.PostQueued, shippost.PostPublishing, shippost.PostPosted, shippost.PostPosted, shippost.PostFailed, shippost.PostCancelled} {
				p := aPost(actor, account, now.Add(time.Duration(i)*time.Second), m.ID, m.ID) // twice in a post is one use
				p.Status = status
				if status == shippost.PostPosted {
					p.PostedAt = now.Add(time.Duration(i) * time.Hour)
				}
				if err := tx.InsertPost(ctx, &p); err != nil {
					return err
				}
				posts = append(posts, p.ID)
			}
			return nil
		})
		storetest.View(t, db, func(tx *store.Tx) error {
			uses, err := tx.MediaUses(ctx, []shippost.MediaID{m.ID, unused.ID})
			want := map[shippost.MediaID]store.MediaUse{m.ID: {Posts: 7, Waiting: 2, Open: 4, Posted: 2, Last: now.Add(4 * time.Hour)}}
			if diff := cmp.Diff(want, uses); diff != "" || err != nil {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
			for _, c := range []struct {
				ws      shippost.WorkspaceID
				waiting bool
				after   shippost.PostID
				want    []shippost.PostID
			}{
				{actor.Workspace, false, "", []shippost.PostID{posts[6], posts[5], posts[4]}},
				{actor.Workspace, false, posts[2], []shippost.PostID{posts[1], posts[0]}},
				{actor.Workspace, true, "", []shippost.PostID{posts[2], posts[1]}},
				{other.Workspace, false, "", nil},
			} {
				list, err := tx.PostsWithMedia(ctx, c.ws, m.ID, c.waiting, c.after, 3)
				if err != nil {
					return err
				}
				var got []shippost.PostID
				for _, p := range list {
					got = append(got, p.ID)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("%+v (-want +got)\n%s", c, diff)
				}
			}
			return nil
		})
	})
}
