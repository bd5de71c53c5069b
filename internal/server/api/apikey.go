package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
)

func (a *API) keys() {
	tags := []string{"keys"}
	add(a, huma.Operation{OperationID: "createKey", Method: http.MethodPost, Path: "/keys", Tags: tags, DefaultStatus: http.StatusCreated, Security: sessionOnly,
		Summary: "Make an API key", Description: "The key is shown this once. Needs a sign-in of the last ten minutes."}, a.createKey)
	add(a, huma.Operation{OperationID: "listKeys", Method: http.MethodGet, Path: "/keys", Tags: tags, Summary: "List the API keys",
		Description: "All on one page, the newest first, revoked and expired ones too."}, a.listKeys)
	add(a, huma.Operation{OperationID: "revokeKey", Method: http.MethodPost, Path: "/keys/{id}/revoke", Tags: tags, DefaultStatus: http.StatusNoContent,
		Security: sessionOnly, Summary: "Revoke an API key", Description: "It works for nothing from the next request on."}, a.revokeKey)
}

// Key is an API key as it is listed.
type Key struct {
	ID         shippost.APIKeyID `json:"id"`
	Name       string            `json:"name"`
	Hint       string            `json:"hint" doc:"The first characters of the key."`
	UserID     shippost.UserID   `json:"user_id" doc:"Who it acts for."`
	CreatedAt  time.Time         `json:"created_at"`
	ExpiresAt  time.Time         `json:"expires_at,omitzero"`
	LastUsedAt time.Time         `json:"last_used_at,omitzero" doc:"Exact to a minute."`
	RevokedAt  time.Time         `json:"revoked_at,omitzero"`
}

func keyOf(k shippost.APIKey) Key {
	return Key{k.ID, k.Name, k.Hint, k.User, k.CreatedAt, k.ExpiresAt, k.LastUsedAt, k.RevokedAt}
}

// NewKey is an API key on the one occasion when its text is told.
type NewKey struct {
	Key
	Text string `json:"key" doc:"The key itself. It cannot be shown again."`
}

type createKeyInput struct {
	Body struct {
		Name      string    `json:"name" maxLength:"400" doc:"What uses it."`
		ExpiresAt time.Time `json:"expires_at,omitzero" doc:"Never when left out."`
	}
}

func (a *API) createKey(ctx context.Context, actor shippost.Actor, in *createKeyInput) (*struct{ Body NewKey }, error) {
	key, text, err := a.opt.Keys.CreateKey(ctx, actor, in.Body.Name, in.Body.ExpiresAt)
	if err != nil {
		return nil, err
	}
	return &struct{ Body NewKey }{NewKey{keyOf(key), text.Reveal()}}, nil
}

func (a *API) listKeys(ctx context.Context, actor shippost.Actor, _ *struct{}) (*listed[Key], error) {
	keys, err := a.opt.Keys.Keys(ctx, actor)
	if err != nil {
		return nil, err
	}
	return &listed[Key]{Body: page[Key]{Items: convert(keys, keyOf)}}, nil
}

type keyPath struct {
	ID string `path:"id" maxLength:"64"`
}

func (a *API) revokeKey(ctx context.Context, actor shippost.Actor, in *keyPath) (*struct{}, error) {
	return &struct{}{}, a.opt.Keys.RevokeKey(ctx, actor, shippost.APIKeyID(in.ID))
}
