package admin_test

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	feature "ship-post.com/shippost/internal/feature/admin"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/inquiry"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/feature/lifecycle/lifecycletest"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/feature/passkey"
	"ship-post.com/shippost/internal/feature/passkey/passkeytest"
	"ship-post.com/shippost/internal/feature/usage"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/server/admin"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// office is the administration of a server, and a browser in it.
type office struct {
	t         *testing.T
	db        *store.DB
	clock     *storetest.Clock
	handler   http.Handler
	inquiries *inquiry.Desk
	data      *lifecycle.Keeper
	pages     *admin.Pages
	codeFile  string
	cookie    *http.Cookie
	person    shippost.Actor // whoever is signed in to the product with the same browser
	called    string
	keeper    *feature.Keeper
	letters   []notify.Letter
}

const public = "https://posts.example"

func open(t *testing.T, db *store.DB, clock *storetest.Clock) *office {
	t.Helper()
	return openWith(t, db, clock, nil)
}

// openWith opens the pages of a server that sends mail, or with nil of one that does not.
func openWith(t *testing.T, db *store.DB, clock *storetest.Clock, outbox *notify.Outbox) *office {
	t.Helper()
	o := &office{t: t, db: db, clock: clock, codeFile: filepath.Join(t.TempDir(), "admin-code")}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	o.data = lifecycletest.Open(t, db, clock)
	o.inquiries = inquiry.New(inquiry.Options{DB: db, Data: o.data, PublicURL: public, Now: clock.Now, Log: log})
	o.keeper = o.node()
	pages, err := admin.New(admin.Options{Keeper: o.keeper, Person: func(*http.Request) (shippost.Actor, string, error) { return o.person, o.called, nil }, Inquiries: o.inquiries, Usage: usage.New(usage.Options{DB: db, On: true, Now: clock.Now, Log: log}), Mail: outbox, PublicURL: public, Log: log, Frame: admin.Frame{Style: "/s.css", Office: "/o.css", Icon: "/i.svg", Script: "/p.js",
		Page: func(w http.ResponseWriter, _ *http.Request, status int, e *shippost.Error) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "error "+e.Code)
		}}})
	if err != nil {
		t.Fatal(err)
	}
	o.pages, o.handler = pages, pages.Handler()
	return o
}

// node returns a keeper as another process has it: it shares the database and the keys, and nothing else.
func (o *office) node() *feature.Keeper {
	o.t.Helper()
	sealer, err := seal.CreateOrLoad(o.t.Context(), filepath.Join(filepath.Dir(o.codeFile), "keys"))
	if err != nil {
		o.t.Fatal(err)
	}
	return feature.New(feature.Options{DB: o.db, Passkeys: passkey.New(passkey.Options{DB: o.db, PublicURL: public, Now: o.clock.Now}), Sealer: sealer, Chain: o.data.Chain, PublicURL: public,
		Post: func(_ context.Context, _ *store.Tx, l notify.Letter) error {
			o.letters = append(o.letters, l)
			return nil
		}, CodeFile: o.codeFile, Now: o.clock.Now})
}

func (o *office) send(method, path string, form url.Values) *httptest.ResponseRecorder {
	o.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "text/html")
	if strings.HasSuffix(path, "/question") {
		r.Header.Set("Accept", "application/json")
	}
	if o.cookie != nil {
		r.AddCookie(o.cookie)
	}
	w := httptest.NewRecorder()
	o.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		o.cookie = c
	}
	return w
}

func (o *office) code() string {
	o.t.Helper()
	code, line := feature.NewCode(o.clock.Now())
	if err := os.WriteFile(o.codeFile, []byte(line), 0o600); err != nil {
		o.t.Fatal(err)
	}
	return code
}

type question struct {
	Token   string          `json:"token"`
	Options json.RawMessage `json:"options"`
	ID      string          `json:"id"`
	Code    string          `json:"code"`
}

func (o *office) ask(path string, form url.Values) (q question) {
	o.t.Helper()
	if err := json.Unmarshal(o.send("POST", path, form).Body.Bytes(), &q); err != nil {
		o.t.Fatal(err)
	}
	return q
}

