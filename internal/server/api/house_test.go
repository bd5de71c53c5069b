package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob/diskblob"
	"ship-post.com/shippost/internal/feature/address"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/breach"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/feature/connect"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/feature/label"
	"ship-post.com/shippost/internal/feature/legal"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/feature/media/mediatest"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/feature/publish"
	"ship-post.com/shippost/internal/feature/rotate"
	"ship-post.com/shippost/internal/feature/slot"
	"ship-post.com/shippost/internal/feature/snippet"
	"ship-post.com/shippost/internal/feature/vault"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktok"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/server/api"
	"ship-post.com/shippost/internal/server/listen"
	"ship-post.com/shippost/internal/server/web"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
	"ship-post.com/shippost/ui"
)

// noon is when the tests begin.
var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// house is the product behind a real socket, without the workers that publish and without TikTok.
type house struct {
	t       *testing.T
	url     string
	db      *store.DB
	clock   *storetest.Clock
	keeper  *auth.Keeper
	library *media.Library
	creator *fixedCreator

	owner   shippost.Actor
	account shippost.Account
	key     string // of the owner
	breach  *breach.Desk
	stop    func() // stops the server
}

// fixedCreator stands for TikTok's answer about a creator.
type fixedCreator struct {
	answer shippost.Creator
	err    error
}

func (c *fixedCreator) Creator(context.Context, shippost.Account, time.Duration) (shippost.Creator, error) {
	return c.answer, c.err
}

func (c *fixedCreator) Known(shippost.Account, time.Duration) (shippost.Creator, bool) {
	return c.answer, c.err == nil
}

// quietTexts never changed, so that nobody is told of anything.
var quietTexts = map[string][]legal.Version{legal.Policy: {{Day: "2026-11-24"}}, legal.Terms: {{Day: "2026-11-24"}}}

func build(t *testing.T) *house { t.Helper(); return buildLimited(t, 0) }

// buildLimited builds a house in which a person may ask so many times a minute; 0 means as often as they like.
func buildLimited(t *testing.T, limit int) *house {
	t.Helper()
	h := &house{t: t, clock: storetest.NewClock(noon)}
	h.db = storetest.SQLite(t, storetest.At(h.clock.Now))
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	h.url = "http://" + ln.Addr().String()

	clients, err := outbound.New(tiktok.Policy("http://127.0.0.1:1"))
	must(t, err)
	client, err := tiktok.New(tiktok.Options{APIURL: "http://127.0.0.1:1", ClientKey: "k", ClientSecret: shippost.NewSecret("s"), Clients: clients, Now: h.clock.Now})
	must(t, err)
	platforms := map[shippost.PlatformName]platform.Platform{shippost.TikTok: client}
	sealer, err := seal.CreateOrLoad(t.Context(), t.TempDir())
	must(t, err)
	tokens := vault.New(vault.Options{DB: h.db, Sealer: sealer, Platforms: platforms, Now: h.clock.Now, Log: log, Node: "node_test"})
	publisher := publish.New(publish.Options{DB: h.db, Node: "node_test", Platforms: platforms, Vault: tokens, Sealer: sealer, Now: h.clock.Now, Log: log})
	h.keeper = auth.New(auth.Options{DB: h.db, Now: h.clock.Now, Log: log})
	desk := connect.New(connect.Options{DB: h.db, Auth: h.keeper, Platforms: platforms, Sealer: sealer, Vault: tokens, Posts: publisher.Desk(),
		PublicURL: h.url, Now: h.clock.Now, Log: log})
	h.library = mediatest.Open(t, h.db, func(o *media.Options) { o.FFmpeg = "ffmpeg" })
	h.creator = &fixedCreator{answer: shippost.Creator{Handle: "ada", Nickname: "Ada of the Sea", MaxVideoDuration: 10 * time.Minute,
		PrivacyOptions: []string{shippost.PrivacyPublic, shippost.PrivacyFriends, shippost.PrivacySelf}}}
	pages, err := web.New(web.Options{Auth: h.keeper, Connect: desk, Media: h.library, App: ui.Dist(), PublicURL: h.url, Log: log})
	must(t, err)
	bucket, err := diskblob.Open(t.TempDir())
	must(t, err)
	t.Cleanup(func() { _ = bucket.Close() })
	queue, err := jobs.Open(t.Context(), h.db, jobs.Options{Now: h.clock.Now})
	must(t, err)
	chain := journal.NewChain(journal.ChainOptions{DB: h.db, Sealer: sealer, Bucket: bucket, Now: h.clock.Now, Log: log})
	h.breach = breach.New(breach.Options{DB: h.db, Accounts: desk, Chain: chain, Keys: rotate.New(rotate.Options{DB: h.db, Sealer: sealer, Chain: chain, Log: log}), Log: log})
	data := lifecycle.New(lifecycle.Options{DB: h.db, Bucket: bucket, Chain: chain, Library: h.library, Accounts: desk, Posts: publisher.Desk(), Jobs: queue, Now: h.clock.Now, Log: log})
	letters := func(context.Context, *store.Tx, notify.Letter) error { return nil }
	rest := api.New(api.Options{Limit: limit, Addresses: address.New(address.Options{DB: h.db, Sealer: sealer, Post: letters, PublicURL: h.url, Now: h.clock.Now, Log: log}), Data: data, Legal: legal.New(legal.Options{DB: h.db, Published: quietTexts}), Authenticate: pages.Actor, Slots: slot.New(h.db), Snippets: snippet.New(h.db), Labels: label.New(h.db), Publisher: publisher.Desk(), Journal: journal.New(h.db), Feed: journal.NewFeed(h.db, log), Accounts: desk, Keys: h.keeper, Media: h.library, Now: h.clock.Now, Log: log,
		Posts: compose.New(compose.Options{DB: h.db, Platforms: platforms, Publisher: publisher.Desk(), Creators: h.creator, Converter: h.library, Log: log})})
	front, err := listen.New(listen.Options{PublicURL: h.url, Log: log, Now: h.clock.Now}, listen.Routes{API: rest})
	must(t, err)
	serving, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- front.Serve(serving, ln) }()
	h.stop = stop
	t.Cleanup(func() { stop(); must(t, <-served) })

	h.owner = storetest.Workspace(t, h.db)
	h.account = storetest.Account(t, h.db, h.owner)
	h.key = h.newKey(h.owner)
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newKey makes an API key that acts for the actor.
func (h *house) newKey(actor shippost.Actor) string {
	h.t.Helper()
	key := "sp_" + auth.NewToken().Reveal()
	storetest.Update(h.t, h.db, func(tx *store.Tx) error {
		return tx.InsertAPIKey(h.t.Context(), shippost.APIKey{ID: shippost.NewAPIKeyID(h.db.Now()), Workspace: actor.Workspace, User: actor.User,
			Name: "test", Hint: key[:9], CreatedAt: h.db.Now()}, auth.Hash(shippost.NewSecret(key)))
	})
	return key
}

