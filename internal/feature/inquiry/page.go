package inquiry

import (
	"context"
	"slices"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/store"
)

// Page is an inquiry as whoever asked it sees it.
type Page struct {
	shippost.Inquiry
	Mailed bool // a receipt was mailed, which for strangers has the link that proves the address
}

// Copied reports whether a copy was made for the inquiry that is handed over on its page: only where an administrator vouches for whoever
// wrote. Who opened a link in a mail need not be who wrote, and has the address of the page; they sign in.
func (p Page) Copied(id string) bool {
	return p.Kind.Carries() == shippost.CopiesData && p.Proof == shippost.ProofOperator && slices.Contains(p.Carried, id)
}

// Read returns the inquiry whose page has an address that ends with token; NotFound without one.
func (d *Desk) Read(ctx context.Context, token shippost.Secret) (p Page, err error) {
	err = d.DB.View(ctx, func(tx *store.Tx) error {
		if p.Inquiry, err = tx.InquiryByHash(ctx, auth.Hash(token)); err != nil {
			return err
		}
		p.Mailed, err = tx.HasLetter(ctx, receiptOf(p.ID))
		return err
	})
	return p, err
}

// known fails for an address that leads to nothing. Strangers who try addresses must not hold up those who write.
func (d *Desk) known(ctx context.Context, find func(*store.Tx, context.Context, string) (shippost.Inquiry, error), secret shippost.Secret) error {
	return d.DB.View(ctx, func(tx *store.Tx) error { _, err := find(tx, ctx, auth.Hash(secret)); return err })
}

// ProveBySignIn notes that whoever asked is signed in. Somebody else's inquiry cannot be taken over: it takes its page's
// address, and an inquiry that is proved already stays whose it is.
func (d *Desk) ProveBySignIn(ctx context.Context, actor shippost.Actor, token shippost.Secret) error {
	if actor.Kind != shippost.ActorUser {
		return shippost.Errorf(shippost.Unauthenticated, "sign_in_required", "Sign in first.").With(shippost.RemedySignIn)
	}
	return d.DB.Update(ctx, func(tx *store.Tx) error {
		i, err := tx.InquiryByHash(ctx, auth.Hash(token))
		if err != nil {
			return err
		}
		return prove(ctx, tx, actor, i, shippost.ProofSignIn, actor.User, "")
	})
}

// ProveByMail notes that whoever asked opened the link that was sent to their address; NotFound for a code that was used or
// never was.
func (d *Desk) ProveByMail(ctx context.Context, code shippost.Secret) error {
	if err := d.known(ctx, (*store.Tx).InquiryByCode, code); err != nil {
		return err
	}
	return d.DB.Update(ctx, func(tx *store.Tx) error {
		i, err := tx.InquiryByCode(ctx, auth.Hash(code))
		if err != nil {
			return err
		}
		return prove(ctx, tx, shippost.Actor{}, i, shippost.ProofMail, "", "")
	})
}

func prove(ctx context.Context, tx *store.Tx, actor shippost.Actor, i shippost.Inquiry, how shippost.InquiryProof, user shippost.UserID, note string) error {
	changed, err := tx.ProveInquiry(ctx, i.ID, how, user, note)
	if err != nil {
		return err
	}
	if !changed {
		if i.Proof == how && i.User == user {
			return nil
		}
		return shippost.Errorf(shippost.Conflict, "inquiry_settled", "This was proved already, or needs no proof any more.")
	}
	return record(ctx, tx, shippost.EntryInquiryProved, actor, i, map[string]any{"how": string(how)})
}

// Withdraw takes an inquiry back, for whoever has the address of its page.
func (d *Desk) Withdraw(ctx context.Context, actor shippost.Actor, token shippost.Secret) error {
	if err := d.known(ctx, (*store.Tx).InquiryByHash, token); err != nil {
		return err
	}
	return d.DB.Update(ctx, func(tx *store.Tx) error {
		i, err := tx.InquiryByHash(ctx, auth.Hash(token))
		if err != nil {
			return err
		}
		return end(ctx, tx, actor, i, shippost.InquiryWithdrawn, "")
	})
}

func end(ctx context.Context, tx *store.Tx, actor shippost.Actor, i shippost.Inquiry, status shippost.InquiryStatus, answer string) error {
	if len(i.Carried) > 0 && status != shippost.InquiryAnswered {
		return shippost.Errorf(shippost.Conflict, "inquiry_carried_out", "This is being carried out. A deletion can be taken back for seven days, by the person it is about.")
	}
	changed, err := tx.CloseInquiry(ctx, i.ID, status, answer, tx.Now())
	if err != nil {
		return err
	}
	if !changed {
		return shippost.Errorf(shippost.Conflict, "inquiry_closed", "This was answered or withdrawn already.")
	}
	return record(ctx, tx, shippost.EntryInquiryClosed, actor, i, map[string]any{"status": string(status), "days": int(tx.Now().Sub(i.AskedAt) / oneDay)})
}

// Look returns by what its reader knows the address that a link in mail about a legal text is about; NotFound for one that was used or
// never was.
func (d *Desk) Look(ctx context.Context, token shippost.Secret) (mail string, err error) {
	err = d.DB.View(ctx, func(tx *store.Tx) error {
		i, err := tx.InquiryByLeave(ctx, auth.Hash(token))
		mail = notify.Mask(i.Mail)
		return err
	})
	return mail, err
}

// Leave has the address forgotten that a link in mail about a legal text is about, wherever somebody wrote with it. Answers stand on the
// pages of the messages all the same. A link that leads nowhere is no error.
func (d *Desk) Leave(ctx context.Context, token shippost.Secret) error {
	if err := d.known(ctx, (*store.Tx).InquiryByLeave, token); shippost.IsKind(err, shippost.NotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return d.DB.Update(ctx, func(tx *store.Tx) error {
		i, err := tx.InquiryByLeave(ctx, auth.Hash(token))
		if shippost.IsKind(err, shippost.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := tx.ForgetInquiryMail(ctx, i.Mail); err != nil {
			return err
		}
		return record(ctx, tx, shippost.EntryMailRemoved, shippost.Actor{}, i, map[string]any{"by": "link"})
	})
}
