package tiktoksim

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

// Status values of TikTok contract 4.9.
const (
	statusUploading   = "PROCESSING_UPLOAD"
	statusDownloading = "PROCESSING_DOWNLOAD"
	statusInbox       = "SEND_TO_USER_INBOX"
	statusComplete    = "PUBLISH_COMPLETE"
	statusFailed      = "FAILED"
)

// publish is one publish_id and all that became of it. Its fields are guarded
// by Server.mu, except what an upload guards itself.
type publish struct {
	id      string
	kind    string // "video" or "photo"
	draft   bool   // goes to the creator's inbox
	pull    bool   // fetched from URLs
	account *account
	info    postInfo

	initAt, initWall time.Time
	// lastByteWall is the real instant of the last byte, lastByteAt the same on
	// the simulator's clock; handed is set with them.
	lastByteWall, lastByteAt time.Time
	handed                   bool
	order                    int64 // among all that were handed over; 0 before

	status     string
	failReason string
	endedAt    time.Time
	discarded  bool // a draft the creator threw away

	upload *upload
	// For pulls: what to fetch, what has come, and how to stop.
	urls       []string
	cover      int
	downloaded atomic.Int64
	stopPull   func()

	files  []file
	joined string // hash over several files, once asked for
	posts  []*post
}

// file is a piece of media as it arrived.
type file struct {
	path     string
	sha256   string
	size     int64
	kind     string // media type
	lastByte time.Time

	// What inspection found.
	width, height int
	codec         string
	frameRate     float64
	duration      time.Duration
}

// post is something on a profile: made by PUBLISH_COMPLETE, or each time a
// creator posts a draft.
type post struct {
	id          int64
	publish     *publish
	info        postInfo
	publishedAt time.Time
	// public is when moderation passed; zero for posts that are not public.
	publicAt time.Time
	hidden   bool
}

// ended reports whether nothing can happen to the post any more by itself. A
// draft in the inbox has arrived, so removing the app does not fail it.
func (p *publish) ended() bool {
	return p.status == statusComplete || p.status == statusFailed || p.status == statusInbox
}

// countsToday is how much of the daily cap this publish has used since then.
func (p *publish) countsToday(k *Knobs, since time.Time) int {
	switch {
	case p.draft || p.status == statusFailed:
		return 0
	case k.Limits.DailyCounts == "inits" && p.initAt.After(since):
		return 1
	case p.handed && p.lastByteAt.After(since):
		return 1
	}
	return 0
}

// handOver records that every byte has arrived and lets processing begin.
func (s *Server) handOver(p *publish, wall time.Time) {
	k, now := s.knobs.Load(), s.clock.Now()
	s.mu.Lock()
	if p.ended() || p.handed {
		s.mu.Unlock()
		return
	}
	s.lastHanded++
	p.handed, p.order = true, s.lastHanded
	p.lastByteWall, p.lastByteAt = wall.Round(0).UTC(), now
	// Planned before anybody can see the hand-over: whoever does and then moves the clock finds it processed.
	s.clock.after(now.Add(time.Duration(k.Processing.Delay)), func(at time.Time) { s.process(p, at) })
	s.mu.Unlock()
}

// process inspects the media and ends the publish. Inspection runs beside the
// clock, because reading files must not hold up other timers.
func (s *Server) process(p *publish, at time.Time) {
	s.work(func() {
		s.mu.Lock()
		over, files := p.ended(), p.files
		s.mu.Unlock()
		if over {
			return
		}
		k := s.knobs.Load()
		reason, why := s.inspect(p, files, k)
		s.conclude(p, reason, why, k, at)
	})
}

// conclude decides the end of a publish whose media were inspected.
func (s *Server) conclude(p *publish, reason, why string, k *Knobs, at time.Time) {
	s.mu.Lock()
	switch {
	case p.ended():
		s.mu.Unlock()
		return
	case s.planned(k):
		reason, why = k.Processing.FailReason, "chosen by the knob"
	case p.account.FailReason != "":
		reason, why = p.account.FailReason, "chosen for the creator"
	case k.Rules.Banned && p.account.Banned:
		reason, why = errBanned.code, "the creator was banned meanwhile"
	case reason == "" && !p.draft && k.Rules.DailyCap && p.overCap(k, at):
		reason, why = errDailyCap.code, "the daily cap was reached meanwhile"
	}
	if reason != "" {
		s.mu.Unlock()
		s.failBecause(p, reason, why, at)
		return
	}
	if p.draft {
		p.status, p.endedAt = statusInbox, at
		s.mu.Unlock()
		s.effect(p, "delivered_to_inbox", at, nil)
		s.emitPublish(p, "post.publish.inbox_delivered", at, nil)
		return
	}
	p.status, p.endedAt = statusComplete, at
	made := s.addPost(p, p.info, at)
	s.mu.Unlock()
	s.published(made, k, at)
}

// overCap reports whether posts whose bytes arrived before this one's have
// used up the day. s.mu is held.
func (p *publish) overCap(k *Knobs, at time.Time) bool {
	n := len(p.account.otherSince(at.Add(-24 * time.Hour)))
	for _, other := range p.account.publishes {
		if other.order < p.order {
			n += other.countsToday(k, at.Add(-24*time.Hour))
		}
	}
	return n >= p.account.dailyLimit(k)
}

// planned counts down the fail_times knob. s.mu is held.
func (s *Server) planned(k *Knobs) bool {
	if k.Processing.FailReason == "" {
		return false
	}
	s.failed++
	return k.Processing.FailTimes < 0 || s.failed <= max(1, k.Processing.FailTimes)
}

