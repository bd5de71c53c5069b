package compose_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
	"ship-post.com/shippost/internal/feature/publish"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// noon is when the tests begin.
var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// desk is a Composer over a real database and the publisher's real desk, whose workers do not run: attempts are put
// into whatever state a test needs.
type desk struct {
	*compose.Composer
	t       *testing.T
	db      *store.DB
	actor   shippost.Actor
	account shippost.Account
	video   shippost.MediaID
	studio  *studio
	clock   *storetest.Clock
}

func setUp(t *testing.T, open func(*testing.T, ...storetest.Option) *store.DB, change ...func(*compose.Options)) *desk {
	t.Helper()
	c := storetest.NewClock(noon)
	db := open(t, storetest.At(c.Now))
	s := &studio{creator: shippost.Creator{Nickname: "Ada of the Sea", PrivacyOptions: []string{shippost.PrivacyPublic, shippost.PrivacySelf}}}
	platforms := map[shippost.PlatformName]platform.Platform{shippost.TikTok: s}
	publisher := publish.New(publish.Options{DB: db, Node: "node_test", Platforms: platforms, Now: c.Now, Log: slog.New(slog.DiscardHandler)})
	o := compose.Options{DB: db, Platforms: platforms, Publisher: publisher.Desk(),
		Creators: compose.NewAsker(platforms, func(shippost.AccountID) platform.Tokens { return nil }, c.Now)}
	for _, f := range change {
		f(&o)
	}
	d := &desk{Composer: compose.New(o), t: t, db: db, studio: s, clock: c}
	d.actor = storetest.Workspace(t, db)
	d.account = storetest.Account(t, db, d.actor)
	d.video = d.file(d.actor, shippost.MediaReady)
	return d
}

// file adds a stored video.
func (d *desk) file(actor shippost.Actor, status shippost.MediaStatus, problems ...shippost.Problem) shippost.MediaID {
	d.t.Helper()
	m := shippost.Media{ID: shippost.NewMediaID(d.db.Now()), Workspace: actor.Workspace, UploadedBy: actor.User, Status: status, Kind: shippost.Video,
		FileName: "tide.mp4", Type: "video/mp4", Size: 8_000_000, SHA256: "ab12", Problems: problems, CreatedAt: d.db.Now()}
	storetest.Update(d.t, d.db, func(tx *store.Tx) error { return tx.InsertMedia(d.t.Context(), &m) })
	return m.ID
}

// picture adds a stored photo.
func (d *desk) picture() shippost.MediaID {
	d.t.Helper()
	m := shippost.Media{ID: shippost.NewMediaID(d.db.Now()), Workspace: d.actor.Workspace, UploadedBy: d.actor.User, Status: shippost.MediaReady, Kind: shippost.Photo,
		FileName: "tide.jpg", Type: "image/jpeg", Size: 80_000, SHA256: "cd34", CreatedAt: d.db.Now()}
	storetest.Update(d.t, d.db, func(tx *store.Tx) error { return tx.InsertMedia(d.t.Context(), &m) })
	return m.ID
}

// good is a draft with nothing wrong, due in an hour.
func (d *desk) good(change ...func(*compose.Draft)) compose.Draft {
	draft := compose.Draft{Account: d.account.ID, Media: []shippost.MediaID{d.video}, Caption: "Tide pools",
		Options: shippost.Options{TikTok: answers()}, When: compose.When{At: d.clock.Now().Add(time.Hour)}}
	for _, f := range change {
		f(&draft)
	}
	return draft
}

func answers() *shippost.TikTokOptions {
	yes, no := true, false
	return &shippost.TikTokOptions{PrivacyLevel: shippost.PrivacySelf, AllowComment: &yes, AllowDuet: &no, AllowStitch: &no,
		YourBrand: &no, BrandedContent: &no, Consent: true}
}

// queued creates a good post.
func (d *desk) queued(change ...func(*compose.Draft)) shippost.Post {
	d.t.Helper()
	w, err := d.Create(d.t.Context(), d.actor, d.good(change...), compose.Once{})
	if err != nil {
		d.t.Fatalf("create a post: %v", err)
	}
	return w.Post
}

// attempt gives a post a try in some state, and the post the status that goes with it.
func (d *desk) attempt(p shippost.Post, state shippost.AttemptState) shippost.Attempt {
	d.t.Helper()
	a := shippost.Attempt{ID: shippost.NewAttemptID(d.db.Now()), Post: p.ID, Workspace: p.Workspace, Account: p.Account, PostVersion: p.Version,
		Epoch: 1, State: state, Owner: "node_test", Fence: 1, PlannedAt: d.db.Now()}
	if state == shippost.AttemptDead {
		a.Death = "D1"
	}
	status := map[shippost.AttemptState]shippost.PostStatus{shippost.AttemptDead: shippost.PostFailed, shippost.AttemptLive: shippost.PostPosted,
		shippost.AttemptUnknown: shippost.PostUnconfirmed}[state]
	if status == "" {
		status = shippost.PostPublishing
	}
	storetest.Update(d.t, d.db, func(tx *store.Tx) error {
		if err := tx.InsertAttempt(d.t.Context(), &a); err != nil {
			return err
		}
		return d.setStatus(tx, p, status)
	})
	return a
}

