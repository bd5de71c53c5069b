package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"ship-post.com/shippost/client"
)

// story is one post and what its owner was told about it.
type story struct {
	kind    string // plain, large, converted, now, edited, moved, cancelled, disconnected, stopped
	photos  bool   // else a video
	owner   *person
	id      string
	key     string   // names the request that creates it
	files   []string // what is uploaded
	hashes  []string // of each of them
	caption string   // what was acknowledged last
	told    string   // "cancelled", "disconnected" or "stopping" when the product said so

	post client.Post // as the API tells it at the end
}

// kinds is what happens to videos: one of each in every round.
var kinds = []string{"plain", "now", "edited", "moved", "cancelled", "disconnected"}

// kindsOfPhotos is what happens to photos: the first three in every round, and one of the others.
var kindsOfPhotos = []string{"plain", "cancelled", "stopped", "now", "edited", "moved", "disconnected"}

const alwaysOfPhotos = 3

// name tells the story from all others of its round.
func (s *story) name() string {
	if s.photos {
		return "photos " + s.kind
	}
	return "video " + s.kind
}

// round is a few posts that live together while something breaks.
type round struct {
	w       *world
	number  int
	timeout time.Duration
	spread  time.Duration // how long after their creation the posts fall due
	large   bool          // one video is so large that it travels in chunks
	convert bool          // one video does not fit and is made anew first

	mu     sync.Mutex
	locked []string // whose account lost its access
}

// play creates one post of each kind, does to them what their kind says, and returns once all of them have ended.
func (r *round) play(ctx context.Context) ([]*story, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	w := r.w
	// Odd rounds send a file that is too small to be held open.
	stories, remove, err := r.cast()
	defer remove()
	if err != nil {
		return nil, err
	}
	w.posts = append(w.posts, stories...)
	delays := make([]time.Duration, len(stories))
	for i := range delays {
		delays[i] = time.Duration(w.rand.Int64N(int64(r.spread) * 6 / 5))
	}
	var all sync.WaitGroup
	failures := make([]error, len(stories))
	for i, s := range stories {
		all.Go(func() {
			if err := r.live(ctx, s, delays[i]); err != nil {
				failures[i] = fmt.Errorf("%s (%s): %w", s.caption, s.id, err)
			}
		})
	}
	all.Wait()
	return stories, errors.Join(failures...)
}

// cast makes the files of a round and says who posts what. The files are there until remove is called.
func (r *round) cast() (stories []*story, remove func(), err error) {
	w := r.w
	folder := filepath.Join(w.folder, fmt.Sprintf("round%d", r.number))
	remove = func() { os.RemoveAll(folder) }
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, remove, err
	}
	film, sum := w.film((r.number % 2) * 120_000)
	path := filepath.Join(folder, "film.mp4")
	if err := os.WriteFile(path, film, 0o600); err != nil {
		return nil, remove, err
	}
	add := func(s *story) {
		s.owner, s.key = w.person(), fmt.Sprintf("%d-%d-%s", w.seed, r.number, s.name())
		s.caption = fmt.Sprintf("%s of round %d", s.name(), r.number)
		stories = append(stories, s)
	}
	for _, kind := range kinds {
		add(&story{kind: kind, files: []string{path}, hashes: []string{sum}})
	}
	if r.large {
		film, sum := w.film(3*chunk + 100_000)
		path := filepath.Join(folder, "large.mp4")
		if err := os.WriteFile(path, film, 0o600); err != nil {
			return nil, remove, err
		}
		add(&story{kind: "large", files: []string{path}, hashes: []string{sum}})
	}
	if r.convert {
		path := filepath.Join(folder, "slow.mp4")
		sum := sha256.Sum256(w.clips.slow)
		if err := os.WriteFile(path, w.clips.slow, 0o600); err != nil {
			return nil, remove, err
		}
		add(&story{kind: "converted", files: []string{path}, hashes: []string{hex.EncodeToString(sum[:])}})
	}
	others := kindsOfPhotos[alwaysOfPhotos:]
	for _, kind := range append(slices.Clone(kindsOfPhotos[:alwaysOfPhotos]), others[r.number%len(others)]) {
		s := &story{kind: kind, photos: true}
		for i := range 2 {
			photo, sum := w.photo()
			path := filepath.Join(folder, fmt.Sprintf("%s%d.jpg", kind, i))
			if err := os.WriteFile(path, photo, 0o600); err != nil {
				return nil, remove, err
			}
			s.files, s.hashes = append(s.files, path), append(s.hashes, sum)
		}
		add(s)
	}
	return stories, remove, nil
}

