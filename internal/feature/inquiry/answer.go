package inquiry

import (
	"context"
	"strings"
	"unicode/utf8"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/store"
)

// Seen is an inquiry as administrators see it: beside what somebody typed stands whose account it is.
type Seen struct {
	shippost.Inquiry
	Account string        // the name of the account that is signed in for it; "" for none
	Subject shippost.User // whom it can be carried out for: who signed in, or confirmed the address it was proved by; zero while that is open
}

// Waiting returns what waits for an answer, the earliest due first, without a word of who asked and what.
func (d *Desk) Waiting(ctx context.Context, actor shippost.Actor) (open []shippost.Inquiry, err error) {
	if err := actor.RequireAdmin(); err != nil {
		return nil, err
	}
	err = d.DB.View(ctx, func(tx *store.Tx) error {
		list, err := tx.OpenInquiries(ctx)
		open = nil
		for _, i := range list {
			open = append(open, shippost.Inquiry{ID: i.ID, Kind: i.Kind, Status: i.Status, AskedAt: i.AskedAt, DueAt: i.DueAt})
		}
		return err
	})
	return open, err
}

// Open returns what waits for an answer, the earliest due first, and the latest that need none any more. That it was read is noted: it
// says who asked.
func (d *Desk) Open(ctx context.Context, actor shippost.Actor) (open []Seen, closed []shippost.Inquiry, err error) {
	if err := actor.RequireAdmin(); err != nil {
		return nil, nil, err
	}
	err = d.DB.Update(ctx, func(tx *store.Tx) error {
		list, err := tx.OpenInquiries(ctx)
		if err != nil {
			return err
		}
		open = nil
		for _, i := range list {
			seen, err := see(ctx, tx, i)
			if err != nil {
				return err
			}
			open = append(open, seen)
		}
		if closed, err = tx.ClosedInquiries(ctx, 100); err != nil {
			return err
		}
		return tx.Record(ctx, shippost.Entry{Kind: shippost.EntryAdminRead, Actor: actor, Data: map[string]any{"what": "inquiries", "admin": string(actor.Admin)}})
	})
	return open, closed, err
}

func see(ctx context.Context, tx *store.Tx, i shippost.Inquiry) (Seen, error) {
	s := Seen{Inquiry: i}
	id, err := settled(ctx, tx, i)
	if err != nil || id == "" {
		return s, err
	}
	user, err := tx.User(ctx, id)
	if shippost.IsKind(err, shippost.NotFound) {
		return s, nil
	}
	s.Subject = user
	if i.User != "" {
		s.Account = user.Name
	}
	return s, err
}

// Inquiry returns an inquiry for an administrator. That it was read is noted: it holds somebody's words.
func (d *Desk) Inquiry(ctx context.Context, actor shippost.Actor, id shippost.InquiryID) (s Seen, err error) {
	if err := actor.RequireAdmin(); err != nil {
		return s, err
	}
	err = d.DB.Update(ctx, func(tx *store.Tx) error {
		i, err := tx.Inquiry(ctx, id)
		if err != nil {
			return err
		}
		if s, err = see(ctx, tx, i); err != nil {
			return err
		}
		return record(ctx, tx, shippost.EntryAdminRead, actor, i, nil)
	})
	return s, err
}

// ProveByHand notes that an administrator is sure who asked, and by what. It needs a sign-in of the last ten minutes.
func (d *Desk) ProveByHand(ctx context.Context, actor shippost.Actor, id shippost.InquiryID, note string) error {
	if err := actor.RequireFreshAdmin(); err != nil {
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

func proofMissing() error {
	return shippost.Errorf(shippost.Conflict, "proof_missing", "Nobody has proved to be the person this is about. Have it proved first, or say that it is refused.")
}

// Answer answers an inquiry, or with refuse says why nothing is done. A request about somebody's data is only carried out once
// they have proved who they are; refused it can be without that. It needs a sign-in of the last ten minutes.
func (d *Desk) Answer(ctx context.Context, actor shippost.Actor, id shippost.InquiryID, text string, refuse bool) error {
	if err := actor.RequireFreshAdmin(); err != nil {
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
			return proofMissing()
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
