package lifecycle

import (
	"context"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// The reasons of a Stay.
const (
	StayAlways   = "always"   // the workspace keeps everything
	StayUnposted = "unposted" // no post with it was posted; only a person removes it
	StayNeeded   = "needed"   // a post that is not over may need it
	StayPosted   = "posted"   // its time is counted from its last post
)

// Stay says how long a file stays by the rule of its workspace, as things are.
type Stay struct {
	Why   string
	Until time.Time // of StayPosted: the first sweep after it removes the file
}

// StayOf returns how long a file with a use stays where posted files are kept for so many days. It tells beforehand what retain
// does.
func StayOf(days int, use store.MediaUse) Stay {
	switch {
	case days == KeepAlways:
		return Stay{Why: StayAlways}
	case use.Posted == 0:
		return Stay{Why: StayUnposted}
	case use.Open > 0 || use.Last.IsZero():
		return Stay{Why: StayNeeded}
	}
	return Stay{Why: StayPosted, Until: use.Last.Add(time.Duration(days) * 24 * time.Hour)}
}

// Stays returns a function that tells how long a file of the actor's workspace stays.
func (k *Keeper) Stays(ctx context.Context, actor shippost.Actor) (func(store.MediaUse) Stay, error) {
	days, err := k.KeepPosted(ctx, actor)
	return func(use store.MediaUse) Stay { return StayOf(days, use) }, err
}
