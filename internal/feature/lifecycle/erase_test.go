package lifecycle_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

func hash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// shaped are the text columns whose values mean something to the code, so that no canary may stand there.
var shaped = map[string]bool{"id": true, "status": true, "state": true, "phase": true, "kind": true, "role": true, "platform": true, "what": true, "purpose": true,
	"due_fold": true, "actor_kind": true, "actor_key": true, "actor_user": true, "blob_key": true, "poster_key": true, "token_hash": true, "hash": true, "death": true,
	"state_hash": true, "api_actor": true, "facts": true, "failure": true, "group_id": true, "avatar": true, "light": true, "owner": true}

// documents are the columns of JSON that hold what people write, and how it stands there.
var documents = map[string]string{"options": `{"title":"canary","tiktok":{"title":"canary"}}`, "recipe": `{"title":"canary"}`, "metadata": `{"title":"canary"}`}

// inhabit fills a workspace with everything that can be known about a person and their team, each text of it unique.
func inhabit(b *bench, c *canaries, actor shippost.Actor) (waiting, handed shippost.Post) {
	ctx, t := b.t.Context(), b.t
	now := b.db.Now()
	account := storetest.Account(t, b.db, actor)
	clip := b.file(actor, c.next("bytes"))
	b.put("avatar/"+string(account.ID), c.next("avatar"))
	waiting = b.post(actor, account, shippost.PostQueued, clip)
	b.post(actor, account, shippost.PostPosted, clip)
	handed = b.post(actor, account, shippost.PostPublishing, clip)
	arriving := shippost.Media{ID: shippost.NewMediaID(now), Workspace: actor.Workspace, UploadedBy: actor.User, Status: shippost.MediaReceiving,
		Kind: shippost.Video, FileName: c.next("file"), Size: 9, CreatedAt: now}
	asked, admin := shippost.NewInquiryID(now), shippost.NewAdminID(now)
	b.update(func(tx *store.Tx) error {
		_, err := tx.InsertLetter(ctx, &shippost.Letter{ID: shippost.NewLetterID(now), Once: c.next("letter"), Kind: shippost.LetterAnswered, Inquiry: asked, User: actor.User, CreatedAt: now}, c.next("letter"))
		return err
	})
	b.update(func(tx *store.Tx) error {
		attempt := shippost.Attempt{ID: shippost.NewAttemptID(now), Post: handed.ID, Workspace: actor.Workspace, Account: account.ID, PostVersion: 1, Epoch: 1,
			State: shippost.AttemptHandedOver, Owner: "node_gone", Fence: 1, PlannedAt: now}
		return errors.Join(
			tx.InsertIdentity(ctx, &shippost.Identity{ID: shippost.NewIdentityID(now), User: actor.User, Platform: shippost.TikTok, Subject: account.Subject, CreatedAt: now}),
			tx.InsertGrant(ctx, &store.Grant{Account: account.ID, AccessToken: "a", RefreshToken: "r", AccessIssuedAt: now, AccessExpiresAt: now.Add(time.Hour), Version: 1}),
			tx.InsertAttempt(ctx, &attempt),
			tx.InsertConsent(ctx, &shippost.Consent{ID: shippost.NewConsentID(now), Post: waiting.ID, PostVersion: 1, User: actor.User, Account: account.ID, At: now}),
			tx.SaveAddress(ctx, store.Address{User: actor.User, Mail: "ada@example.com", Trouble: 1, CodeHash: c.next("code"), LeaveHash: c.next("leave"), ConfirmedAt: now}),
			tx.Record(ctx, shippost.Entry{Workspace: actor.Workspace, Kind: shippost.EntryPostFailed, Actor: actor, Post: waiting.ID}),
			tx.InsertConversion(ctx, &shippost.Conversion{ID: shippost.NewConversionID(now), Workspace: actor.Workspace, Original: clip.ID, Result: shippost.NewMediaID(now),
				StartedBy: actor.User, Status: shippost.ConversionQueued, CreatedAt: now, UpdatedAt: now}),
			pulled(ctx, tx, attempt.ID, clip.ID),
			tx.Acknowledge(ctx, actor.User, "terms", "2026-11-24", now),
			tx.InsertMedia(ctx, &arriving),
			tx.InsertPasskey(ctx, &store.Passkey{ID: shippost.NewPasskeyID(now), Owner: string(actor.User), Credential: c.next("credential"), CreatedAt: now}),
			tx.InsertAdministrator(ctx, &store.Administrator{ID: admin, Name: "Operator", CreatedAt: now}),
			tx.InsertAdminFallback(ctx, &store.AdminFallback{Admin: admin, User: actor.User, CreatedAt: now}),
			tx.SetAdminCodes(ctx, admin, []string{hash("recovery of " + string(actor.User))}),
			tx.InsertCeremony(ctx, &store.Ceremony{Hash: hash("ceremony of " + string(actor.User)), Owner: string(actor.User), ExpiresAt: now}),
			tx.InsertInquiry(ctx, &shippost.Inquiry{ID: asked, Kind: shippost.InquiryQuestion, User: actor.User, Status: shippost.InquiryOpen,
				AskedAt: now, DueAt: now.Add(shippost.InquiryTime)}, hash("page of "+string(actor.User)), ""),
			tx.Acknowledge(ctx, actor.User, "terms", "2026-11-24", now),
			tx.SaveSnippet(ctx, &shippost.Snippet{ID: shippost.NewSnippetID(now), Workspace: actor.Workspace, Kind: shippost.SnippetHashtags, CreatedAt: now}),
			tx.SaveTemplate(ctx, &shippost.Template{ID: shippost.NewTemplateID(now), Workspace: actor.Workspace, Name: "Tide", CreatedAt: now, UpdatedAt: now}),
			tx.KeepVersion(ctx, &shippost.PostVersion{Post: waiting.ID, Version: 1, By: actor.User, At: now, Status: shippost.PostDraft}),
			labelled(ctx, tx, waiting, now),
			tx.InsertUpload(ctx, &store.Upload{ID: shippost.NewUploadID(now), Workspace: actor.Workspace, User: actor.User, Media: arriving.ID, Size: 9, CreatedAt: now, TouchedAt: now}),
			tx.InsertAPIKey(ctx, shippost.APIKey{ID: shippost.NewAPIKeyID(now), Workspace: actor.Workspace, User: actor.User, CreatedAt: now}, hash("key of "+string(actor.User))),
			tx.InsertSession(ctx, &store.Session{Hash: hash("cookie of " + string(actor.User)), ID: shippost.NewSessionID(now), User: actor.User, Workspace: actor.Workspace,
				CreatedAt: now, ProvedAt: now, SeenAt: now, ExpiresAt: now.Add(time.Hour)}),
			tx.InsertOAuthFlow(ctx, &store.OAuthFlow{StateHash: hash(string(actor.User)), Purpose: "connect", Platform: shippost.TikTok, User: actor.User,
				Workspace: actor.Workspace, CreatedAt: now, ExpiresAt: now}),
			tx.Record(ctx,
				shippost.Entry{Workspace: actor.Workspace, Kind: shippost.EntryAccountConnected, Actor: actor, Account: account.ID,
					Data: map[string]any{"reason": c.next("data")}, Personal: map[string]string{"name": c.next("personal"), "handle": c.next("personal"), "mail": c.next("personal"), "note": c.next("personal")}},
				shippost.Entry{Workspace: actor.Workspace, Kind: shippost.EntryPostScheduled, Actor: actor, Post: waiting.ID, Personal: map[string]string{"caption": c.next("personal")}},
				shippost.Entry{Kind: shippost.EntrySignInRefused, Actor: actor, Personal: map[string]string{"name": c.next("personal")}}),
		)
	})
	b.update(func(tx *store.Tx) error {
		_, err := tx.SaveForecast(ctx, &shippost.Forecast{Post: waiting.ID, Workspace: actor.Workspace, Version: 1, Light: shippost.Green, CheckedAt: now})
		return err
	})
	b.update(func(tx *store.Tx) error {
		_, err := tx.InsertSlot(ctx, &shippost.Slot{ID: shippost.NewSlotID(now), Workspace: actor.Workspace, Account: account.ID, CreatedAt: now})
		return err
	})
	b.update(func(tx *store.Tx) error {
		_, err := tx.TagMedia(ctx, actor.Workspace, clip.ID, c.next("media_tags.tag"))
		return err
	})
	reply := store.Reply{Actor: string(actor.Workspace) + "/" + string(actor.User), Key: c.next("reply"), BodyHash: c.next("reply"), Body: c.next("reply"), CreatedAt: now}
	b.update(func(tx *store.Tx) error { _, err := tx.ClaimReply(ctx, &reply); return err })
	if err := b.spool.Create(string(arriving.ID)); err != nil {
		t.Fatal(err)
	}
	path, err := b.spool.Path(string(arriving.ID))
	if err == nil {
		err = os.WriteFile(path, []byte(c.next("spool")), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	// Every column that takes any text gets one of its own.
	for _, table := range lifecycle.Tables {
		for _, column := range table.Columns {
			if plant := documents[column.Name]; plant == "" && column.Form != lifecycle.Text || shaped[column.Name] || strings.HasSuffix(column.Name, "_id") || strings.HasSuffix(column.Name, "_by") && column.Name != "intent_by" || table.Name == "idempotent_replies" {
				continue
			}
			claim, owner := table.Workspace.Claim, string(actor.Workspace)
			if claim.Column == "" {
				claim, owner = table.Person.Claim, string(actor.User)
			}
			if claim.Column == "" {
				continue
			}
			canary := c.next(table.Name + "." + column.Name)
			value := canary
			if plant := documents[column.Name]; plant != "" {
				value = strings.ReplaceAll(plant, "canary", canary)
			}
			b.update(func(tx *store.Tx) error {
				n, err := tx.BlankOwned(ctx, table.Name, claim, owner, map[string]string{column.Name: value}, "", 100)
				if err == nil && n == 0 && column.Name != "subject" && table.Name != "exports" && table.Name != "pulls" {
					t.Errorf("no row of %s can hold a canary", table.Name)
				}
				return err
			})
		}
	}
	// A person's own account is known by the pair of ids.
	b.update(func(tx *store.Tx) error {
		subject := c.next("subject")
		_, err := tx.BlankOwned(ctx, "accounts", store.Claim{Column: "workspace_id"}, string(actor.Workspace), map[string]string{"subject": subject}, "", 1)
		if err != nil {
			return err
		}
		_, err = tx.BlankOwned(ctx, "identities", store.Claim{Column: "user_id"}, string(actor.User), map[string]string{"subject": subject}, "", 1)
		return err
	})
	return waiting, handed
}

// P18: after an erasure nothing that was known of a person is found again: not in any row, not in the bytes of the database's
// files, not in any stored file, not in the log. Another team is left as it was, and what the person was told is what happened.
// PostgreSQL's files are clean once an operator had the tables rewritten, as docs/operate/data.md says.
func TestPromise_P18_NothingOfAPersonIsLeft(t *testing.T) {
	t.Parallel()
	for engine, fresh := range map[string]func(*testing.T) string{"sqlite": storetest.SQLiteURL, "postgres": storetest.PostgresURL} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			url, clock := fresh(t), storetest.NewClock(noon)
			b := open(t, storetest.Open(t, url, storetest.At(clock.Now)), clock, t.TempDir())
			leaveNothing(b, func() string { return string(storetest.Pages(t, url)) })
		})
	}
}

