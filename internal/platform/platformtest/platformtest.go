// Package platformtest proves that an adapter keeps the contract of package platform. An adapter's own test makes a
// Harness around it and calls Run; what is special about its platform it tests beside that.
package platformtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

// Harness is one adapter with the far end of its platform, fresh for each test.
type Harness interface {
	// Platform returns the adapter.
	Platform() platform.Platform
	// Tokens returns those of an account that may post.
	Tokens() platform.Tokens
	// Draft returns a draft of a video that nothing is wrong with, and the creator it is held against.
	Draft() (platform.Draft, shippost.Creator)
	// Break makes the far end fail once in the given way. It reports false if this platform cannot fail so.
	Break(Fault) bool
	// Settle lets the platform finish whatever it works on.
	Settle()
	// Published returns what viewers see.
	Published() []Post
	// Effects counts what the far end was made to do or was asked, so that a method can be shown to do neither.
	Effects() int
}

// Post is what viewers see.
type Post struct{ Caption, SHA256 string }

// Fault is a way to fail.
type Fault string

// The faults.
const (
	LoseOpen     Fault = "the answer to the opening request is lost"
	LoseCommit   Fault = "the answer to the commit is lost after it had its effect"
	RefuseLater  Fault = "the platform has everything and then refuses the post"
	RefuseTokens Fault = "the access token is refused until it is renewed"
)

// Run proves the adapter. open makes a Harness for one test and cleans up after it.
func Run(t *testing.T, open func(*testing.T) Harness) {
	for name, test := range map[string]func(*suite){
		"Describe":             (*suite).describe,
		"Validate":             (*suite).validate,
		"StageIsInvisible":     (*suite).stageIsInvisible,
		"LedgerComesFirst":     (*suite).ledgerComesFirst,
		"Commit":               (*suite).commit,
		"ForeignStaged":        (*suite).foreignStaged,
		"Resume":               (*suite).resume,
		"ResumeWhatIsOut":      (*suite).resumeWhatIsOut,
		"CloseEndsNothing":     (*suite).closeEndsNothing,
		"LostOpening":          (*suite).lostOpening,
		"LostCommit":           (*suite).lostCommit,
		"RefusedAfterwards":    (*suite).refusedAfterwards,
		"RefusedToken":         (*suite).refusedToken,
		"ConfirmOnlyReads":     (*suite).confirmOnlyReads,
		"ConfirmOfNothing":     (*suite).confirmOfNothing,
		"ChangedFile":          (*suite).changedFile,
		"Cancelled":            (*suite).cancelled,
		"Classify":             (*suite).classify,
		"ManyAtOnce":           (*suite).manyAtOnce,
		"CreatorAndAdjust":     (*suite).creatorAndAdjust,
		"AbilitiesLookThrough": (*suite).abilities,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			test(&suite{T: t, h: h, p: h.Platform()})
		})
	}
}

type suite struct {
	*testing.T
	h Harness
	p platform.Platform
}

// payload is the harness's draft with bytes of its own, due now.
func (s *suite) payload(caption string) platform.Payload {
	draft, _ := s.h.Draft()
	text := []byte(strings.Repeat(caption+" ", 20_000))
	sum := sha256.Sum256(text)
	return platform.Payload{Attempt: shippost.NewAttemptID(time.Now()), Account: "acc_1", Handle: "creator", Caption: caption, Options: draft.Options,
		Tokens: s.h.Tokens(), Due: time.Now(), Media: []platform.File{{Kind: shippost.Video, Type: "video/mp4", Size: int64(len(text)),
			SHA256: hex.EncodeToString(sum[:]), Facts: draft.Media[0].Facts,
			Open: func(_ context.Context, offset int64) (io.ReadCloser, error) {
				return io.NopCloser(bytes.NewReader(text[offset:])), nil
			}}}}
}

func (s *suite) stage(p platform.Payload, l *Ledger) platform.Staged {
	s.Helper()
	staged, err := s.p.Stage(s.Context(), p, l)
	if err != nil {
		s.Fatal(err)
	}
	if err := staged.Wait(s.Context()); err != nil {
		s.Fatal(err)
	}
	if staged.Receipt().IsZero() {
		s.Fatal("staged without a receipt")
	}
	return staged
}

// publish goes all the way and returns the payload with its receipt.
func (s *suite) publish(caption string) platform.Payload {
	s.Helper()
	p := s.payload(caption)
	staged := s.stage(p, &Ledger{})
	before := time.Now()
	out, err := s.p.Commit(s.Context(), staged)
	if err != nil || !out.Accepted || out.LastByteAt.Before(before) {
		s.Fatalf("commit: %+v, %v", out, err)
	}
	if err := staged.Close(); err != nil {
		s.Error(err)
	}
	p.Receipt = staged.Receipt()
	return p
}