// enrol makes an administrator and returns their device.
func (o *office) enrol(code string) (*passkeytest.Device, *httptest.ResponseRecorder) {
	o.t.Helper()
	form := url.Values{"code": {strings.ToUpper(code)}, "name": {"Olga Operator"}}
	q := o.ask("/admin/enrol/question", form)
	if q.Token == "" {
		return nil, nil
	}
	d := passkeytest.New(o.t, public, "posts.example")
	form.Set("token", q.Token)
	form.Set("id", q.ID)
	form.Set("answer", string(d.Create(q.Options)))
	return d, o.send("POST", "/admin/enrol", form)
}

func (o *office) signIn(d *passkeytest.Device) *httptest.ResponseRecorder {
	o.t.Helper()
	q := o.ask("/admin/sign-in/question", nil)
	return o.send("POST", "/admin/sign-in", url.Values{"token": {q.Token}, "answer": {string(d.Get(q.Options))}, "return_to": {"/admin/users"}})
}

// access says for a route who may use it: the status for each kind of asker. It has to name every route.
type access struct {
	path     string // {id…} stands for something that is there
	stranger int    // not signed in, or with the session of somebody who uses the product
	stale    int    // administrator, signed in eleven minutes ago
	fresh    int    // administrator, signed in a moment ago
	coded    int    // administrator, signed in a moment ago without a passkey; 0: as fresh
	person   int    // somebody who uses the product, signed in there a moment ago; 0: as stranger
}

// accesses is the matrix: before the sign-in nobody learns anything, behind it all may be read, and what changes something of somebody's takes
// a fresh sign-in.
var accesses = map[string]access{
	"GET /admin/sign-in":               {"/admin/sign-in", 200, 200, 200, 0, 0},
	"POST /admin/sign-in/question":     {"/admin/sign-in/question", 200, 200, 200, 0, 0},
	"POST /admin/sign-in":              {"/admin/sign-in", 401, 401, 401, 0, 0},
	"GET /admin/enrol":                 {"/admin/enrol", 200, 200, 200, 0, 0},
	"POST /admin/enrol/question":       {"/admin/enrol/question", 422, 422, 422, 0, 0},
	"POST /admin/enrol":                {"/admin/enrol", 422, 422, 422, 0, 0},
	"POST /admin/sign-out":             {"/admin/sign-out", 303, 303, 303, 0, 0},
	"GET /admin":                       {"/admin", 401, 200, 200, 0, 0},
	"GET /admin/{$}":                   {"/admin/", 401, 200, 200, 0, 0},
	"GET /admin/users":                 {"/admin/users", 401, 200, 200, 0, 0},
	"POST /admin/users/{id}/disable":   {"/admin/users/{user}/disable", 401, 403, 303, 0, 0},
	"POST /admin/users/{id}/enable":    {"/admin/users/{user}/enable", 401, 403, 303, 0, 0},
	"GET /admin/accounts":              {"/admin/accounts", 401, 200, 200, 0, 0},
	"GET /admin/inquiries":             {"/admin/inquiries", 401, 200, 200, 0, 0},
	"GET /admin/inquiries/{id}":        {"/admin/inquiries/{inquiry}", 401, 200, 200, 0, 0},
	"POST /admin/inquiries/{id}/prove": {"/admin/inquiries/{inquiry}/prove", 401, 403, 422, 0, 0},
	"POST /admin/inquiries/{id}":       {"/admin/inquiries/{inquiry}", 401, 403, 422, 0, 0},
	"POST /admin/inquiries/{id}/carry": {"/admin/inquiries/{inquiry}/carry", 401, 403, 409, 0, 0},
	"GET /admin/usage":                 {"/admin/usage", 401, 200, 200, 0, 0},
	"GET /admin/mail":                  {"/admin/mail", 401, 200, 200, 0, 0},
	"POST /admin/mail/{id}/retry":      {"/admin/mail/ltr_none/retry", 401, 404, 404, 0, 0},
	"GET /admin/audit":                 {"/admin/audit", 401, 200, 200, 0, 0},

	// Without a passkey: whoever is signed in to the product may try, and learns the same whether they are an administrator or not.
	"GET /admin/sign-in/code":  {"/admin/sign-in/code", 200, 200, 200, 0, 0},
	"POST /admin/sign-in/code": {"/admin/sign-in/code", 401, 401, 401, 0, 403},
	// What lets somebody in is changed with a passkey alone; only to bring one back takes none.
	"GET /admin/factors":                       {"/admin/factors", 401, 200, 200, 0, 0},
	"POST /admin/factors/passkeys/question":    {"/admin/factors/passkeys/question", 401, 403, 200, 200, 0},
	"POST /admin/factors/passkeys":             {"/admin/factors/passkeys", 401, 403, 401, 401, 0}, // this answer is none
	"POST /admin/factors/passkeys/{id}/remove": {"/admin/factors/passkeys/pky_none/remove", 401, 403, 404, 403, 0},
	"POST /admin/factors/person":               {"/admin/factors/person", 401, 403, 401, 403, 0}, // nobody is signed in to the product
	"POST /admin/factors/person/remove":        {"/admin/factors/person/remove", 401, 403, 409, 403, 0},
	"POST /admin/factors/app":                  {"/admin/factors/app", 401, 403, 409, 403, 0},
	"GET /admin/factors/app":                   {"/admin/factors/app", 401, 403, 404, 403, 0},
	"GET /admin/factors/app/picture":           {"/admin/factors/app/picture", 401, 403, 404, 403, 0},
	"POST /admin/factors/app/confirm":          {"/admin/factors/app/confirm", 401, 403, 404, 403, 0},
	"POST /admin/factors/app/remove":           {"/admin/factors/app/remove", 401, 403, 404, 403, 0},
	"POST /admin/factors/codes":                {"/admin/factors/codes", 401, 403, 409, 403, 0},
}

