package compose

import (
	"context"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// twinSpan is how near two posts of the same file have to be to each other for the second to be worth a word.
const twinSpan = 30 * 24 * time.Hour

// twins warns of a post that the account has already: with the same files and the same caption at any time, or with the same
// files within thirty days. Drafts and what did not go out are no twins. Whoever means it goes on: it is a warning.
func twins(ctx context.Context, tx *store.Tx, ws shippost.WorkspaceID, m material, caption string, due shippost.Due, except shippost.PostID) ([]shippost.Problem, error) {
	var files []shippost.Media
	for _, file := range m.media {
		if file == nil {
			return nil, nil
		}
		files = append(files, *file)
	}
	if m.account == nil || len(files) == 0 {
		return nil, nil
	}
	others, err := tx.TwinsOf(ctx, ws, m.account.ID, files, except)
	if err != nil {
		return nil, err
	}
	at := due.At
	if due.IsZero() {
		at = tx.Now()
	}
	return judgeTwins(others, m.media[0].Kind, len(files), caption, at), nil
}

// judgeTwins says it of one post: one with the same caption before others, the latest before older ones. It is pure.
func judgeTwins(others []shippost.Post, kind shippost.MediaKind, files int, caption string, at time.Time) []shippost.Problem {
	what := "this video"
	if kind == shippost.Photo {
		what = "this photo"
		if files > 1 {
			what = "these photos"
		}
	}
	p := shippost.Problem{Field: "media_ids", Severity: shippost.Warn, Remedy: shippost.RemedyEdit}
	for _, o := range others {
		same := strings.TrimSpace(o.Caption) == strings.TrimSpace(caption)
		far := o.Due.At.Sub(at).Abs() > twinSpan
		switch {
		case same:
			p.Code, p.Post = "same_post", o.ID
			p.Message = "This account has a post with " + what + " and this caption already: " + fateOf(o) + "."
			return []shippost.Problem{p}
		case !far && p.Post == "":
			p.Code, p.Post = "same_file", o.ID
			p.Message = "This account has a post with " + what + " already, with another caption: " + fateOf(o) + "."
		}
	}
	if p.Post == "" {
		return nil
	}
	return []shippost.Problem{p}
}

// fateOf says in words when a post goes out or went out, by the clocks of its zone.
func fateOf(p shippost.Post) string {
	when := p.Due.Local
	if local, err := time.Parse(shippost.LocalLayout, p.Due.Local); err == nil {
		when = local.Format("2 January 2006, 15:04")
	}
	switch p.Status {
	case shippost.PostQueued:
		return "it goes out on " + when
	case shippost.PostPublishing:
		return "it is on its way"
	default:
		return "it went out on " + when
	}
}
