package web_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/legal"
	"ship-post.com/shippost/internal/feature/media/mediatest"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/server/web"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// P5, P6, P15, P20: a year goes by in which all that happens by itself happens together: tokens are renewed, everything is swept, the server is
// started anew each week, and the privacy policy and the terms change. Nobody is disconnected, nothing goes that should stay, what should go
// goes, and each change is told once, stands announced for 14 days, is confirmed or not, and is in force from its day.
func TestPromise_P15_AYearOfRenewalsSweepsAndNewPolicies(t *testing.T) {
	t.Parallel()
	published := map[string][]legal.Version{legal.Policy: {{Day: "2026-11-24", Summary: "The first version."}}, legal.Terms: {{Day: "2026-11-24", Summary: "The first version."}}}
	var told []string // what each letter was written for
	var desk *legal.Desk
	s := serve(t, false, func(o *web.Options) {
		desk = legal.New(legal.Options{Published: published})
		o.Legal = desk
	})
	ctx := t.Context()
	start := func() { // as a program that was started anew
		t.Helper()
		fresh := legal.New(legal.Options{DB: s.DB, Published: published, PublicURL: s.public, Now: s.Clock.Now,
			Post: func(_ context.Context, _ *store.Tx, l notify.Letter) error {
				told = append(told, l.To+" "+l.Once)
				return nil
			},
			Readers: func(context.Context, *store.Tx) ([]notify.Reader, error) {
				return []notify.Reader{{User: "usr_1", To: "mara@example.com"}, {User: "usr_2", To: "kiln@example.com"}}, nil
			}})
		if err := fresh.Announce(ctx); err != nil {
			t.Fatal(err)
		}
		desk = fresh
	}
	start()
	b, other := s.open(t), s.open(t)
	b.signIn(mara)
	careful := s.owner(t) // confirms what is announced
	account := shippost.AccountID(s.account(t, shippost.AccountActive))
	other.signIn(kiln)
	careless := s.second(t, careful.User)
	used := mediatest.Upload(t, s.library, careful, "used.jpg", photo(t))
	waits := used
	waits.ID, waits.FileName = shippost.NewMediaID(s.DB.Now()), "waits.jpg"
	begin := s.Clock.Now()
	storetest.Update(t, s.DB, func(tx *store.Tx) error {
		for i, p := range []shippost.Post{
			{Status: shippost.PostPosted, Media: []shippost.MediaID{used.ID}, PostedAt: begin, CommittedAt: begin, Due: shippost.Due{At: begin}},
			{Status: shippost.PostQueued, Media: []shippost.MediaID{waits.ID}, Due: shippost.Due{At: begin.AddDate(2, 0, 0)}},
		} {
			p.ID, p.Workspace, p.Account, p.Version = shippost.NewPostID(begin.Add(time.Duration(i))), careful.Workspace, account, 1
			p.CreatedBy, p.CreatedAt, p.UpdatedAt = careful.User, begin, begin
			if i == 1 {
				if err := tx.InsertMedia(ctx, &waits); err != nil {
					return err
				}
			}
			if err := tx.InsertPost(ctx, &p); err != nil {
				return err
			}
		}
		return nil
	})

	const policyDay, termsDay = 100, 250
	day := func(n int) time.Time { return begin.AddDate(0, 0, n) }
	newer := map[string]legal.Version{legal.Policy: {Day: "2026-11-26", Material: true, Summary: "More is named."}, legal.Terms: {Day: "2027-08-01", Material: true, Summary: "Fewer words."}}
	news := func(who shippost.Actor) (names []string) {
		t.Helper()
		list, err := desk.News(ctx, who)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range list {
			name := n.Document
			if !n.From.IsZero() {
				name += " from " + n.From.Format(time.DateOnly)
			}
			names = append(names, name)
		}
		return names
	}
	confirm := func(who shippost.Actor, document string) {
		t.Helper()
		if err := desk.Acknowledge(ctx, who, document, newer[document].Day); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 366 {
		switch n { // before the day's work
		case policyDay:
			published[legal.Policy] = append([]legal.Version{newer[legal.Policy]}, published[legal.Policy]...)
			start()
		case policyDay + 3:
			confirm(careful, legal.Policy)
		case policyDay + 60:
			confirm(careless, legal.Policy)
		case termsDay:
			published[legal.Terms] = append([]legal.Version{newer[legal.Terms]}, published[legal.Terms]...)
			start()
		case termsDay + 20:
			confirm(careful, legal.Terms)
		default:
			if n%7 == 0 {
				start()
			}
		}
		announced := " from " + day(policyDay+14).Format(time.DateOnly)
		want := map[string][]string{"careful": nil, "careless": nil}
		if n >= policyDay && n < policyDay+14 {
			want["careless"] = []string{legal.Policy + announced}
			if n < policyDay+3 {
				want["careful"] = want["careless"]
			}
		} else if n >= policyDay+14 && n < policyDay+60 {
			want["careless"] = []string{legal.Policy}
		}
		announced = " from " + day(termsDay+14).Format(time.DateOnly)
		switch {
		case n >= termsDay && n < termsDay+14:
			want["careful"], want["careless"] = []string{legal.Terms + announced}, []string{legal.Terms + announced}
		case n >= termsDay+14:
			want["careless"] = []string{legal.Terms}
			if n < termsDay+20 {
				want["careful"] = want["careless"]
			}
		}
		if got := news(careful); !slices.Equal(got, want["careful"]) {
			t.Errorf("day %d: the careful one is told %v, want %v", n, got, want["careful"])
		}
		if got := news(careless); !slices.Equal(got, want["careless"]) {
			t.Errorf("day %d: the careless one is told %v, want %v", n, got, want["careless"])
		}
		for document, from := range map[string]int{legal.Policy: policyDay + 14, legal.Terms: termsDay + 14} {
			inForce := "2026-11-24"
			if n >= from {
				inForce = newer[document].Day
			}
			if got := desk.InForce(document).Day; got != inForce {
				t.Errorf("day %d: of %s the version of %s is in force, want %s", n, document, got, inForce)
			}
		}
		for range 4 {
			if err := s.Vault.Keep(ctx); err != nil {
				t.Fatal(err)
			}
			s.Clock.Advance(6 * time.Hour)
		}
		token, err := s.Vault.Access(ctx, account)
		if err != nil || !s.accepted(t, token) {
			t.Fatalf("day %d: the account is lost: %v", n, err)
		}
		for _, sweep := range []func(context.Context) error{s.data.Sweep, s.Auth.Sweep, s.inquiries.Sweep} {
			if err := sweep(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if t.Failed() {
			break
		}
	}

	slices.Sort(told)
	want := []string{"kiln@example.com policy/privacy-policy/2026-11-26/usr_2", "kiln@example.com policy/terms/2027-08-01/usr_2",
		"mara@example.com policy/privacy-policy/2026-11-26/usr_1", "mara@example.com policy/terms/2027-08-01/usr_1"}
	if !slices.Equal(told, want) {
		t.Errorf("letters for %q, want %q", told, want)
	}
	storetest.View(t, s.DB, func(tx *store.Tx) error {
		gone, err := tx.Media(ctx, careful.Workspace, used.ID)
		if err != nil {
			return err
		}
		kept, err := tx.Media(ctx, careful.Workspace, waits.ID)
		if gone.DeletedAt.IsZero() || !kept.DeletedAt.IsZero() {
			t.Errorf("the posted file %+v, the one that waits %+v", gone.DeletedAt, kept.DeletedAt)
		}
		counts, _ := tx.CountPosts(ctx, careful.Workspace)
		if counts[shippost.PostPosted] != 1 || counts[shippost.PostQueued] != 1 {
			t.Errorf("posts %v", counts)
		}
		return err
	})
	if n := len(s.Effects("token_refreshed")); n < 300 {
		t.Errorf("%d renewals in a year", n)
	}
}

// second returns the owner who is not the first.
func (s *site) second(t *testing.T, first shippost.UserID) shippost.Actor {
	t.Helper()
	a := shippost.Actor{Kind: shippost.ActorUser, Role: shippost.Owner}
	storetest.View(t, s.DB, func(tx *store.Tx) error {
		return tx.SQL().QueryRowContext(t.Context(), "SELECT workspace_id, user_id FROM members WHERE user_id <> $1", first).Scan(&a.Workspace, &a.User)
	})
	return a
}

// accepted reports whether TikTok takes a token.
func (s *site) accepted(t *testing.T, token shippost.Secret) bool {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.SimAt+"/v2/user/info/?fields=open_id", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