// confirm lets the platform finish and asks what became of an attempt.
func (s *suite) confirm(p platform.Payload) platform.Verdict {
	s.Helper()
	s.h.Settle()
	v, err := s.p.Confirm(s.Context(), p)
	if err != nil {
		s.Fatal(err)
	}
	if v.Evidence == "" || strings.Contains(v.Evidence, "canary") {
		s.Errorf("evidence %q", v.Evidence)
	}
	return v
}

// out fails the test unless exactly these posts are out, byte for byte.
func (s *suite) out(want ...platform.Payload) {
	s.Helper()
	s.h.Settle()
	got := map[Post]int{}
	for _, post := range s.h.Published() {
		got[post]++
	}
	for _, p := range want {
		if got[Post{p.Caption, p.Media[0].SHA256}]--; got[Post{p.Caption, p.Media[0].SHA256}] != 0 {
			s.Errorf("%q is out %d times, want once", p.Caption, got[Post{p.Caption, p.Media[0].SHA256}]+1)
		}
	}
	if len(s.h.Published()) != len(want) {
		s.Errorf("%d posts are out, want %d", len(s.h.Published()), len(want))
	}
}

func (s *suite) describe() {
	d := s.p.Describe()
	if d.Name == "" || string(d.Name) != strings.ToLower(string(d.Name)) || d.Title == "" {
		s.Errorf("names %q and %q", d.Name, d.Title)
	}
	if d.OpenLife <= 0 || d.EarliestStage <= 0 || d.EarliestStage > d.OpenLife {
		s.Errorf("an attempt may be opened %v before its time and lives %v: it would not live to see it", d.EarliestStage, d.OpenLife)
	}
}

func (s *suite) validate() {
	good, creator := s.h.Draft()
	before := s.h.Effects()
	for _, c := range []shippost.Creator{{}, creator} {
		if problems := s.p.Validate(good, c); shippost.Blocking(problems) {
			s.Errorf("a good draft has %+v", problems)
		}
	}
	bad := platform.Draft{Caption: strings.Repeat("x", 1<<20)}
	problems := s.p.Validate(bad, creator)
	if len(problems) < 2 {
		s.Errorf("a draft without media and with an endless caption has only %+v", problems)
	}
	warned := false
	for _, p := range problems {
		if p.Code == "" || p.Field == "" || len(p.Message) < 10 || p.Remedy == "" || p.Severity != shippost.Block && p.Severity != shippost.Warn {
			s.Errorf("a problem that helps nobody: %+v", p)
		}
		if warned = warned || p.Severity == shippost.Warn; warned && p.Severity == shippost.Block {
			s.Error("a warning stands before what blocks")
		}
	}
	if s.h.Effects() != before {
		s.Error("Validate asked somebody")
	}
}

func (s *suite) stageIsInvisible() {
	p, l := s.payload("unseen"), &Ledger{}
	staged := s.stage(p, l)
	if l.Told() != "intend opened" || l.Receipt != staged.Receipt() {
		s.Errorf("steps %q", l.Told())
	}
	s.out()
	if err := staged.Close(); err != nil {
		s.Error(err)
	}
}

func (s *suite) ledgerComesFirst() {
	full := errors.New("the disk is full")
	for _, l := range []*Ledger{{IntendError: full}, {OpenedError: full}} {
		staged, err := s.p.Stage(s.Context(), s.payload("forbidden"), l)
		if err == nil {
			err = staged.Wait(s.Context())
		}
		if !errors.Is(err, full) {
			s.Errorf("after %q: %v, want the ledger's error as it is", l.Told(), err)
		}
		if l.IntendError != nil && l.Told() != "intend" {
			s.Errorf("went on after the intent was refused: %q", l.Told())
		}
	}
	s.out()
}

func (s *suite) commit() {
	p := s.publish("hello")
	v := s.confirm(p)
	if v.State != platform.Published {
		s.Errorf("verdict %+v", v)
	}
	if len(v.PostIDs) > 0 && v.Permalink == "" {
		s.Error("a post with an id has no address")
	}
	s.out(p)
}

func (s *suite) foreignStaged() {
	if out, err := s.p.Commit(s.Context(), foreign{}); err == nil || out.Accepted {
		s.Errorf("committed what was staged elsewhere: %+v", out)
	}
}

type foreign struct{}

func (foreign) Receipt() shippost.Receipt  { return shippost.Receipt{PublishID: "elsewhere"} }
func (foreign) Wait(context.Context) error { return nil }
func (foreign) Lost() <-chan struct{}      { return nil }
func (foreign) Close() error               { return nil }

