package tiktoksim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"
)

// Creator is a person on the simulated TikTok, with everything about the
// account that the contract lets an app notice.
type Creator struct {
	Handle   string `json:"handle"`
	Nickname string `json:"nickname"`
	Bio      string `json:"bio"`
	// OpenID and UnionID are made from the handle when empty, so that they
	// are the same in every run.
	OpenID   string `json:"open_id"`
	UnionID  string `json:"union_id"`
	Private  bool   `json:"private"`
	Business bool   `json:"business"`
	Verified bool   `json:"verified"`
	Banned   bool   `json:"banned"`
	// Capped and AppCapped make creator_info and direct inits answer
	// spam_risk_too_many_posts and reached_active_user_cap.
	Capped           bool `json:"capped"`
	AppCapped        bool `json:"app_capped"`
	CommentDisabled  bool `json:"comment_disabled"`
	DuetDisabled     bool `json:"duet_disabled"`
	StitchDisabled   bool `json:"stitch_disabled"`
	MaxVideoSeconds  int  `json:"max_video_seconds"`
	DailyPosts       int  `json:"daily_posts"` // 0: the cap of the knobs
	AppVersionTooOld bool `json:"app_version_too_old"`
	// FailReason ends every post of this creator as FAILED, once its bytes are
	// there; empty is none.
	FailReason string `json:"fail_reason"`
	Followers  int64  `json:"followers"`
	Following  int64  `json:"following"`
	Likes      int64  `json:"likes"`
	// About says in a sentence what this creator is good for in a test.
	About string `json:"about"`
}

// account is a creator and what the simulator remembers about them.
type account struct {
	Creator
	otherPosts []time.Time // direct posts made through other apps
	activeAt   time.Time   // the latest accepted direct init through this app
	granted    []string    // scopes of the latest consent, nil after removal
	grants     []*grant
	publishes  []*publish
}

var handlePattern = regexp.MustCompile(`^[a-z0-9_][a-z0-9_.]{0,22}[a-z0-9_]$`)

// complete checks a creator and fills what follows from the handle.
func (c *Creator) complete() error {
	if !handlePattern.MatchString(c.Handle) {
		return fmt.Errorf("handle %q: use 2 to 24 of a-z, 0-9, underscore and (inside) dot", c.Handle)
	}
	if c.MaxVideoSeconds < 0 || c.DailyPosts < 0 {
		return errors.New("max_video_seconds and daily_posts cannot be negative")
	}
	if c.FailReason != "" && !slices.Contains(failReasons, c.FailReason) {
		return fmt.Errorf("fail_reason cannot be %q; choose one of %q", c.FailReason, failReasons)
	}
	if c.Nickname == "" {
		c.Nickname = c.Handle
	}
	if c.MaxVideoSeconds == 0 {
		c.MaxVideoSeconds = 600
	}
	sum := sha256.Sum256([]byte("creator " + c.Handle))
	if c.OpenID == "" {
		// The three forms that have been seen; two begin with a sign that
		// careless parsers and shells stumble over.
		tail := base64.RawURLEncoding.EncodeToString(sum[:24])
		switch sum[31] % 3 {
		case 0:
			c.OpenID = "-000" + tail
		case 1:
			c.OpenID = "_000" + tail
		default:
			h := hex.EncodeToString(sum[:16])
			c.OpenID = h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
		}
	}
	if c.UnionID == "" {
		h := hex.EncodeToString(sum[8:24])
		c.UnionID = h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	}
	return nil
}

// privacyOptions are the choices of TikTok contract 4.3: they tell a public
// account from a private one.
func (c *Creator) privacyOptions() []string {
	if c.Private {
		return []string{followersOnly, friendsOnly, selfOnly}
	}
	return []string{everyone, friendsOnly, selfOnly}
}

const (
	everyone      = "PUBLIC_TO_EVERYONE"
	friendsOnly   = "MUTUAL_FOLLOW_FRIENDS"
	followersOnly = "FOLLOWER_OF_CREATOR"
	selfOnly      = "SELF_ONLY"
)

var privacyLevels = []string{everyone, friendsOnly, followersOnly, selfOnly}

