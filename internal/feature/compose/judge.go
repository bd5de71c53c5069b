package compose

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// material is what a draft is judged by, as it was at one moment.
type material struct {
	workspace shippost.Workspace
	account   *shippost.Account // nil: not there, or not theirs
	media     []*shippost.Media // in the draft's order; nil: not there, or not theirs
	scheduled int               // posts of the account that wait
	creatorAnswer
}

// creatorAnswer is what the platform says the creator may do now.
type creatorAnswer struct {
	creator shippost.Creator   // zero when it could not be asked
	doubts  []shippost.Problem // what asking, here or there, told beside
}

// gather reads what a draft is made of and asks the platform about its creator, outside any transaction.
func (c *Composer) gather(ctx context.Context, actor shippost.Actor, d Draft) (material, error) {
	var m material
	err := c.db.View(ctx, func(tx *store.Tx) (err error) {
		m, err = load(ctx, tx, actor.Workspace, d, creatorAnswer{})
		return err
	})
	if err != nil || m.account == nil {
		return m, err
	}
	if m.account.Status == shippost.AccountActive {
		m.creatorAnswer = c.ask(ctx, *m.account, d.When)
	}
	m.doubts = append(m.doubts, c.unreachable(ctx, m)...)
	return m, ctx.Err()
}

// errUnasked says that somebody has to be asked before a draft can be judged.
var errUnasked = errors.New("the platform has not been asked")

// recall returns the answer that gather would get without asking anybody, or errUnasked.
func (c *Composer) recall(m material) (creatorAnswer, error) {
	if m.account == nil {
		return creatorAnswer{}, nil
	}
	if c.pulls(m) {
		return creatorAnswer{}, errUnasked
	}
	if m.account.Status != shippost.AccountActive {
		return creatorAnswer{}, nil
	}
	creator, ok := c.creators.Known(*m.account, creatorFresh)
	if !ok {
		return creatorAnswer{}, errUnasked
	}
	return creatorAnswer{creator: creator}, nil
}

// pulls tells whether the platform fetches files of a draft by itself.
func (c *Composer) pulls(m material) bool {
	puller, ok := platform.Can[platform.Puller](c.platforms[m.account.Platform])
	return ok && slices.ContainsFunc(m.media, func(file *shippost.Media) bool { return file != nil && puller.Pulls(file.Kind) })
}

// unreachable returns what keeps the platform from fetching the files of a draft, if that is how it gets them.
func (c *Composer) unreachable(ctx context.Context, m material) []shippost.Problem {
	if c.reach == nil || !c.pulls(m) {
		return nil
	}
	return c.reach.Problems(ctx)
}

// load reads what a draft is made of. What does not exist or belongs to others is simply missing in the answer.
func load(ctx context.Context, tx *store.Tx, ws shippost.WorkspaceID, d Draft, answer creatorAnswer) (material, error) {
	m := material{creatorAnswer: answer}
	var err error
	if m.workspace, err = tx.Workspace(ctx, ws); err != nil {
		return m, err
	}
	account, err := tx.Account(ctx, ws, d.Account)
	switch {
	case shippost.IsKind(err, shippost.NotFound):
	case err != nil:
		return m, err
	default:
		m.account = &account
		if m.scheduled, err = tx.CountScheduled(ctx, account.ID); err != nil {
			return m, err
		}
	}
	for _, id := range d.Media {
		media, err := tx.Media(ctx, ws, id)
		switch {
		case shippost.IsKind(err, shippost.NotFound):
			m.media = append(m.media, nil)
		case err != nil:
			return m, err
		default:
			m.media = append(m.media, &media)
		}
	}
	return m, nil
}

