package compose_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func once(key, hash string) compose.Once {
	return compose.Once{Key: key, Hash: hash, Answer: func(w compose.Written) ([]byte, error) { return []byte(w.Post.ID), nil }}
}

func TestC30_RepetitionGetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	create := func(actor shippost.Actor, draft compose.Draft, o compose.Once) (compose.Written, error) {
		return d.Create(t.Context(), actor, draft, o)
	}
	first, err := create(d.actor, d.good(), once("k1", "a"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := create(d.actor, d.good(), once("k1", "a"))
	if err != nil || string(again.Replay) != string(first.Post.ID) {
		t.Errorf("repeated: %q, %v; want the first answer", again.Replay, err)
	}
	if _, err := create(d.actor, d.good(), once("k1", "b")); !shippost.IsKind(err, shippost.Invalid) || !shippost.IsCode(err, "idempotency_key_reused") {
		t.Errorf("other body: %v", err)
	}
	if w, err := create(d.actor, d.good(), once("k2", "a")); err != nil || w.Replay != nil {
		t.Errorf("other key: %v, %v", w, err)
	}
	program := d.actor
	program.Kind, program.Key = shippost.ActorKey, "key_1"
	if w, err := create(program, d.good(), once("k1", "a")); err != nil || w.Replay != nil {
		t.Errorf("the same key text of a program: %v, %v", w, err)
	}
	if got := d.trace(); got.Posts != 3 {
		t.Errorf("%d posts, want 3", got.Posts)
	}

	d.clock.Advance(24 * time.Hour)
	// Perhaps the clock is wrong. Only what is swept, which needs a right one, is forgotten.
	if again, err := create(d.actor, d.good(), once("k1", "a")); err != nil || string(again.Replay) != string(first.Post.ID) {
		t.Errorf("repeated by a clock that is a day ahead: %q, %v; want the first answer", again.Replay, err)
	}
	if err := d.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := d.trace(); got.Replies != 0 {
		t.Errorf("%d answers are kept after a day", got.Replies)
	}
	if w, err := create(d.actor, d.good(), once("k1", "b")); err != nil || w.Replay != nil {
		t.Errorf("a day later: %v, %v; want a new post", w, err)
	}
}

func TestC30_FailureKeepsNothing(t *testing.T) {
	t.Parallel()
	d := setUp(t, storetest.SQLite)
	broken := once("k", "a")
	stop := errors.New("no answer can be written")
	broken.Answer = func(compose.Written) ([]byte, error) { return nil, stop }
	if _, err := d.Create(t.Context(), d.actor, d.good(), broken); !errors.Is(err, stop) {
		t.Fatalf("got %v", err)
	}
	if got := d.trace(); got.Posts+got.Replies+got.Consents+len(got.Journal) != 0 {
		t.Errorf("half of it was kept: %+v", got)
	}
	if w, err := d.Create(t.Context(), d.actor, d.good(), once("k", "a")); err != nil || w.Replay != nil {
		t.Errorf("the key does not work any more: %v, %v", w, err)
	}
}

func TestC30_ManyAtOnceMakeOnePost(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := setUp(t, func(*testing.T, ...storetest.Option) *store.DB { return db })
		draft := d.good()
		const n = 16
		answers, errs := make([]string, n), make([]error, n)
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				w, err := d.Create(t.Context(), d.actor, draft, once("k", "a"))
				answers[i], errs[i] = string(w.Replay), err
				if w.Replay == nil {
					answers[i] = string(w.Post.ID)
				}
			})
		}
		all.Wait()
		for i := range n {
			if errs[i] != nil || answers[i] != answers[0] || answers[i] == "" {
				t.Errorf("request %d: %q, %v; the first got %q", i, answers[i], errs[i], answers[0])
			}
		}
		if got := d.trace(); got.Posts != 1 || got.Consents != 1 {
			t.Errorf("%d posts and %d consents, want one of each", got.Posts, got.Consents)
		}
	}, storetest.At(func() time.Time { return noon }))
}

func TestAsker(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(noon)
	s := &studio{creator: shippost.Creator{Nickname: "Ada"}}
	a := compose.NewAsker(map[shippost.PlatformName]platform.Platform{shippost.TikTok: s}, func(shippost.AccountID) platform.Tokens { return nil }, clock.Now)
	account := shippost.Account{ID: "acc_1", Platform: shippost.TikTok, Epoch: 1}
	ask := func(step string, account shippost.Account, asked int) {
		t.Helper()
		c, err := a.Creator(t.Context(), account, time.Minute)
		if err != nil || c.Nickname != "Ada" || s.asked != asked {
			t.Errorf("%s: got %+v, %v after %d questions; want %d", step, c, err, s.asked, asked)
		}
	}
	ask("first", account, 1)
	clock.Advance(59 * time.Second)
	ask("within a minute", account, 1)
	clock.Advance(time.Second)
	ask("after a minute", account, 2)
	ask("another account", shippost.Account{ID: "acc_2", Platform: shippost.TikTok, Epoch: 1}, 3)
	account.Epoch = 2
	ask("connected anew", account, 4)
	clock.Advance(-time.Hour)
	ask("clock put back", account, 5)

	clock.Advance(2 * time.Hour)
	s.err = fmt.Errorf("down")
	if _, err := a.Creator(t.Context(), account, time.Minute); err == nil {
		t.Error("a failure was answered from memory")
	}
	s.err = nil
	ask("up again", account, 7)
}

func TestAsker_SharesOneQuestion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &studio{creator: shippost.Creator{Nickname: "Ada"}, block: make(chan struct{})}
		a := compose.NewAsker(map[shippost.PlatformName]platform.Platform{shippost.TikTok: s}, func(shippost.AccountID) platform.Tokens { return nil }, time.Now)
		account := shippost.Account{ID: "acc_1", Platform: shippost.TikTok, Epoch: 1}
		impatient, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := a.Creator(impatient, account, time.Minute); !errors.Is(err, context.Canceled) {
				t.Errorf("who left got %v", err)
			}
		})
		synctest.Wait()
		for range 8 {
			all.Go(func() {
				if c, err := a.Creator(t.Context(), account, time.Minute); err != nil || c.Nickname != "Ada" {
					t.Errorf("got %+v, %v", c, err)
				}
			})
		}
		synctest.Wait()
		leave() // the first to ask does not take the answer along
		synctest.Wait()
		close(s.block)
		all.Wait()
		if s.asked != 1 {
			t.Errorf("nine people asked %d questions, want 1", s.asked)
		}
	})
}
