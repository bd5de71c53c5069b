package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// A clock that cannot be right keeps every post from going out, which the look ahead says; a platform that does not answer now may
// answer when the post is due.
func TestInTheWay(t *testing.T) {
	t.Parallel()
	got := inTheWay([]shippost.Notice{
		{Code: "clock_wrong", Message: "The clock is wrong.", Remedy: shippost.RemedyOperator},
		{Code: "platform_unavailable", Message: "TikTok does not answer.", Remedy: shippost.RemedyWait},
	})
	if len(got) != 2 || got[0].Severity != shippost.Block || got[0].Code != "clock_wrong" || got[0].Message != "The clock is wrong." || got[0].Remedy != shippost.RemedyOperator ||
		got[1].Severity != shippost.Warn || got[1].Remedy != shippost.RemedyWait {
		t.Errorf("got %+v", got)
	}
}

// At a start at which nobody says what time it is nothing is removed for its age. A platform is asked to let go of an account that was
// disconnected all the same: no clock has a say in that.
func TestStartByAClockThatMayBeWrong(t *testing.T) {
	t.Parallel()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			ctx, log := t.Context(), &lines{}
			a, err := Open(ctx, setUp(t, engine), Options{Log: slog.New(slog.NewTextHandler(log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = a.Close() })
			actor, now := storetest.Workspace(t, a.db), a.db.Now()
			account := storetest.Account(t, a.db, actor)
			storetest.Update(t, a.db, func(tx *store.Tx) error {
				return errors.Join(
					tx.InsertGrant(ctx, &store.Grant{Account: account.ID, AccessToken: "a", RefreshToken: "r", AccessIssuedAt: now, AccessExpiresAt: now.Add(time.Hour), Version: 1}),
					tx.InsertOAuthFlow(ctx, &store.OAuthFlow{StateHash: "old", Purpose: "connect", Platform: shippost.TikTok, User: actor.User, Workspace: actor.Workspace,
						CreatedAt: now.AddDate(-2, 0, 0), ExpiresAt: now.AddDate(-2, 0, 0)}),
					a.connect.End(ctx, tx, actor, account))
			})
			ended, cancel := a.jobs.Subscribe(river.EventKindJobCompleted)
			defer cancel()
			ln, err := a.Listen()
			if err != nil {
				t.Fatal(err)
			}
			serving, stop := context.WithCancel(ctx)
			served := make(chan error, 1)
			go func() { served <- a.Serve(serving, ln) }()
			missing := map[string]bool{sweepArgs{}.Kind(): true, finishArgs{}.Kind(): true}
			for len(missing) > 0 {
				select {
				case e := <-ended:
					delete(missing, e.Job.Kind)
				case <-time.After(time.Minute):
					t.Fatalf("%v did not run", missing)
				}
			}
			if !bytes.Contains(log.all(), []byte("a platform did not confirm a revocation")) {
				t.Error("the platform was not asked to let go")
			}
			if !strings.Contains(storetest.Dump(t, a.db), "oauth_flows: ") {
				t.Error("something was removed for its age")
			}
			stop()
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
}