// member adds a user with a role to the owner's workspace.
func (h *house) member(role shippost.Role) shippost.Actor {
	h.t.Helper()
	now := h.db.Now()
	actor := shippost.Actor{Kind: shippost.ActorUser, User: shippost.NewUserID(now), Workspace: h.owner.Workspace, Role: role}
	storetest.Update(h.t, h.db, func(tx *store.Tx) error {
		if err := tx.InsertUser(h.t.Context(), &shippost.User{ID: actor.User, Name: string(role), CreatedAt: now}); err != nil {
			return err
		}
		return tx.InsertMember(h.t.Context(), &shippost.Member{Workspace: actor.Workspace, User: actor.User, Role: role, CreatedAt: now})
	})
	return actor
}

// signIn opens a session and returns its cookie.
func (h *house) signIn(actor shippost.Actor) *http.Cookie {
	h.t.Helper()
	var ticket auth.Ticket
	storetest.Update(h.t, h.db, func(tx *store.Tx) (err error) {
		ticket, err = h.keeper.Open(h.t.Context(), tx, auth.Entrance{User: actor.User, Workspace: actor.Workspace})
		return err
	})
	return &http.Cookie{Name: "shippost", Value: ticket.Cookie.Reveal()}
}

// video adds a video that TikTok would take.
func (h *house) video() shippost.MediaID {
	h.t.Helper()
	m := shippost.Media{ID: shippost.NewMediaID(h.db.Now()), Workspace: h.owner.Workspace, UploadedBy: h.owner.User, Status: shippost.MediaReady, Kind: shippost.Video,
		FileName: "tide.mp4", Type: "video/mp4", Size: 8_000_000, ReceivedSize: 8_000_000, SHA256: strings.Repeat("ab", 32), ReceivedSHA256: strings.Repeat("cd", 32), CreatedAt: h.db.Now(),
		Facts: shippost.MediaFacts{Container: "mp4", VideoCodec: "h264", AudioCodec: "aac", Duration: 15 * time.Second, Width: 1080, Height: 1920, FrameRate: 30}}
	storetest.Update(h.t, h.db, func(tx *store.Tx) error { return tx.InsertMedia(h.t.Context(), &m) })
	return m.ID
}

// picture is a photo.
func picture(t *testing.T) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 400, 400))
	for i := range 400 {
		img.Set(i, i, color.White)
	}
	var b bytes.Buffer
	must(t, jpeg.Encode(&b, img, nil))
	return b.Bytes()
}

// fields is a JSON object.
type fields = map[string]any

