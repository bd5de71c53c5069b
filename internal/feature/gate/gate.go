// Package gate lets a platform fetch the photos of an attempt, each from a secret address of its own, and gives out no
// byte before the attempt is past its commit.
//
// Where the gate stands is the state of the attempt in the database, so any node may serve any address, and a crash
// opens or closes nothing. Before a photo's last byte leaves for the first time, a record says so: whatever lacks that
// record has never been handed over whole, which can prove an attempt dead (reliability §2.3, D7).
package gate

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"strings"
	"sync"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/store"
)

const (
	holdTime  = 25 * time.Second       // how long a request may wait for the gate
	againTime = 5 * time.Second        // when to come again after that
	lookTime  = 250 * time.Millisecond // how often a waiting request looks whether another node opened the gate
)

// Path is where on a server the addresses begin.
const Path = "/pull/"

// Files gives the bytes of photos.
type Files interface {
	// Reader returns a ready file; code media_changed when it is no longer the one that was received.
	Reader(ctx context.Context, m shippost.Media) (media.Content, error)
}

// Options is what a Gate needs. DB, Files, Now and Log are required.
type Options struct {
	DB    *store.DB
	Files Files
	// URL is where platforms reach the addresses: https and a host. "" when this server cannot be reached from outside.
	URL string
	// CheckURL is where this server asks itself whether they can; "" means URL.
	CheckURL string
	Clients  *outbound.Clients // may reach CheckURL; nil leaves the check out
	Now      func() time.Time
	Log      *slog.Logger
	Hold     time.Duration // how long a request may wait for the gate; 0 means 25 seconds
}

// Gate serves the photos of attempts. All methods may be called from many goroutines at once.
type Gate struct {
	Options
	reach reach

	mu     sync.Mutex
	opened chan struct{}                   // closed and replaced when a gate opened in this process
	waits  map[shippost.AttemptID]waitTime // of attempts whose platform came before the gate opened
}

// waitTime is the time in which requests of an attempt may wait.
type waitTime struct{ until time.Time }

// New returns a Gate.
func New(o Options) *Gate {
	if o.Hold == 0 {
		o.Hold = holdTime
	}
	if o.CheckURL == "" {
		o.CheckURL = o.URL
	}
	return &Gate{Options: o, opened: make(chan struct{}), waits: make(map[shippost.AttemptID]waitTime)}
}

// Stance is what an address does for whoever knows it.
type Stance uint8

// The stances.
const (
	Shut    Stance = iota // as if it did not exist
	Waiting               // it tells what it leads to, and gives no byte yet
	Open                  // it gives the photo
)

// StanceOf says what an address of an attempt in that state does. closed is set once the attempt is given up though the
// platform never ended it.
func StanceOf(state shippost.AttemptState, closed bool) Stance {
	if closed {
		return Shut
	}
	switch state {
	case shippost.AttemptPlanned, shippost.AttemptInitSent, shippost.AttemptOpen:
		return Waiting
	case shippost.AttemptCommitting, shippost.AttemptHandedOver:
		return Open
	default:
		return Shut
	}
}

// Issue makes the addresses of a planned attempt, in the order of its photos. False means that somebody else moved
// the attempt on. Issuing again makes the former addresses worthless.
func (g *Gate) Issue(ctx context.Context, tx *store.Tx, a shippost.Attempt, photos []shippost.MediaID) ([]shippost.Secret, bool, error) {
	if p := g.unreachable(); p != nil {
		return nil, false, shippost.Rejected([]shippost.Problem{*p})
	}
	var addresses []shippost.Secret
	var list []store.Pull
	for i, id := range photos {
		token := newToken()
		addresses = append(addresses, shippost.NewSecret(strings.TrimSuffix(g.URL, "/")+Path+token))
		list = append(list, store.Pull{Hash: hashOf(token), Attempt: a.ID, Position: i, Media: id})
	}
	ok, err := tx.IssuePulls(ctx, a, list)
	return addresses, ok, err
}

// newToken returns 256 random bits as they stand in an address.
func newToken() string {
	var b [32]byte
	// crypto/rand.Read never fails: it ends the program when the system has no randomness.
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func hashOf(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Opened wakes the requests that wait in this process. Call it when a committing row has become durable.
func (g *Gate) Opened() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.opened)
	g.opened = make(chan struct{})
}

// Photo is what an address leads to.
type Photo struct {
	Type string // MIME type
	Size int64
	hash string
	file shippost.Media
}

// nothing is the one error for tokens that are wrong, old, revoked or finished: the two are never told apart.
func nothing() error {
	return shippost.Errorf(shippost.NotFound, "page_not_found", "There is nothing at this address.")
}

// Look returns what the address with the token leads to, also while its bytes are not given out; NotFound for every
// token that leads nowhere, whatever the reason, after the same work.
func (g *Gate) Look(ctx context.Context, token string) (Photo, error) {
	p, _, err := g.find(ctx, token)
	return p, err
}

func (g *Gate) find(ctx context.Context, token string) (Photo, store.PulledPhoto, error) {
	hash := hashOf(token)
	var row store.PulledPhoto
	var file shippost.Media
	err := g.DB.View(ctx, func(tx *store.Tx) (err error) {
		row, err = tx.PulledPhoto(ctx, hash)
		if err == nil && StanceOf(row.State, row.Closed) == Shut {
			err = nothing()
		}
		if err != nil {
			return err
		}
		file, err = tx.Media(ctx, row.Workspace, row.Media)
		return err
	})
	if shippost.IsKind(err, shippost.NotFound) {
		err = nothing()
	}
	return Photo{Type: file.Type, Size: file.Size, hash: hash, file: file}, row, err
}

// Admit is Look for whoever wants the bytes: it waits until they may be given out. All requests of one attempt share
// the time for that, because a platform may fetch every photo before it answers the init that is to open the gate. When it is
// over, or stop is closed, the error is of kind Unavailable and says when to come again.
func (g *Gate) Admit(ctx context.Context, token string, stop <-chan struct{}) (Photo, error) {
	var over <-chan time.Time
	for {
		opened := g.signal()
		p, row, err := g.find(ctx, token)
		if err != nil || StanceOf(row.State, row.Closed) == Open {
			return p, err
		}
		if over == nil {
			left := g.waitFor(row.Attempt)
			if left <= 0 {
				return p, notYet()
			}
			timer := time.NewTimer(left)
			defer timer.Stop()
			over = timer.C
		}
		look := time.NewTimer(lookTime)
		select {
		case <-opened:
		case <-look.C:
		case <-over:
			err = notYet()
		case <-stop:
			err = notYet()
		case <-ctx.Done():
			err = ctx.Err()
		}
		look.Stop()
		if err != nil {
			return p, err
		}
	}
}

func notYet() error {
	e := shippost.Errorf(shippost.Unavailable, "not_yet", "This file is not given out yet. Ask again in a moment.")
	e.RetryAfter = againTime
	return e
}

func (g *Gate) signal() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.opened
}

// waitFor returns how long a request of the attempt may wait now. The first one starts the time; some seconds after it
// is over it starts anew.
func (g *Gate) waitFor(id shippost.AttemptID) time.Duration {
	now := g.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	for other, w := range g.waits {
		if now.After(w.until.Add(againTime)) {
			delete(g.waits, other)
		}
	}
	w, ok := g.waits[id]
	if !ok {
		w = waitTime{now.Add(g.Hold)}
		g.waits[id] = w
	}
	return w.until.Sub(now)
}
