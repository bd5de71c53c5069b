package pull_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/gate"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/media/mediatest"
	"ship-post.com/shippost/internal/server/pull"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// bench is a planned attempt with two photos, whose addresses a server answers.
type bench struct {
	db      *store.DB
	library *media.Library
	gate    *gate.Gate
	server  *httptest.Server
	a       shippost.Attempt
	photos  []shippost.MediaID
	bytes   [][]byte
	tokens  []string
}

func setUp(t *testing.T, db *store.DB, hold time.Duration) *bench {
	t.Helper()
	b := &bench{db: db, library: mediatest.Open(t, db)}
	actor := storetest.Workspace(t, db)
	account := storetest.Account(t, db, actor)
	for seed := range uint64(2) {
		content := photo(t, seed)
		m := mediatest.Upload(t, b.library, actor, "photo.jpg", content)
		if !m.Usable() || m.SHA256 != m.ReceivedSHA256 {
			t.Fatalf("the photo was not kept as it is: %+v", m)
		}
		b.photos, b.bytes = append(b.photos, m.ID), append(b.bytes, content)
	}
	due, err := shippost.DueAt(db.Now(), "")
	if err != nil {
		t.Fatal(err)
	}
	post := shippost.Post{ID: shippost.NewPostID(db.Now()), Workspace: actor.Workspace, Account: account.ID, Status: shippost.PostPublishing,
		Media: b.photos, Due: due, Version: 1, CreatedBy: actor.User, CreatedAt: db.Now(), UpdatedAt: db.Now()}
	b.a = shippost.Attempt{ID: shippost.NewAttemptID(db.Now()), Post: post.ID, Workspace: actor.Workspace, Account: account.ID, PostVersion: 1,
		Epoch: 1, State: shippost.AttemptPlanned, Owner: "node_1", Fence: 1, PlannedAt: db.Now()}
	storetest.Update(t, db, func(tx *store.Tx) error {
		return errors.Join(tx.InsertPost(t.Context(), &post), tx.InsertAttempt(t.Context(), &b.a))
	})
	b.gate, b.server = b.node(t, hold)
	b.tokens = b.issue(t)
	return b
}

// node is one more process that serves the same addresses.
func (b *bench) node(t *testing.T, hold time.Duration) (*gate.Gate, *httptest.Server) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	g := gate.New(gate.Options{DB: b.db, Files: b.library, URL: "https://photos.example.test", Now: b.db.Now, Log: log, Hold: hold})
	server := httptest.NewServer(pull.New(g, log))
	t.Cleanup(server.Close)
	return g, server
}

// issue gives the attempt addresses and returns their tokens.
func (b *bench) issue(t *testing.T) []string {
	t.Helper()
	var tokens []string
	storetest.Update(t, b.db, func(tx *store.Tx) error {
		addresses, ok, err := b.gate.Issue(t.Context(), tx, b.a, b.photos)
		if err == nil && !ok {
			t.Fatal("the attempt got no addresses")
		}
		for _, address := range addresses {
			u, err := url.Parse(address.Reveal())
			if err != nil || u.Scheme != "https" || u.Host != "photos.example.test" || len(u.Path) < len("/pull/")+43 {
				t.Fatalf("address %q", address.Reveal())
			}
			tokens = append(tokens, strings.TrimPrefix(u.Path, "/pull/"))
		}
		return err
	})
	return tokens
}

// become moves the attempt to a state.
func (b *bench) become(t *testing.T, state shippost.AttemptState) {
	t.Helper()
	next := b.a
	next.State = state
	if state == shippost.AttemptDead {
		next.Death = "D4"
	}
	storetest.Update(t, b.db, func(tx *store.Tx) error {
		ok, err := tx.SaveAttempt(t.Context(), &next, b.a.State)
		if !ok {
			t.Fatalf("%s did not become %s", b.a.State, state)
		}
		return err
	})
	b.a = next
}

func (b *bench) ledger(t *testing.T) (l gate.Ledger) {
	t.Helper()
	storetest.View(t, b.db, func(tx *store.Tx) (err error) {
		l, err = b.gate.Ledger(t.Context(), tx, b.a.ID)
		return err
	})
	return l
}

type answer struct {
	status int
	header http.Header
	body   []byte
	err    error // of reading the body
}

func ask(ctx context.Context, t testing.TB, server *httptest.Server, method, token, span string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, server.URL+"/pull/"+token, nil)
	if err != nil {
		t.Fatal(err)
	}
	if span != "" {
		req.Header.Set("Range", span)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, body, err}
}

