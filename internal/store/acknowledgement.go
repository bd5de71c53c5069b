package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

// Acknowledge notes that a user has read a version of a document. An earlier note of the same version stays.
func (t *Tx) Acknowledge(ctx context.Context, user shippost.UserID, document, version string, when time.Time) error {
	_, err := t.exec(ctx, "INSERT INTO acknowledgements (user_id, document, version, at) VALUES ($1, $2, $3, $4) ON CONFLICT (user_id, document, version) DO NOTHING",
		user, document, version, moment(when))
	return err
}

// Acknowledged returns the newest version of each document that a user has read.
func (t *Tx) Acknowledged(ctx context.Context, user shippost.UserID) (map[string]string, error) {
	read := map[string]string{}
	err := t.each(ctx, 2, "SELECT document, max(version) FROM acknowledgements WHERE user_id = $1 GROUP BY document", []any{user}, func(v []any) error {
		document, _ := v[0].(string)
		read[document], _ = v[1].(string)
		return nil
	})
	return read, err
}