// behind are the routes that need an administrator.
func behind() (routes []string) {
	for route, row := range accesses {
		if row.stranger == http.StatusUnauthorized && !strings.HasPrefix(row.path, "/admin/sign-in") {
			routes = append(routes, strings.Fields(route)[0]+" "+row.path)
		}
	}
	return routes
}

// P13: the pages of administrators answer every kind of asker as the matrix says, and the matrix has a row for each route: a new one
// without fails here.
func TestPromise_P13_EveryPageForEveryAsker(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(noon)
	db := storetest.SQLite(t, storetest.At(clock.Now))
	o := open(t, db, clock)
	routes := admin.Routes(o.pages)
	if diff := gocmp.Diff(slices.Sorted(maps.Keys(accesses)), slices.Sorted(slices.Values(routes))); diff != "" {
		t.Fatalf("the matrix and the routes differ; say for each route who may use it (-matrix +routes):\n%s", diff)
	}
	person := storetest.Workspace(t, db)
	asked, err := o.inquiries.Ask(t.Context(), shippost.Actor{}, inquiry.Draft{Kind: shippost.InquiryErasure, Mail: "ada@example.com", Message: "Forget me."})
	if err != nil {
		t.Fatal(err)
	}
	var theirs auth.Ticket
	storetest.Update(t, db, func(tx *store.Tx) (err error) {
		theirs, err = auth.New(auth.Options{DB: db, Now: clock.Now, Log: slog.New(slog.DiscardHandler)}).Open(t.Context(), tx, auth.Entrance{User: person.User, Workspace: person.Workspace})
		return err
	})
	fill := strings.NewReplacer("{user}", string(person.User), "{inquiry}", string(asked.ID))
	check := func(who string, cookies []*http.Cookie, want func(access) int) {
		t.Helper()
		for _, route := range routes {
			row := accesses[route]
			r := httptest.NewRequest(strings.Fields(route)[0], fill.Replace(row.path), nil)
			r.Header.Set("Accept", "application/json")
			for _, c := range cookies {
				r.AddCookie(c)
			}
			w := httptest.NewRecorder()
			if route == "POST /admin/sign-out" && cookies != nil && who != "a user" {
				continue // it would end what the others ask with
			}
			o.handler.ServeHTTP(w, r)
			if w.Code != want(row) {
				t.Errorf("%s: %s gets %d, want %d: %.200s", route, who, w.Code, want(row), w.Body)
			}
		}
	}
	stranger := func(a access) int { return a.stranger }
	check("a stranger", nil, stranger)
	// Neither where it belongs nor in the place of an administrator's.
	check("a user", []*http.Cookie{{Name: "__Host-shippost", Value: theirs.Cookie.Reveal()}, {Name: "__Host-shippost-admin", Value: theirs.Cookie.Reveal()}}, stranger)
	o.person, o.called = person, "Ada"
	o.person.Fresh = true
	check("somebody signed in to the product", nil, func(a access) int { return cmp.Or(a.person, a.stranger) })
	o.person = shippost.Actor{}
	o.enrol(o.code())
	check("an administrator, just signed in", []*http.Cookie{o.cookie}, func(a access) int { return a.fresh })
	coded := auth.NewToken()
	storetest.Update(t, db, func(tx *store.Tx) error {
		all, err := tx.Administrators(t.Context())
		if err != nil {
			return err
		}
		return tx.InsertAdminSession(t.Context(), &store.AdminSession{Hash: auth.Hash(coded), Admin: all[0].ID, OpenedBy: "app", CreatedAt: noon, SeenAt: noon, ExpiresAt: noon.Add(time.Hour)})
	})
	check("an administrator without a passkey", []*http.Cookie{{Name: "__Host-shippost-admin", Value: coded.Reveal()}}, func(a access) int { return cmp.Or(a.coded, a.fresh) })
	clock.Advance(11 * time.Minute)
	check("an administrator, some time later", []*http.Cookie{o.cookie}, func(a access) int { return a.stale })
}

