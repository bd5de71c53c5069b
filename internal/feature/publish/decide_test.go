package publish

import (
	"slices"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

var due = time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)

// queued is a post due at due with a late window of an hour, on an active account, to be staged a minute before.
func queued(change func(*situation)) situation {
	s := situation{
		Post:    shippost.Post{Status: shippost.PostQueued, Due: shippost.Due{At: due}, LateWindow: time.Hour, Version: 3},
		Account: shippost.Account{Status: shippost.AccountActive, Epoch: 2},
		StageAt: due.Add(-time.Minute),
	}
	if change != nil {
		change(&s)
	}
	return s
}

// living gives the situation an attempt.
func living(state shippost.AttemptState, change func(*situation)) situation {
	return queued(func(s *situation) {
		s.Post.Status = shippost.PostPublishing
		s.Attempt = &shippost.Attempt{State: state, PostVersion: 3, Epoch: 2, OpenedAt: due.Add(-30 * time.Minute)}
		if change != nil {
			change(s)
		}
	})
}

func TestDecide(t *testing.T) {
	cases := []struct {
		name string
		s    situation
		at   time.Duration // from due
		want action
	}{
		{"long before", queued(nil), -time.Hour, actSleep},
		{"time to stage", queued(nil), -time.Minute, actPlan},
		{"late within the window", queued(nil), time.Hour, actPlan},
		{"window over", queued(nil), time.Hour + time.Second, actMiss},
		{"no window still allows a minute", queued(func(s *situation) { s.Post.LateWindow = 0 }), time.Minute, actPlan},
		{"and no more", queued(func(s *situation) { s.Post.LateWindow = 0 }), time.Minute + time.Second, actMiss},
		{"further attempts have an hour more", queued(func(s *situation) { s.Committed = 1 }), 2 * time.Hour, actPlan},
		{"account broken", queued(func(s *situation) { s.Account.Status = shippost.AccountReconnect }), -time.Minute, actHold},
		{"account gone", queued(func(s *situation) { s.Account.Status = shippost.AccountDisconnected }), -time.Minute, actHold},
		{"account broken until the end", queued(func(s *situation) { s.Account.Status = shippost.AccountReconnect }), 2 * time.Hour, actMiss},
		{"draft", queued(func(s *situation) { s.Post.Status = shippost.PostDraft }), 0, actNothing},
		{"cancelled", queued(func(s *situation) { s.Post.Status = shippost.PostCancelled }), 0, actNothing},
		{"posted", queued(func(s *situation) { s.Post.Status = shippost.PostPosted }), 0, actNothing},

		{"C2 crash after the claim", living(shippost.AttemptPlanned, nil), 0, actStage},
		{"C3 crash around init", living(shippost.AttemptInitSent, nil), 0, actBury},
		{"C5 crash after init", living(shippost.AttemptOpen, nil), 0, actStage},
		{"C5 URL too old", living(shippost.AttemptOpen, func(s *situation) { s.Attempt.OpenedAt = due.Add(-51 * time.Minute) }), 0, actBury},
		{"C26 edited while open", living(shippost.AttemptOpen, func(s *situation) { s.Post.Version = 4 }), 0, actBury},
		{"C26 edited while planned", living(shippost.AttemptPlanned, func(s *situation) { s.Post.Version = 4 }), 0, actBury},
		{"C27 account connected anew", living(shippost.AttemptOpen, func(s *situation) { s.Account.Epoch = 3 }), 0, actBury},
		{"C27 disconnected while planned", living(shippost.AttemptPlanned, func(s *situation) { s.Account.Status = shippost.AccountDisconnected }), 0, actBury},
		{"window over while open", living(shippost.AttemptOpen, func(s *situation) { s.Attempt.OpenedAt = due.Add(time.Hour) }), 61 * time.Minute, actBury},
		{"C8 crash after the committing row", living(shippost.AttemptCommitting, nil), 0, actAsk},
		{"C8 even if edited since", living(shippost.AttemptCommitting, func(s *situation) { s.Post.Version = 4 }), 0, actAsk},
		{"C13 processing for days", living(shippost.AttemptHandedOver, nil), 50 * time.Hour, actAsk},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := decide(c.s, due.Add(c.at)); got.Do != c.want {
				t.Errorf("%s, want %s", got.Do, c.want)
			}
		})
	}
}

