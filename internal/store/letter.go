package store

import (
	"context"
	"time"

	"ship-post.com/shippost"
)

var letters = newTable("letters",
	column[shippost.Letter]{"id", func(l *shippost.Letter) any { return &l.ID }},
	column[shippost.Letter]{"once", func(l *shippost.Letter) any { return &l.Once }},
	column[shippost.Letter]{"kind", func(l *shippost.Letter) any { return &l.Kind }},
	column[shippost.Letter]{"inquiry_id", func(l *shippost.Letter) any { return &l.Inquiry }},
	column[shippost.Letter]{"user_id", func(l *shippost.Letter) any { return &l.User }},
	column[shippost.Letter]{"leave_hash", func(l *shippost.Letter) any { return &l.LeaveHash }},
	column[shippost.Letter]{"status", func(l *shippost.Letter) any { return &l.Status }},
	column[shippost.Letter]{"failure", func(l *shippost.Letter) any { return &l.Failure }},
	column[shippost.Letter]{"tries", func(l *shippost.Letter) any { return &l.Tries }},
	column[shippost.Letter]{"created_at", func(l *shippost.Letter) any { return at(&l.CreatedAt) }},
	column[shippost.Letter]{"ended_at", func(l *shippost.Letter) any { return at(&l.EndedAt) }},
)

// InsertLetter writes a new letter with its sealed content, unless its cause has one already. It reports whether it did. One about an
// inquiry concerns whoever asked.
func (t *Tx) InsertLetter(ctx context.Context, l *shippost.Letter, content string) (bool, error) {
	return t.swap(ctx, "INSERT INTO letters (id, once, kind, inquiry_id, user_id, content, status, failure, tries, created_at, leave_hash) "+
		"VALUES ($1, $2, $3, $4, CASE WHEN $5 <> '' THEN CAST($5 AS TEXT) ELSE COALESCE((SELECT i.user_id FROM inquiries i WHERE i.id = $4), '') END, $6, 'waiting', '', 0, $7, $8) "+
		"ON CONFLICT (once) DO NOTHING", l.ID, l.Once, l.Kind, l.Inquiry, l.User, content, moment(l.CreatedAt), l.LeaveHash)
}

// Letter returns a letter and its sealed content; NotFound without one.
func (t *Tx) Letter(ctx context.Context, id shippost.LetterID) (l shippost.Letter, content string, err error) {
	if l, err = letters.get(ctx, t, missing("letter"), "WHERE id = $1", id); err != nil {
		return l, "", err
	}
	err = t.value(ctx, []any{&content}, "SELECT content FROM letters WHERE id = $1", id)
	return l, content, err
}

// withdraw empties letters that were not sent: there is nobody any more whom they may go to. That they were written still counts.
const withdraw = "UPDATE letters SET content = '', status = 'given_up', failure = 'withdrawn', ended_at = $1 WHERE status <> 'sent' AND content <> '' AND inquiry_id = ''"

// WithdrawLetters empties the letters of some kinds to a person's address that were not sent.
func (t *Tx) WithdrawLetters(ctx context.Context, user shippost.UserID, kinds ...shippost.LetterKind) error {
	for _, kind := range kinds {
		if _, err := t.exec(ctx, withdraw+" AND user_id = $2 AND kind = $3", moment(t.Now()), user, kind); err != nil {
			return err
		}
	}
	return nil
}

// UnsentLetters returns letters that wait or were given up, the oldest first. Those that were withdrawn are nobody's trouble.
func (t *Tx) UnsentLetters(ctx context.Context, limit int) ([]shippost.Letter, error) {
	return letters.list(ctx, t, "WHERE status <> 'sent' AND failure <> 'withdrawn' ORDER BY created_at, id LIMIT $1", limit)
}

// HasLetter reports whether a letter was written for a cause.
func (t *Tx) HasLetter(ctx context.Context, once string) (bool, error) {
	var n int64
	err := t.value(ctx, []any{&n}, "SELECT count(*) FROM letters WHERE once = $1", once)
	return n > 0, err
}

// CountSentLetters returns how many letters were sent since a moment.
func (t *Tx) CountSentLetters(ctx context.Context, since time.Time) (n int64, err error) {
	err = t.value(ctx, []any{&n}, "SELECT count(*) FROM letters WHERE status = 'sent' AND ended_at >= $1", moment(since))
	return n, err
}