// P13: nothing of the administration answers without a passkey of an administrator, a session is short, and its cookie is one
// of its own.
func TestPromise_P13_NoAdministrationWithoutAPasskey(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		o := open(t, db, clock)
		shut := func(when string) {
			t.Helper()
			for _, route := range behind() {
				method, path, _ := strings.Cut(route, " ")
				w := o.send(method, path, nil)
				if strings.HasSuffix(path, "/question") && w.Code == http.StatusUnauthorized {
					continue // for a script
				}
				if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/admin/sign-in") {
					t.Errorf("%s: %s answers %d", when, route, w.Code)
				}
			}
		}
		shut("a stranger")
		// The code: not without one, not a wrong one, not late, not twice.
		if q := o.ask("/admin/enrol/question", url.Values{"code": {"abcde-abcde-abcde-abcde"}, "name": {"Eve"}}); q.Code != "admin_code_refused" {
			t.Errorf("without a code: %+v", q)
		}
		late := o.code()
		clock.Advance(time.Hour)
		if d, _ := o.enrol(late); d != nil {
			t.Error("an old code counts")
		}
		code := o.code()
		device, w := o.enrol(code)
		if device == nil || w.Code != http.StatusSeeOther {
			t.Fatalf("enrolled: %v", w)
		}
		if c := o.cookie; c.Name != "__Host-shippost-admin" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.MaxAge != 8*3600 {
			t.Errorf("cookie %+v", c)
		}
		if again, _ := o.enrol(code); again != nil {
			t.Error("a code counts twice")
		}
		if w := o.send("GET", "/admin", nil); w.Code != 200 || !strings.Contains(w.Body.String(), "Olga Operator") {
			t.Errorf("overview: %d %s", w.Code, w.Body)
		}
		// Fifteen minutes without a request end it, eight hours in any case.
		clock.Advance(15 * time.Minute)
		shut("idle")
		for range 2 { // and the counts of tries begin anew
			clock.Advance(15 * time.Minute)
		}
		if w := o.signIn(device); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/admin/users" {
			t.Fatalf("signed in: %d %s", w.Code, w.Body)
		}
		for range 8*6 - 1 {
			clock.Advance(10 * time.Minute)
			if w := o.send("GET", "/admin", nil); w.Code != 200 {
				t.Fatalf("busy at %s: %d", clock.Now(), w.Code)
			}
		}
		clock.Advance(10 * time.Minute)
		shut("after eight hours")
		// A user's passkey is none of an administrator's.
		user := storetest.Workspace(t, db)
		k := passkey.New(passkey.Options{DB: db, PublicURL: public, Now: clock.Now})
		q, err := k.AskOwn(t.Context(), user)
		if err != nil {
			t.Fatal(err)
		}
		hers := passkeytest.New(t, public, "posts.example")
		if err := k.AddOwn(t.Context(), user, q.Token, hers.Create(q.Options), ""); err != nil {
			t.Fatal(err)
		}
		if w := o.signIn(hers); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "administrators_only") {
			t.Errorf("a user got in: %d %s", w.Code, w.Body)
		}
		// Signed out is out, and a copied cookie is worth nothing then.
		o.signIn(device)
		kept := o.cookie
		o.send("POST", "/admin/sign-out", nil)
		o.cookie = kept
		shut("signed out")
		// Where the database is shared the code comes through it.
		shared, line := feature.NewCode(clock.Now())
		if err := feature.LeaveCode(t.Context(), db, line); err != nil {
			t.Fatal(err)
		}
		clock.Advance(20 * time.Minute)
		if d, w := o.enrol(shared); d == nil || w.Code != http.StatusSeeOther {
			t.Error("the code in the database does not count")
		}
		if d, _ := o.enrol(shared); d != nil {
			t.Error("the code in the database counts twice")
		}
	})
}

