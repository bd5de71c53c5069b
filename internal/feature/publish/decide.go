package publish

import (
	"time"

	"ship-post.com/shippost"
)

// situation is everything the publisher knows about a post when it decides what to do next.
type situation struct {
	Post      shippost.Post
	Account   shippost.Account
	Media     []shippost.Media
	Attempt   *shippost.Attempt // the living one, or nil
	Dead      int               // attempts that died
	Committed int               // attempts that died past the point of no return
	Unknown   int               // attempts that died of a code nobody knows
	Replaced  int               // attempts in a row whose token was refused before its time
	Last      *shippost.Failure // why the latest dead one failed, nil when it did not fail
	StageAt   time.Time
}

// kind returns whether the post is a video or photos.
func (s situation) kind() shippost.MediaKind {
	if len(s.Media) > 0 {
		return s.Media[0].Kind
	}
	return shippost.Video
}

// size returns the bytes of the post.
func (s situation) size() int64 {
	var n int64
	for _, m := range s.Media {
		n += m.Size
	}
	return n
}

// action is what to do next about a post.
type action string

// The actions.
const (
	actNothing action = "nothing" // it ended, or is a draft
	actSleep   action = "sleep"   // look again at decision.At
	actMiss    action = "miss"    // the late window is over
	actHold    action = "hold"    // it waits for a person, decision.Hold says why
	actPlan    action = "plan"    // plan a new attempt
	actStage   action = "stage"   // stage the living attempt, from its beginning or from its receipt
	actBury    action = "bury"    // the living attempt is dead; decision.Why says what made us look
	actAsk     action = "ask"     // the living attempt is past the point of no return: ask the platform
)

type decision struct {
	Do   action
	At   time.Time
	Why  string
	Hold *shippost.Hold
}

// decide says what to do next about a post. It is the whole policy of what is tried when (reliability §4, §5).
func decide(s situation, now time.Time) decision {
	switch s.Post.Status {
	case shippost.PostQueued, shippost.PostPublishing:
	default:
		return decision{Do: actNothing}
	}
	if s.Attempt != nil {
		return decideLiving(s, now)
	}
	until := allowedUntil(s.Post, s.Committed)
	switch {
	case now.After(until):
		return decision{Do: actMiss}
	case s.Account.Status == shippost.AccountReconnect:
		d := decision{Do: actHold, At: earlier(now.Add(time.Minute), until.Add(time.Second)), Hold: &shippost.Hold{
			Code: "needs_reconnect", Remedy: shippost.RemedyReconnect, Since: now,
			Message: s.Account.Why() + " Connect it again and the post goes on."}}
		if held := s.Post.Hold; held != nil && held.Remedy == shippost.RemedyReconnect {
			d.Hold = held // it knows more exactly what is missing
		}
		return d
	case s.Account.Status != shippost.AccountActive:
		return decision{Do: actHold, At: until.Add(time.Second), Hold: &shippost.Hold{
			Code: "disconnected", Remedy: shippost.RemedyReconnect, Since: now,
			Message: "The account is not connected. Connect it again and the post goes on."}}
	case now.Before(s.StageAt):
		return decision{Do: actSleep, At: s.StageAt}
	}
	return decision{Do: actPlan}
}

func decideLiving(s situation, now time.Time) decision {
	a := *s.Attempt
	stale := a.PostVersion != s.Post.Version || a.Epoch != s.Account.Epoch || s.Account.Status == shippost.AccountDisconnected
	switch a.State {
	case shippost.AttemptPlanned:
		if stale {
			return decision{Do: actBury, Why: "the post or its account changed"}
		}
		if now.After(allowedUntil(s.Post, s.Committed)) {
			return decision{Do: actBury, Why: "the late window is over"}
		}
		return decision{Do: actStage}
	case shippost.AttemptInitSent:
		return decision{Do: actBury, Why: "the answer to the init request is lost"}
	case shippost.AttemptOpen:
		switch {
		case stale:
			return decision{Do: actBury, Why: "the post or its account changed"}
		case now.After(allowedUntil(s.Post, s.Committed)):
			return decision{Do: actBury, Why: "the late window is over"}
		case !resumable(a, now, s.Post.Due.At):
			return decision{Do: actBury, Why: "the upload URL will not live long enough"}
		}
		return decision{Do: actStage}
	case shippost.AttemptCommitting, shippost.AttemptHandedOver:
		return decision{Do: actAsk}
	default:
		return decision{Do: actNothing}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
