package hooks_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/callback"
	"ship-post.com/shippost/internal/feature/connect"
	"ship-post.com/shippost/internal/feature/publish"
	"ship-post.com/shippost/internal/feature/vault"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktok"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/server/hooks"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

const (
	clientKey = "ck_test"
	secret    = "shippost-test-secret"
)

var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// bench is a server with an account, a grant, and a post that TikTok works on.
type bench struct {
	db      *store.DB
	clock   *storetest.Clock
	server  *httptest.Server
	asked   int // requests to TikTok
	vault   *vault.Vault
	actor   shippost.Actor
	account shippost.Account
	a       shippost.Attempt
	queued  shippost.Post
}

func each(t *testing.T, test func(*testing.T, *bench)) {
	t.Helper()
	storetest.EachAt(t, start, func(t *testing.T, db *store.DB, clock *storetest.Clock) { test(t, setUp(t, db, clock)) })
}

func setUp(t *testing.T, db *store.DB, clock *storetest.Clock) *bench {
	t.Helper()
	b := &bench{db: db, clock: clock}
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { b.asked++; w.WriteHeader(500) }))
	t.Cleanup(far.Close)
	clients, err := outbound.New(tiktok.Policy(far.URL))
	must(t, err)
	client, err := tiktok.New(tiktok.Options{APIURL: far.URL, AuthorizeURL: far.URL, ClientKey: clientKey, ClientSecret: shippost.NewSecret(secret),
		Clients: clients, Now: clock.Now})
	must(t, err)
	sealer, err := seal.CreateOrLoad(t.Context(), t.TempDir())
	must(t, err)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	platforms := map[shippost.PlatformName]platform.Platform{shippost.TikTok: client}
	b.vault = vault.New(vault.Options{DB: db, Sealer: sealer, Platforms: platforms, Node: "node_1", Now: clock.Now, Log: log})
	posts := publish.New(publish.Options{DB: db, Platforms: platforms, Now: clock.Now, Log: log}).Desk()
	accounts := connect.New(connect.Options{DB: db, Platforms: platforms, Vault: b.vault, Posts: posts, Now: clock.Now, Log: log})
	b.server = httptest.NewServer(hooks.New(callback.New(callback.Options{DB: db, Platforms: platforms, Posts: posts, Accounts: accounts, Now: clock.Now, Log: log}), clock.Now, log))
	t.Cleanup(b.server.Close)

	b.actor = storetest.Workspace(t, db)
	b.account = storetest.Account(t, db, b.actor)
	out := b.post(shippost.PostPublishing)
	b.queued = b.post(shippost.PostQueued)
	b.a = shippost.Attempt{ID: shippost.NewAttemptID(start), Post: out.ID, Workspace: b.actor.Workspace, Account: b.account.ID, PostVersion: 1, Epoch: 1,
		State: shippost.AttemptHandedOver, Owner: "node_1", Fence: 1, PublishID: "v_pub_file~v2-1.7", PlannedAt: start, NextPollAt: start.Add(time.Hour)}
	storetest.Update(t, db, func(tx *store.Tx) error {
		for _, p := range []shippost.Post{out, b.queued} {
			if err := tx.InsertPost(t.Context(), &p); err != nil {
				return err
			}
		}
		if err := tx.InsertAttempt(t.Context(), &b.a); err != nil {
			return err
		}
		return b.vault.Store(t.Context(), tx, b.account.ID, platform.Grant{Subject: b.account.Subject, Access: shippost.NewSecret("act.1"),
			Refresh: shippost.NewSecret("rft.1"), AccessExpiresIn: time.Hour, Scopes: b.account.Scopes})
	})
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) post(status shippost.PostStatus) shippost.Post {
	return shippost.Post{ID: shippost.NewPostID(start), Workspace: b.actor.Workspace, Account: b.account.ID, Status: status, Due: shippost.Due{At: start},
		LateWindow: time.Hour, Version: 1, CreatedBy: b.actor.User, CreatedAt: start, UpdatedAt: start}
}