// P13: no page shows a token, a caption, a file or what stands in the journal about a person; what shows people is noted.
func TestPromise_P13_AdministratorsSeeNoContent(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		o := open(t, db, clock)
		ctx := t.Context()
		owner := storetest.Workspace(t, db)
		account := storetest.Account(t, db, owner)
		file := shippost.Media{ID: shippost.NewMediaID(noon), Workspace: owner.Workspace, UploadedBy: owner.User, Status: shippost.MediaReady, Kind: shippost.Video,
			FileName: "canary-file.mp4", Size: 9, SHA256: "canary-sha", BlobKey: "canary-key", CreatedAt: noon}
		post := shippost.Post{ID: shippost.NewPostID(noon), Workspace: owner.Workspace, Account: account.ID, Status: shippost.PostQueued, Caption: "canary-caption",
			Due: shippost.Due{At: noon.Add(time.Hour)}, Version: 1, CreatedBy: owner.User, CreatedAt: noon, UpdatedAt: noon}
		storetest.Update(t, db, func(tx *store.Tx) error {
			for _, err := range []error{
				tx.InsertMedia(ctx, &file), tx.InsertPost(ctx, &post),
				tx.InsertGrant(ctx, &store.Grant{Account: account.ID, AccessToken: "canary-access", RefreshToken: "canary-refresh", AccessIssuedAt: noon, AccessExpiresAt: noon.Add(time.Hour), Version: 1}),
				tx.InsertSession(ctx, &store.Session{Hash: "canary-hash", ID: "ses_x", User: owner.User, Workspace: owner.Workspace, CreatedAt: noon, ProvedAt: noon, SeenAt: noon, ExpiresAt: noon.Add(time.Hour)}),
				tx.Record(ctx, shippost.Entry{Workspace: owner.Workspace, Kind: shippost.EntryAccountConnected, Actor: owner, Account: account.ID,
					Data: map[string]any{"x": "canary-data"}, Personal: map[string]string{"name": "canary-personal"}}),
			} {
				if err != nil {
					return err
				}
			}
			return nil
		})
		asked, err := o.inquiries.Ask(ctx, shippost.Actor{}, inquiry.Draft{Kind: shippost.InquiryErasure, Mail: "ada@example.com", Message: "Forget <b>me</b>."})
		if err != nil {
			t.Fatal(err)
		}
		o.enrol(o.code())
		for path, want := range map[string]string{"/admin": "queued", "/admin/users": "Ada", "/admin/accounts": "@ada", "/admin/inquiries": "ada@example.com",
			"/admin/inquiries/" + string(asked.ID): "Forget &lt;b&gt;me&lt;/b&gt;.", "/admin/mail": "Mail is not set up", "/admin/audit": "Account connected"} {
			body := o.send("GET", path, nil).Body.String()
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %q:\n%s", path, want, body)
			}
			if strings.Contains(body, "canary") || strings.Contains(body, asked.Token.Reveal()) {
				t.Errorf("%s shows what is not an administrator's to see:\n%s", path, body)
			}
		}
		looks := 0
		storetest.View(t, db, func(tx *store.Tx) error {
			list, err := tx.Journal(ctx, store.JournalQuery{Kinds: []shippost.EntryKind{shippost.EntryAdminRead}})
			looks = len(list)
			return err
		})
		if looks != 5 { // users, accounts, the list of inquiries, one of them, the audit log
			t.Errorf("%d looks are noted", looks)
		}
		// The inbox from end to end.
		at := "/admin/inquiries/" + string(asked.ID)
		if w := o.send("POST", at, url.Values{"answer": {"Done."}}); !strings.Contains(w.Body.String(), "proof_missing") {
			t.Errorf("answered without proof: %s", w.Body)
		}
		if body := o.send("GET", at, nil).Body.String(); !strings.Contains(body, "Mail, as typed") || strings.Contains(body, "Signed in as") {
			t.Errorf("what somebody typed is not told from what is known:\n%s", body)
		}
		clock.Advance(11 * time.Minute)
		note := "Called back on the number we know"
		if w := o.send("POST", at+"/prove", url.Values{"note": {note}}); w.Code != 200 || !strings.Contains(w.Body.String(), "Sign in again") || !strings.Contains(w.Body.String(), note) {
			t.Errorf("proved without a fresh sign-in: %d %s", w.Code, w.Body)
		}
		o.enrol(o.code())
		o.send("POST", at+"/prove", url.Values{"note": {note}})
		if w := o.send("POST", at, url.Values{"answer": {"Done."}, "how": {"answer"}}); w.Code != http.StatusSeeOther {
			t.Errorf("answered: %d %s", w.Code, w.Body)
		}
		// Keeping somebody out needs a fresh sign-in, and works at once.
		keepOut := "/admin/users/" + string(owner.User) + "/disable"
		clock.Advance(11 * time.Minute)
		if w := o.send("POST", keepOut, nil); !strings.HasPrefix(w.Header().Get("Location"), "/admin/sign-in") {
			t.Errorf("kept out without a fresh sign-in: %d", w.Code)
		}
		clock.Advance(20 * time.Minute)
		o.enrol(o.code())
		if w := o.send("POST", keepOut, nil); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/admin/users" {
			t.Errorf("kept out: %d %s", w.Code, w.Body)
		}
		storetest.View(t, db, func(tx *store.Tx) error {
			user, err := tx.User(ctx, owner.User)
			sessions, _ := tx.Sessions(ctx, owner.User)
			if user.DisabledAt.IsZero() || len(sessions) != 0 {
				t.Errorf("%+v with %d sessions", user, len(sessions))
			}
			return err
		})
	})
}

