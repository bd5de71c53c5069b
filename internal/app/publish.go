package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/client"
)

// PublishRequest is one video, or photos in their order, to publish through the demo.
type PublishRequest struct {
	Files   []string
	In      time.Duration // how far ahead it is scheduled
	Caption string
}

// PublishResult is what came of it, filled as far as things went.
type PublishResult struct {
	PostID      string          `json:"post_id"`
	Status      string          `json:"status"`
	DueAt       time.Time       `json:"due_at"`
	CommittedAt time.Time       `json:"committed_at,omitzero"`
	LatenessMS  *float64        `json:"lateness_ms"`
	PublishID   string          `json:"publish_id"`
	Match       bool            `json:"sha256_match"` // every file arrived as ShipPost kept it
	SHA256      string          `json:"sha256"`       // of the first file on disk
	SentSHA256  string          `json:"sent_sha256"`  // of the first file that the simulated TikTok received
	Bytes       int64           `json:"bytes"`        // of all files on disk
	Chunks      int             `json:"chunks"`       // in which the simulated TikTok received a video; 0 for photos, which it fetches
	MediaID     string          `json:"media_id"`     // of the first file
	Files       []PublishedFile `json:"files"`
	Permalink   string          `json:"permalink"`
	Failure     *client.Reason  `json:"failure,omitempty"`
}

// PublishedFile is one file of a publication on its way.
type PublishedFile struct {
	Name         string   `json:"name"`
	Bytes        int64    `json:"bytes"`
	SHA256       string   `json:"sha256"`        // on disk
	StoredSHA256 string   `json:"stored_sha256"` // as ShipPost keeps it: without hidden data, and fit for the platform
	SentSHA256   string   `json:"sent_sha256"`   // as the simulated TikTok received it
	MediaID      string   `json:"media_id"`
	Changes      []string `json:"changes,omitempty"` // what ShipPost says it changed, in sentences
}

// PublishStep tells how far a publication is: bytes of the upload when Total is set, else a sentence.
type PublishStep struct {
	Done, Total int64
	Text        string
}

// Publish does the main job as a program would: it uploads a file, schedules it and follows it until it ended. It
// succeeds only when the simulated TikTok published the same bytes. report is called from one goroutine at a time.
func (d *Demo) Publish(ctx context.Context, req PublishRequest, report func(PublishStep)) (PublishResult, error) {
	var r PublishResult
	c, err := client.New(d.URL, client.Options{Key: d.APIKey.Reveal()})
	if err != nil {
		return r, err
	}
	if err := r.upload(ctx, c, req.Files, report); err != nil {
		return r, err
	}
	draft, err := d.compose(ctx, c, r.Files, req)
	if err != nil {
		return r, err
	}
	post, err := c.CreatePost(ctx, draft, "")
	if err != nil {
		return r, err
	}
	r.PostID, r.Status, r.DueAt = post.ID, post.Status, post.DueAt
	report(PublishStep{Text: "Scheduled for " + post.DueAt.Local().Format("15:04:05") + "."})
	if err := d.follow(ctx, c, &r, report); err != nil {
		return r, err
	}
	return r, d.compare(ctx, &r)
}

// upload brings the files to ShipPost and waits until they have been read.
func (r *PublishResult) upload(ctx context.Context, c *client.Client, paths []string, report func(PublishStep)) error {
	for _, path := range paths {
		f := PublishedFile{Name: filepath.Base(path)}
		var err error
		if f.SHA256, f.Bytes, err = hashFile(path); err != nil {
			return err
		}
		r.Files = append(r.Files, f)
		r.Bytes += f.Bytes
	}
	r.SHA256 = r.Files[0].SHA256
	sent := int64(0)
	for i, path := range paths {
		f := &r.Files[i]
		media, err := c.UploadFile(ctx, path, func(done, _ int64) { report(PublishStep{Done: sent + done, Total: r.Bytes}) })
		if err != nil {
			return err
		}
		sent += f.Bytes
		if media, err = c.WaitMedia(ctx, media.ID); err != nil {
			return err
		}
		f.MediaID, f.StoredSHA256 = media.ID, media.SHA256
		for _, p := range media.Problems {
			f.Changes = append(f.Changes, p.Message)
		}
	}
	r.MediaID = r.Files[0].MediaID
	if len(paths) == 1 {
		report(PublishStep{Text: "The file is sound."})
	} else {
		report(PublishStep{Text: fmt.Sprintf("All %d files are sound.", len(paths))})
	}
	return nil
}

