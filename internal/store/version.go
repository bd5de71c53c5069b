package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

var postVersions = newTable("post_versions",
	column[shippost.PostVersion]{"post_id", func(v *shippost.PostVersion) any { return &v.Post }},
	column[shippost.PostVersion]{"version", func(v *shippost.PostVersion) any { return &v.Version }},
	column[shippost.PostVersion]{"user_id", func(v *shippost.PostVersion) any { return &v.By }},
	column[shippost.PostVersion]{"key_id", func(v *shippost.PostVersion) any { return &v.Key }},
	column[shippost.PostVersion]{"at", func(v *shippost.PostVersion) any { return at(&v.At) }},
	column[shippost.PostVersion]{"status", func(v *shippost.PostVersion) any { return &v.Status }},
	column[shippost.PostVersion]{"media", func(v *shippost.PostVersion) any { return doc(&v.Media) }},
	column[shippost.PostVersion]{"caption", func(v *shippost.PostVersion) any { return &v.Caption }},
	column[shippost.PostVersion]{"options", func(v *shippost.PostVersion) any { return doc(&v.Options) }},
	column[shippost.PostVersion]{"due_local", func(v *shippost.PostVersion) any { return &v.Due.Local }},
	column[shippost.PostVersion]{"due_zone", func(v *shippost.PostVersion) any { return &v.Due.Zone }},
	column[shippost.PostVersion]{"due_fold", func(v *shippost.PostVersion) any { return &v.Due.Fold }},
)

// KeepVersion writes down what a post is or was; a version that is there already stays as it is.
func (t *Tx) KeepVersion(ctx context.Context, v *shippost.PostVersion) error {
	_, err := t.exec(ctx, postVersions.insertN+" ON CONFLICT (post_id, version) DO NOTHING", postVersions.fields(v)...)
	return err
}

// JoinVersions forgets the version before one, if it is the same hand's, a draft's, and not older than an instant: what is saved
// while somebody types is one change. The oldest version always stays.
func (t *Tx) JoinVersions(ctx context.Context, v *shippost.PostVersion, since time.Time) error {
	_, err := t.exec(ctx, `DELETE FROM post_versions WHERE post_id = $1 AND version = $2 AND version > 1 AND status = 'draft' AND user_id = $3 AND key_id = $4 AND at >= $5
		AND EXISTS (SELECT 1 FROM post_versions o WHERE o.post_id = $1 AND o.version < $2)`, v.Post, v.Version-1, v.By, v.Key, moment(since))
	return err
}

// TrimVersions forgets the oldest versions of a post but for the latest few.
func (t *Tx) TrimVersions(ctx context.Context, post shippost.PostID, keep int) error {
	_, err := t.exec(ctx, `DELETE FROM post_versions WHERE post_id = $1 AND version <= (SELECT version FROM post_versions WHERE post_id = $1
		ORDER BY version DESC LIMIT 1 OFFSET $2)`, post, keep)
	return err
}

// Versions returns the versions of a post that were kept, the latest first.
func (t *Tx) Versions(ctx context.Context, post shippost.PostID) ([]shippost.PostVersion, error) {
	return postVersions.list(ctx, t, "WHERE post_id = $1 ORDER BY version DESC", post)
}
