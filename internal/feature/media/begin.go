package media

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/store"
)

// Offer is a file that somebody wants to upload.
type Offer struct {
	Size     int64 // bytes; fixed from here on
	FileName string
	Metadata map[string]string // what is not among the known keys is dropped
}

// Limits of an offer.
const (
	maxNameRunes = 200
	maxMetadata  = 4096 // bytes, all keys and values together
)

// The disk guard of reliability §11: new files are refused while less than this is free.
const (
	freeFloor   = 2 << 30
	freePercent = 5
)

// Begin makes room for a file and returns its upload. It is refused, in a sentence, when the file is empty or too large, when
// the workspace has reached its quota, its daily amount or its number of parallel uploads, and when the disk is nearly full.
func (l *Library) Begin(ctx context.Context, actor shippost.Actor, o Offer) (store.Upload, error) {
	if err := actor.Require(shippost.UploadMedia); err != nil {
		return store.Upload{}, err
	}
	if err := l.checkOffer(o); err != nil {
		return store.Upload{}, err
	}
	if err := l.checkSpace(o.Size); err != nil {
		return store.Upload{}, err
	}
	now := l.now()
	m := shippost.Media{ID: shippost.NewMediaID(now), Workspace: actor.Workspace, UploadedBy: actor.User, Status: shippost.MediaReceiving,
		FileName: displayName(o.FileName), Size: o.Size, ReceivedSize: o.Size, CreatedAt: now}
	u := store.Upload{ID: shippost.NewUploadID(now), Workspace: actor.Workspace, User: actor.User, Media: m.ID, Size: o.Size,
		FileName: m.FileName, Metadata: known(o.Metadata), CreatedAt: now, TouchedAt: now}
	// The file comes before the row that names it; one without a row is swept.
	if err := l.Spool.Create(string(m.ID)); err != nil {
		return store.Upload{}, err
	}
	err := l.DB.Update(ctx, func(tx *store.Tx) error {
		if err := l.checkLimits(ctx, tx, actor.Workspace, o.Size); err != nil {
			return err
		}
		if err := tx.InsertMedia(ctx, &m); err != nil {
			return err
		}
		return tx.InsertUpload(ctx, &u)
	})
	chaos.Point("media.begun")
	if err != nil {
		l.removeSpooled(m.ID)
		return store.Upload{}, err
	}
	return u, nil
}

// known keeps what is ever read of what clients tell about a file. The rest would be somebody's store of their own.
func known(metadata map[string]string) map[string]string {
	kept := map[string]string{}
	for _, key := range []string{"filename", "filetype", FingerprintKey} {
		if value, ok := metadata[key]; ok {
			kept[key] = value
		}
	}
	return kept
}

// now is the product's clock with the precision that the database keeps.
func (l *Library) now() time.Time { return l.Now().UTC().Truncate(time.Microsecond) }

func (l *Library) checkOffer(o Offer) error {
	if o.Size < 1 {
		return shippost.Errorf(shippost.Invalid, "upload_empty", "This file is empty. Choose another one.").At("size").With(shippost.RemedyReplaceMedia)
	}
	if o.Size > l.MaxSize {
		has := "has " + amount(o.Size) + "; at most " + amount(l.MaxSize) + " are possible"
		if amount(o.Size) == amount(l.MaxSize) {
			has = "is a little larger than the " + amount(l.MaxSize) + " that are possible"
		}
		return shippost.Errorf(shippost.Invalid, "upload_too_large", "This file %s. Export it smaller, then upload it.", has).
			At("size").With(shippost.RemedyReplaceMedia)
	}
	total := 0
	for k, v := range o.Metadata {
		total += len(k) + len(v)
		if !utf8.ValidString(k) || !utf8.ValidString(v) || strings.ContainsRune(k+v, 0) {
			return shippost.Errorf(shippost.Invalid, "upload_metadata", "The notes that came with the file are not readable text.").At("metadata")
		}
	}
	if total > maxMetadata {
		return shippost.Errorf(shippost.Invalid, "upload_metadata", "The notes that came with the file are longer than %d bytes.", maxMetadata).At("metadata")
	}
	return nil
}

func (l *Library) checkSpace(size int64) error {
	free, total, err := l.Space()
	if err != nil {
		return err
	}
	if free-size < max(total*freePercent/100, freeFloor) {
		return shippost.Errorf(shippost.Unavailable, "disk_full", "The server has too little free space for this file. Whoever runs it must free some.").
			With(shippost.RemedyOperator)
	}
	return nil
}

// checkLimits holds the workspace's limits (reliability §16). It keeps others of the workspace waiting until the transaction ends.
func (l *Library) checkLimits(ctx context.Context, tx *store.Tx, ws shippost.WorkspaceID, size int64) error {
	open, err := tx.OpenUploads(ctx, ws)
	if err != nil {
		return err
	}
	if open >= l.Parallel {
		return wait(10*time.Second, "too_many_uploads", "%d uploads are under way, which is as many as a workspace may have. Wait for one to end, or cancel one.", open)
	}
	usage, err := tx.MediaUsage(ctx, ws, l.now().Add(-24*time.Hour))
	if err != nil {
		return err
	}
	if usage.Stored+size > l.Quota {
		return shippost.Errorf(shippost.Wait, "storage_quota_full", "This workspace keeps %s of at most %s; %s more do not fit. Delete files you no longer need.",
			amount(usage.Stored), amount(l.Quota), amount(size)).With(shippost.RemedyFreeSpace)
	}
	if usage.Recent+size > l.Daily {
		return wait(time.Hour, "upload_quota_day", "This workspace may upload %s within 24 hours, and %s are used up. Go on later.", amount(l.Daily), amount(usage.Recent))
	}
	return nil
}

func wait(after time.Duration, code, format string, args ...any) error {
	e := shippost.Errorf(shippost.Wait, code, format, args...).With(shippost.RemedyWait)
	e.RetryAfter = after
	return e
}

// amount writes a number of bytes as people do.
func amount(n int64) string {
	switch {
	case n >= 1_000_000_000:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	default:
		return fmt.Sprintf("%d bytes", n)
	}
}

// displayName makes a name fit for display out of what a client sent. It is never used as a path.
func displayName(name string) string {
	name = strings.ToValidUTF8(name, "")
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.TrimSpace(strings.Map(func(r rune) rune {
		// Format characters can turn the direction of writing and so hide an extension.
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, name))
	if name == "" || name == "." || name == "/" {
		return "file"
	}
	if runes := []rune(name); len(runes) > maxNameRunes {
		ext := []rune(path.Ext(name))
		if len(ext) > 10 {
			ext = nil
		}
		name = string(runes[:maxNameRunes-len(ext)]) + string(ext)
	}
	return name
}

// SpaceProblems says when the disk is so full that nothing new is taken; nil when all is well or it cannot be told.
func (l *Library) SpaceProblems() []shippost.Problem {
	e := shippost.AsError(l.checkSpace(0))
	if e == nil || e.Code != "disk_full" {
		return nil
	}
	// Posts whose files are here already still go out; but the database must grow, too.
	return []shippost.Problem{{Code: "disk_nearly_full", Message: "The server's disk is nearly full. Whoever runs it must free some space.", Remedy: shippost.RemedyOperator, Severity: shippost.Warn}}
}
