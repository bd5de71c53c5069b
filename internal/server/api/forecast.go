package api

import (
	"context"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
)

// Forecast is what a look ahead found.
type Forecast struct {
	Light     shippost.Light     `json:"light" enum:"green,yellow,red" doc:"green: all is right. yellow: it goes out, and there is something to know. red: as things are it does not go out."`
	Message   string             `json:"message,omitempty" doc:"The gravest of the problems."`
	Remedy    shippost.Remedy    `json:"remedy,omitempty" doc:"What mends it."`
	Problems  []shippost.Problem `json:"problems"`
	CheckedAt time.Time          `json:"checked_at"`
}

// addForecasts puts the latest look ahead beside posts that wait.
func (a *API) addForecasts(ctx context.Context, actor shippost.Actor, posts ...*Post) error {
	var ids []shippost.PostID
	for _, p := range posts {
		if p.Status == shippost.PostQueued {
			ids = append(ids, p.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	found, err := a.opt.Posts.Forecasts(ctx, actor, ids)
	if err != nil {
		return err
	}
	for _, p := range posts {
		f, ok := found[p.ID]
		if !ok || f.Version != p.Version || p.Status != shippost.PostQueued {
			continue // it says something about what the post was
		}
		p.Forecast = &Forecast{Light: f.Light, Problems: convert(f.Problems, same), CheckedAt: f.CheckedAt}
		if len(f.Problems) > 0 {
			p.Forecast.Message, p.Forecast.Remedy = f.Problems[0].Message, f.Problems[0].Remedy
		}
	}
	return nil
}

// Consent is what a creator agreed to.
type Consent struct {
	ID          shippost.ConsentID `json:"id"`
	PostVersion int64              `json:"post_version"`
	User        shippost.UserID    `json:"user_id" doc:"Who agreed."`
	UserName    string             `json:"user_name,omitempty" doc:"What they are called now. Empty once they are gone."`
	Account     shippost.AccountID `json:"account_id"`
	Nickname    string             `json:"nickname" doc:"The name of the account as it was shown."`
	Declaration Declaration        `json:"declaration" doc:"The wording that was agreed to."`
	Media       []string           `json:"media_sha256" doc:"Of each file, in order."`
	Caption     string             `json:"caption"`
	Options     PostOptions        `json:"options"`
	At          time.Time          `json:"at"`
}

func (a *API) listConsents(ctx context.Context, actor shippost.Actor, in *PostPath) (*listed[Consent], error) {
	list, err := a.opt.Posts.Consents(ctx, actor, in.id())
	if err != nil {
		return nil, err
	}
	return &listed[Consent]{Body: page[Consent]{Items: convert(list, func(c compose.Agreement) Consent {
		d, ok := compose.DeclarationOf(c.Wording)
		if !ok {
			d = compose.Declaration{Version: c.Wording}
		}
		return Consent{ID: c.ID, PostVersion: c.PostVersion, User: c.User, UserName: c.UserName, Account: c.Account, Nickname: c.Nickname, Declaration: declarationOf(d),
			Media: convert(c.Media, same), Caption: c.Caption, Options: optionsOf(c.Options), At: c.At}
	})}}, nil
}
