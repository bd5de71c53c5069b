package store_test

import (
	"slices"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestNoteVisible: the latest word about whether viewers see a post counts, in whatever order words arrive. Platforms name the second
// alone: of two words about the same one, the withdrawal is the later.
func TestNoteVisible(t *testing.T) {
	t.Parallel()
	type word struct {
		second  int
		visible bool
	}
	const seen, gone = true, false
	for name, c := range map[string]struct {
		words     []word
		withdrawn int   // since which second; 0 when viewers see it
		changes   []int // which words changed something, by their place
	}{
		"seen":                                   {[]word{{1, seen}}, 0, nil},
		"seen, then gone":                        {[]word{{1, seen}, {2, gone}}, 2, []int{1}},
		"seen and gone in one second":            {[]word{{1, seen}, {1, gone}}, 1, []int{1}},
		"gone and seen in one second":            {[]word{{1, gone}, {1, seen}}, 1, []int{0}},
		"the same second, each twice":            {[]word{{1, seen}, {1, gone}, {1, seen}, {1, gone}}, 1, []int{1}},
		"gone, and seen the second after":        {[]word{{1, seen}, {1, gone}, {2, seen}}, 0, []int{1, 2}},
		"gone, seen, and gone in that second":    {[]word{{1, gone}, {2, seen}, {2, gone}}, 2, []int{0, 1, 2}},
		"an old withdrawal, told late":           {[]word{{2, seen}, {1, gone}}, 0, nil},
		"an old availability, told late":         {[]word{{2, gone}, {1, seen}}, 2, []int{0}},
		"gone again, then what lies between":     {[]word{{1, gone}, {3, gone}, {2, seen}}, 1, []int{0}},
		"gone again, then the second between":    {[]word{{1, gone}, {3, gone}, {3, seen}}, 1, []int{0}},
		"gone again, then seen after the second": {[]word{{1, gone}, {3, gone}, {4, seen}}, 0, []int{0, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				actor := storetest.Workspace(t, db)
				account := storetest.Account(t, db, actor)
				start := db.Now().Truncate(time.Second)
				post := aPost(actor, account, start)
				post.Status = shippost.PostPosted
				attempt := planned(post)
				attempt.State, attempt.PublishID = shippost.AttemptLive, "v_pub_1"
				storetest.Update(t, db, func(tx *store.Tx) error {
					if err := tx.InsertPost(t.Context(), &post); err != nil {
						return err
					}
					return tx.InsertAttempt(t.Context(), &attempt)
				})
				at := func(second int) time.Time { return start.Add(time.Duration(second) * time.Second) }
				var changes []int
				for i, w := range c.words {
					storetest.Update(t, db, func(tx *store.Tx) error {
						_, changed, err := tx.NoteVisible(t.Context(), account.Platform, account.Subject, attempt.PublishID, at(w.second), w.visible)
						if changed {
							changes = append(changes, i)
						}
						return err
					})
				}
				want := time.Time{}
				if c.withdrawn > 0 {
					want = at(c.withdrawn)
				}
				storetest.View(t, db, func(tx *store.Tx) error {
					got, err := tx.AnyPost(t.Context(), post.ID)
					if !got.WithdrawnAt.Equal(want) || !slices.Equal(changes, c.changes) {
						t.Errorf("withdrawn at %v, changed by %v; want %v, %v", got.WithdrawnAt, changes, want, c.changes)
					}
					return err
				})
			})
		})
	}
}