func TestDispose(t *testing.T) {
	cases := []struct {
		name       string
		s          situation
		f          platform.Failure
		gone       bool
		wantStatus shippost.PostStatus
		wantHold   bool
		wantResume bool
	}{
		{"our own budget", living(shippost.AttemptPlanned, nil), platform.Failure{Class: platform.Rate, Code: codeOwnBudget, RetryAfter: 7 * time.Second}, false, shippost.PostQueued, false, false},
		{"line cut while uploading", living(shippost.AttemptOpen, nil), platform.Failure{Class: platform.Transient}, false, shippost.PostQueued, false, true},
		{"upload expired", living(shippost.AttemptOpen, nil), platform.Failure{Class: platform.Transient}, true, shippost.PostQueued, false, false},
		{"init lost", living(shippost.AttemptInitSent, nil), platform.Failure{Class: platform.Transient}, false, shippost.PostQueued, false, false},
		{"rate", living(shippost.AttemptInitSent, nil), platform.Failure{Class: platform.Rate}, false, shippost.PostQueued, false, false},
		{"cap", living(shippost.AttemptInitSent, nil), platform.Failure{Class: platform.Quota, Code: "spam_risk_too_many_posts"}, false, shippost.PostQueued, true, false},
		{"token dead", living(shippost.AttemptPlanned, nil), platform.Failure{Class: platform.Auth}, false, shippost.PostQueued, true, false},
		{"bad caption", living(shippost.AttemptInitSent, nil), platform.Failure{Class: platform.Content}, false, shippost.PostFailed, false, false},
		{"the creator turned private", living(shippost.AttemptPlanned, nil), platform.Failure{Class: platform.Content, Ask: true}, false, shippost.PostQueued, true, false},
		{"banned", living(shippost.AttemptInitSent, nil), platform.Failure{Class: platform.Declined}, false, shippost.PostFailed, false, false},
		{"unknown code, first time", living(shippost.AttemptInitSent, nil), platform.Failure{Class: platform.Unknown}, false, shippost.PostQueued, false, false},
		{"unknown code, third time", living(shippost.AttemptInitSent, func(s *situation) { s.Unknown = 2 }), platform.Failure{Class: platform.Unknown}, false, shippost.PostFailed, false, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := dispose(c.s, c.f, due, 1, c.gone)
			if d.Status != c.wantStatus || (d.Hold != nil) != c.wantHold || d.Resume != c.wantResume {
				t.Errorf("status %s, hold %v, resume %v; want %s, %v, %v", d.Status, d.Hold != nil, d.Resume, c.wantStatus, c.wantHold, c.wantResume)
			}
			if d.Status == shippost.PostQueued && !d.Wake.After(due) {
				t.Errorf("a queued post wakes at %v, which is not later than now", d.Wake)
			}
			if d.Status == shippost.PostQueued && d.Wake.After(c.s.Post.Deadline().Add(time.Second)) {
				t.Errorf("a queued post wakes at %v, after its window; it would be missed without being told", d.Wake)
			}
			if wait := d.Wake.Sub(due); c.f.Class == platform.Rate && (wait < time.Minute) != (c.f.Code == codeOwnBudget) || c.f.Code == codeOwnBudget && wait != c.f.RetryAfter {
				t.Errorf("it waits %s; want a minute for the platform, and for ourselves no longer than we must", wait)
			}
			if d.Status == shippost.PostFailed && d.Failure == nil {
				t.Error("a failed post without a reason")
			}
		})
	}
}