// CountLetters returns how many letters of a kind were written since a moment to a person, or ("") to anybody.
func (t *Tx) CountLetters(ctx context.Context, user shippost.UserID, kind shippost.LetterKind, since time.Time) (n int64, err error) {
	err = t.value(ctx, []any{&n}, "SELECT count(*) FROM letters WHERE kind = $1 AND created_at >= $2 AND ($3 = '' OR user_id = $3)", kind, moment(since), user)
	return n, err
}

// LetterSent notes that a letter was sent, and forgets what it said.
func (t *Tx) LetterSent(ctx context.Context, id shippost.LetterID, when time.Time) (bool, error) {
	return t.swap(ctx, "UPDATE letters SET status = 'sent', content = '', failure = '', tries = tries + 1, ended_at = $2 WHERE id = $1 AND status = 'waiting'", id, moment(when))
}

// LetterTried notes that a try failed.
func (t *Tx) LetterTried(ctx context.Context, id shippost.LetterID, failure string) (bool, error) {
	return t.swap(ctx, "UPDATE letters SET failure = $2, tries = tries + 1 WHERE id = $1 AND status = 'waiting'", id, failure)
}

// GiveUpLetter notes that the latest try failed and that no other follows. What the letter says stays for a while, so that it can
// be tried again.
func (t *Tx) GiveUpLetter(ctx context.Context, id shippost.LetterID, failure string, when time.Time) (bool, error) {
	return t.swap(ctx, "UPDATE letters SET status = 'given_up', failure = $2, tries = tries + 1, ended_at = $3 WHERE id = $1 AND status = 'waiting'", id, failure, moment(when))
}

// ReviveLetter has a letter wait again that was given up, if it still says something.
func (t *Tx) ReviveLetter(ctx context.Context, id shippost.LetterID) (bool, error) {
	return t.swap(ctx, "UPDATE letters SET status = 'waiting', ended_at = NULL WHERE id = $1 AND status = 'given_up' AND content <> ''", id)
}

// EmptyLetters forgets what up to limit letters say that were given up before a moment.
func (t *Tx) EmptyLetters(ctx context.Context, before time.Time, limit int) (int64, error) {
	return t.exec(ctx, "UPDATE letters SET content = '' WHERE id IN (SELECT id FROM letters WHERE status = 'given_up' AND ended_at < $1 AND content <> '' LIMIT $2)", moment(before), limit)
}

// ForgetLetters deletes up to limit letters that were written before a moment.
func (t *Tx) ForgetLetters(ctx context.Context, before time.Time, limit int) (int64, error) {
	return t.exec(ctx, "DELETE FROM letters WHERE id IN (SELECT id FROM letters WHERE created_at < $1 LIMIT $2)", moment(before), limit)
}

// InquiryByLeave returns the inquiry of a letter whose link has this hash, while its address is known; NotFound without one.
func (t *Tx) InquiryByLeave(ctx context.Context, hash string) (shippost.Inquiry, error) {
	return inquiries.get(ctx, t, missing("inquiry"), "WHERE mail <> '' AND id IN (SELECT inquiry_id FROM letters WHERE leave_hash = $1 AND leave_hash <> '')", hash)
}

// ForgetInquiryMail forgets a mail address in all inquiries that hold it, with what was written to it and not sent.
func (t *Tx) ForgetInquiryMail(ctx context.Context, mail string) error {
	_, err := t.exec(ctx, "UPDATE letters SET content = '', status = 'given_up', failure = 'withdrawn', ended_at = $1 WHERE status <> 'sent' AND content <> '' AND kind IN ('policy', 'received', 'answered') "+
		"AND inquiry_id IN (SELECT id FROM inquiries WHERE lower(mail) = lower($2))", moment(t.Now()), mail)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "UPDATE inquiries SET mail = '', code_hash = '' WHERE lower(mail) = lower($1)", mail)
	return err
}

// InquiryAddresses returns one inquiry for each mail address of people who showed who they are, and who are still let in where they
// have a place here.
func (t *Tx) InquiryAddresses(ctx context.Context) ([]shippost.Inquiry, error) {
	return inquiries.list(ctx, t, "WHERE id IN (SELECT max(id) FROM inquiries WHERE mail <> '' AND proof <> '' AND NOT EXISTS "+
		"(SELECT 1 FROM users WHERE users.id = inquiries.user_id AND users.disabled_at IS NOT NULL) GROUP BY lower(mail)) ORDER BY id")
}
