package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

var inquiryColumns = []column[shippost.Inquiry]{
	{"id", func(i *shippost.Inquiry) any { return &i.ID }},
	{"kind", func(i *shippost.Inquiry) any { return &i.Kind }},
	{"user_id", func(i *shippost.Inquiry) any { return &i.User }},
	{"name", func(i *shippost.Inquiry) any { return &i.Name }},
	{"mail", func(i *shippost.Inquiry) any { return &i.Mail }},
	{"message", func(i *shippost.Inquiry) any { return &i.Message }},
	{"proof", func(i *shippost.Inquiry) any { return &i.Proof }},
	{"proof_note", func(i *shippost.Inquiry) any { return &i.ProofNote }},
	{"status", func(i *shippost.Inquiry) any { return &i.Status }},
	{"answer", func(i *shippost.Inquiry) any { return &i.Answer }},
	{"carried", func(i *shippost.Inquiry) any { return doc(&i.Carried) }},
	{"asked_at", func(i *shippost.Inquiry) any { return at(&i.AskedAt) }},
	{"due_at", func(i *shippost.Inquiry) any { return at(&i.DueAt) }},
	{"reminded", func(i *shippost.Inquiry) any { return &i.Reminded }},
	{"answered_at", func(i *shippost.Inquiry) any { return at(&i.AnsweredAt) }},
}

// inquiries reads; the hashes are written once and only compared.
var inquiries = newTable("inquiries", inquiryColumns...)

// InsertInquiry writes a new inquiry. Its page has an address with the hash token; code is the hash of what proves the mail
// address, "" for none.
func (t *Tx) InsertInquiry(ctx context.Context, i *shippost.Inquiry, token, code string) error {
	type row struct{ token, code string }
	hashes := row{token, code}
	whole := newTable("inquiries", append([]column[shippost.Inquiry]{
		{"token_hash", func(*shippost.Inquiry) any { return &hashes.token }},
		{"code_hash", func(*shippost.Inquiry) any { return &hashes.code }},
	}, inquiryColumns...)...)
	return whole.insert(ctx, t, i)
}

// InquiryByHash returns the inquiry whose page has an address with this hash; NotFound without one.
func (t *Tx) InquiryByHash(ctx context.Context, hash string) (shippost.Inquiry, error) {
	return inquiries.get(ctx, t, missing("inquiry"), "WHERE token_hash = $1", hash)
}

// InquiryByCode returns the inquiry that was sent a code with this hash; NotFound without one.
func (t *Tx) InquiryByCode(ctx context.Context, hash string) (shippost.Inquiry, error) {
	return inquiries.get(ctx, t, missing("inquiry"), "WHERE code_hash = $1 AND code_hash <> ''", hash)
}

// Inquiry returns an inquiry; NotFound without one.
func (t *Tx) Inquiry(ctx context.Context, id shippost.InquiryID) (shippost.Inquiry, error) {
	return inquiries.get(ctx, t, missing("inquiry"), "WHERE id = $1", id)
}

// OpenInquiries returns what waits for an answer, the earliest due first.
func (t *Tx) OpenInquiries(ctx context.Context) ([]shippost.Inquiry, error) {
	return inquiries.list(ctx, t, "WHERE status = 'open' ORDER BY due_at, id")
}

// ClosedInquiries returns what needs no answer any more, the latest first.
func (t *Tx) ClosedInquiries(ctx context.Context, limit int) ([]shippost.Inquiry, error) {
	return inquiries.list(ctx, t, "WHERE status <> 'open' ORDER BY answered_at DESC, id DESC LIMIT $1", limit)
}

// CountInquiries returns how many were asked since a moment, by a user or ("") by anybody.
func (t *Tx) CountInquiries(ctx context.Context, user shippost.UserID, since time.Time) (n int64, err error) {
	err = t.value(ctx, []any{&n}, "SELECT count(*) FROM inquiries WHERE asked_at >= $1 AND ($2 = '' OR user_id = $2)", moment(since), user)
	return n, err
}

// ProveInquiry notes that whoever asked proved who they are, if the inquiry is open and nobody has yet. What was
// mailed about it concerns the user from then on.
func (t *Tx) ProveInquiry(ctx context.Context, id shippost.InquiryID, proof shippost.InquiryProof, user shippost.UserID, note string) (bool, error) {
	proved, err := t.swap(ctx, "UPDATE inquiries SET proof = $2, user_id = CASE WHEN $3 = '' THEN user_id ELSE $3 END, proof_note = $4, code_hash = '' WHERE id = $1 AND proof = '' AND status = 'open'",
		id, proof, user, note)
	if err != nil || !proved || user == "" {
		return proved, err
	}
	_, err = t.exec(ctx, "UPDATE letters SET user_id = $2 WHERE inquiry_id = $1", id, user)
	return proved, err
}

// CarryInquiry notes by what an open inquiry is carried out, and for whom: what was mailed about it concerns them from then on. It reports
// whether it was open and nothing was noted before.
func (t *Tx) CarryInquiry(ctx context.Context, id shippost.InquiryID, user shippost.UserID, by []string) (bool, error) {
	noted, err := t.swap(ctx, "UPDATE inquiries SET carried = $2, user_id = $3 WHERE id = $1 AND status = 'open' AND carried = '[]'", id, doc(&by), user)
	if err != nil || !noted {
		return noted, err
	}
	_, err = t.exec(ctx, "UPDATE letters SET user_id = $2 WHERE inquiry_id = $1", id, user)
	return noted, err
}

// InquiryPage returns the hash of what the address of an inquiry's page ends with.
func (t *Tx) InquiryPage(ctx context.Context, id shippost.InquiryID) (hash string, err error) {
	err = t.value(ctx, []any{&hash}, "SELECT token_hash FROM inquiries WHERE id = $1", id)
	return hash, err
}

// CloseInquiry ends an open inquiry. It reports whether it was open.
func (t *Tx) CloseInquiry(ctx context.Context, id shippost.InquiryID, status shippost.InquiryStatus, answer string, when time.Time) (bool, error) {
	return t.swap(ctx, "UPDATE inquiries SET status = $2, answer = $3, answered_at = $4, code_hash = '' WHERE id = $1 AND status = 'open'", id, status, answer, moment(when))
}

// RemindInquiry counts reminders up to n, if the inquiry is open and had fewer. It reports whether it was so.
func (t *Tx) RemindInquiry(ctx context.Context, id shippost.InquiryID, n int64) (bool, error) {
	return t.swap(ctx, "UPDATE inquiries SET reminded = $2 WHERE id = $1 AND status = 'open' AND reminded < $2", id, n)
}

// ForgetInquiries deletes up to limit inquiries that were closed before a moment.
func (t *Tx) ForgetInquiries(ctx context.Context, before time.Time, limit int) (int64, error) {
	return t.exec(ctx, "DELETE FROM inquiries WHERE id IN (SELECT id FROM inquiries WHERE status <> 'open' AND answered_at < $1 LIMIT $2)", moment(before), limit)
}
