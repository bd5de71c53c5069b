// Package callback takes in what platforms tell by themselves. A message is a hint: what became of a post is asked for, as
// long as there is access to ask with. The end of an account's access counts at once, and so does that
// viewers can no longer see a post, because no question tells that.
package callback

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

const (
	ahead  = 5 * time.Minute // how far the sender's clock may be ahead of ours
	oldest = 72 * time.Hour  // how long platforms try again (TikTok contract 6.1)
	kept   = 2 * oldest      // how long a message is known, so that it cannot be told anew
)

// Posts hears of attempts about which something is to be learnt.
type Posts interface {
	// Told takes in what a message of kind EventPost says, in the transaction that keeps it. An attempt that is not known
	// is no error.
	Told(ctx context.Context, tx *store.Tx, p shippost.PlatformName, e platform.Event) error
	// Seen notes whether viewers can see a post: nothing can be asked about that, so the message is all there is.
	Seen(ctx context.Context, tx *store.Tx, p shippost.PlatformName, subject, publishID string, at time.Time, visible bool) error
}

// Accounts hears of access that was taken away.
type Accounts interface {
	// Removed ends the account of a creator, if it was connected before that happened.
	Removed(ctx context.Context, tx *store.Tx, p shippost.PlatformName, subject string, at time.Time) error
}

// Options is what an Inbox needs. All fields are required.
type Options struct {
	DB        *store.DB
	Platforms map[shippost.PlatformName]platform.Platform
	Posts     Posts
	Accounts  Accounts
	Now       func() time.Time
	Log       *slog.Logger
}

// Inbox takes messages in. Its methods may be called from many goroutines at once.
type Inbox struct{ Options }

// New returns an Inbox.
func New(o Options) *Inbox { return &Inbox{o} }

// Receive takes in one message. It returns nil once the message is durable and need not come again, also when it says
// nothing that concerns us or came before. One that was not signed by the platform, or was signed more than three
// days ago, is Forbidden and changes nothing.
func (in *Inbox) Receive(ctx context.Context, name shippost.PlatformName, header http.Header, body []byte) error {
	reader, ok := platform.Can[platform.EventReader](in.Platforms[name])
	if !ok {
		return shippost.Errorf(shippost.NotFound, "platform_not_found", "This server does not know that platform.")
	}
	e, err := reader.ReadEvent(header, body)
	if err != nil {
		return err
	}
	if age := in.Now().Sub(e.SignedAt); age > oldest || age < -ahead {
		return shippost.Errorf(shippost.Forbidden, "stale_signature", "This message was signed too long ago, or by a clock that is ahead.")
	}
	sum := sha256.Sum256(body)
	return in.DB.Update(ctx, func(tx *store.Tx) error {
		// A retry may be signed anew or not; the bytes below the signature tell whether it is one.
		first, err := tx.NoteCallback(ctx, hex.EncodeToString(sum[:]), name, e.Name)
		if err != nil || !first {
			return err
		}
		switch e.Kind {
		case platform.EventPost:
			if e.Visible != platform.VisibleUnsaid {
				if err := in.Posts.Seen(ctx, tx, name, e.Subject, e.PublishID, e.At, e.Visible == platform.VisibleNow); err != nil {
					return err
				}
			}
			return in.Posts.Told(ctx, tx, name, e)
		case platform.EventRemoved:
			return in.Accounts.Removed(ctx, tx, name, e.Subject, e.At)
		default:
			in.Log.Debug("a platform told something that concerns nobody here", "platform", name, "event", e.Name)
			return nil
		}
	})
}

// Sweep forgets messages that are too old to come again.
func (in *Inbox) Sweep(ctx context.Context) error {
	return in.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.SweepCallbacks(ctx, in.Now().Add(-kept))
		return err
	})
}
