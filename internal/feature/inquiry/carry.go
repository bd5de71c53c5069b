package inquiry

import (
	"cmp"
	"context"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/store"
)

// CarryOut does what a request asks for: it begins the erasure of the person, or has copies of their data made. That it concerns them
// must be proved before. Where nobody signed in for the request, an administrator who vouched for them names the account; a confirmed
// mail address names it by itself. It needs a sign-in of the last ten minutes.
func (d *Desk) CarryOut(ctx context.Context, actor shippost.Actor, id shippost.InquiryID, named shippost.UserID) error {
	if err := actor.RequireFreshAdmin(); err != nil {
		return err
	}
	return d.DB.Update(ctx, func(tx *store.Tx) error {
		i, err := tx.Inquiry(ctx, id)
		if err != nil {
			return err
		}
		user, err := whose(ctx, tx, i, named)
		if err != nil {
			return err
		}
		facts := map[string]any{"Number": string(i.ID), "Asked": day(i.AskedAt), "Undo": "", "Until": "", "Copies": "", "OnPage": i.Proof == shippost.ProofOperator}
		var by []string
		if i.Kind.Carries() == shippost.ErasesData {
			page, err := tx.InquiryPage(ctx, i.ID)
			if err != nil {
				return err
			}
			asked, err := d.Data.EraseFor(ctx, tx, actor, user, page)
			if err != nil {
				return err
			}
			by = []string{asked.ID}
			facts["Undo"], facts["Until"] = d.PublicURL+"/erasure/"+asked.Token.Reveal(), day(asked.UndoUntil)
		} else {
			copies, err := d.Data.ExportFor(ctx, tx, actor, user)
			if err != nil {
				return err
			}
			for _, e := range copies {
				by = append(by, e.ID)
			}
			facts["Copies"] = d.PublicURL + "/settings"
		}
		if noted, err := tx.CarryInquiry(ctx, i.ID, user, by); err != nil || !noted {
			return cmp.Or(err, carried())
		}
		// Not whose it is: that would outlive the person. Until they are gone their own history says it.
		if err := record(ctx, tx, shippost.EntryInquiryCarried, actor, i, map[string]any{"by": by}); err != nil {
			return err
		}
		return d.tellPerson(ctx, tx, i, user, facts)
	})
}

func carried() error {
	return shippost.Errorf(shippost.Conflict, "inquiry_carried_out", "This is being carried out already.")
}

// whose returns whom a request is about, or says why it cannot be carried out.
func whose(ctx context.Context, tx *store.Tx, i shippost.Inquiry, named shippost.UserID) (shippost.UserID, error) {
	switch {
	case i.Status != shippost.InquiryOpen:
		return "", shippost.Errorf(shippost.Conflict, "inquiry_closed", "This was answered or withdrawn already.")
	case len(i.Carried) > 0:
		return "", carried()
	case i.Kind.Carries() == "":
		return "", shippost.Errorf(shippost.Conflict, "nothing_to_carry_out", "What this asks for is done by hand. Do it, and say so in the answer.")
	case i.Proof == shippost.ProofNone:
		return "", proofMissing()
	}
	known, err := settled(ctx, tx, i)
	if err != nil {
		return "", err
	}
	switch {
	case known == "" && i.Proof != shippost.ProofOperator:
		return "", shippost.Errorf(shippost.Conflict, "person_unknown", "Nobody here has confirmed this mail address, so that it tells of no account. Ask them to sign in and to write again.")
	case known == "" && named == "":
		return "", shippost.Errorf(shippost.Invalid, "person_missing", "Say whose account this is about: its number stands under Users.").At("account").With(shippost.RemedyEdit)
	case known == "":
		return named, nil
	case named != "" && named != known:
		return "", shippost.Errorf(shippost.Conflict, "person_differs", "This request is about another account: the one that signed in for it, or that confirmed its address.").At("account")
	}
	return known, nil
}

// settled returns the account that a proof names by itself: the one that signed in, or the only one that confirmed the address that the
// proof went to; "" for none.
func settled(ctx context.Context, tx *store.Tx, i shippost.Inquiry) (shippost.UserID, error) {
	if i.User != "" || i.Proof != shippost.ProofMail {
		return i.User, nil
	}
	a, err := tx.AddressOf(ctx, i.Mail)
	if shippost.IsKind(err, shippost.NotFound) {
		return "", nil
	}
	return a.User, err
}

// tellPerson writes to whom a request is about that it is carried out: to the address that they confirmed, here or for the request, and to
// none that somebody only typed.
func (d *Desk) tellPerson(ctx context.Context, tx *store.Tx, i shippost.Inquiry, user shippost.UserID, facts map[string]any) error {
	if d.Post == nil {
		return nil
	}
	a, err := tx.Address(ctx, user)
	if err != nil && !shippost.IsKind(err, shippost.NotFound) {
		return err
	}
	to := a.Mail
	if to == "" && i.Proof == shippost.ProofMail {
		to = i.Mail
	}
	if to == "" {
		return nil
	}
	return d.Post(ctx, tx, notify.Letter{Once: "carried/" + string(i.ID), Kind: shippost.LetterCarried, Inquiry: i.ID, User: user, To: to, Facts: facts})
}

// Fetch opens a copy that was made for a request, for whoever has the address of its page; see Page.Copied.
func (d *Desk) Fetch(ctx context.Context, token shippost.Secret, id string) (lifecycle.Archive, error) {
	p, err := d.Read(ctx, token)
	if err != nil {
		return lifecycle.Archive{}, err
	}
	if !p.Copied(id) {
		return lifecycle.Archive{}, shippost.Errorf(shippost.NotFound, "export_not_found", "There is no such copy, or it is not yours.")
	}
	return d.Data.FetchFor(ctx, p.ID, p.User, id)
}
