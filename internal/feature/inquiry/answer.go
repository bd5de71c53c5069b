package inquiry

import (
	"context"
	"strings"
	"unicode/utf8"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/store"
)

// Open returns what waits for an answer, the earliest due first, and Closed the latest that need none any more.
func (d *Desk) Open(ctx context.Context, actor shippost.Actor) (open, closed []shippost.Inquiry, err error) {
	if err := actor.RequireAdmin(); err != nil {
		return nil, nil, err
	}
	err = d.DB.View(ctx, func(tx *store.Tx) error {
		if open, err = tx.OpenInquiries(ctx); err != nil {
			return err
		}
		closed, err = tx.ClosedInquiries(ctx, 100)
		return err
	})
	return open, closed, err
}

// Inquiry returns an inquiry for an administrator. That it was read is noted: it holds somebody's words.
func (d *Desk) Inquiry(ctx context.Context, actor shippost.Actor, id shippost.InquiryID) (i shippost.Inquiry, err error) {
	if err := actor.RequireAdmin(); err != nil {
		return i, err
	}
	err = d.DB.Update(ctx, func(tx *store.Tx) error {
		if i, err = tx.Inquiry(ctx, id); err != nil {
			return err
		}
		return record(ctx, tx, shippost.EntryAdminRead, actor, i, nil)
	})
	return i, err
}

// ProveByHand notes that an administrator is sure who asked, and by what.
func (d *Desk) ProveByHand(ctx context.Context, actor shippost.Actor, id shippost.InquiryID, note string) error {
	if err := actor.RequireAdmin(); err != nil {
		return err
	}
	note = strings.TrimSpace(note)
	if note == "" || !plain(note, true) || utf8.RuneCountInString(note) > 500 {
		return shippost.Errorf(shippost.Invalid, "proof_required", "Write in at most 500 characters by what you know who asked.").At("note").With(shippost.RemedyEdit)
	}
	return d.DB.Update(ctx, func(tx *store.Tx) error {
		i, err := tx.Inquiry(ctx, id)
		if err != nil {
			return err
		}
		return prove(ctx, tx, actor, i, shippost.ProofOperator, "", note)
	})
}

// Answer answers an inquiry, or with refuse says why nothing is done. A request about somebody's data is only carried out once
// they have proved who they are; refused it can be without that.
func (d *Desk) Answer(ctx context.Context, actor shippost.Actor, id shippost.InquiryID, text string, refuse bool) error {
	if err := actor.RequireAdmin(); err != nil {
		return err
	}
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	if text == "" || !plain(text, true) || utf8.RuneCountInString(text) > messageLimit {
		return shippost.Errorf(shippost.Invalid, "answer_required", "Write an answer of at most 5,000 characters.").At("answer").With(shippost.RemedyEdit)
	}
	status := shippost.InquiryAnswered
	if refuse {
		status = shippost.InquiryRefused
	}
	return d.DB.Update(ctx, func(tx *store.Tx) error {
		i, err := tx.Inquiry(ctx, id)
		if err != nil {
			return err
		}
		if !refuse && i.Kind.NeedsProof() && i.Proof == shippost.ProofNone {
			return shippost.Errorf(shippost.Conflict, "proof_missing", "Nobody has proved to be the person this is about. Have it proved first, or say that it is refused.")
		}
		if err := end(ctx, tx, actor, i, status, text); err != nil {
			return err
		}
		if d.Post == nil || i.Mail == "" {
			return nil
		}
		// Who an answer about somebody's data was meant for is known; whose this address is, only when it was confirmed.
		withheld := i.Kind.NeedsProof() && i.Proof != shippost.ProofMail
		facts := map[string]any{"Number": string(i.ID), "Asked": day(i.AskedAt), "Answer": text, "Withheld": withheld}
		if withheld {
			facts["Answer"] = ""
		}
		return d.Post(ctx, tx, notify.Letter{Once: "answered/" + string(i.ID), Kind: shippost.LetterAnswered, Inquiry: i.ID, To: i.Mail, Facts: facts})
	})
}
