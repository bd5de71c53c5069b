package address_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform/tiktok"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// P9: a mail says what helps in the words of the one table, for every refusal that may end a post.
func TestPromise_P09_MailNamesTheRemedy(t *testing.T) {
	each(t, func(p *post) {
		p.confirmed(p.ada, "ada@example.com")
		table := tiktok.Codes()
		if len(table) < 20 {
			p.t.Fatalf("%d codes", len(table))
		}
		for i, code := range table {
			id := p.happens(shippost.EntryPostFailed, shippost.PostFailed, code.Message)
			storetest.Update(p.t, p.db, func(tx *store.Tx) error {
				raw, err := json.Marshal(shippost.Failure{Code: code.Code, Message: code.Message, Remedy: code.Remedy})
				if err == nil {
					_, err = tx.SQL().ExecContext(p.t.Context(), "UPDATE posts SET failure = $1 WHERE id = $2", string(raw), string(id))
				}
				return err
			})
			if i%10 == 9 {
				p.clock.Advance(time.Hour) // so many mails are sent in an hour
			}
			p.tell()
			_, text, _ := p.next()
			text = strings.ReplaceAll(text, "\r\n", "\n")
			remedy := code.Remedy
			if remedy == shippost.RemedyNone {
				remedy = shippost.RemedyReschedule // which every post that failed can be
			}
			if want := strings.Join(strings.Fields(code.Message), " ") + "\n" + remedy.Words() + ".\n"; !strings.Contains(text, want) {
				p.t.Errorf("%s: the mail lacks %q:\n%s", code.Code, want, text)
			}
		}
	})
}

// P9: besides ends, people are told by mail of what needs them: each with what helps, and not any more once it is over.
func TestPromise_P09_WhatNeedsSomebodyIsMailed(t *testing.T) {
	each(t, func(p *post) {
		ctx := p.t.Context()
		p.confirmed(p.ada, "ada@example.com")
		change := func(id shippost.PostID, column string, value any) {
			p.t.Helper()
			storetest.Update(p.t, p.db, func(tx *store.Tx) error {
				_, err := tx.SQL().ExecContext(ctx, "UPDATE posts SET "+column+" = $1 WHERE id = $2", value, string(id))
				return err
			})
		}
		now := func() int64 { return p.clock.Now().UnixMicro() }
		forecast := func(id shippost.PostID) {
			f := shippost.Forecast{Post: id, Workspace: p.ada.Workspace, Version: 1, Light: shippost.Red, CheckedAt: p.clock.Now(),
				Problems: []shippost.Problem{{Code: "x", Message: "A warning.", Severity: shippost.Warn}, {Code: "y", Message: "The account is not connected.", Severity: shippost.Block, Remedy: shippost.RemedyReconnect}}}
			storetest.Update(p.t, p.db, func(tx *store.Tx) error { _, err := tx.SaveForecast(ctx, &f); return err })
		}
		for name, c := range map[string]struct {
			kind   shippost.EntryKind
			status shippost.PostStatus
			is     func(shippost.PostID)
			says   []string
			over   func(shippost.PostID)
		}{
			"will not go out": {shippost.EntryPostAtRisk, shippost.PostQueued, forecast, []string{"The account is not connected.\nConnect the account again.\n"},
				func(id shippost.PostID) { change(id, "status", "cancelled") }},
			"overdue": {shippost.EntryPostOverdue, shippost.PostQueued, func(id shippost.PostID) { change(id, "overdue_at", now()) },
				[]string{"should have gone out by now", "\nAsk whoever runs this server.\n"}, func(id shippost.PostID) { change(id, "overdue_at", nil) }},
			"in the inbox": {shippost.EntryPostInbox, shippost.PostInInbox, func(shippost.PostID) {}, []string{"waits in the inbox of the TikTok app", "\nOpen TikTok.\n"},
				func(id shippost.PostID) { change(id, "status", "posted") }},
			"blind": {shippost.EntryPostBlind, shippost.PostPublishing, func(shippost.PostID) {}, []string{"cannot be asked what became of it.\nConnect the account again.\n"},
				func(id shippost.PostID) { change(id, "status", "posted") }},
			"withdrawn": {shippost.EntryPostWithdrawn, shippost.PostPosted, func(id shippost.PostID) { change(id, "withdrawn_at", now()) },
				[]string{"taken down, or made private", "\nOpen TikTok.\n"}, func(id shippost.PostID) { change(id, "withdrawn_at", nil) }},
		} {
			id := p.happens(c.kind, c.status, "")
			c.is(id)
			p.tell()
			_, text, _ := p.next()
			text = strings.ReplaceAll(text, "\r\n", "\n")
			for _, want := range append(c.says, "https://posts.example/posts/"+string(id)) {
				if !strings.Contains(text, want) {
					p.t.Errorf("%s: the mail lacks %q:\n%s", name, want, text)
				}
			}
			over := p.happens(c.kind, c.status, "")
			c.is(over)
			c.over(over)
			p.tell()
			if p.waiting() != 0 || p.server.Tries() != p.read {
				p.t.Errorf("%s: it is told although it is over", name)
			}
		}
	})
}