// live is the life of one post. Whatever gets no clear answer is asked again until it has one.
func (r *round) live(ctx context.Context, s *story, delay time.Duration) error {
	var media []string
	for i, path := range s.files {
		id, err := r.upload(ctx, s.owner, path, s.hashes[i])
		if err != nil {
			return err
		}
		media = append(media, id)
	}
	if s.kind == "converted" {
		made, err := r.makeAnew(ctx, s.owner, media[0])
		if err != nil {
			return err
		}
		media, s.hashes = []string{made.ID}, []string{made.SHA256}
	}
	if err := r.create(ctx, s, media); err != nil {
		return err
	}
	r.w.acked("created", s.id, s.caption)
	if err := r.meddle(ctx, s, delay); err != nil {
		return err
	}
	return r.follow(ctx, s)
}

// upload brings a file to ShipPost, which must keep it as it is.
func (r *round) upload(ctx context.Context, who *person, path, hash string) (string, error) {
	var media client.Media
	err := r.insist(ctx, who, func(ctx context.Context) (err error) {
		if media, err = who.api.UploadFile(ctx, path, nil); err != nil {
			return fmt.Errorf("upload: %w", err)
		}
		media, err = who.api.WaitMedia(ctx, media.ID)
		return err
	})
	if err == nil && media.SHA256 != hash {
		err = fmt.Errorf("the stored file is not the one that was sent: %s instead of %s", media.SHA256, hash)
	}
	if err == nil {
		r.w.acked("ready", media.ID, "")
	}
	return media.ID, err
}

// makeAnew has a video made anew so that it fits, and waits for it. One that ended without a file is begun again.
func (r *round) makeAnew(ctx context.Context, who *person, id string) (client.Media, error) {
	var made client.Media
	err := r.insist(ctx, who, func(ctx context.Context) error {
		for {
			var c struct {
				ID     string `json:"id"`
				Result string `json:"result_id"`
				Status string `json:"status"`
			}
			// The same conversion is not begun twice, so this is how one asks about it, too.
			err := r.w.ask(ctx, who, http.MethodPost, "/api/v1/media/"+id+"/conversions", map[string]string{"account_id": who.account}, &c)
			if err != nil {
				return err
			}
			if c.Status == "done" {
				made, err = who.api.WaitMedia(ctx, c.Result)
				return err
			}
			select {
			case <-time.After(200 * time.Millisecond):
			case <-ctx.Done():
				return fmt.Errorf("conversion %s is %s: %w", c.ID, c.Status, ctx.Err())
			}
		}
	})
	return made, err
}

// choices are answers to TikTok's questions that every creator may give.
func (s *story) choices() client.Choices {
	off := false
	c := &client.TikTok{PrivacyLevel: "PUBLIC_TO_EVERYONE", AllowComment: &off, YourBrand: &off, BrandedContent: &off, Consent: true}
	if !s.photos {
		c.AllowDuet, c.AllowStitch = &off, &off
	}
	return client.Choices{TikTok: c}
}

func (r *round) create(ctx context.Context, s *story, media []string) error {
	draft := client.NewPost{AccountID: s.owner.account, MediaIDs: media, Caption: s.caption, Options: s.choices()}
	draft.DueAt = time.Now().Add(r.spread)
	if s.kind == "now" {
		draft.DueAt = time.Now()
	}
	return r.insist(ctx, s.owner, func(ctx context.Context) error {
		clocks := r.w.clocksNow()
		post, err := s.owner.api.CreatePost(ctx, draft, s.key)
		if client.HasCode(err, "time_in_past") && !clocks.mattered(r.w.clocksNow()) {
			// It was not created while the clock was wrong, and its time has passed meanwhile.
			draft.DueAt = time.Now().Add(r.spread)
			post, err = s.owner.api.CreatePost(ctx, draft, s.key)
		}
		s.id, s.post = post.ID, post
		return err
	})
}