func leaveNothing(b *bench, pages func() string) {
	t, ctx := b.t, b.t.Context()
	c, other := &canaries{kind: "a"}, &canaries{kind: "another"}
	actor, neighbour := storetest.Workspace(t, b.db), storetest.Workspace(t, b.db)
	waiting, handed := inhabit(b, c, actor)
	otherWaiting, _ := inhabit(b, other, neighbour)
	if _, err := b.keeper.Export(ctx, actor, lifecycle.Workspace); err != nil {
		t.Fatal(err)
	}
	everyTableIsInhabited(b, actor)
	rows := storetest.Dump(t, b.db)
	planted := c.in(rows + strings.Join(mapValues(b.files()), "\n"))
	if len(planted) < 50 {
		t.Fatalf("%d of %d canaries are there before", len(planted), len(c.all))
	}
	if err := b.db.Analyze(ctx); err != nil { // as every day
		t.Fatal(err)
	}
	if b.db.Engine() == store.Postgres && len(c.in(b.statistics())) == 0 {
		t.Error("no canary is in the statistics: nothing is seen there")
	}
	inRows, inPages := c.in(rows), c.in(pages())
	if len(inPages) < len(inRows)*9/10 { // a long text may stand there in another form
		t.Errorf("the search finds %d of %d canaries on the pages of the database", len(inPages), len(inRows))
	}

	told, err := b.keeper.Preview(ctx, actor, lifecycle.Person)
	if err != nil {
		t.Fatal(err)
	}
	asked, err := b.keeper.Erase(ctx, actor, lifecycle.Person)
	if err != nil {
		t.Fatal(err)
	}
	if told.Waiting != 1 || told.HandedOver != 1 || told.Posted != 1 || len(told.Workspaces) != 1 || told.People != 1 || asked.Waiting != told.Waiting {
		t.Errorf("foretold %+v, then %+v", told, asked.Outlook)
	}
	// At once: nobody gets in, what waited does not go out, what was handed over stays what it is.
	if _, err := b.auth.Authenticate(ctx, auth.Credentials{Cookie: shippost.NewSecret("cookie of " + string(actor.User))}); !shippost.IsKind(err, shippost.Unauthenticated) {
		t.Errorf("a session still works: %v", err)
	}
	if got := b.status(waiting); got != shippost.PostFailed {
		t.Errorf("a post that waited is %s", got)
	}
	if got := b.status(handed); got != shippost.PostPublishing {
		t.Errorf("a post that was handed over is %s", got)
	}
	if got := b.status(otherWaiting); got != shippost.PostQueued {
		t.Errorf("another team's post is %s", got)
	}

	// Until the last moment it can be undone, so nothing may be gone.
	b.clock.Advance(7*24*time.Hour - time.Second)
	b.sweep()
	if found := c.in(storetest.Dump(t, b.db)); len(found) < 30 {
		t.Errorf("only %d canaries are left before the time to undo is over", len(found))
	}
	b.clock.Advance(time.Second)
	b.sweep()
	dump, files := storetest.Dump(t, b.db), b.files()
	if found := c.in(dump); len(found) > 0 {
		t.Errorf("rows still hold %v", found)
	}
	if b.db.Engine() == store.Postgres {
		if found := c.in(b.statistics()); len(found) > 0 {
			t.Errorf("the database's statistics still hold %v", found)
		}
		// Until then, or until they are written over, the rows stand on pages that nobody reads.
		if _, err := b.db.SQL().ExecContext(ctx, "VACUUM FULL"); err != nil {
			t.Fatal(err)
		}
	}
	if found := c.in(pages()); len(found) > 0 {
		t.Errorf("the database's pages still hold %v", found)
	}
	if found := c.in(b.log.all()); len(found) > 0 {
		t.Errorf("the log holds %v", found)
	}
	for name, content := range files {
		if found := c.in(name + content); len(found) > 0 {
			t.Errorf("the file %s still holds %v", name, found)
		}
		if strings.HasPrefix(name, "files/export/") {
			t.Errorf("the archive %s is still there", name)
		}
	}
	for _, id := range []string{string(actor.User), string(actor.Workspace)} {
		for _, line := range strings.Split(dump, "\n") {
			if strings.Contains(line, id) && !strings.HasPrefix(line, "river_job:") {
				t.Errorf("the id of what is gone still stands in %.80s", line)
			}
		}
	}
	// The neighbours have everything.
	rest := dump + strings.Join(mapValues(files), "\n")
	if found := other.in(rest); len(found) != len(planted) {
		t.Errorf("the neighbour has %d of %d canaries", len(found), len(planted))
	}
	t.Logf("%d canaries before, 0 after", len(planted))
	progress, err := b.keeper.Progress(ctx, asked.Token)
	if err != nil || progress.ErasedAt.IsZero() || progress.Receipt["posts"] != 3 || progress.Receipt["files"] != 2 || progress.Receipt["posts_handed_over"] != 1 {
		t.Errorf("receipt %+v, %v", progress, err)
	}
	if err := b.keeper.Undo(ctx, asked.Token); !shippost.IsCode(err, "erasure_over") {
		t.Errorf("undone after the end: %v", err)
	}
}

