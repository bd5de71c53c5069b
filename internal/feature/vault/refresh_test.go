package vault_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/vault"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktoksim"
	"ship-post.com/shippost/internal/store/storetest"
)

// together has 64 goroutines on each node ask for a token at the same time.
func (b *bench) together(ask func(platform.Tokens) (shippost.Secret, error)) map[shippost.Secret]int {
	b.t.Helper()
	const each = 64
	var mu sync.Mutex
	var all sync.WaitGroup
	got, begin := map[shippost.Secret]int{}, make(chan struct{})
	for _, node := range b.nodes {
		for range each {
			all.Go(func() {
				<-begin
				token, err := ask(node.For(b.account.ID))
				if err != nil {
					b.t.Errorf("no token: %v", err)
				}
				mu.Lock()
				defer mu.Unlock()
				got[token]++
			})
		}
	}
	close(begin)
	all.Wait()
	return got
}

// R18: however many ask on however many nodes, an expiring token is refreshed exactly once, and nobody is disconnected.
func TestR18_OneRefreshForAll(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, b *bench) {
		b.still = true
		b.knobs(func(k *tiktoksim.Knobs) { k.Token.OldAccessDies = true })
		b.clock.Advance(24*time.Hour - 5*time.Minute)
		got := b.together(func(tokens platform.Tokens) (shippost.Secret, error) { return tokens.Token(t.Context()) })
		if n := b.refreshes(); n != 1 {
			t.Errorf("%d refreshes for an expiring token, want 1", n)
		}
		if len(got) != 1 || got[b.first] != 0 {
			t.Errorf("%d different tokens were given, want the new one for all", len(got))
		}
		b.healthy()
		t.Run("after it expired", func(t *testing.T) {
			b.clock.Advance(25 * time.Hour)
			b.together(func(tokens platform.Tokens) (shippost.Secret, error) { return tokens.Token(t.Context()) })
			if n := b.refreshes(); n != 2 {
				t.Errorf("%d refreshes in all, want 2", n)
			}
			b.healthy()
		})
		t.Run("when the platform refuses it early", func(t *testing.T) {
			refused := b.token(b.nodes[0])
			b.together(func(tokens platform.Tokens) (shippost.Secret, error) { return tokens.Renew(t.Context(), refused) })
			if n := b.refreshes(); n != 3 {
				t.Errorf("%d refreshes in all, want 3", n)
			}
			b.healthy()
		})
	})
}

// A token with life left costs no request: each rotation is a risk.
func TestFreshTokenIsNotRefreshed(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, b *bench) {
		b.clock.Advance(17 * time.Hour)
		for _, node := range b.nodes {
			if b.token(node) != b.first {
				t.Error("another token than the stored one")
			}
			if err := node.Keep(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if n := b.refreshes(); n != 0 {
			t.Errorf("%d refreshes of a token with 7 of 24 hours left, want none", n)
		}
		b.clock.Advance(90 * time.Minute)
		for _, node := range b.nodes {
			if err := node.Keep(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if n := b.refreshes(); n != 1 {
			t.Errorf("%d refreshes of a token with less than a quarter of its life left, want 1", n)
		}
		b.healthy()
	})
}

// R19: an answer that never came is asked for once more after five seconds. If TikTok did not rotate, all is well.
func TestR19_LostRequestIsRepeated(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]tiktoksim.Fault{
		"cut before TikTok acted":         {Endpoint: "token", At: "before_effect", Do: "reset"},
		"refused by something in between": {Endpoint: "token", At: "before_effect", Do: "status", Status: 502},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engines(t, func(t *testing.T, b *bench) {
				b.knobs(func(k *tiktoksim.Knobs) { k.Faults = []tiktoksim.Fault{fault} })
				b.clock.Advance(25 * time.Hour)
				if b.token(b.nodes[0]) == b.first {
					t.Error("the token was not refreshed")
				}
				b.healthy()
			})
		})
	}
}

