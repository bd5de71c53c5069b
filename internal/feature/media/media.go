// Package media receives files, finds out what they are and gives their bytes to those who may have them.
//
// A file arrives in the spool, piece by piece, with its hash. The transaction that notes its last byte also inserts the job
// that checks it: reads what it is, takes traces out of it, makes a poster and moves it into the bucket. Keys in the
// bucket follow from the media's id, so a check that was cut off is simply run again.
package media

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob"
	"ship-post.com/shippost/internal/blob/spool"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/probe"
	"ship-post.com/shippost/internal/store"
)

// MaxSize is the largest file that is taken, in bytes (TikTok contract 4.12: 4 GB).
const MaxSize = 4 << 30

// Options is what a Library needs. DB, Bucket, Spool and Jobs are required; zero limits mean the defaults.
type Options struct {
	DB     *store.DB
	Bucket blob.Bucket
	Spool  *spool.Spool // on the same file system as a disk bucket
	Jobs   *jobs.Client
	FFmpeg string           // path of ffmpeg, "" for none
	HEIF   string           // path of a program that decodes HEIC photos, "" for none
	Now    func() time.Time // nil means time.Now
	Log    *slog.Logger     // nil drops it

	MaxSize  int64         // bytes of one file; 0 means MaxSize
	Quota    int64         // bytes of a workspace; 0 means 50 GB
	Daily    int64         // bytes that a workspace may begin to upload within 24 hours; 0 means 20 GB
	Parallel int           // unfinished uploads of a workspace; 0 means 3
	Idle     time.Duration // how long an unfinished upload may rest; 0 means 24 hours
	Fit      probe.Fit     // the largest photo; zero means 1920 × 1080, lying or standing

	// Space tells the free and total bytes for new files; nil means those of the spool.
	Space func() (free, total int64, err error)
}

// Upload is a file on its way in.
type Upload = store.Upload

// Library is the media of all workspaces. All methods may be called from many goroutines at once.
type Library struct {
	Options
	writers writers
	checks  running
	photos  chan struct{} // decoding a photo takes much memory, so one at a time
	proven  sync.Map      // shippost.MediaID → proof
}

// New returns a library.
func New(o Options) *Library {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if o.Space == nil {
		o.Space = o.Spool.Space
	}
	orDefault(&o.MaxSize, MaxSize)
	orDefault(&o.Quota, 50_000_000_000)
	orDefault(&o.Daily, 20_000_000_000)
	orDefault(&o.Parallel, 3)
	orDefault(&o.Idle, 24*time.Hour)
	orDefault(&o.Fit, probe.Fit{Long: 1920, Short: 1080})
	return &Library{Options: o, photos: make(chan struct{}, 1)}
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// The folders of the bucket.
const (
	mediaFolder  = "media"
	posterFolder = "poster"
)

func mediaKey(id shippost.MediaID) string  { return blob.Key(mediaFolder, string(id)) }
func posterKey(id shippost.MediaID) string { return blob.Key(posterFolder, string(id)) }

// Get returns a file of the actor's workspace, a deleted one too.
func (l *Library) Get(ctx context.Context, actor shippost.Actor, id shippost.MediaID) (shippost.Media, error) {
	var m shippost.Media
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return m, err
	}
	err := l.DB.View(ctx, func(tx *store.Tx) (err error) {
		m, err = tx.Media(ctx, actor.Workspace, id)
		return err
	})
	return m, err
}

// Page limits of List.
const (
	defaultPage = 50
	maxPage     = 200
)

// List returns files of the actor's workspace, newest first, and where the next page begins; "" after the last page. A
// limit of zero means 50, and at most 200 come at once.
func (l *Library) List(ctx context.Context, actor shippost.Actor, f store.MediaFilter) (page []shippost.Media, next shippost.MediaID, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, "", err
	}
	if f.Limit <= 0 {
		f.Limit = defaultPage
	}
	limit := min(f.Limit, maxPage)
	f.Limit = limit + 1
	err = l.DB.View(ctx, func(tx *store.Tx) (err error) {
		page, err = tx.MediaList(ctx, actor.Workspace, f)
		return err
	})
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].ID
	}
	return page, next, err
}