// S17: a network sends at most so many messages a minute, and forged ones do not fill the log.
func TestS17_MessagesHaveALimit(t *testing.T) {
	clock := storetest.NewClock(start)
	var log bytes.Buffer
	clients, err := outbound.New(tiktok.Policy("http://127.0.0.1:1"))
	must(t, err)
	client, err := tiktok.New(tiktok.Options{APIURL: "http://127.0.0.1:1", AuthorizeURL: "http://127.0.0.1:1", ClientKey: clientKey, ClientSecret: shippost.NewSecret(secret), Clients: clients, Now: clock.Now})
	must(t, err)
	inbox := callback.New(callback.Options{DB: storetest.SQLite(t), Platforms: map[shippost.PlatformName]platform.Platform{shippost.TikTok: client}, Now: clock.Now, Log: slog.New(slog.DiscardHandler)})
	door := hooks.New(inbox, clock.Now, slog.New(slog.NewTextHandler(&log, nil)))
	send := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		door.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/hooks/tiktok", strings.NewReader("{}")))
		return w
	}
	for i := range 605 {
		if w := send(); (w.Code == http.StatusForbidden) != (i < 600) || i >= 600 && (w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "") {
			t.Fatalf("message %d: %d", i+1, w.Code)
		}
	}
	if lines := strings.Count(log.String(), "\n"); lines != 1 {
		t.Errorf("%d lines:\n%s", lines, log.String())
	}
	clock.Advance(time.Minute)
	if w := send(); w.Code != http.StatusForbidden || !strings.Contains(log.String(), "how_many=600") {
		t.Errorf("a minute later: %d\n%s", w.Code, log.String())
	}
}

// event is a message as TikTok writes it.
func (b *bench) event(name string, at time.Time, content map[string]any) []byte {
	inner, _ := json.Marshal(content)
	body, _ := json.Marshal(map[string]any{"client_key": clientKey, "event": name, "create_time": at.Unix(), "user_openid": b.account.Subject, "content": string(inner)})
	return body
}

func (b *bench) complete() []byte {
	return b.event("post.publish.complete", start, map[string]any{"publish_id": b.a.PublishID, "publish_type": "DIRECT_PUBLISH"})
}

func (b *bench) removed(at time.Time) []byte {
	return b.event("authorization.removed", at, map[string]any{"reason": 1})
}

func sign(key string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	return fmt.Sprintf("t=%d,s=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}

// send delivers a body under a signature and returns the status.
func (b *bench) send(t *testing.T, method, path, signature string, body []byte) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, b.server.URL+path, bytes.NewReader(body))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	if signature != "" {
		req.Header["Tiktok-Signature"] = []string{signature}
	}
	resp, err := b.server.Client().Do(req)
	must(t, err)
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode == 200 && len(text) > 0 {
		t.Errorf("answered %q, %v", text, err)
	}
	return resp.StatusCode
}

// deliver sends a body signed now.
func (b *bench) deliver(t *testing.T, body []byte) {
	t.Helper()
	if status := b.send(t, http.MethodPost, "/hooks/tiktok", sign(secret, b.clock.Now(), body), body); status != http.StatusOK {
		t.Errorf("status %d, want 200", status)
	}
}

// state is all that a message may change.
type state struct {
	account  shippost.AccountStatus
	nextPoll time.Time
	queued   shippost.PostStatus
	grant    bool
}

func (b *bench) state(t *testing.T) (s state) {
	t.Helper()
	storetest.View(t, b.db, func(tx *store.Tx) error {
		account, err := tx.AccountOfAny(t.Context(), b.account.ID)
		must(t, err)
		list, err := tx.Attempts(t.Context(), b.a.Post)
		must(t, err)
		post, err := tx.AnyPost(t.Context(), b.queued.ID)
		must(t, err)
		left, err := tx.PartedWithGrant(t.Context())
		must(t, err)
		s = state{account.Status, list[0].NextPollAt, post.Status, account.Status != shippost.AccountDisconnected || len(left) > 0}
		return nil
	})
	return s
}