// R19: the answer was lost and TikTok did rotate. Nothing can bring the new pair back: people are told at once, and the
// access token that is left goes on working until it expires.
func TestR19_LostAnswerIsToldAtOnce(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, b *bench) {
		b.knobs(func(k *tiktoksim.Knobs) { k.Token.DropAnswers = 1 })
		b.clock.Advance(24*time.Hour - 5*time.Minute)
		asked := b.clock.Now()
		if token, err := b.nodes[0].For(b.account.ID).Token(t.Context()); err != nil || token != b.first || !b.works(token) {
			t.Errorf("while the old access token lives: %v", err)
		}
		told := b.broken()
		if told.IsZero() || told.Sub(asked) > time.Minute {
			t.Errorf("told at %v, asked at %v; want it within a minute", told, asked)
		}
		if a, _ := b.stored(); a.Status != shippost.AccountReconnect {
			t.Errorf("the account is %s", a.Status)
		}
		if n := b.refreshes(); n != 2 {
			t.Errorf("%d refresh requests, want one and its repeat", n)
		}
		b.clock.Advance(time.Hour)
		if _, err := b.nodes[len(b.nodes)-1].For(b.account.ID).Token(t.Context()); !shippost.IsKind(err, shippost.Reconnect) {
			t.Errorf("after it expired: %v, want kind reconnect", err)
		}
		for range 3 {
			if err := b.nodes[0].Keep(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if n := b.refreshes(); n != 2 {
			t.Errorf("a dead refresh token was sent %d times more", n-2)
		}
	})
}

// Only the platform's word about the grant itself disconnects an account; our set-up, its outages and the network never do.
func TestOnlyTheGrantDisconnects(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*tiktoksim.Knobs){
		"outage":         func(k *tiktoksim.Knobs) { k.Faults = always("status", 503) },
		"proxy says 403": func(k *tiktoksim.Knobs) { k.Faults = always("status", 403) },
		"network":        func(k *tiktoksim.Knobs) { k.Faults = always("reset", 0) },
		"answers break off": func(k *tiktoksim.Knobs) {
			k.Faults = []tiktoksim.Fault{{Endpoint: "token", At: "mid_reply", Do: "reset", Times: -1}}
			k.Token.Rotate = "never"
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engines(t, func(t *testing.T, b *bench) {
				b.knobs(change)
				b.clock.Advance(25 * time.Hour)
				for range 3 {
					if _, err := b.nodes[0].For(b.account.ID).Token(t.Context()); err == nil || shippost.IsKind(err, shippost.Reconnect) {
						t.Errorf("%v, want an error that says nothing about the connection", err)
					}
					if err := b.nodes[0].Keep(t.Context()); err == nil {
						t.Error("Keep says that all is well")
					}
					b.clock.Advance(5 * time.Minute)
				}
				b.knobs(func(k *tiktoksim.Knobs) { k.Faults = nil })
				b.clock.Advance(5 * time.Minute)
				b.healthy()
			})
		})
	}
}

func always(do string, status int) []tiktoksim.Fault {
	return []tiktoksim.Fault{{Endpoint: "token", At: "before_effect", Do: do, Status: status, Times: -1}}
}

func TestWithdrawnAccessIsToldOnce(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, b *bench) {
		if err := b.sim.RemoveApp(mara, 1); err != nil {
			t.Fatal(err)
		}
		for _, node := range b.nodes {
			if _, err := node.For(b.account.ID).Renew(t.Context(), b.first); !shippost.IsKind(err, shippost.Reconnect) {
				t.Errorf("%v, want kind reconnect", err)
			}
		}
		if n := b.refreshes(); n != 1 {
			t.Errorf("%d refreshes, want 1", n)
		}
		if b.broken().IsZero() {
			t.Error("nobody was told")
		}
	})
}

// A node that was paused for long finds the world changed: somebody else took its refresh over. Whoever has the pair
// that works stores it, and the account is not lost over it.
func TestPausedNodeBringsTheNewPair(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, b *bench) {
		other := b.nodes[len(b.nodes)-1]
		if len(b.nodes) == 1 {
			other = b.node(b.db)
		}
		slow := &pausing{Platform: b.platforms[shippost.TikTok], answered: make(chan struct{}), goOn: make(chan struct{})}
		paused := vault.New(vault.Options{DB: b.db, Sealer: b.sealer, Platforms: map[shippost.PlatformName]platform.Platform{shippost.TikTok: slow},
			Node: shippost.NewNodeID(start), Now: b.clock.Now, After: b.after, Log: b.nodes[0].Log})
		b.clock.Advance(24*time.Hour - 5*time.Minute)
		done := make(chan error)
		go func() {
			_, err := paused.For(b.account.ID).Token(t.Context())
			done <- err
		}()
		<-slow.answered // TikTok has rotated
		b.clock.Advance(2 * time.Minute)
		if token := b.token(other); token != b.first {
			t.Error("the other node has another token than the one that still works")
		}
		if b.broken().IsZero() {
			t.Error("the other node found the refresh token alive")
		}
		close(slow.goOn)
		if err := <-done; err != nil {
			t.Error(err)
		}
		if a, _ := b.stored(); a.Status != shippost.AccountActive || a.Epoch != b.account.Epoch {
			t.Errorf("the account is %s although its tokens work", a.Status)
		}
		if token := b.token(other); token == b.first || !b.works(token) {
			t.Error("the new pair was not kept")
		}
	})
}