// statistics returns what PostgreSQL repeats of the columns, to plan with.
func (b *bench) statistics() (all string) {
	b.t.Helper()
	row := b.db.SQL().QueryRowContext(b.t.Context(), "SELECT coalesce(string_agg(concat_ws(' ', tablename, attname, most_common_vals, histogram_bounds), chr(10)), '') FROM pg_stats")
	if err := row.Scan(&all); err != nil {
		b.t.Fatal(err)
	}
	return all
}

// everyTableIsInhabited fails for a table of the catalogue that would be erased and holds nothing of the person: what is added to the product is
// added to inhabit too.
func everyTableIsInhabited(b *bench, actor shippost.Actor) {
	b.t.Helper()
	storetest.View(b.t, b.db, func(tx *store.Tx) error {
		for _, table := range lifecycle.Tables {
			var rows int64
			for owner, tie := range map[string]lifecycle.Tie{string(actor.Workspace): table.Workspace, string(actor.User): table.Person} {
				if tie.Column == "" || tie.Fate == lifecycle.None {
					continue
				}
				n, err := tx.CountOwned(b.t.Context(), table.Name, tie.Claim, owner)
				if err != nil {
					return err
				}
				if rows += n; n == 0 && tie.Fate != lifecycle.Expires {
					b.t.Errorf("no row of %s is %s's: what becomes of it is not seen", table.Name, owner[:3])
				}
			}
		}
		return nil
	})
}

