package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

// apiKeyRow is an API key with the hash that finds it.
type apiKeyRow struct {
	shippost.APIKey
	hash string // hex SHA-256 of the key
}

var apiKeys = newTable("api_keys",
	column[apiKeyRow]{"id", func(k *apiKeyRow) any { return &k.ID }},
	column[apiKeyRow]{"workspace_id", func(k *apiKeyRow) any { return &k.Workspace }},
	column[apiKeyRow]{"user_id", func(k *apiKeyRow) any { return &k.User }},
	column[apiKeyRow]{"name", func(k *apiKeyRow) any { return &k.Name }},
	column[apiKeyRow]{"hint", func(k *apiKeyRow) any { return &k.Hint }},
	column[apiKeyRow]{"hash", func(k *apiKeyRow) any { return &k.hash }},
	column[apiKeyRow]{"created_at", func(k *apiKeyRow) any { return at(&k.CreatedAt) }},
	column[apiKeyRow]{"expires_at", func(k *apiKeyRow) any { return at(&k.ExpiresAt) }},
	column[apiKeyRow]{"last_used_at", func(k *apiKeyRow) any { return at(&k.LastUsedAt) }},
	column[apiKeyRow]{"revoked_at", func(k *apiKeyRow) any { return at(&k.RevokedAt) }},
)

// InsertAPIKey writes a new key under the hex SHA-256 of its text.
func (t *Tx) InsertAPIKey(ctx context.Context, k shippost.APIKey, hash string) error {
	return apiKeys.insert(ctx, t, &apiKeyRow{APIKey: k, hash: hash})
}

// APIKeyByHash returns the key whose text has the hash, whether it still works or not.
func (t *Tx) APIKeyByHash(ctx context.Context, hash string) (shippost.APIKey, error) {
	row, err := apiKeys.get(ctx, t, missing("API key"), "WHERE hash = $1", hash)
	return row.APIKey, err
}

// APIKeys returns all keys of a workspace, also revoked ones, the newest first.
func (t *Tx) APIKeys(ctx context.Context, ws shippost.WorkspaceID) ([]shippost.APIKey, error) {
	rows, err := apiKeys.list(ctx, t, "WHERE workspace_id = $1 ORDER BY id DESC", ws)
	keys := make([]shippost.APIKey, len(rows))
	for i, row := range rows {
		keys[i] = row.APIKey
	}
	return keys, err
}

// TouchAPIKey notes that a key was used.
func (t *Tx) TouchAPIKey(ctx context.Context, id shippost.APIKeyID, used time.Time) error {
	_, err := t.exec(ctx, "UPDATE api_keys SET last_used_at = $1 WHERE id = $2", moment(used), id)
	return err
}

// RevokeAPIKey ends a key of a workspace. It reports false when there is none that works.
func (t *Tx) RevokeAPIKey(ctx context.Context, ws shippost.WorkspaceID, id shippost.APIKeyID, now time.Time) (bool, error) {
	return t.swap(ctx, "UPDATE api_keys SET revoked_at = $1 WHERE workspace_id = $2 AND id = $3 AND revoked_at IS NULL", moment(now), ws, id)
}

// RevokeAPIKeysOf ends all keys of a user in all workspaces and returns which.
func (t *Tx) RevokeAPIKeysOf(ctx context.Context, user shippost.UserID, now time.Time) ([]shippost.APIKey, error) {
	rows, err := apiKeys.list(ctx, t, "WHERE user_id = $1 AND revoked_at IS NULL ORDER BY id", user)
	if err != nil {
		return nil, err
	}
	var ended []shippost.APIKey
	for _, row := range rows {
		done, err := t.RevokeAPIKey(ctx, row.Workspace, row.ID, now)
		if err != nil {
			return nil, err
		}
		if done {
			ended = append(ended, row.APIKey)
		}
	}
	return ended, nil
}