// photo is a JPEG that needs no change, of some ten kilobytes.
func photo(t *testing.T, seed uint64) []byte {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	m := image.NewRGBA(image.Rect(0, 0, 400, 500))
	for i := range 200_000 {
		m.Set(i%400, i/400, color.RGBA{byte(r.IntN(256)), byte(i), byte(seed * 90), 255})
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestS14_TokensThatLeadNowhereAreAllTheSame(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setUp(t, db, time.Minute)
		old := b.tokens[0]
		b.tokens = b.issue(t)
		b.become(t, shippost.AttemptCommitting)
		dead := setUp(t, db, time.Minute)
		dead.become(t, shippost.AttemptDead)

		var first answer
		for name, token := range map[string]string{
			"never issued": strings.Repeat("A", 43), "replaced": old, "of a dead attempt": dead.tokens[0], "empty": "", "too short": b.tokens[0][:42],
			"too long": b.tokens[0] + "A", "with more path": b.tokens[0] + "/x", "with an ending": b.tokens[0] + ".jpg", "in another case": swapCase(b.tokens[0]),
			"a hash": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				got := ask(t.Context(), t, b.server, method, token, "")
				if got.status != http.StatusNotFound {
					t.Errorf("%s %s: status %d, want 404", method, name, got.status)
				}
				if method == http.MethodHead {
					continue
				}
				got.header.Del("Date")
				got.header.Del(gate.Mark)
				if first.status == 0 {
					first = got
				}
				if diff := cmp.Diff(first.header, got.header); diff != "" || !bytes.Equal(first.body, got.body) {
					t.Errorf("%s can be told from another wrong token: %s %q", name, diff, got.body)
				}
			}
		}
		if l := b.ledger(t); l.Missing != 2 {
			t.Errorf("wrong tokens moved the ledger: %+v", l)
		}
		if good := ask(t.Context(), t, b.server, http.MethodGet, b.tokens[1], ""); good.status != http.StatusOK || !bytes.Equal(good.body, b.bytes[1]) {
			t.Errorf("the right token: status %d, %d bytes", good.status, len(good.body))
		}
	})
}

func swapCase(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

func TestS14_NoByteBeforeTheCommitNorAfterTheEnd(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setUp(t, db, time.Millisecond)
		for _, c := range []struct {
			state     shippost.AttemptState
			head, get int
		}{
			{shippost.AttemptPlanned, 200, 503}, {shippost.AttemptInitSent, 200, 503}, {shippost.AttemptOpen, 200, 503},
			{shippost.AttemptCommitting, 200, 200}, {shippost.AttemptHandedOver, 200, 200},
			{shippost.AttemptLive, 404, 404}, {shippost.AttemptUnknown, 404, 404}, {shippost.AttemptDead, 404, 404},
		} {
			if c.state != shippost.AttemptPlanned {
				b.become(t, c.state)
			}
			head := ask(t.Context(), t, b.server, http.MethodHead, b.tokens[0], "")
			get := ask(t.Context(), t, b.server, http.MethodGet, b.tokens[0], "")
			if head.status != c.head || get.status != c.get {
				t.Errorf("%s: HEAD %d, GET %d; want %d, %d", c.state, head.status, get.status, c.head, c.get)
			}
			if c.head == 200 && (head.header.Get("Content-Type") != "image/jpeg" || head.header.Get("Content-Length") != itoa(len(b.bytes[0]))) {
				t.Errorf("%s: HEAD says %q, %q", c.state, head.header.Get("Content-Type"), head.header.Get("Content-Length"))
			}
			switch {
			case c.get == 503 && (get.header.Get("Retry-After") != "5" || b.ledger(t).Missing != 2):
				t.Errorf("%s: Retry-After %q, ledger %+v", c.state, get.header.Get("Retry-After"), b.ledger(t))
			case c.get == 200 && (!bytes.Equal(get.body, b.bytes[0]) || b.ledger(t).Missing != 1):
				t.Errorf("%s: %d bytes, ledger %+v", c.state, len(get.body), b.ledger(t))
			}
			if get.header.Get("Cache-Control") != "no-store" || get.header.Get("Etag")+get.header.Get("Last-Modified")+get.header.Get("Location") != "" {
				t.Errorf("%s: a cache could keep it: %v", c.state, get.header)
			}
		}
	})
}

func itoa(n int) string { return strconv.Itoa(n) }