func mapValues(m map[string]string) (values []string) {
	for _, v := range m {
		values = append(values, v)
	}
	slices.Sort(values)
	return values
}

// P18: an erasure that is undone in time brings everybody back; the accounts have to be connected again.
func TestPromise_P18_SevenDaysToUndo(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		b := open(t, db, clock, t.TempDir())
		ctx := t.Context()
		c := &canaries{}
		actor := storetest.Workspace(t, db)
		inhabit(b, c, actor)
		stale := actor
		stale.Fresh = false
		if _, err := b.keeper.Erase(ctx, stale, lifecycle.Workspace); !shippost.IsCode(err, "step_up_required") {
			t.Errorf("without a fresh sign-in: %v", err)
		}
		if _, err := b.keeper.Erase(ctx, b.member(actor.Workspace, shippost.Editor), lifecycle.Workspace); !shippost.IsCode(err, "not_allowed") {
			t.Errorf("as an editor: %v", err)
		}
		asked, err := b.keeper.Erase(ctx, actor, lifecycle.Workspace)
		if err != nil {
			t.Fatal(err)
		}
		clock.Advance(6 * 24 * time.Hour)
		b.sweep()
		if err := b.keeper.Undo(ctx, asked.Token); err != nil {
			t.Fatal(err)
		}
		if err := b.keeper.Undo(ctx, asked.Token); err != nil {
			t.Errorf("undone twice: %v", err)
		}
		if err := b.keeper.Undo(ctx, auth.NewToken()); !shippost.IsKind(err, shippost.NotFound) {
			t.Errorf("undone by a stranger: %v", err)
		}
		clock.Advance(30 * 24 * time.Hour)
		b.sweep()
		if found := c.in(storetest.Dump(t, db)); len(found) < 30 {
			t.Errorf("only %d canaries are left after it was undone", len(found))
		}
		ticket := b.enter(actor)
		if _, err := b.auth.Authenticate(ctx, auth.Credentials{Cookie: ticket}); err != nil {
			t.Errorf("the owner cannot come back: %v", err)
		}
	})
}