func (d *desk) setStatus(tx *store.Tx, p shippost.Post, status shippost.PostStatus) error {
	_, err := tx.SQL().ExecContext(d.t.Context(), "UPDATE posts SET status = $1 WHERE id = $2", string(status), string(p.ID))
	return err
}

func (d *desk) get(id shippost.PostID) shippost.Post {
	d.t.Helper()
	p, err := d.Get(d.t.Context(), d.actor, id)
	if err != nil {
		d.t.Fatalf("get a post: %v", err)
	}
	return p
}

// trace is everything that composing leaves behind.
type trace struct {
	Posts, Consents, Replies, Attempts int
	Journal                            []shippost.EntryKind
}

func (d *desk) trace() trace {
	d.t.Helper()
	var left trace
	storetest.View(d.t, d.db, func(tx *store.Tx) error {
		for table, n := range map[string]*int{"posts": &left.Posts, "consents": &left.Consents, "idempotent_replies": &left.Replies, "attempts": &left.Attempts} {
			if err := tx.SQL().QueryRowContext(d.t.Context(), "SELECT count(*) FROM "+table).Scan(n); err != nil {
				return err
			}
		}
		entries, err := tx.Journal(d.t.Context(), store.JournalQuery{Workspace: d.actor.Workspace, Limit: 1000})
		for _, e := range slices.Backward(entries) {
			left.Journal = append(left.Journal, e.Kind)
		}
		return err
	})
	return left
}

// studio is a platform with the rules of TikTok that these tests need. It never publishes.
type studio struct {
	platform.Platform // nil: staging, committing and confirming are not for composing
	mu                sync.Mutex
	creator           shippost.Creator
	draftScope        string // "" where drafts are not offered
	err               error
	asked             int
	daily, creators   int
	block             chan struct{} // when set, Creator waits for it
}

func (s *studio) Describe() platform.Description {
	return platform.Description{Name: shippost.TikTok, Title: "TikTok", EarliestStage: 40 * time.Minute, DraftScope: s.draftScope, DailyPosts: s.daily, DailyCreators: s.creators}
}

func (s *studio) Creator(ctx context.Context, _ platform.Tokens) (shippost.Creator, error) {
	s.mu.Lock()
	s.asked++
	creator, err, block := s.creator, s.err, s.block
	s.mu.Unlock()
	if block != nil {
		<-block
	}
	if err != nil {
		return shippost.Creator{}, err
	}
	return creator, nil
}

func (s *studio) Classify(err error) platform.Failure {
	f := platform.Failure{Class: platform.Transient, Code: "network", Message: "No answer."}
	if e := platform.AsError(err); e != nil && e.Code != "" {
		class := map[string]platform.Class{"banned": platform.Declined, "cap": platform.Quota, "scope": platform.Auth, "busy": platform.Rate}[e.Code]
		f = platform.Failure{Class: class, Code: e.Code, Message: "TikTok says " + e.Code + "."}
		if class == platform.Auth {
			f.Remedy = shippost.RemedyReconnect
		}
	}
	return f
}

// Pulls implements platform.Puller: photos are fetched.
func (s *studio) Pulls(kind shippost.MediaKind) bool { return kind == shippost.Photo }

func (s *studio) Validate(d platform.Draft, c shippost.Creator) []shippost.Problem {
	var problems []shippost.Problem
	block := func(code, field string) {
		problems = append(problems, shippost.Problem{Code: code, Field: field, Message: "Not like this.", Remedy: shippost.RemedyEdit, Severity: shippost.Block})
	}
	if len(d.Media) != 1 {
		block("media_required", "media_ids")
	}
	if len(utf16.Encode([]rune(d.Caption))) > 2200 {
		block("caption_too_long", "caption")
	}
	o := d.Options.TikTok
	if o == nil {
		o = &shippost.TikTokOptions{}
	}
	if o.PrivacyLevel == "" {
		block("privacy_required", "options.tiktok.privacy_level")
	} else if len(c.PrivacyOptions) > 0 && !strings.Contains(strings.Join(c.PrivacyOptions, " "), o.PrivacyLevel) {
		block("privacy_not_offered", "options.tiktok.privacy_level")
	}
	for field, answer := range map[string]*bool{"allow_comment": o.AllowComment, "your_brand": o.YourBrand, "branded_content": o.BrandedContent} {
		if answer == nil {
			block("answer_required", "options.tiktok."+field)
		}
	}
	if !o.Consent {
		block("consent_required", "options.tiktok.consent")
	}
	if strings.Contains(d.Caption, "odd") {
		problems = append(problems, shippost.Problem{Code: "odd", Message: "Odd.", Severity: shippost.Warn})
	}
	return problems
}