func TestS06_ForgedStaleAndStrangeMessagesChangeNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		before := b.state(t)
		now := b.clock.Now()
		removed := b.removed(now)
		changed := bytes.Replace(removed, []byte(`\"reason\":1`), []byte(`\"reason\":2`), 1)
		foreign := bytes.Replace(removed, []byte(clientKey), []byte("ck_else"), 1)
		huge := append(bytes.Clone(removed[:len(removed)-1]), []byte(`,"x":"`+strings.Repeat("x", 70<<10)+`"}`)...)
		good := sign(secret, now, removed)
		for _, c := range []struct {
			name, method, path, signature string
			body                          []byte
			want                          int
		}{
			{"no signature", "POST", "/hooks/tiktok", "", removed, 403},
			{"empty signature", "POST", "/hooks/tiktok", "t=,s=", removed, 403},
			{"no hex", "POST", "/hooks/tiktok", fmt.Sprintf("t=%d,s=zz", now.Unix()), removed, 403},
			{"another secret", "POST", "/hooks/tiktok", sign("guess", now, removed), removed, 403},
			{"half a signature", "POST", "/hooks/tiktok", good[:len(good)-32], removed, 403},
			{"another body", "POST", "/hooks/tiktok", good, changed, 403},
			{"a space more", "POST", "/hooks/tiktok", good, append(bytes.Clone(removed), ' '), 403},
			{"another time", "POST", "/hooks/tiktok", strings.Replace(good, fmt.Sprint(now.Unix()), fmt.Sprint(now.Unix()+1), 1), removed, 403},
			{"a time that is none", "POST", "/hooks/tiktok", strings.Replace(good, fmt.Sprint(now.Unix()), "now", 1), removed, 403},
			{"signed in the future", "POST", "/hooks/tiktok", sign(secret, now.Add(6*time.Minute), removed), removed, 403},
			{"signed too long ago", "POST", "/hooks/tiktok", sign(secret, now.Add(-73*time.Hour), removed), removed, 403},
			{"huge", "POST", "/hooks/tiktok", sign(secret, now, huge), huge, 413},
			{"another method", "GET", "/hooks/tiktok", good, removed, 405},
			{"another platform", "POST", "/hooks/mastodon", good, removed, 404},

			{"another app", "POST", "/hooks/tiktok", sign(secret, now, foreign), foreign, 200},
			{"no JSON", "POST", "/hooks/tiktok", sign(secret, now, []byte("<xml>")), []byte("<xml>"), 200},
			{"nothing", "POST", "/hooks/tiktok", sign(secret, now, nil), nil, 200},
			{"unknown event", "POST", "/hooks/tiktok", "", b.event("video.publish.completed", now, map[string]any{"share_id": "1"}), 200},
			{"unknown creator", "POST", "/hooks/tiktok", "", bytes.ReplaceAll(removed, []byte(b.account.Subject), []byte("somebody")), 200},
			{"unknown publish id", "POST", "/hooks/tiktok", "", b.event("post.publish.complete", now, map[string]any{"publish_id": "v_pub_file~v2-1.8"}), 200},
			{"another creator's publish id", "POST", "/hooks/tiktok", "", bytes.ReplaceAll(b.complete(), []byte(b.account.Subject), []byte("somebody")), 200},
			{"content that is no JSON", "POST", "/hooks/tiktok", "", []byte(`{"client_key":"ck_test","event":"post.publish.complete","user_openid":"x","content":"{"}`), 200},
		} {
			signature := c.signature
			if c.want == 200 && signature == "" {
				signature = sign(secret, now, c.body)
			}
			if got := b.send(t, c.method, c.path, signature, c.body); got != c.want {
				t.Errorf("%s: status %d, want %d", c.name, got, c.want)
			}
			if after := b.state(t); after != before {
				t.Errorf("%s: %+v became %+v", c.name, before, after)
			}
		}
	})
}

func TestS06_EachSpellingIsAHintToAsk(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		for i, name := range []string{
			"post.publish.complete", "post.publish.failed", "post.publish.inbox_delivered", "post.publish.publicly_available", "post.publish.publicaly_available",
			"post.publish.no_longer_publicaly_available", "post.publish.no_longer_publicly_available",
		} {
			later := b.clock.Now().Add(time.Hour)
			b.pollAt(t, later)
			body := b.event(name, b.clock.Now(), map[string]any{"publish_id": b.a.PublishID, "post_id": "7602997517160123666", "n": i})
			b.deliver(t, body)
			if s := b.state(t); !s.nextPoll.Equal(b.clock.Now()) || s.account != shippost.AccountActive {
				t.Errorf("%s: %+v, want a question now", name, s)
			}
			b.pollAt(t, later)
			b.clock.Advance(time.Minute)
			b.deliver(t, body) // the same once more, signed anew
			if s := b.state(t); !s.nextPoll.Equal(later) {
				t.Errorf("%s twice: %+v, want no second question", name, s)
			}
		}
	})
}

func (b *bench) pollAt(t *testing.T, at time.Time) {
	t.Helper()
	storetest.Update(t, b.db, func(tx *store.Tx) error { return tx.SetNextPoll(t.Context(), b.a.ID, at) })
}