// asking counts how often the platforms were asked to let go.
type asking struct {
	lifecycle.Accounts
	times atomic.Int32
}

func (a *asking) FinishPartings(context.Context) error {
	a.times.Add(1)
	return nil
}

// By a clock that may be wrong nobody's time to undo is over. The platforms are asked to let go all the same, and at once.
func TestErasure_ByAClockThatMayBeWrong(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		b := open(t, db, clock, t.TempDir())
		accounts := &asking{Accounts: b.desk}
		b.keeper.Accounts = accounts
		actor := storetest.Workspace(t, db)
		b.unsure.Store(true)
		b.work()
		asked, err := b.keeper.Erase(t.Context(), actor, lifecycle.Workspace)
		if err != nil {
			t.Fatal(err)
		}
		b.until("the platforms are asked to let go", func() bool { return accounts.times.Load() >= 1 })
		erased := func() bool {
			p, err := b.keeper.Progress(t.Context(), asked.Token)
			if err != nil {
				t.Fatal(err)
			}
			return !p.ErasedAt.IsZero()
		}
		clock.Advance(400 * 24 * time.Hour)
		b.until("the platforms are asked again when the time is over", func() bool { return accounts.times.Load() >= 2 })
		b.sweep()
		if erased() {
			t.Error("by a clock that may be wrong it was carried out")
		}
		b.unsure.Store(false)
		b.sweep()
		if !erased() {
			t.Error("by a clock that is right it was not carried out")
		}
	})
}

