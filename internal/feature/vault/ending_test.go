package vault_test

import (
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform/tiktoksim"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// TestEndOfAccessIsAnnounced: a platform that renews access tokens but never moves the end of the whole access is not found out on
// the last day: people are told four weeks, one week and one day before, once each. One that moves the end is never an alarm.
func TestEndOfAccessIsAnnounced(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keep bool
		want []int // days before the end
	}{"the end stays": {true, []int{28, 7, 1}}, "the end moves": {false, nil}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engines(t, func(t *testing.T, b *bench) {
				b.knobs(func(k *tiktoksim.Knobs) { k.Token.KeepRefreshExpiry = c.keep })
				_, g := b.stored()
				ends := g.RefreshExpiresAt
				b.clock.Advance(ends.Sub(b.clock.Now()) - 40*24*time.Hour)
				for range 40 * 4 {
					b.clock.Advance(6 * time.Hour)
					b.keepAll()
				}
				var told []int
				storetest.View(t, b.db, func(tx *store.Tx) error {
					list, err := tx.Journal(t.Context(), store.JournalQuery{Workspace: b.account.Workspace, Kinds: []shippost.EntryKind{shippost.EntryAccountEnding}})
					for _, e := range list {
						// Tokens are renewed once a day, so it is told within a day.
						text, _ := e.Data["until"].(string)
						until, err := time.Parse(time.RFC3339Nano, text)
						if err != nil || until.Sub(ends).Abs() > 2*time.Second || e.Account != b.account.ID { // lifetimes come in whole seconds
							t.Errorf("told of %s %v, want %s", e.Account, e.Data, ends)
						}
						told = append([]int{int(ends.Sub(e.At).Hours()/24) + 1}, told...)
					}
					return err
				})
				if len(told) != len(c.want) {
					t.Fatalf("told %v days before, want %v", told, c.want)
				}
				for i, days := range c.want {
					if told[i] != days {
						t.Errorf("told %v days before, want %v", told, c.want)
					}
				}
			})
		})
	}
}