// SampleCreators are the people a new simulator knows: one for each kind of
// account that the contract treats differently.
func SampleCreators() []Creator {
	return []Creator{
		{
			Handle: "mara.moves", Nickname: "Mara Lindqvist", Bio: "Tide pools, long walks, short films.",
			Followers: 48200, Following: 311, Likes: 912000, MaxVideoSeconds: 600,
			About: "Public account, everything allowed, videos up to 10 minutes.",
		},
		{
			Handle: "quiet.kiln", Nickname: "Quiet Kiln", Bio: "Pottery for friends only.",
			Private: true, DuetDisabled: true, StitchDisabled: true,
			Followers: 86, Following: 90, Likes: 1200, MaxVideoSeconds: 300,
			About: "Private account: no public posts, no duet, no stitch.",
		},
		{
			Handle: "northwind.coffee", Nickname: "Northwind Coffee", Bio: "Roastery. Open at six.",
			Business: true, Verified: true,
			Followers: 230500, Following: 12, Likes: 4100000, MaxVideoSeconds: 600,
			About: "Verified business account.",
		},
		{
			Handle: "juno.sketches", Nickname: "Juno", Bio: "Drawing every day after school.",
			CommentDisabled: true, DuetDisabled: true, StitchDisabled: true,
			Followers: 940, Following: 128, Likes: 15400, MaxVideoSeconds: 180,
			About: "Young creator: comments, duet and stitch off, 3 minutes at most.",
		},
		{
			Handle: "daily.dose", Nickname: "Daily Dose", Bio: "Fifteen clips a day keep the boredom away.",
			Capped: true, Followers: 17800, Following: 44, Likes: 260000, MaxVideoSeconds: 600,
			About: "Has used up today's posts with other apps.",
		},
		{
			Handle: "loud.party", Nickname: "Loud Party", Bio: "",
			Banned: true, Followers: 3, Following: 2400, Likes: 9, MaxVideoSeconds: 600,
			About: "Banned from posting.",
		},
		{
			Handle: "second.thought", Nickname: "Second Thought", Bio: "Buy now. Think later.",
			FailReason: "spam_risk_text", Followers: 512, Following: 480, Likes: 2300, MaxVideoSeconds: 600,
			About: "Captions are taken for spam: each post is refused after its upload.",
		},
	}
}

// PutCreator adds a creator, or replaces the settings of the one with the same
// handle. Tokens and posts stay.
func (s *Server) PutCreator(c Creator) error {
	if err := c.complete(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, other := range s.accounts {
		if other.OpenID == c.OpenID && other.Handle != c.Handle {
			return fmt.Errorf("open_id %q belongs to @%s", c.OpenID, other.Handle)
		}
	}
	if a := s.accounts[c.Handle]; a != nil {
		a.Creator = c
		return nil
	}
	s.accounts[c.Handle] = &account{Creator: c}
	s.handles = append(s.handles, c.Handle)
	return nil
}

// Creators lists the creators in the order they were added.
func (s *Server) Creators() []Creator {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Creator, 0, len(s.handles))
	for _, h := range s.handles {
		list = append(list, s.accounts[h].Creator)
	}
	return list
}

// AddOtherPosts counts n direct posts, made now through other apps, towards
// the creator's daily cap.
func (s *Server) AddOtherPosts(handle string, n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[handle]
	if a == nil {
		return fmt.Errorf("there is no creator @%s", handle)
	}
	for range n {
		a.otherPosts = append(a.otherPosts, s.clock.Now())
	}
	return nil
}

// capped reports whether the creator has used up the daily cap: direct posts
// of all apps in the last 24 hours. s.mu is held.
func (a *account) capped(k *Knobs, now time.Time) bool {
	if a.Capped {
		return true
	}
	since := now.Add(-24 * time.Hour)
	n := len(a.otherSince(since))
	for _, p := range a.publishes {
		n += p.countsToday(k, since)
	}
	return n >= a.dailyLimit(k)
}

func (a *account) dailyLimit(k *Knobs) int {
	if a.DailyPosts > 0 {
		return a.DailyPosts
	}
	return k.Limits.DailyPosts
}

// otherSince are the posts of other apps since then; s.mu is held.
func (a *account) otherSince(since time.Time) []time.Time {
	a.otherPosts = slices.DeleteFunc(a.otherPosts, func(t time.Time) bool { return !t.After(since) })
	return a.otherPosts
}

// drafts counts what holds a pending-share slot. s.mu is held.
func (a *account) drafts(k *Knobs, now time.Time) int {
	since, n := now.Add(-24*time.Hour), 0
	for _, p := range a.publishes {
		if !p.draft || !p.initAt.After(since) || p.status == statusFailed || p.discarded {
			continue
		}
		if k.Limits.PendingCounts == "all" || len(p.posts) == 0 {
			n++
		}
	}
	return n
}

// appCapped reports whether one more creator would exceed the cap on active
// creators; creators active in the last 24 hours pass. s.mu is held.
func (s *Server) appCapped(a *account, k *Knobs, now time.Time) bool {
	if a.AppCapped {
		return true
	}
	since := now.Add(-24 * time.Hour)
	if a.activeAt.After(since) {
		return false
	}
	limit := k.Limits.ActiveCreators
	if !k.App.Audited {
		limit = k.Limits.ActiveCreatorsUnaudited
	}
	if len(s.active) < limit {
		return false // even with those whose day is over
	}
	maps.DeleteFunc(s.active, func(other *account, _ bool) bool { return !other.activeAt.After(since) })
	return len(s.active) >= limit
}

// standing is the reason why the creator cannot post directly now, in the
// order the contract checks: banned, daily cap, active-creator cap.
func (s *Server) standing(a *account, k *Knobs, now time.Time) *apiError {
	switch {
	case k.Rules.Banned && a.Banned:
		return errBanned
	case k.Rules.DailyCap && a.capped(k, now):
		return errDailyCap
	case k.Rules.ActiveCap && s.appCapped(a, k, now):
		return errActiveCap
	}
	return nil
}