func (b *bench) enter(actor shippost.Actor) shippost.Secret {
	b.t.Helper()
	var ticket auth.Ticket
	b.update(func(tx *store.Tx) (err error) {
		ticket, err = b.auth.Open(b.t.Context(), tx, auth.Entrance{User: actor.User, Workspace: actor.Workspace})
		return err
	})
	return ticket.Cookie
}

// P18: a member who erases themself leaves the team what they made for it, without a name; their own account goes with them.
func TestPromise_P18_AMemberLeavesTheTeamItsContent(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		b := open(t, db, clock, t.TempDir())
		ctx := t.Context()
		owner := storetest.Workspace(t, db)
		ben := b.member(owner.Workspace, shippost.Editor)
		teams, own := storetest.Account(t, db, owner), storetest.Account(t, db, owner)
		b.update(func(tx *store.Tx) error {
			return errors.Join(
				tx.InsertIdentity(ctx, &shippost.Identity{ID: shippost.NewIdentityID(noon), User: ben.User, Platform: shippost.TikTok, Subject: own.Subject, CreatedAt: noon}),
				tx.Record(ctx, shippost.Entry{Workspace: owner.Workspace, Kind: shippost.EntryKeyCreated, Actor: shippost.Actor{Kind: shippost.ActorUser, User: ben.User, Network: "203.0.113.0/24"},
					Personal: map[string]string{"name": "bens-laptop"}}))
		})
		clip := b.file(ben, "clip")
		stays, goes := b.post(ben, teams, shippost.PostQueued, clip), b.post(ben, own, shippost.PostQueued, clip)
		if _, err := b.keeper.Erase(ctx, ben, lifecycle.Person); err != nil {
			t.Fatal(err)
		}
		if _, err := b.auth.Authenticate(ctx, auth.Credentials{Cookie: b.enter(owner)}); err != nil {
			t.Errorf("the owner is locked out: %v", err)
		}
		clock.Advance(7 * 24 * time.Hour)
		b.sweep()
		if a, z := b.status(stays), b.status(goes); a != shippost.PostQueued || z != shippost.PostFailed {
			t.Errorf("the team's post is %s, that of the person's own account %s", a, z)
		}
		dump := storetest.Dump(t, db)
		for _, gone := range []string{"Ben", "bens-laptop", "203.0.113", own.Subject} {
			if strings.Contains(dump, gone) {
				t.Errorf("%s is still known", gone)
			}
		}
		if !slices.Contains(mapValues(b.files()), "clip") || !strings.Contains(dump, teams.Subject) {
			t.Errorf("the team lost what is its own: %v", slices.Collect(maps.Keys(b.files())))
		}
		// The rest of the row has no name and lets nobody in.
		storetest.View(t, db, func(tx *store.Tx) error {
			user, err := tx.User(ctx, ben.User)
			if err == nil && (user.Name != "" || user.DisabledAt.IsZero()) {
				t.Errorf("what is left: %+v", user)
			}
			return err
		})
	})
}