// TestS14_WaitingRequestsAreServedByAnyNode lets requests come before the commit, on the node that commits and on another.
func TestS14_WaitingRequestsAreServedByAnyNode(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setUp(t, db, time.Minute)
		_, other := b.node(t, time.Minute)
		b.become(t, shippost.AttemptInitSent)
		b.become(t, shippost.AttemptOpen)
		got := make(chan answer, 2)
		for _, server := range []*httptest.Server{b.server, other} {
			go func() { got <- ask(t.Context(), t, server, http.MethodGet, b.tokens[0], "") }()
		}
		b.become(t, shippost.AttemptCommitting)
		b.gate.Opened()
		for range 2 {
			if a := <-got; a.status != http.StatusOK || !bytes.Equal(a.body, b.bytes[0]) {
				t.Errorf("status %d, %d bytes", a.status, len(a.body))
			}
		}
	})
}

// TestWaitingTimeIsSharedByAnAttempt keeps an init short whose platform fetches every photo before it answers.
func TestWaitingTimeIsSharedByAnAttempt(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))
	b := setUp(t, storetest.SQLite(t, storetest.At(clock.Now)), time.Hour)
	stopping := make(chan struct{})
	close(stopping)
	// The first request starts the time, though it ends at once.
	if _, err := b.gate.Admit(t.Context(), b.tokens[0], stopping); !shippost.IsCode(err, "not_yet") {
		t.Fatalf("got %v, want not_yet", err)
	}
	clock.Advance(time.Hour + time.Second)
	// If the second photo had an hour of its own, the test would end in a time-out.
	if a := ask(t.Context(), t, b.server, http.MethodGet, b.tokens[1], ""); a.status != http.StatusServiceUnavailable {
		t.Errorf("the second photo: status %d after the time of the attempt was over", a.status)
	}
	b.become(t, shippost.AttemptCommitting)
	if a := ask(t.Context(), t, b.server, http.MethodGet, b.tokens[0], ""); a.status != http.StatusOK {
		t.Errorf("after the commit: status %d", a.status)
	}
}

func TestRangesMoveTheLedgerWithTheLastByteOnly(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setUp(t, db, time.Minute)
		b.become(t, shippost.AttemptCommitting)
		size := len(b.bytes[0])
		var whole []byte
		for _, c := range []struct {
			span    string
			status  int
			missing int
		}{
			{"bytes=0-999", 206, 2},
			{"bytes=1000-" + itoa(size-2), 206, 2},
			{"bytes=" + itoa(size) + "-", 416, 2},
			{"bytes=-1", 206, 1},
		} {
			a := ask(t.Context(), t, b.server, http.MethodGet, b.tokens[0], c.span)
			if l := b.ledger(t); a.status != c.status || l.Missing != c.missing || a.err != nil {
				t.Errorf("%s: status %d, %v, ledger %+v; want %d with %d missing", c.span, a.status, a.err, l, c.status, c.missing)
			}
			if a.status == 206 {
				whole = append(whole, a.body...)
			}
		}
		if !bytes.Equal(whole, b.bytes[0]) {
			t.Errorf("the ranges make %d other bytes, want the %d of the photo", len(whole), size)
		}
		if a := ask(t.Context(), t, b.server, http.MethodHead, b.tokens[1], ""); a.status != 200 || b.ledger(t).Missing != 1 {
			t.Errorf("a HEAD moved the ledger: %+v", b.ledger(t))
		}
	})
}

// TestD07_ClosedGateKeepsTheLastByte closes the gate while a photo is being sent: its last byte must never leave.
func TestD07_ClosedGateKeepsTheLastByte(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		b := setUp(t, db, time.Minute)
		b.become(t, shippost.AttemptCommitting)
		p, err := b.gate.Admit(t.Context(), b.tokens[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		file, err := b.gate.Read(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		head := make([]byte, 100)
		if _, err := io.ReadFull(file, head); err != nil {
			t.Fatal(err)
		}
		storetest.Update(t, db, func(tx *store.Tx) error { return b.gate.Close(t.Context(), tx, b.a.ID) })
		rest, err := io.ReadAll(file)
		if err == nil || len(head)+len(rest) != len(b.bytes[0])-1 {
			t.Errorf("read %d of %d bytes and %v; want all but the last and an error", len(head)+len(rest), len(b.bytes[0]), err)
		}
		if l := b.ledger(t); !l.Closed || l.Missing != 2 {
			t.Errorf("ledger %+v", l)
		}
		if a := ask(t.Context(), t, b.server, http.MethodGet, b.tokens[0], ""); a.status != http.StatusNotFound {
			t.Errorf("status %d after the gate was closed, want 404", a.status)
		}
	})
}

func TestOtherMethodsAreRefused(t *testing.T) {
	t.Parallel()
	b := setUp(t, storetest.SQLite(t), time.Minute)
	b.become(t, shippost.AttemptCommitting)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, "PROPFIND"} {
		if a := ask(t.Context(), t, b.server, method, b.tokens[0], ""); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: status %d, Allow %q", method, a.status, a.header.Get("Allow"))
		}
	}
}