// A code is used up by an administrator who came to be, not by one who did not; whoever tries beside an administrator does not keep
// them out; and a stranger's sign-out asks nothing of the database.
func TestAdministratorsAreNotKeptOut(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		o := open(t, db, clock)
		code := o.code()
		form := url.Values{"code": {code}, "name": {"Olga Operator"}}
		q := o.ask("/admin/enrol/question", form)
		// Somebody has the id by then, so all is undone after the code was looked at.
		storetest.Update(t, db, func(tx *store.Tx) error {
			return tx.InsertAdministrator(t.Context(), &store.Administrator{ID: shippost.AdminID(q.ID), Name: "Other", CreatedAt: noon})
		})
		d := passkeytest.New(t, public, "posts.example")
		form.Set("token", q.Token)
		form.Set("id", q.ID)
		form.Set("answer", string(d.Create(q.Options)))
		if w := o.send("POST", "/admin/enrol", form); w.Code == http.StatusSeeOther {
			t.Fatal("two administrators with one id")
		}
		device, w := o.enrol(code)
		if device == nil || w.Code != http.StatusSeeOther {
			t.Fatalf("the code is gone, and nobody came to be: %v", w)
		}
		if _, err := os.Stat(o.codeFile); !os.IsNotExist(err) {
			t.Errorf("the file of a code that was used: %v", err)
		}
		if again, _ := o.enrol(code); again != nil {
			t.Error("a code counts twice")
		}
		if w := o.send("POST", "/admin/sign-out", nil); w.Code != http.StatusSeeOther || w.Header().Get("Clear-Site-Data") == "" {
			t.Errorf("signed out: %d %v", w.Code, w.Header())
		}
		o.cookie = nil
		wrong := url.Values{"token": {strings.Repeat("A", 43)}, "answer": {"{}"}}
		for i := range 35 {
			if w := o.send("POST", "/admin/sign-in", wrong); (w.Code == http.StatusTooManyRequests) != (i >= 30) {
				t.Errorf("wrong answer %d: %d %s", i+1, w.Code, w.Body)
			}
		}
		if w := o.signIn(device); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/admin/users" {
			t.Errorf("kept out by somebody else's tries: %d %s", w.Code, w.Body)
		}
	})
}