// P18: a backup from before an erasure does not bring anybody back: what was erased is erased again before anything is served.
func TestPromise_P18_ARestoredBackupIsErasedAgain(t *testing.T) {
	t.Parallel()
	url := storetest.SQLiteURL(t)
	path := strings.TrimPrefix(url, "sqlite:")
	clock, dir := storetest.NewClock(noon), t.TempDir()
	c, other := &canaries{kind: "a"}, &canaries{kind: "another"}
	var actor, neighbour shippost.Actor
	t.Run("before", func(t *testing.T) {
		b := open(t, storetest.Open(t, url, storetest.At(clock.Now)), clock, dir)
		actor, neighbour = storetest.Workspace(t, b.db), storetest.Workspace(t, b.db)
		inhabit(b, c, actor)
		inhabit(b, other, neighbour)
		if err := b.db.Scrub(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	backup, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("erased", func(t *testing.T) {
		b := open(t, storetest.Open(t, url, storetest.At(clock.Now)), clock, dir)
		if _, err := b.keeper.Erase(t.Context(), actor, lifecycle.Person); err != nil {
			t.Fatal(err)
		}
		clock.Advance(8 * 24 * time.Hour)
		b.sweep()
	})
	names, err := filepath.Glob(path + "-*")
	for _, name := range names {
		err = errors.Join(err, os.Remove(name))
	}
	if err = errors.Join(err, os.WriteFile(path, backup, 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Run("restored", func(t *testing.T) {
		b := open(t, storetest.Open(t, url, storetest.At(clock.Now)), clock, dir)
		if found := c.in(storetest.Dump(t, b.db)); len(found) < 30 {
			t.Fatalf("the backup holds only %d canaries", len(found))
		}
		for range 2 { // a second start finds nothing to do
			if err := b.keeper.Replay(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if found := c.in(storetest.Dump(t, b.db) + string(storetest.Pages(t, url)) + strings.Join(mapValues(b.files()), "")); len(found) > 0 {
			t.Errorf("the backup brought back %v", found)
		}
		if found := other.in(storetest.Dump(t, b.db)); len(found) < 30 {
			t.Errorf("the neighbour has only %d canaries", len(found))
		}
	})
}

// pulled gives a photo of an attempt an address.
func pulled(ctx context.Context, tx *store.Tx, attempt shippost.AttemptID, media shippost.MediaID) error {
	_, err := tx.SQL().ExecContext(ctx, "INSERT INTO pulls (token_hash, attempt_id, position, media_id) VALUES ($1, $2, 0, $3)", hash("pull of "+string(attempt)), attempt, media)
	return err
}

// labelled puts a fresh label on a post.
func labelled(ctx context.Context, tx *store.Tx, p shippost.Post, now time.Time) error {
	l := shippost.Label{ID: shippost.NewLabelID(now), Workspace: p.Workspace, Name: "Spring", Colour: "green", CreatedAt: now}
	return errors.Join(tx.InsertLabel(ctx, &l), tx.SetPostLabels(ctx, p.Workspace, p.ID, []shippost.LabelID{l.ID}))
}