// TestS06_OldMessagesCountOnce delivers one late, as a retry with its first signature, and then again and again.
func TestS06_OldMessagesCountOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		body, signature := b.complete(), sign(secret, start, b.complete())
		b.clock.Advance(71 * time.Hour)
		later := b.clock.Now().Add(time.Hour)
		for n := range 3 {
			b.pollAt(t, later)
			if status := b.send(t, "POST", "/hooks/tiktok", signature, body); status != 200 {
				t.Fatalf("status %d", status)
			}
			if asks := b.state(t).nextPoll.Before(later); asks != (n == 0) {
				t.Errorf("delivery %d leads to a question: %v", n+1, asks)
			}
		}
	})
}

func TestRemovedAuthorizationEndsTheAccount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		b.clock.Advance(time.Minute)
		b.deliver(t, b.removed(b.clock.Now()))
		if s := b.state(t); s.account != shippost.AccountDisconnected || s.queued != shippost.PostFailed || s.grant {
			t.Errorf("got %+v; want no account, no grant, no waiting post", s)
		}
		if b.asked > 0 {
			t.Errorf("%d requests to TikTok: there is nothing left to revoke", b.asked)
		}
		storetest.View(t, b.db, func(tx *store.Tx) error {
			entries, err := tx.Journal(t.Context(), store.JournalQuery{Kinds: []shippost.EntryKind{shippost.EntryAccountDisconnected}, Limit: 10})
			why := shippost.Account{Status: shippost.AccountDisconnected, StatusReason: shippost.ReasonRemoved}.Why()
			if len(entries) != 1 || entries[0].Data["message"] != why {
				t.Errorf("the journal tells %+v; want one entry that says %q", entries, why)
			}
			return err
		})
		b.clock.Advance(time.Minute)
		b.deliver(t, b.removed(b.clock.Now())) // there is nothing left to end
	})
}

// TestRemovedAuthorizationThatIsOlderThanTheConnection comes late: the creator has connected again since.
func TestRemovedAuthorizationThatIsOlderThanTheConnection(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		b.clock.Advance(time.Minute)
		b.deliver(t, b.removed(start.Add(-time.Second)))
		if s := b.state(t); s.account != shippost.AccountActive || s.queued != shippost.PostQueued || !s.grant {
			t.Errorf("an old message ended a new connection: %+v", s)
		}
	})
}

// TestAfterLife: viewers who can no longer see a post are told of at once, in any order, any spelling, and more than once; the
// post stays what it was.
func TestAfterLife(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, b *bench) {
		tell := func(name string, at time.Time) {
			t.Helper()
			body := b.event("post.publish."+name, at, map[string]any{"publish_id": b.a.PublishID, "post_id": "7", "publish_type": "DIRECT_PUBLISH"})
			for range 2 { // each comes twice
				b.deliver(t, body)
			}
		}
		want := func(since time.Time) {
			t.Helper()
			storetest.View(t, b.db, func(tx *store.Tx) error {
				p, err := tx.AnyPost(t.Context(), b.a.Post)
				if !p.WithdrawnAt.Equal(since) || p.Status != shippost.PostPublishing {
					t.Errorf("withdrawn at %v, a %s post; want %v", p.WithdrawnAt, p.Status, since)
				}
				return err
			})
		}
		tell("publicly_available", start.Add(time.Minute))
		want(time.Time{})
		tell("no_longer_publicaly_available", start.Add(3*time.Minute))
		want(start.Add(3 * time.Minute))
		tell("publicaly_available", start.Add(2*time.Minute)) // late: it says nothing new
		want(start.Add(3 * time.Minute))
		tell("publicly_available", start.Add(4*time.Minute)) // made public again
		want(time.Time{})
		tell("no_longer_publicly_available", start.Add(5*time.Minute))
		want(start.Add(5 * time.Minute))
		stranger := b.event("post.publish.no_longer_publicly_available", start, map[string]any{"publish_id": "v_pub_file~v2-1.99"})
		b.deliver(t, stranger)
		var kinds []shippost.EntryKind
		storetest.View(t, b.db, func(tx *store.Tx) error {
			entries, err := tx.Journal(t.Context(), store.JournalQuery{Post: b.a.Post, Limit: 100})
			for _, e := range entries {
				kinds = append(kinds, e.Kind)
			}
			return err
		})
		if len(kinds) != 3 {
			t.Errorf("the journal tells %v, want withdrawn, public, withdrawn", kinds)
		}
	})
}
