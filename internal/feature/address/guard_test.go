package address_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// unsent are the kinds of what was written, not sent, and still says something.
func (p *post) unsent() (list []string) {
	p.t.Helper()
	rows, err := p.db.SQL().QueryContext(p.t.Context(), "SELECT kind FROM letters WHERE status <> 'sent' AND content <> '' ORDER BY kind")
	must(p.t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var kind string
		must(p.t, rows.Scan(&kind))
		list = append(list, kind)
	}
	must(p.t, rows.Err())
	return list
}

// stuck has a mail server that takes nothing for now. It returns the letter that was written last.
func (p *post) stuck() *notify.Letter {
	p.t.Helper()
	last := new(notify.Letter)
	p.Post = func(ctx context.Context, tx *store.Tx, l notify.Letter) error {
		*last = l
		letter := shippost.Letter{ID: shippost.NewLetterID(tx.Now()), Once: l.Once, Kind: l.Kind, Inquiry: l.Inquiry, User: l.User, CreatedAt: tx.Now()}
		_, err := tx.InsertLetter(ctx, &letter, "sealed")
		return err
	}
	return last
}

// Whoever had an address forgotten is not mailed there any more, also not what was written and had not gone out.
func TestForgottenAddressesAreNotMailed(t *testing.T) {
	each(t, func(p *post) {
		ctx := p.t.Context()
		last := p.stuck()
		_, err := p.Ask(ctx, p.ada, "ada@example.com")
		must(p.t, err)
		must(p.t, p.Confirm(ctx, token(p.t, last.Facts["Confirm"].(string), "confirm")))
		storetest.Update(p.t, p.db, func(tx *store.Tx) error {
			_, err := tx.SQL().ExecContext(ctx, "UPDATE letters SET status = 'sent', content = ''")
			return err
		})
		policy := func() {
			storetest.Update(p.t, p.db, func(tx *store.Tx) error {
				return p.Post(ctx, tx, notify.Letter{Once: fmt.Sprint("policy", tx.Now()), Kind: shippost.LetterPolicy, User: p.ada.User})
			})
		}
		news := func() {
			p.happens(shippost.EntryPostFailed, shippost.PostFailed, "No.")
			p.tell()
		}
		holds := func(when string, want ...string) {
			p.t.Helper()
			if got := p.unsent(); fmt.Sprint(got) != fmt.Sprint(want) {
				p.t.Errorf("%s: %v wait to be sent, not %v", when, got, want)
			}
		}
		news()
		policy()
		holds("at first", "policy", "posts")
		_, err = p.Choose(ctx, p.ada, false, false)
		must(p.t, err)
		holds("nothing about posts", "policy")
		_, err = p.Choose(ctx, p.ada, true, false)
		must(p.t, err)
		news()
		must(p.t, p.Remove(ctx, p.ada))
		holds("removed", "moved")
		_, err = p.Ask(ctx, p.ada, "one@example.com")
		must(p.t, err)
		_, err = p.Ask(ctx, p.ada, "two@example.com")
		must(p.t, err)
		holds("asked twice", "confirm", "moved")
		p.clock.Advance(25 * time.Hour)
		must(p.t, p.Sweep(ctx))
		holds("nobody confirmed", "moved")
	})
}