// meddle does to the post what its kind says, at a moment that may be before, at or after its instant.
func (r *round) meddle(ctx context.Context, s *story, delay time.Duration) error {
	switch s.kind {
	case "plain", "now", "large", "converted":
		return nil
	case "stopped":
		return r.stop(ctx, s)
	}
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return ctx.Err()
	}
	return r.insist(ctx, s.owner, func(ctx context.Context) error {
		var err error
		switch s.kind {
		case "edited":
			other := "edited anew in " + s.caption
			_, err = s.owner.api.EditPost(ctx, s.id, client.Change{Caption: &other, Options: s.choices()})
			if err == nil {
				s.caption = other
				r.w.acked("edited", s.id, other)
			}
		case "moved":
			_, err = s.owner.api.EditPost(ctx, s.id, client.Change{DueAt: time.Now().Add(2 * time.Second)})
		case "cancelled":
			err = r.cancel(ctx, s)
		case "disconnected":
			if err = r.w.disconnect(ctx, s.owner); err == nil {
				s.told = "disconnected"
			}
			return err // it is never too late for that
		}
		if tooLate(err) {
			return nil
		}
		return err
	})
}

// stop cancels photos once they are handed over. That is too late for a promise, and the owner is told what is done.
func (r *round) stop(ctx context.Context, s *story) error {
	asked := time.Now()
	for {
		post, err := s.owner.api.Post(ctx, s.id)
		if err != nil && !passing(err) {
			return err
		}
		if err == nil && (post.Ended() || post.Phase == "committing" || post.Phase == "processing") {
			break
		}
		if time.Since(asked) > time.Second {
			asked = time.Now()
			if err := r.reconnect(ctx, s.owner); err != nil && ctx.Err() == nil && !passing(err) {
				return err
			}
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return r.insist(ctx, s.owner, func(ctx context.Context) error {
		if err := r.cancel(ctx, s); !tooLate(err) {
			return err
		}
		return nil
	})
}

// cancel asks for the end of a post and notes what the owner is told.
func (r *round) cancel(ctx context.Context, s *story) error {
	_, err := s.owner.api.CancelPost(ctx, s.id)
	switch {
	case err == nil:
		s.told = "cancelled"
		r.w.acked("cancelled", s.id, "")
	case client.HasCode(err, "already_handed_over") && s.photos:
		s.told = "stopping"
	}
	return err
}

// tooLate reports whether the product said that a post is past changing.
func tooLate(err error) bool {
	var e *client.Error
	return errors.As(err, &e) && e.Status == 409 && e.Code != "version_conflict"
}

// follow waits for the end of a post. When its account has lost its access, its owner connects it again.
func (r *round) follow(ctx context.Context, s *story) error {
	asked := time.Now()
	for {
		post, err := s.owner.api.Post(ctx, s.id)
		if err != nil && ctx.Err() == nil && passing(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("still %s %s: %w", s.post.Status, s.post.Phase, err)
		}
		s.post = post
		if post.Ended() {
			return nil
		}
		if time.Since(asked) > time.Second {
			asked = time.Now()
			if err := r.reconnect(ctx, s.owner); err != nil && ctx.Err() == nil && !passing(err) {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ended in time: %s %s %+v: %w", post.Status, post.Phase, post.Hold, ctx.Err())
		case <-time.After(150 * time.Millisecond):
		}
	}
}

// reconnect connects a person's account again if it lost its access, as the person is asked to.
func (r *round) reconnect(ctx context.Context, who *person) error {
	accounts, err := who.api.Accounts(ctx)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		if a.Status == "needs_reconnect" {
			r.lostAccess(who)
			return r.w.signIn(ctx, who)
		}
	}
	return nil
}

// lostAccess notes that a person had to connect their account again.
func (r *round) lostAccess(who *person) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.locked = append(r.locked, who.handle)
}

// insist repeats what got no clear answer, as a patient person would, until ctx ends. When the platform gave a new pair
// of tokens to a program that was killed before it had them, the person connects the account again, as they are asked to.
func (r *round) insist(ctx context.Context, who *person, do func(context.Context) error) error {
	for {
		clocks := r.w.clocksNow()
		err := do(ctx)
		if client.HasCode(err, "needs_reconnect") {
			r.lostAccess(who)
			err = r.w.signIn(ctx, who)
			if err == nil {
				continue
			}
		}
		if err == nil || !passing(err) && !(ofClock(err) && clocks.mattered(r.w.clocksNow())) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// passing reports whether the same request may succeed later: nobody answered, or somebody who is busy.
func passing(err error) bool {
	var e *client.Error
	if errors.As(err, &e) {
		return e.Status >= 500 || e.Status == 429 || e.Status == 404 && bytes.Contains([]byte(e.Code), []byte("upload"))
	}
	return true
}
