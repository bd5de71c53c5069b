package legal_test

import (
	"context"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/legal"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

//go:generate go test -count=1 -run ^TestPromise_P20_TheTextIsWhatTheCatalogueSays$ . -update

var update = flag.Bool("update", false, "write the newest version of the policy")

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// P20: the policy in force says what the catalogue says, each line of it, and a change of the catalogue needs a new version.
func TestPromise_P20_TheTextIsWhatTheCatalogueSays(t *testing.T) {
	t.Parallel()
	text, err := legal.Compose()
	if err != nil {
		t.Fatal(err)
	}
	name := "versions/" + legal.Policy + "-" + legal.Published[legal.Policy][0].Day + ".txt"
	if *update {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(name)
	if err != nil || string(stored) != text {
		t.Fatalf("the catalogue or the text changed: add a version with a new day to Published, say what changed, and run go generate (%v)", err)
	}
	for _, table := range lifecycle.Tables {
		if table.Holds != "" && !strings.Contains(text, "| "+table.Holds+" | "+table.Purpose+" | "+table.Lifetime+" |") {
			t.Errorf("the policy does not say that %s is kept", table.Name)
		}
	}
}

// P20: every version can be read, is dated, and can be compared with the one before it.
func TestPromise_P20_VersionsStayAndCanBeCompared(t *testing.T) {
	t.Parallel()
	desk := legal.New(legal.Options{Operator: legal.Operator{Name: "Ada & Sons", Contact: "privacy@posts.example"}, Hosts: []legal.Host{{"open.tiktokapis.com", "to publish"}}})
	for _, document := range []string{legal.Policy, legal.Terms} {
		list := desk.Versions(document)
		if !slices.IsSortedFunc(list, func(a, b legal.Version) int { return strings.Compare(b.Day, a.Day) }) {
			t.Errorf("%s: the newest version must come first", document)
		}
		for _, v := range list {
			_, blocks, err := desk.Read(document, v.Day)
			if err != nil || len(blocks) < 5 || v.Summary == "" {
				t.Errorf("%s of %s: %d blocks, %v", document, v.Day, len(blocks), err)
			}
		}
	}
	older, newer, changes, err := desk.Compare(legal.Policy, "")
	if err != nil || older.Day != "2026-11-24" || newer.Day != "2026-11-26" {
		t.Fatalf("%v, %v, %v", older, newer, err)
	}
	var same, gone, coming int
	for _, c := range changes {
		switch {
		case c.Gone:
			gone++
		case c.Coming:
			coming++
		default:
			same++
		}
	}
	if same == 0 || gone == 0 || coming == 0 {
		t.Errorf("%d the same, %d gone, %d new", same, gone, coming)
	}
	if _, _, err := desk.Read(legal.Policy, "2020-01-01"); !shippost.IsKind(err, shippost.NotFound) {
		t.Errorf("a version that never was: %v", err)
	}
}

// P20: a material change is told to each person until they have read it, and never again after that; who signs up later has
// accepted what is in force.
func TestPromise_P20_MaterialChangesAreToldOnce(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, _ *storetest.Clock) {
		ctx := t.Context()
		published := map[string][]legal.Version{legal.Policy: {{Day: "2026-11-24"}}, legal.Terms: {{Day: "2026-11-24"}}}
		desk := legal.New(legal.Options{DB: db, Published: published})
		early, ben := storetest.Workspace(t, db), storetest.Workspace(t, db)
		storetest.Update(t, db, func(tx *store.Tx) error { return desk.Accept(ctx, tx, ben.User) })
		news := func(a shippost.Actor) []string {
			t.Helper()
			list, err := desk.News(ctx, a)
			if err != nil {
				t.Fatal(err)
			}
			var days []string
			for _, n := range list {
				days = append(days, n.Document+" "+n.Version.Day)
			}
			return days
		}
		expect := func(a shippost.Actor, want ...string) {
			t.Helper()
			if got := news(a); !slices.Equal(got, want) {
				t.Errorf("told %v, want %v", got, want)
			}
		}
		expect(early)
		published[legal.Policy] = append([]legal.Version{{Day: "2026-12-01"}}, published[legal.Policy]...) // of no weight
		expect(early)
		published[legal.Policy] = append([]legal.Version{{Day: "2027-01-01", Material: true}}, published[legal.Policy]...)
		expect(early, "privacy-policy 2027-01-01")
		expect(ben, "privacy-policy 2027-01-01")
		program := early
		program.Kind = shippost.ActorKey
		expect(program)
		if err := desk.Acknowledge(ctx, program, legal.Policy, "2027-01-01"); !shippost.IsCode(err, "person_required") {
			t.Errorf("a program: %v", err)
		}
		if err := desk.Acknowledge(ctx, early, legal.Policy, "2031-01-01"); !shippost.IsCode(err, "version_not_found") {
			t.Errorf("a version that is none: %v", err)
		}
		for range 2 {
			if err := desk.Acknowledge(ctx, early, legal.Policy, "2027-01-01"); err != nil {
				t.Fatal(err)
			}
		}
		expect(early)
		expect(ben, "privacy-policy 2027-01-01")
		late := storetest.Workspace(t, db)
		storetest.Update(t, db, func(tx *store.Tx) error { return desk.Accept(ctx, tx, late.User) })
		expect(late)
	})
}