func TestAfterRefusal(t *testing.T) {
	retry := platform.Failure{Code: "internal", After: platform.Transient}
	final := platform.Failure{Code: "spam_risk", After: platform.Declined}
	cases := []struct {
		name string
		f    platform.Failure
		past int // attempts that died committed before this one
		at   time.Duration
		want shippost.PostStatus
	}{
		{"C14 retry inside the window", retry, 0, time.Minute, shippost.PostQueued},
		{"C14 third attempt", retry, 1, time.Minute, shippost.PostQueued},
		{"C14 no fourth attempt", retry, 2, time.Minute, shippost.PostFailed},
		{"C14 within the hour after the window", retry, 0, 119 * time.Minute, shippost.PostQueued},
		{"C14 too late", retry, 0, 121 * time.Minute, shippost.PostFailed},
		{"C15 final", final, 0, time.Minute, shippost.PostFailed},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := living(shippost.AttemptHandedOver, func(s *situation) { s.Committed = c.past })
			if d := afterRefusal(s, c.f, due.Add(c.at)); d.Status != c.want {
				t.Errorf("%s, want %s", d.Status, c.want)
			}
		})
	}
}

// paced is a platform that is told how long its bytes take.
type paced struct {
	platform.Platform
	lead time.Duration
}

func (p paced) Describe() platform.Description {
	return platform.Description{EarliestStage: 40 * time.Minute}
}
func (p paced) Lead(int64) time.Duration { return p.lead }

func TestStageAt(t *testing.T) {
	cases := []struct {
		name       string
		lead, want time.Duration
		crowd      []time.Duration // when others of its account are due after it
		fixed      []time.Duration // when photos of its account are due
	}{
		{"tiny file", 0, 30 * time.Second, nil, nil},
		{"four seconds", 4 * time.Second, 38 * time.Second, nil, nil},
		{"a quarter of an hour", 15 * time.Minute, 30*time.Minute + 30*time.Second, nil, nil},
		{"never earlier than the platform allows", time.Hour, 40 * time.Minute, nil, nil},
		{"two others at the same time", 0, 30*time.Second + 2*initTurn, []time.Duration{0, 0}, nil},
		{"others a second apart", 0, 30*time.Second + 3*initTurn - 3*time.Second, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}, nil},
		{"others a minute apart", 0, 30 * time.Second, []time.Duration{time.Minute, 2 * time.Minute, 3 * time.Minute}, nil},
		{"many in a minute", 0, 30*time.Second + 5*initTurn - time.Minute, slices.Repeat([]time.Duration{time.Minute}, 5), nil},
		{"more than can be", 0, 40 * time.Minute, make([]time.Duration, 200), nil},
		{"photos at the same time", 0, time.Minute + time.Second, nil, make([]time.Duration, 4)},
		{"more photos than at once", 0, time.Minute + time.Second, nil, make([]time.Duration, 9)},
		{"photos before it that take until then", 0, 4*time.Minute + time.Second, nil, slices.Repeat([]time.Duration{-3 * time.Minute}, 12)},
		{"photos before it that are through", 0, 30 * time.Second, nil, slices.Repeat([]time.Duration{-3 * time.Minute}, 8)},
		{"photos a minute apart", 0, 4*time.Minute + time.Second, nil, []time.Duration{-3 * time.Minute, -2 * time.Minute, -time.Minute, 0}},
		{"photos just after", 0, 31 * time.Second, nil, []time.Duration{30 * time.Second}},
		{"photos later", 0, 30 * time.Second, nil, []time.Duration{40 * time.Second}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var crowd []time.Time
			for _, later := range c.crowd {
				crowd = append(crowd, due.Add(later))
			}
			var fixed []time.Time
			for _, at := range c.fixed {
				fixed = append(fixed, due.Add(at))
			}
			if got := due.Sub(stageAt(due, 1, paced{lead: c.lead}, crowd, fixed)); got != c.want {
				t.Errorf("%v before the due time, want %v", got, c.want)
			}
		})
	}
}
