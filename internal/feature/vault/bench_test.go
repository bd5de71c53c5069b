package vault_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/vault"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktok"
	"ship-post.com/shippost/internal/platform/tiktoksim"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const mara = "mara.moves"

// bench is nodes that share a database, a connected account, and a TikTok whose refresh tokens rotate strictly: the old
// one dies with each refresh. All run on one clock.
type bench struct {
	t       testing.TB
	clock   *storetest.Clock
	sim     *tiktoksim.Running
	db      *store.DB
	nodes   []*vault.Vault
	account shippost.Account
	first   shippost.Secret // the access token that was stored first

	platforms map[shippost.PlatformName]platform.Platform
	sealer    *seal.Sealer
	keys      string // the folder of its keys
	still     bool   // looking at what another node does takes no time on the clock
	closed    map[*store.DB]bool
	slow      func(time.Duration) <-chan time.Time
}

// engines runs test with one node on SQLite and two nodes on PostgreSQL.
func engines(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, storetest.SQLiteURL(t))
		b.node(b.db)
		test(t, b)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		url := storetest.PostgresURL(t)
		b := newBench(t, url)
		b.node(b.db)
		b.node(b.open(url))
		test(t, b)
	})
}

func newBench(t testing.TB, url string) *bench {
	t.Helper()
	b := &bench{t: t, clock: storetest.NewClock(start), closed: map[*store.DB]bool{}}
	var err error
	if b.sim, err = tiktoksim.Start(tiktoksim.Options{Now: b.clock.Now, Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.sim.Close(); err != nil {
			t.Error(err)
		}
	})
	clients, err := outbound.New(tiktok.Policy(b.sim.URL))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(clients.Close)
	client, err := tiktok.New(tiktok.Options{APIURL: b.sim.URL, AuthorizeURL: b.sim.URL + "/v2/auth/authorize/", ClientKey: tiktoksim.DefaultClientKey,
		ClientSecret: shippost.NewSecret(tiktoksim.DefaultClientSecret), Clients: clients, Now: b.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	b.platforms = map[shippost.PlatformName]platform.Platform{shippost.TikTok: client}
	b.keys = t.TempDir()
	if b.sealer, err = seal.CreateOrLoad(t.Context(), b.keys); err != nil {
		t.Fatal(err)
	}
	b.db = b.open(url)
	b.connect()
	return b
}

func (b *bench) open(url string) *store.DB {
	b.t.Helper()
	db, err := store.Open(b.t.Context(), store.Options{URL: url, Now: b.clock.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { b.closeDB(db) })
	return db
}

// close lets go of the database, so that another process can have it.
func (b *bench) close() { b.closeDB(b.db) }

func (b *bench) closeDB(db *store.DB) {
	b.t.Helper()
	if b.closed[db] {
		return
	}
	b.closed[db] = true
	if err := db.Close(); err != nil {
		b.t.Error(err)
	}
}

// node starts another node. Its waits pass by moving the clock, those for another node with a little real time for it.
func (b *bench) node(db *store.DB) *vault.Vault {
	v := vault.New(vault.Options{DB: db, Sealer: b.sealer, Platforms: b.platforms, Node: shippost.NewNodeID(b.clock.Now()), Now: b.clock.Now,
		After: b.after, Elapsed: b.elapsed, Log: slog.New(slog.DiscardHandler)})
	b.nodes = append(b.nodes, v)
	return v
}

// elapsed is the monotonic clock of all nodes.
func (b *bench) elapsed() time.Duration { return b.clock.Now().Sub(start) }

func (b *bench) after(d time.Duration) <-chan time.Time {
	switch {
	case b.slow != nil:
		return b.slow(d)
	case d < time.Second && b.still:
		return time.After(time.Millisecond)
	case d < time.Second:
		b.clock.Advance(d)
		return time.After(time.Millisecond)
	}
	b.clock.Advance(d)
	passed := make(chan time.Time)
	close(passed)
	return passed
}

// connect stores the tokens of a creator for a new account.
func (b *bench) connect() {
	b.t.Helper()
	owner := shippost.User{ID: shippost.NewUserID(start), Name: "Ada", CreatedAt: start}
	ws := shippost.Workspace{ID: shippost.NewWorkspaceID(start), Name: "Studio", CreatedAt: start}
	tokens, err := b.sim.Connect(mara, "user.info.basic", "video.publish")
	if err != nil {
		b.t.Fatal(err)
	}
	b.account = shippost.Account{ID: shippost.NewAccountID(start), Workspace: ws.ID, Platform: shippost.TikTok, Subject: tokens.OpenID,
		Handle: mara, Name: "Mara", Status: shippost.AccountActive, Epoch: 1, ConnectedAt: start}
	b.first = shippost.NewSecret(tokens.AccessToken)
	keeper := vault.New(vault.Options{DB: b.db, Sealer: b.sealer, Now: b.clock.Now})
	err = b.db.Update(b.t.Context(), func(tx *store.Tx) error {
		if err := tx.InsertUser(b.t.Context(), &owner); err != nil {
			return err
		}
		if err := tx.InsertWorkspace(b.t.Context(), &ws); err != nil {
			return err
		}
		if err := tx.InsertAccount(b.t.Context(), &b.account); err != nil {
			return err
		}
		return keeper.Store(b.t.Context(), tx, b.account.ID, grantOf(tokens))
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func grantOf(t tiktoksim.Tokens) platform.Grant {
	return platform.Grant{Subject: t.OpenID, Access: shippost.NewSecret(t.AccessToken), Refresh: shippost.NewSecret(t.RefreshToken),
		AccessExpiresIn: time.Duration(t.ExpiresIn) * time.Second, RefreshExpiresIn: time.Duration(t.RefreshExpiresIn) * time.Second,
		Scopes: strings.Split(t.Scope, ",")}
}

func (b *bench) knobs(change func(*tiktoksim.Knobs)) {
	b.t.Helper()
	if err := b.sim.SetKnobs(change); err != nil {
		b.t.Fatal(err)
	}
}

// effects counts what the simulated TikTok did.
func (b *bench) effects(name string) (n int) {
	for _, e := range b.sim.Journal(0) {
		if e.Kind == "effect" && e.Name == name {
			n++
		}
	}
	return n
}

// refreshes counts the refresh requests that reached TikTok.
func (b *bench) refreshes() (n int) {
	for _, e := range b.sim.Journal(0) {
		if e.Kind == "request" && e.Name == "token" {
			n++
		}
	}
	return n
}

func (b *bench) token(v *vault.Vault) shippost.Secret {
	b.t.Helper()
	token, err := v.For(b.account.ID).Token(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	return token
}

// works asks TikTok whether it takes a token.
func (b *bench) works(token shippost.Secret) bool {
	b.t.Helper()
	_, err := b.platforms[shippost.TikTok].(platform.Authorizer).Identify(b.t.Context(), token, []string{"user.info.basic"})
	if e := platform.AsError(err); err != nil && (e == nil || e.Code != "access_token_invalid") {
		b.t.Fatal(err)
	}
	return err == nil
}

// stored returns the account and its grant as they are kept.
func (b *bench) stored() (a shippost.Account, g store.Grant) {
	b.t.Helper()
	err := b.db.View(b.t.Context(), func(tx *store.Tx) (err error) {
		if a, err = tx.AccountOfAny(b.t.Context(), b.account.ID); err != nil {
			return err
		}
		g, err = tx.Grant(b.t.Context(), b.account.ID)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return a, g
}

// broken returns when the journal told that the account must be connected anew, zero if it did not.
func (b *bench) broken() (at time.Time) {
	b.t.Helper()
	err := b.db.View(b.t.Context(), func(tx *store.Tx) error {
		entries, err := tx.Journal(b.t.Context(), store.JournalQuery{Workspace: b.account.Workspace})
		for _, e := range entries {
			if e.Kind == shippost.EntryAccountBroken {
				at = e.At
			}
		}
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return at
}

// healthy fails the test unless the account is connected and its stored token works at TikTok.
func (b *bench) healthy() {
	b.t.Helper()
	works := b.works(b.token(b.nodes[0]))
	a, g := b.stored()
	if a.Status != shippost.AccountActive || !b.broken().IsZero() {
		b.t.Errorf("the account is %s (%s), want it active", a.Status, a.StatusReason)
	}
	if g.IntentHash != "" {
		b.t.Error("a refresh is still noted as under way")
	}
	if !works {
		b.t.Error("TikTok does not take the token that the vault gives")
	}
}