// P18, P13: from the inbox a proven request is carried out, with a fresh sign-in alone; what was typed before is not lost, and what was
// done is told on the page and in the audit log, in words.
func TestPromise_P18_ARequestIsCarriedOutFromTheInbox(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		o := open(t, db, clock)
		ctx := t.Context()
		person := storetest.Workspace(t, db)
		o.enrol(o.code())
		asked, err := o.inquiries.Ask(ctx, shippost.Actor{}, inquiry.Draft{Kind: shippost.InquiryErasure, Mail: "ada@example.com", Message: "Forget me."})
		if err != nil {
			t.Fatal(err)
		}
		at := "/admin/inquiries/" + string(asked.ID)
		carry, account := at+"/carry", url.Values{"account": {" " + string(person.User) + " "}}
		if body := o.send("GET", at, nil).Body.String(); strings.Contains(body, carry) || !strings.Contains(body, "Not before it was shown") {
			t.Errorf("offered before the proof:\n%s", body)
		}
		if w := o.send("POST", carry, account); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "proof_missing") {
			t.Errorf("carried out before the proof: %d %s", w.Code, w.Body)
		}
		o.send("POST", at+"/prove", url.Values{"note": {"Showed a passport"}})
		clock.Advance(11 * time.Minute)
		if w := o.send("POST", carry, account); w.Code != 200 || !strings.Contains(w.Body.String(), "Sign in again") || !strings.Contains(w.Body.String(), string(person.User)) {
			t.Errorf("carried out without a fresh sign-in: %d %s", w.Code, w.Body)
		}
		if _, err := o.data.Progress(ctx, asked.Token); !shippost.IsKind(err, shippost.NotFound) {
			t.Fatalf("begun already: %v", err)
		}
		o.enrol(o.code())
		if w := o.send("POST", carry, nil); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "person_missing") {
			t.Errorf("for nobody: %d %s", w.Code, w.Body)
		}
		if w := o.send("POST", "/admin/inquiries/inq_x/carry", account); w.Code != http.StatusNotFound {
			t.Errorf("for no request: %d %s", w.Code, w.Body)
		}
		if w := o.send("POST", carry, account); w.Code != http.StatusSeeOther || w.Header().Get("Location") != at {
			t.Errorf("carried out: %d %s", w.Code, w.Body)
		}
		if w := o.send("POST", carry, account); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "inquiry_carried_out") {
			t.Errorf("a second time: %d %s", w.Code, w.Body)
		}
		body := o.send("GET", at, nil).Body.String()
		if !strings.Contains(body, "The deletion was begun: <code>ers_") || !strings.Contains(body, "seven days later all of it is deleted for good. Until then you can take it back on this page.</textarea>") ||
			strings.Contains(body, "refuse") || strings.Contains(body, asked.Token.Reveal()) {
			t.Errorf("the page afterwards:\n%s", body)
		}
		if body := o.send("GET", "/admin/audit", nil).Body.String(); !strings.Contains(body, "A request is carried out") || !strings.Contains(body, "Asked to delete") {
			t.Errorf("the audit log:\n%s", body)
		}
		if p, err := o.data.Progress(ctx, asked.Token); err != nil || p.DueAt != clock.Now().Add(7*24*time.Hour) {
			t.Errorf("the page of the request: %+v, %v", p, err)
		}
	})
}