// judge returns everything that is wrong with a draft, and what might surprise. It is pure.
func (c *Composer) judge(d Draft, m material) []shippost.Problem {
	problems := judgeAccount(d, m)
	if strings.ContainsRune(d.Caption, 0) {
		problems = append(problems, shippost.Problem{Code: "invalid_text", Field: "caption", Remedy: shippost.RemedyEdit, Severity: shippost.Block,
			Message: "The caption holds characters that cannot be stored. Type it again."})
	}
	media, ofMedia := judgeMedia(m.media)
	problems = append(problems, ofMedia...)
	problems = append(problems, m.doubts...)
	if m.account == nil {
		return problems
	}
	pf, ok := c.platforms[m.account.Platform]
	if !ok {
		return append(problems, shippost.Problem{Code: "platform_unavailable", Field: "account_id", Severity: shippost.Block,
			Message: "This server is not set up for the platform of this account.", Remedy: shippost.RemedyOperator})
	}
	problems = append(problems, c.judgeInbox(d, *m.account)...)
	for _, p := range pf.Validate(platform.Draft{Caption: d.Caption, Options: d.Options, Media: media}, m.creator) {
		// A file that cannot be used yet was left out above; what is missing without it is no news.
		if len(ofMedia) > 0 && strings.HasPrefix(p.Field, "media") {
			continue
		}
		problems = append(problems, p)
	}
	return problems
}

func judgeAccount(d Draft, m material) []shippost.Problem {
	p := shippost.Problem{Field: "account_id", Severity: shippost.Block}
	switch {
	case d.Account == "":
		p.Code, p.Message, p.Remedy = "account_required", "Choose the account this post goes to.", shippost.RemedyEdit
	case m.account == nil:
		p.Code, p.Message, p.Remedy = "account_not_found", "This account does not exist, or is not yours.", shippost.RemedyEdit
	case m.account.Status == shippost.AccountReconnect:
		p.Code, p.Remedy = "needs_reconnect", shippost.RemedyReconnect
		p.Message = m.account.Why() + " Connect it again first."
	case m.account.Status != shippost.AccountActive:
		p.Code, p.Message, p.Remedy = "disconnected", "This account is disconnected. Connect it again first.", shippost.RemedyReconnect
	default:
		return nil
	}
	return []shippost.Problem{p}
}

// mediaPlace names the field of a file of a post.
func mediaPlace(i int) string { return "media_ids[" + strconv.Itoa(i) + "]" }

// judgeMedia returns the files that can be used and what is wrong with the others.
func judgeMedia(all []*shippost.Media) (usable []shippost.Media, problems []shippost.Problem) {
	for i, m := range all {
		p := shippost.Problem{Field: mediaPlace(i), Severity: shippost.Block, Remedy: shippost.RemedyReplaceMedia}
		switch {
		case m == nil:
			p.Code, p.Message = "media_not_found", "This file does not exist, or is not yours."
		case m.Status == shippost.MediaDeleted:
			p.Code, p.Message = "media_deleted", "This file has been deleted. Choose another one."
		case m.Status == shippost.MediaReceiving:
			p.Code, p.Message, p.Remedy = "media_not_ready", "This file is still being uploaded.", shippost.RemedyWait
		case m.Status == shippost.MediaChecking:
			p.Code, p.Message, p.Remedy = "media_not_ready", "This file is still being checked. It takes a moment.", shippost.RemedyWait
		case !m.Usable():
			problems = append(problems, ofFile(*m, p)...)
			continue
		default:
			usable = append(usable, *m)
			continue
		}
		problems = append(problems, p)
	}
	return usable, problems
}

// ofFile returns what reading the file told, about the place it has in the post.
func ofFile(m shippost.Media, p shippost.Problem) []shippost.Problem {
	if !shippost.Blocking(m.Problems) {
		p.Code, p.Message = "media_rejected", "This file cannot be used. Choose another one."
		return []shippost.Problem{p}
	}
	problems := slices.Clone(m.Problems)
	for i := range problems {
		problems[i].Field = p.Field
	}
	return problems
}

// unknown returns those problems with which not even a draft can be kept: an account or files that are not there, or text
// that no database takes.
func unknown(problems []shippost.Problem) []shippost.Problem {
	var missing []shippost.Problem
	for _, p := range problems {
		switch p.Code {
		case "account_required", "account_not_found", "media_not_found", "media_deleted", "invalid_text":
			missing = append(missing, p)
		}
	}
	return missing
}