func (s *suite) resume() {
	p := s.payload("resumed")
	first := s.stage(p, &Ledger{})
	p.Receipt = first.Receipt()
	if err := first.Close(); err != nil {
		s.Error(err)
	}
	l := &Ledger{}
	second := s.stage(p, l)
	if l.Told() != "" || second.Receipt().PublishID != p.Receipt.PublishID {
		s.Errorf("a resumed attempt was opened again: %q", l.Told())
	}
	if out, err := s.p.Commit(s.Context(), second); err != nil || !out.Accepted {
		s.Errorf("commit: %+v, %v", out, err)
	}
	if err := second.Close(); err != nil {
		s.Error(err)
	}
	s.out(p)
}

// An attempt that is out, resumed by a process that does not know it, must not bring the post there again.
func (s *suite) resumeWhatIsOut() {
	p := s.publish("once")
	staged, err := s.p.Stage(s.Context(), p, &Ledger{})
	if err == nil {
		if err = staged.Wait(s.Context()); err == nil {
			_, err = s.p.Commit(s.Context(), staged)
		}
		if closed := staged.Close(); closed != nil {
			s.Error(closed)
		}
	}
	if err != nil && platform.AsError(err) == nil {
		s.Errorf("%v is no error of the platform", err)
	}
	s.out(p)
}

func (s *suite) closeEndsNothing() {
	staged := s.stage(s.payload("dropped"), &Ledger{})
	for range 2 {
		if err := staged.Close(); err != nil {
			s.Errorf("close: %v", err)
		}
	}
	s.out()
}

func (s *suite) lostOpening() {
	if !s.h.Break(LoseOpen) {
		return
	}
	l := &Ledger{}
	staged, err := s.p.Stage(s.Context(), s.payload("lost"), l)
	if err == nil {
		err = staged.Wait(s.Context())
	}
	e := platform.AsError(err)
	if e == nil || e.Reach != platform.Maybe || s.p.Classify(err).Class != platform.Transient {
		s.Errorf("%v, want an error that says it may have arrived", err)
	}
	if l.Told() != "intend" {
		s.Errorf("steps %q", l.Told())
	}
	s.out()
	s.out(s.publish("the next attempt"))
}

func (s *suite) lostCommit() {
	if !s.h.Break(LoseCommit) {
		return
	}
	p := s.payload("maybe")
	staged := s.stage(p, &Ledger{})
	out, err := s.p.Commit(s.Context(), staged)
	if e := platform.AsError(err); e == nil || e.Reach == platform.NotSent || out.Accepted {
		s.Errorf("%+v, %v, want an error that leaves it open", out, err)
	}
	if err := staged.Close(); err != nil {
		s.Error(err)
	}
	p.Receipt = staged.Receipt()
	for range 3 {
		if v := s.confirm(p); v.State != platform.Published {
			s.Errorf("verdict %+v", v)
		}
	}
	s.out(p)
}

func (s *suite) refusedAfterwards() {
	if !s.h.Break(RefuseLater) {
		return
	}
	p := s.publish("unwanted")
	v := s.confirm(p)
	if v.State != platform.Refused || v.Reason.Class == "" || v.Reason.After == "" || v.Reason.Code == "" || len(v.Reason.Message) < 20 {
		s.Errorf("verdict %+v", v)
	}
	s.out()
}

func (s *suite) refusedToken() {
	if !s.h.Break(RefuseTokens) {
		return
	}
	p := s.payload("renewed")
	staged, err := s.p.Stage(s.Context(), p, &Ledger{})
	if err == nil {
		err = staged.Wait(s.Context())
	}
	if err != nil {
		// An opening request is not repeated by itself; the next attempt finds the new token.
		if s.p.Classify(err).Class != platform.Transient {
			s.Errorf("class of %v", err)
		}
		staged = s.stage(p, &Ledger{})
	}
	if _, err := s.p.Commit(s.Context(), staged); err != nil {
		s.Error(err)
	}
	if err := staged.Close(); err != nil {
		s.Error(err)
	}
	s.out(p)
}

func (s *suite) confirmOnlyReads() {
	p := s.payload("asked about")
	staged := s.stage(p, &Ledger{})
	p.Receipt = staged.Receipt()
	for range 3 {
		if v := s.confirm(p); v.State == platform.Published || v.State == platform.Refused {
			s.Errorf("before the commit: %+v", v)
		}
	}
	s.out()
	if out, err := s.p.Commit(s.Context(), staged); err != nil || !out.Accepted {
		s.Errorf("commit after questions: %+v, %v", out, err)
	}
	if err := staged.Close(); err != nil {
		s.Error(err)
	}
	for range 3 {
		s.confirm(p)
	}
	s.out(p)
}