// post is the body of a post with nothing wrong, due in an hour.
func (h *house) post(change ...func(fields)) fields {
	body := fields{"account_id": h.account.ID, "media_ids": []any{h.video()}, "caption": "Tide pools", "due_at": h.clock.Now().Add(time.Hour),
		"options": fields{"tiktok": fields{"privacy_level": "SELF_ONLY", "allow_comment": true, "allow_duet": false, "allow_stitch": false,
			"your_brand": false, "branded_content": false, "consent": true}}}
	for _, f := range change {
		f(body)
	}
	return body
}

func tiktokOf(body fields) fields { return body["options"].(fields)["tiktok"].(fields) }

// reply is an answer with its body read.
type reply struct {
	status int
	header http.Header
	text   string
	body   fields
}

func (r reply) str(name string) string { s, _ := r.body[name].(string); return s }

// request sends what it is told, as the owner's key unless prepare says otherwise.
func (h *house) request(method, path string, body any, prepare ...func(*http.Request)) reply {
	h.t.Helper()
	var content io.Reader = http.NoBody
	kind := ""
	switch b := body.(type) {
	case nil:
	case string:
		content, kind = strings.NewReader(b), "application/json"
	case []byte:
		content, kind = bytes.NewReader(b), "image/jpeg"
	default:
		text, err := json.Marshal(body)
		must(h.t, err)
		content, kind = bytes.NewReader(text), "application/json"
	}
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+api.Prefix+path, content)
	must(h.t, err)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("Authorization", "Bearer "+h.key)
	for _, p := range prepare {
		p(req)
	}
	resp, err := http.DefaultClient.Do(req)
	must(h.t, err)
	defer func() { _ = resp.Body.Close() }()
	if resp.Header.Get("Content-Type") == "text/event-stream" {
		return reply{status: resp.StatusCode, header: resp.Header} // it does not end by itself
	}
	text, err := io.ReadAll(resp.Body)
	must(h.t, err)
	r := reply{status: resp.StatusCode, header: resp.Header, text: string(text)}
	_ = json.Unmarshal(text, &r.body) // pictures and empty answers have none
	return r
}

// asPerson makes a request come from a browser that somebody signed in with.
func (h *house) asPerson(actor shippost.Actor) func(*http.Request) {
	cookie := h.signIn(actor)
	return func(r *http.Request) {
		r.Header.Del("Authorization")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.AddCookie(cookie)
	}
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// create makes a post and returns it.
func (h *house) create(change ...func(fields)) reply {
	h.t.Helper()
	r := h.request(http.MethodPost, "/posts", h.post(change...))
	if r.status != http.StatusCreated {
		h.t.Fatalf("create a post: %d %s", r.status, r.text)
	}
	return r
}

// unconfirmed makes a post of which the platform never said what became.
func (h *house) unconfirmed() string {
	h.t.Helper()
	id := h.create().str("id")
	storetest.Update(h.t, h.db, func(tx *store.Tx) error {
		if _, err := tx.SQL().ExecContext(h.t.Context(), "UPDATE posts SET status = 'unconfirmed' WHERE id = $1", id); err != nil {
			return err
		}
		return tx.InsertAttempt(h.t.Context(), &shippost.Attempt{ID: shippost.NewAttemptID(h.clock.Now()), Post: shippost.PostID(id),
			Workspace: h.owner.Workspace, Account: h.account.ID, PostVersion: 1, State: shippost.AttemptUnknown, PlannedAt: noon, GuardedAt: noon})
	})
	return id
}

// rows is everything that requests may change, as text.
func (h *house) rows() string {
	h.t.Helper()
	var all []string
	storetest.View(h.t, h.db, func(tx *store.Tx) error {
		for _, query := range []string{
			"SELECT id || status || version || caption || options || coalesce(due_at, 0) || late_window FROM posts ORDER BY id",
			"SELECT id || status || poster_key FROM media ORDER BY id",
			"SELECT media_id || tag FROM media_tags ORDER BY media_id, tag_key",
			"SELECT id || status || epoch FROM accounts ORDER BY id",
			"SELECT id || coalesce(revoked_at, 0) FROM api_keys ORDER BY id",
			"SELECT id || kind FROM journal ORDER BY seq",
			"SELECT post_id || post_version FROM consents ORDER BY id",
			"SELECT id FROM sessions ORDER BY id",
			"SELECT key || status FROM idempotent_replies ORDER BY key",
		} {
			rows, err := tx.SQL().QueryContext(h.t.Context(), query)
			if err != nil {
				return err
			}
			for rows.Next() {
				var row string
				if err := rows.Scan(&row); err != nil {
					return err
				}
				all = append(all, row)
			}
			if err := rows.Err(); err != nil {
				return err
			}
		}
		return nil
	})
	return strings.Join(all, "\n")
}