// pausing holds the answer to a refresh back.
type pausing struct {
	platform.Platform
	answered, goOn chan struct{}
}

func (p *pausing) Unwrap() platform.Platform { return p.Platform }

func (p *pausing) Refresh(ctx context.Context, refresh shippost.Secret) (platform.Grant, error) {
	refresher, _ := platform.Can[platform.Refresher](p.Platform)
	grant, err := refresher.Refresh(ctx, refresh)
	close(p.answered)
	<-p.goOn
	return grant, err
}

// R20: answers come in any form that TikTok has been seen to use.
func TestR20_FormsOfTheAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		knobs func(*tiktoksim.Knobs)
		life  time.Duration
	}{
		"rotated":                    {func(*tiktoksim.Knobs) {}, 24 * time.Hour},
		"without a refresh token":    {func(k *tiktoksim.Knobs) { k.Token.Rotate, k.Token.OmitRefreshToken = "never", true }, 24 * time.Hour},
		"with the same one":          {func(k *tiktoksim.Knobs) { k.Token.Rotate = "never" }, 24 * time.Hour},
		"rotated now and then":       {func(k *tiktoksim.Knobs) { k.Token.Rotate, k.Token.OmitRefreshToken = "sometimes", true }, 24 * time.Hour},
		"in reverse order":           {func(k *tiktoksim.Knobs) { k.Token.FieldOrder = "reversed" }, 24 * time.Hour},
		"in random order":            {func(k *tiktoksim.Knobs) { k.Token.FieldOrder = "random" }, 24 * time.Hour},
		"2 h and 180 d":              {func(k *tiktoksim.Knobs) { k.Token.Lifetimes = "2h_180d" }, 2 * time.Hour},
		"a minute":                   {lifetimes(time.Minute, time.Hour), time.Minute},
		"old access token dies":      {func(k *tiktoksim.Knobs) { k.Token.OldAccessDies = true }, 24 * time.Hour},
		"refresh life is not longer": {func(k *tiktoksim.Knobs) { k.Token.KeepRefreshExpiry = true }, 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engines(t, func(t *testing.T, b *bench) {
				b.knobs(c.knobs)
				b.clock.Advance(24 * time.Hour)
				last := b.first
				for round := range 5 {
					node := b.nodes[round%len(b.nodes)]
					if err := node.Keep(t.Context()); err != nil {
						t.Error(err)
					}
					token := b.token(node)
					if token == last {
						t.Fatalf("round %d: the token was not refreshed", round)
					}
					if last = token; b.token(b.nodes[0]) != token {
						t.Errorf("round %d: refreshed again at once", round)
					}
					_, g := b.stored()
					if got := g.AccessExpiresAt.Sub(b.clock.Now()); got != c.life {
						t.Errorf("round %d: the token is good for %v, want %v", round, got, c.life)
					}
					b.healthy()
					b.clock.Advance(c.life - c.life/8)
				}
			})
		})
	}
}

func lifetimes(access, refresh time.Duration) func(*tiktoksim.Knobs) {
	return func(k *tiktoksim.Knobs) {
		k.Token.Lifetimes, k.Token.AccessLifetime, k.Token.RefreshLifetime = "custom", tiktoksim.Duration(access), tiktoksim.Duration(refresh)
	}
}

// A disk that is full for a moment must not cost the account its new pair.
func TestNewPairSurvivesAFullDisk(t *testing.T) {
	t.Parallel()
	b := newBench(t, storetest.SQLiteURL(t))
	node := b.node(b.db)
	sql := func(text string) {
		if _, err := b.db.SQL().ExecContext(t.Context(), text); err != nil {
			t.Error(err)
		}
	}
	sql("CREATE TRIGGER disk_full BEFORE UPDATE OF version ON grants BEGIN SELECT RAISE(ABORT, 'disk full'); END")
	waits := 0
	b.slow = func(time.Duration) <-chan time.Time {
		if waits++; waits == 3 {
			sql("DROP TRIGGER disk_full")
		}
		passed := make(chan time.Time)
		close(passed)
		return passed
	}
	b.clock.Advance(25 * time.Hour)
	if b.token(node) == b.first || waits != 3 {
		t.Errorf("the token was not refreshed, or not after the disk had room again: %d waits", waits)
	}
	b.healthy()
	if n := b.refreshes(); n != 1 {
		t.Errorf("%d refreshes, want 1", n)
	}
}