func (s *suite) confirmOfNothing() {
	p := s.payload("never opened")
	if v, err := s.p.Confirm(s.Context(), p); err == nil && v.State == platform.Published {
		s.Errorf("an attempt without a receipt is published: %+v", v)
	}
	p.Receipt = shippost.Receipt{PublishID: "../../etc/passwd", UploadURL: shippost.NewSecret("https://canary.example/"), OpenedAt: time.Now()}
	if v, err := s.p.Confirm(s.Context(), p); err == nil && v.State == platform.Published {
		s.Errorf("an attempt with a made-up receipt is published: %+v", v)
	} else if err != nil && strings.Contains(err.Error(), "canary") {
		s.Errorf("%q tells the upload address", err)
	}
}

func (s *suite) changedFile() {
	changed := &platform.Error{Op: "open", Reach: platform.NotSent, Code: "media_changed", Err: errors.New("not what it was")}
	p := s.payload("changed")
	p.Media[0].Open = func(context.Context, int64) (io.ReadCloser, error) { return nil, changed }
	staged, err := s.p.Stage(s.Context(), p, &Ledger{})
	if err == nil {
		if err = staged.Wait(s.Context()); err == nil {
			_, err = s.p.Commit(s.Context(), staged)
		}
		if closed := staged.Close(); closed != nil {
			s.Error(closed)
		}
	}
	if !errors.Is(err, changed) {
		s.Errorf("%v, want the file's own error", err)
	}
	s.out()
}

func (s *suite) cancelled() {
	gone, cancel := context.WithCancel(s.Context())
	cancel()
	staged, err := s.p.Stage(gone, s.payload("nobody waits"), &Ledger{})
	if err == nil {
		err = staged.Wait(gone)
		if closed := staged.Close(); closed != nil {
			s.Error(closed)
		}
	}
	if err == nil {
		s.Error("ready for somebody who is gone")
	}
	s.out()
}

func (s *suite) classify() {
	for name, c := range map[string]struct {
		err  error
		want platform.Class
	}{
		"reconnect": {shippost.Errorf(shippost.Reconnect, "needs_reconnect", "Connect the account again."), platform.Auth},
		"any other": {errors.New("disk on fire"), platform.Transient},
		"a gateway": {&platform.Error{Op: "x", Reach: platform.Answered, Status: 502}, ""},
		"unknown":   {&platform.Error{Op: "x", Reach: platform.Answered, Status: 200, Code: "brand_new_code"}, platform.Unknown},
		"not sent":  {&platform.Error{Op: "x", Reach: platform.NotSent, Code: platform.CodeNetwork}, ""},
		"whole":     {&platform.Error{Op: "x", Reach: platform.Answered, Code: platform.CodeUploadWhole}, platform.Transient},
	} {
		f := s.p.Classify(c.err)
		if c.want != "" && f.Class != c.want || f.Class == "" || f.Code == "" || len(f.Message) < 20 || f.Remedy == "" {
			s.Errorf("%s: %+v, want class %q", name, f, c.want)
		}
	}
}

func (s *suite) manyAtOnce() {
	const n = 4
	done := make([]platform.Payload, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { done[i] = s.publish("number " + string(rune('a'+i))) })
	}
	all.Wait()
	s.out(done...)
}

func (s *suite) creatorAndAdjust() {
	reader, ok := platform.Can[platform.CreatorReader](s.p)
	if !ok {
		return
	}
	creator, err := reader.Creator(s.Context(), s.h.Tokens())
	if err != nil || creator.Nickname == "" {
		s.Errorf("creator %+v, %v", creator, err)
	}
	adjuster, ok := platform.Can[platform.Adjuster](s.p)
	if !ok {
		return
	}
	draft, _ := s.h.Draft()
	same, notes := adjuster.Adjust(draft.Options, shippost.Creator{})
	if len(notes) != 0 || same.TikTok != nil && draft.Options.TikTok.PrivacyLevel != same.TikTok.PrivacyLevel {
		s.Errorf("a creator who forbids nothing changes %+v", notes)
	}
}

// wrapped is an adapter behind something else, such as a counter.
type wrapped struct{ platform.Platform }

func (w wrapped) Unwrap() platform.Platform { return w.Platform }

func (s *suite) abilities() {
	_, direct := platform.Can[platform.Refresher](s.p)
	if _, through := platform.Can[platform.Refresher](wrapped{wrapped{s.p}}); through != direct {
		s.Error("an ability is lost behind a wrapper")
	}
	revoker, ok := platform.Can[platform.Revoker](s.p)
	if !ok {
		return
	}
	token, err := s.h.Tokens().Token(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	for range 2 {
		if err := revoker.Revoke(s.Context(), token); err != nil {
			s.Errorf("revoke: %v", err)
		}
	}
}