// compose answers TikTok's questions as a careful creator would: visible to everyone if the account allows it, and
// nothing switched on.
func (d *Demo) compose(ctx context.Context, c *client.Client, files []PublishedFile, req PublishRequest) (client.NewPost, error) {
	accounts, err := c.Accounts(ctx)
	if err != nil {
		return client.NewPost{}, err
	}
	if len(accounts) == 0 {
		return client.NewPost{}, shippost.Errorf(shippost.Conflict, "no_account", "No account is connected in the demo.")
	}
	creator, err := c.Creator(ctx, accounts[0].ID)
	if err != nil {
		return client.NewPost{}, err
	}
	if len(creator.PrivacyOptions) == 0 {
		return client.NewPost{}, shippost.Errorf(shippost.Conflict, "no_privacy_option", "TikTok offers this creator no way to post.")
	}
	off := false
	var media []string
	for _, f := range files {
		media = append(media, f.MediaID)
	}
	return client.NewPost{
		AccountID: accounts[0].ID, MediaIDs: media, Caption: req.Caption, DueAt: time.Now().Add(req.In),
		Options: client.Choices{TikTok: &client.TikTok{PrivacyLevel: creator.PrivacyOptions[0], AllowComment: &off, AllowDuet: &off,
			AllowStitch: &off, YourBrand: &off, BrandedContent: &off, Consent: true}},
	}, nil
}

// phases say in words where a post is.
var phases = map[string]string{
	"staging": "Bringing the bytes to TikTok.", "staged": "All is ready but the last bytes; waiting for the time.",
	"committing": "Handing over the last bytes.", "processing": "Sent; TikTok is processing it.",
}

// follow waits for the end of the post.
func (d *Demo) follow(ctx context.Context, c *client.Client, r *PublishResult, report func(PublishStep)) error {
	post, err := c.WatchPost(ctx, r.PostID, func(p client.Post) {
		if text, ok := phases[p.Phase]; ok {
			report(PublishStep{Text: text})
		}
	})
	r.Status, r.CommittedAt, r.LatenessMS, r.Permalink, r.Failure = post.Status, post.CommittedAt, post.LatenessMS, post.Permalink, post.Failure
	if err != nil {
		return err
	}
	attempts, err := c.Attempts(ctx, r.PostID)
	if err != nil {
		return err
	}
	if n := len(attempts); n > 0 {
		r.PublishID = attempts[n-1].PublishID
	}
	if r.Status == "posted" {
		return nil
	}
	why := "The post ended as " + r.Status + "."
	if r.Failure != nil {
		why = r.Failure.Message
	}
	return shippost.Errorf(shippost.Conflict, "not_posted", "%s", why)
}

// compare asks the simulated TikTok what viewers see, and holds it against the file.
func (d *Demo) compare(ctx context.Context, r *PublishResult) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.SimulatorURL+"/_sim/posts", nil)
	if err != nil {
		return err
	}
	resp, err := newVisitor(nil).client.Do(req)
	if err != nil {
		return fmt.Errorf("ask the simulator for its posts: %w", err)
	}
	defer resp.Body.Close()
	var posts []struct {
		PublishID string `json:"publish_id"`
		Published string `json:"published_at"`
		Chunks    int    `json:"chunks"`
		Files     []struct {
			SHA256 string `json:"sha256"`
		} `json:"files"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&posts); err != nil {
		return fmt.Errorf("read the simulator's posts: %w", err)
	}
	public := 0
	for _, p := range posts {
		if p.PublishID != r.PublishID || p.Published == "" {
			continue
		}
		public++
		r.Match, r.Chunks = len(p.Files) == len(r.Files), p.Chunks
		for i := range min(len(p.Files), len(r.Files)) {
			r.Files[i].SentSHA256 = p.Files[i].SHA256
			r.Match = r.Match && r.Files[i].SentSHA256 == r.Files[i].StoredSHA256
		}
	}
	r.SentSHA256 = r.Files[0].SentSHA256
	r.Match = r.Match && public == 1
	if !r.Match {
		return shippost.Errorf(shippost.Conflict, "not_the_same", "The simulated TikTok published this post %d times, and not with the bytes that ShipPost keeps.", public)
	}
	return nil
}

func hashFile(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, shippost.Errorf(shippost.NotFound, "no_such_file", "The file %s cannot be opened.", path).Because(err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return "", 0, shippost.Errorf(shippost.Unavailable, "unreadable_file", "The file %s cannot be read.", path).Because(err)
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}