// P20: a material change is written once to each address of people who showed who they are, by one of the nodes, and to nobody who
// is no longer let in. Later changes are written about again.
func TestPromise_P20_MaterialChangesAreAnnouncedByMail(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, _ *storetest.Clock) {
		ctx := t.Context()
		gone := storetest.Workspace(t, db)
		ask := func(id, mail string, proof shippost.InquiryProof, user shippost.UserID) {
			t.Helper()
			i := shippost.Inquiry{ID: shippost.InquiryID(id), Kind: shippost.InquiryAccess, User: user, Mail: mail, Proof: proof, Status: shippost.InquiryOpen, AskedAt: noon, DueAt: noon}
			storetest.Update(t, db, func(tx *store.Tx) error { return tx.InsertInquiry(ctx, &i, "hash of "+id, "") })
		}
		ask("inq_1", "ada@example.com", shippost.ProofMail, "")
		ask("inq_2", "Ada@example.com", shippost.ProofOperator, "")
		ask("inq_3", "eve@example.com", shippost.ProofNone, "")
		ask("inq_4", "ben@example.com", shippost.ProofMail, "")
		ask("inq_5", "gone@example.com", shippost.ProofSignIn, gone.User)
		ask("inq_6", "", shippost.ProofSignIn, "")
		storetest.Update(t, db, func(tx *store.Tx) error { _, err := tx.DisableUser(ctx, gone.User, noon); return err })
		published := map[string][]legal.Version{legal.Policy: {{Day: "2026-11-24", Material: true, Summary: "Less is kept."}}, legal.Terms: {{Day: "2026-11-24"}}}
		var told []string
		node := legal.New(legal.Options{DB: db, Published: published, PublicURL: "https://posts.example", Post: func(_ context.Context, _ *store.Tx, l notify.Letter) error {
			told = append(told, string(l.Kind)+" "+l.To+" "+string(l.Inquiry))
			if l.Facts["Page"] != "https://posts.example/privacy-policy/"+published[legal.Policy][0].Day+"/changes" || l.Facts["Summary"] != "Less is kept." || l.Facts["Wrote"] != true ||
				!strings.HasPrefix(l.Leave, "https://posts.example/mail-off/") || l.Facts["Leave"] != l.Leave || l.Left == "" || strings.Contains(l.Leave, l.Left) {
				t.Errorf("%+v", l)
			}
			return nil
		}})
		announce := func(d *legal.Desk, want ...string) {
			t.Helper()
			told = nil
			if err := d.Announce(ctx); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(told, want) {
				t.Errorf("told %v, want %v", told, want)
			}
		}
		announce(node, "policy Ada@example.com inq_2", "policy ben@example.com inq_4")
		announce(node)
		published[legal.Policy] = append([]legal.Version{{Day: "2026-12-01"}}, published[legal.Policy]...) // of no weight
		announce(node)
		// What came while the server sent no mail is not told afterwards: it is old by then.
		silent := legal.New(legal.Options{DB: db, Published: published})
		published[legal.Policy] = append([]legal.Version{{Day: "2027-01-01", Material: true, Summary: "Less is kept."}}, published[legal.Policy]...)
		announce(silent)
		announce(node)
		published[legal.Policy] = append([]legal.Version{{Day: "2027-02-01", Material: true, Summary: "Less is kept."}}, published[legal.Policy]...)
		announce(node, "policy Ada@example.com inq_2", "policy ben@example.com inq_4")
	})
}