// Nobody but a person who signed in a moment ago takes an address from somebody; the address is told, and whoever else is signed in is
// not any more.
func TestAnAddressIsNotTakenInSilence(t *testing.T) {
	each(t, func(p *post) {
		ctx := p.t.Context()
		stale := p.ada
		stale.Fresh = false
		if _, err := p.Ask(ctx, stale, "eve@example.com"); !shippost.IsCode(err, "step_up_required") {
			p.t.Errorf("asked: %v", err)
		}
		if err := p.Remove(ctx, stale); !shippost.IsCode(err, "step_up_required") {
			p.t.Errorf("removed: %v", err)
		}
		sessions := func(add bool) (n int) {
			p.t.Helper()
			if add {
				storetest.Update(p.t, p.db, func(tx *store.Tx) error {
					id := shippost.NewSessionID(tx.Now())
					return tx.InsertSession(ctx, &store.Session{ID: id, Hash: string(id), User: p.ada.User, Workspace: p.ada.Workspace, CreatedAt: tx.Now(), SeenAt: tx.Now(), ProvedAt: tx.Now(), ExpiresAt: tx.Now().Add(time.Hour)})
				})
			}
			must(p.t, p.db.SQL().QueryRowContext(ctx, "SELECT count(*) FROM sessions").Scan(&n))
			return n
		}
		p.confirmed(p.ada, "ada@example.com")
		sessions(true)
		_, err := p.Ask(ctx, p.ada, "eve@example.com")
		must(p.t, err)
		if n := sessions(false); n != 0 {
			p.t.Errorf("%d other browsers are signed in after a change", n)
		}
		_, text, _ := p.next()
		must(p.t, p.Confirm(ctx, token(p.t, text, "confirm")))
		to, text, _ := p.next()
		if to != "ada@example.com" || !strings.Contains(text, "gave another address") || !strings.Contains(text, "/settings/sessions") || strings.Contains(text, "eve@") {
			p.t.Errorf("to %s:\n%s", to, text)
		}
		sessions(true)
		must(p.t, p.Remove(ctx, p.ada))
		to, text, _ = p.next()
		if n := sessions(false); n != 0 || to != "eve@example.com" || !strings.Contains(text, "had this address forgotten") {
			p.t.Errorf("%d signed in, to %s:\n%s", n, to, text)
		}
		// And it stands where its person looks, who is nobody without a workspace.
		var nowhere int
		must(p.t, p.db.SQL().QueryRowContext(ctx, "SELECT count(*) FROM journal WHERE kind LIKE 'mail.%' AND workspace_id = ''").Scan(&nowhere))
		if nowhere != 0 {
			p.t.Errorf("%d entries that nobody sees", nowhere)
		}
	})
}

// People who got enough mail for now, and one who cannot be written to, hold up nobody behind them.
func TestNobodySilencesThoseBehind(t *testing.T) {
	each(t, func(p *post) {
		ctx := p.t.Context()
		p.confirmed(p.ada, "ada@example.com")
		letters := 0
		var told []shippost.UserID
		p.Post = func(_ context.Context, _ *store.Tx, l notify.Letter) error {
			told = append(told, l.User)
			return nil
		}
		storetest.Update(p.t, p.db, func(tx *store.Tx) error {
			for i := range 60 {
				loud := shippost.UserID(fmt.Sprintf("usr_!%03d", i))
				if err := tx.InsertUser(ctx, &shippost.User{ID: loud, Name: "Loud", CreatedAt: noon}); err != nil {
					return err
				}
				for range 12 {
					letters++
					l := shippost.Letter{ID: shippost.NewLetterID(tx.Now()), Once: fmt.Sprint("loud", letters), Kind: shippost.LetterPosts, User: loud, CreatedAt: tx.Now()}
					if _, err := tx.InsertLetter(ctx, &l, "x"); err != nil {
						return err
					}
				}
				if _, err := tx.SQL().ExecContext(ctx, "INSERT INTO tidings (entry_id, user_id, workspace_id, post_id, kind, at) VALUES ($1, $2, 'w', 'p', 'post.failed', $3)", fmt.Sprint("ent_", i), string(loud), noon.UnixMicro()); err != nil {
					return err
				}
			}
			return nil
		})
		p.happens(shippost.EntryPostFailed, shippost.PostFailed, "No.")
		p.tell()
		if len(told) != 1 || told[0] != p.ada.User {
			p.t.Errorf("told: %v", told)
		}
		// The key to somebody's link is gone, and writing to another one fails: the third is told.
		broken, failing := storetest.Workspace(p.t, p.db), storetest.Workspace(p.t, p.db)
		for _, who := range []shippost.Actor{broken, failing} {
			storetest.Update(p.t, p.db, func(tx *store.Tx) error {
				a, err := tx.Address(ctx, p.ada.User)
				if err != nil {
					return err
				}
				a.User, a.Mail, a.LeaveHash = who.User, string(who.User)+"@example.com", string(who.User)
				if who == failing {
					if a.LeaveToken, err = p.Sealer.Seal(shippost.NewSecret("token"), seal.Row{Table: "addresses", Column: "leave_token", ID: string(who.User)}); err != nil {
						return err
					}
				}
				return tx.SaveAddress(ctx, a)
			})
		}
		p.Post = func(_ context.Context, _ *store.Tx, l notify.Letter) error {
			if l.User == failing.User {
				return errors.New("no")
			}
			told = append(told, l.User)
			return nil
		}
		told = nil
		account, ada := p.account, p.ada
		for _, who := range []shippost.Actor{broken, failing} {
			p.ada, p.account = who, storetest.Account(p.t, p.db, who)
			p.happens(shippost.EntryPostFailed, shippost.PostFailed, "No.")
		}
		p.ada, p.account = ada, account
		p.happens(shippost.EntryPostFailed, shippost.PostFailed, "No.")
		p.clock.Advance(time.Minute)
		if err := p.Tell(ctx); err == nil || !strings.Contains(err.Error(), string(failing.User)) {
			p.t.Errorf("nothing is said of who could not be told: %v", err)
		}
		if len(told) != 1 || told[0] != ada.User {
			p.t.Errorf("told: %v", told)
		}
		storetest.View(p.t, p.db, func(tx *store.Tx) error {
			readers, err := p.Readers(ctx, tx)
			if len(readers) != 2 {
				p.t.Errorf("readers: %+v", readers)
			}
			return err
		})
	})
}

