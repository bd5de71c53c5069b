package publish_test

import (
	"log/slog"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/publish"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// A post that is held because its account must be connected anew is looked at as soon as that has happened, and not
// when its minute of waiting is over.
func TestAccountReadyWakesHeldPosts(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	storetest.EachAt(t, start, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		actor := storetest.Workspace(t, db)
		mine, other := storetest.Account(t, db, actor), storetest.Account(t, db, actor)
		queue := func(account shippost.Account, hold *shippost.Hold) shippost.PostID {
			p := shippost.Post{ID: shippost.NewPostID(clock.Now()), Workspace: actor.Workspace, Account: account.ID, Status: shippost.PostQueued,
				Due: shippost.Due{At: start.Add(time.Hour)}, LateWindow: time.Hour, Version: 1, Hold: hold, CreatedBy: actor.User,
				CreatedAt: start, UpdatedAt: start}
			storetest.Update(t, db, func(tx *store.Tx) error {
				if err := tx.InsertPost(t.Context(), &p); err != nil {
					return err
				}
				return tx.SetWake(t.Context(), p.ID, start.Add(time.Minute))
			})
			return p.ID
		}
		waits := &shippost.Hold{Code: "needs_reconnect", Since: start}
		held := queue(mine, waits)
		queue(mine, nil)
		queue(other, waits)
		desk := publish.New(publish.Options{DB: db, Now: clock.Now, Log: slog.New(slog.DiscardHandler)}).Desk()
		storetest.Update(t, db, func(tx *store.Tx) error { return desk.AccountReady(t.Context(), tx, mine) })
		storetest.Update(t, db, func(tx *store.Tx) error {
			woken, err := tx.ClaimWaking(t.Context(), start, start.Add(time.Hour), 10)
			if len(woken) != 1 || woken[0] != held {
				t.Errorf("woken %v, want only %v", woken, held)
			}
			return err
		})
	})
}