// P20: a material change is in force 14 days after a server with people first knew it, on every node and after each restart; until then
// the present text is, and whoever comes meanwhile accepts that and is told of the next.
func TestPromise_P20_MaterialChangesAreAnnouncedAhead(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		ctx := t.Context()
		published := map[string][]legal.Version{legal.Policy: {{Day: "2026-11-26", Material: true, Summary: "More."}, {Day: "2026-11-24"}}, legal.Terms: {{Day: "2026-11-24"}}}
		start := func() *legal.Desk {
			t.Helper()
			desk := legal.New(legal.Options{DB: db, Published: published, Now: clock.Now})
			if err := desk.Announce(ctx); err != nil {
				t.Fatal(err)
			}
			return desk
		}
		reads := func(d *legal.Desk, want string) {
			t.Helper()
			v, blocks, err := d.Read(legal.Policy, "")
			if err != nil || v.Day != want || len(blocks) == 0 || d.InForce(legal.Policy) != v {
				t.Errorf("in force is %s, want %s (%v)", v.Day, want, err)
			}
		}
		published[legal.Policy] = published[legal.Policy][1:]
		reads(start(), "2026-11-24")
		ada := storetest.Workspace(t, db)
		published[legal.Policy] = append([]legal.Version{{Day: "2026-11-26", Material: true, Summary: "More."}}, published[legal.Policy]...)
		first := start()
		from := noon.Add(legal.Notice)
		reads(first, "2026-11-24")
		if at := first.From(legal.Policy, published[legal.Policy][0]); !at.Equal(from) {
			t.Errorf("in force from %s, want %s", at, from)
		}
		ben := storetest.Workspace(t, db)
		storetest.Update(t, db, func(tx *store.Tx) error { return first.Accept(ctx, tx, ben.User) })
		for _, who := range []shippost.Actor{ada, ben} {
			news, err := first.News(ctx, who)
			if err != nil || len(news) != 1 || !news[0].From.Equal(from) || news[0].Version.Day != "2026-11-26" {
				t.Errorf("%+v, %v", news, err)
			}
		}
		clock.Advance(legal.Notice - time.Second)
		again := start()
		reads(first, "2026-11-24")
		reads(again, "2026-11-24")
		clock.Advance(time.Second)
		reads(first, "2026-11-26")
		reads(again, "2026-11-26")
		if news, err := again.News(ctx, ada); err != nil || len(news) != 1 || !news[0].From.IsZero() {
			t.Errorf("then: %+v, %v", news, err)
		}
	})
}

// A server that nobody uses yet begins with the newest text: there is nobody to tell.
func TestANewServerBeginsWithTheNewestText(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		desk := legal.New(legal.Options{DB: db, Now: clock.Now})
		if err := desk.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		if v := desk.InForce(legal.Policy); v != legal.Published[legal.Policy][0] {
			t.Errorf("on a server without people %s is in force", v.Day)
		}
	})
}

// P22: the policy names everybody this server may connect to, and says so when there is nobody.
func TestPromise_P22_ThePolicyNamesEveryRecipient(t *testing.T) {
	t.Parallel()
	hosts := []legal.Host{{"open.tiktokapis.com", "to publish"}, {".tiktokcdn.com", "pictures"}}
	_, with, err := legal.New(legal.Options{Hosts: hosts}).Read(legal.Policy, "")
	if err != nil {
		t.Fatal(err)
	}
	_, without, err := legal.New(legal.Options{}).Read(legal.Policy, "")
	if err != nil {
		t.Fatal(err)
	}
	items := func(blocks []legal.Block) (all []string) {
		for _, b := range blocks {
			all = append(all, b.Items...)
		}
		return all
	}
	if got := items(with); !slices.Equal(got, []string{"open.tiktokapis.com: to publish", ".tiktokcdn.com: pictures"}) {
		t.Errorf("with two hosts: %v", got)
	}
	if got := items(without); len(got) != 1 {
		t.Errorf("without any: %v", got)
	}
}