// P9: so are they of accounts that must be connected again, or soon: once, and not any more once that is done.
func TestPromise_P09_AccountsThatNeedSomebodyAreMailed(t *testing.T) {
	each(t, func(p *post) {
		ctx := p.t.Context()
		p.confirmed(p.ada, "ada@example.com")
		happens := func(kind shippost.EntryKind) {
			storetest.Update(p.t, p.db, func(tx *store.Tx) error {
				return tx.Record(ctx, shippost.Entry{Workspace: p.ada.Workspace, Kind: kind, Account: p.account.ID, Actor: shippost.System(p.ada.Workspace)})
			})
		}
		told := func(says ...string) {
			p.t.Helper()
			p.tell()
			_, text, header := p.next()
			text = strings.ReplaceAll(text, "\r\n", "\n")
			for _, want := range append(says, "\nConnect the account again.\n", "https://posts.example/accounts/"+string(p.account.ID)) {
				if !strings.Contains(text, want) {
					p.t.Errorf("the mail lacks %q:\n%s", want, text)
				}
			}
			if !strings.HasSuffix(header["Subject"][0], " needs you") {
				p.t.Errorf("%v", header)
			}
		}
		quiet := func(when string) {
			p.t.Helper()
			p.tell()
			if p.waiting() != 0 || p.server.Tries() != p.read {
				p.t.Errorf("%s: it is told although it is over", when)
			}
		}
		grant := store.Grant{Account: p.account.ID, AccessToken: "sealed", RefreshToken: "sealed", AccessIssuedAt: noon, AccessExpiresAt: noon.Add(24 * time.Hour), RefreshExpiresAt: noon.Add(28 * 24 * time.Hour), Version: 1}
		storetest.Update(p.t, p.db, func(tx *store.Tx) error { return tx.InsertGrant(ctx, &grant) })
		happens(shippost.EntryAccountEnding)
		told("on Thursday 24 December 2026")
		happens(shippost.EntryAccountEnding)
		storetest.Update(p.t, p.db, func(tx *store.Tx) error {
			grant.RefreshExpiresAt, grant.Version = noon.AddDate(1, 0, 0), 2
			_, err := tx.ReplaceGrant(ctx, grant, 1)
			return err
		})
		quiet("connected again")
		happens(shippost.EntryAccountBroken)
		quiet("it works")
		a := p.account
		a.Status, a.StatusReason = shippost.AccountReconnect, "refresh_refused"
		storetest.Update(p.t, p.db, func(tx *store.Tx) error { _, err := tx.SetAccountStatus(ctx, a, a.Epoch); return err })
		happens(shippost.EntryAccountBroken)
		told("no longer accepts ShipPost for this account")
		// With a post in the same mail it says so.
		happens(shippost.EntryAccountBroken)
		p.happens(shippost.EntryPostMissed, shippost.PostMissed, "")
		p.tell()
		if _, _, header := p.next(); header["Subject"][0] != "News of your posts and accounts" {
			p.t.Errorf("%v", header)
		}
	})
}