// addPost puts a post on the creator's profile. s.mu is held.
func (s *Server) addPost(p *publish, info postInfo, at time.Time) *post {
	s.lastPost += 3 + int64(s.random(997))
	made := &post{id: firstPostID + s.lastPost, publish: p, info: info, publishedAt: at}
	p.posts = append(p.posts, made)
	s.posts = append(s.posts, made)
	s.postIDs[made.id] = made
	return made
}

// firstPostID is above 2^53, like all post ids: they lose digits in a float.
const firstPostID = 7602997517160123001

// published tells the world about a new post, and lets moderation begin when
// it is public.
func (s *Server) published(made *post, k *Knobs, at time.Time) {
	p := made.publish
	s.effect(p, "published", at, Detail{"post_id": fmt.Sprint(made.id), "privacy_level": made.info.Privacy})
	s.emitPublish(p, "post.publish.complete", at, nil)
	if made.info.Privacy != everyone {
		return
	}
	s.clock.after(at.Add(time.Duration(k.Processing.Moderation)), func(at time.Time) {
		s.mu.Lock()
		if made.hidden {
			s.mu.Unlock()
			return
		}
		made.publicAt = at
		s.mu.Unlock()
		s.effect(p, "publicly_available", at, Detail{"post_id": fmt.Sprint(made.id)})
		s.emitPublish(p, "post.publish."+s.knobs.Load().Webhook.Spelling+"_available", at, made)
	})
}

func (s *Server) fail(p *publish, reason string, at time.Time) { s.failBecause(p, reason, "", at) }

// failBecause ends a publish as FAILED; a second end changes nothing.
func (s *Server) failBecause(p *publish, reason, why string, at time.Time) {
	s.mu.Lock()
	if p.ended() {
		s.mu.Unlock()
		return
	}
	p.status, p.failReason, p.endedAt = statusFailed, reason, at
	stop := p.stopPull
	s.mu.Unlock()
	if stop != nil {
		stop()
	}
	detail := Detail{"reason": reason}
	if why != "" {
		detail["because"] = why
	}
	s.effect(p, "failed", at, detail)
	s.emitPublish(p, "post.publish.failed", at, nil)
}

func (s *Server) effect(p *publish, name string, at time.Time, detail Detail) {
	e := Entry{Kind: "effect", Name: name, At: at, Creator: p.account.Handle, OpenID: p.account.OpenID, PublishID: p.id, Detail: detail}
	if id, ok := detail["post_id"].(string); ok {
		e.PostID = id
	}
	s.journal.add(e)
}

// newPublish registers an accepted init. s.mu is held.
func (s *Server) newPublish(c *call, prefix, kind string, draft, pull bool, info postInfo) *publish {
	s.lastPublish++
	p := &publish{
		id: fmt.Sprintf("%s%d", prefix, 7300000000000000000+s.lastPublish*1009), kind: kind, draft: draft, pull: pull,
		account: c.account, info: info, initAt: c.now, initWall: c.entry.Wall.Round(0).UTC(), status: statusUploading,
	}
	if pull {
		p.status = statusDownloading
	}
	if !draft {
		c.account.activeAt = c.now
		s.active[c.account] = true
	}
	c.account.publishes = append(c.account.publishes, p)
	s.publishes[p.id] = p
	c.entry.PublishID = p.id
	return p
}

// Posted is what the creator made of a draft when posting it in the app.
type Posted struct {
	Caption string `json:"caption"`
	Privacy string `json:"privacy_level"`
}

// PostDraft lets the creator post a draft from the inbox, as often as wanted;
// each time makes another post under the same publish_id.
func (s *Server) PostDraft(publishID string, as Posted) (postID string, err error) {
	if as.Privacy == "" {
		as.Privacy = everyone
	}
	if !slices.Contains(privacyLevels, as.Privacy) {
		return "", fmt.Errorf("privacy_level cannot be %q", as.Privacy)
	}
	k, now := s.knobs.Load(), s.clock.Now()
	s.mu.Lock()
	p := s.publishes[publishID]
	if p == nil || !p.draft || p.discarded || p.status != statusInbox && p.status != statusComplete {
		s.mu.Unlock()
		return "", fmt.Errorf("%q is not a draft in an inbox", publishID)
	}
	info := p.info
	info.Privacy = as.Privacy
	if as.Caption != "" {
		info.Caption = as.Caption
	}
	p.status, p.endedAt = statusComplete, now
	made := s.addPost(p, info, now)
	s.mu.Unlock()
	s.published(made, k, now)
	return fmt.Sprint(made.id), nil
}

// DiscardDraft lets the creator throw a draft away, which frees its slot.
func (s *Server) DiscardDraft(publishID string) error {
	s.mu.Lock()
	p := s.publishes[publishID]
	if p == nil || p.status != statusInbox {
		s.mu.Unlock()
		return fmt.Errorf("%q is not a draft in an inbox", publishID)
	}
	p.discarded = true
	s.mu.Unlock()
	s.effect(p, "draft_discarded", s.clock.Now(), nil)
	return nil
}

// HidePost takes a public post out of sight, by the creator or by moderation.
func (s *Server) HidePost(postID string) error {
	var id int64
	_, _ = fmt.Sscan(postID, &id)
	s.mu.Lock()
	made := s.postIDs[id]
	if made == nil || made.hidden {
		s.mu.Unlock()
		return fmt.Errorf("there is no visible post %q", postID)
	}
	made.hidden = true
	wasPublic := !made.publicAt.IsZero()
	s.mu.Unlock()
	now := s.clock.Now()
	s.effect(made.publish, "no_longer_available", now, Detail{"post_id": postID})
	if wasPublic {
		s.emitPublish(made.publish, "post.publish.no_longer_publicaly_available", now, made)
	}
	return nil
}