// Whoever is over their own limit, and variants of an address, use up nobody else's.
func TestLimitsOfOneAreNotThoseOfAnother(t *testing.T) {
	each(t, func(p *post) {
		ctx := p.t.Context()
		p.Post = func(ctx context.Context, tx *store.Tx, l notify.Letter) error {
			letter := shippost.Letter{ID: shippost.NewLetterID(tx.Now()), Once: l.Once, Kind: l.Kind, User: l.User, CreatedAt: tx.Now()}
			_, err := tx.InsertLetter(ctx, &letter, "sealed")
			return err
		}
		for i := range 5 {
			_, err := p.Ask(ctx, p.ada, fmt.Sprintf("ada%d@example.com", i))
			must(p.t, err)
		}
		for range 10 {
			if _, err := p.Ask(ctx, p.ada, "victim@example.com"); !shippost.IsCode(err, "too_many_links") {
				p.t.Errorf("over the limit: %v", err)
			}
		}
		eve := storetest.Workspace(p.t, p.db)
		for i, to := range []string{"victim@example.com", "Victim+1@example.com", "victim+two@EXAMPLE.com", "victim+3@example.com"} {
			_, err := p.Ask(ctx, eve, to)
			if (err != nil) != (i == 3) {
				p.t.Errorf("%s: %v", to, err)
			}
		}
		refused := 0
		for i := range 150 {
			if i%4 == 0 {
				eve = storetest.Workspace(p.t, p.db)
			}
			if _, err := p.Ask(ctx, eve, fmt.Sprintf("x%d@small.example", i)); err != nil {
				refused++
			}
		}
		if refused != 50 {
			p.t.Errorf("%d of 150 links to one domain were refused in a day", refused)
		}
		before := p.entries()
		for range 3 {
			_, err := p.Choose(ctx, p.ada, true, false)
			must(p.t, err)
		}
		if p.entries() != before {
			p.t.Error("choosing what is chosen is written down")
		}
	})
}

func (p *post) entries() (n int) {
	p.t.Helper()
	must(p.t, p.db.SQL().QueryRowContext(p.t.Context(), "SELECT count(*) FROM journal").Scan(&n))
	return n
}
