package web_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/media/mediatest"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/server/web"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// access says for a route who may use it: the status for each kind of asker. It has to name every route.
type access struct {
	path     string // {owner…} stands for what the owner has
	stranger int
	program  int // owner's key
	viewer   int
	owner    int
	foreign  int // owner of another workspace
}

// secret ends an address that nobody was given.
const secret = "/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// accesses is the matrix. Pages that show nothing of anybody are open to all, secret addresses are what lets somebody in, and all the rest is
// for those who are signed in, in their own workspace.
var accesses = map[string]access{
	"GET /sign-in":                      {"/sign-in", 200, 200, 303, 303, 303},
	"POST /sign-in/{platform}":          {"/sign-in/tiktok", 303, 303, 303, 303, 303},
	"GET /signed-in":                    {"/signed-in", 401, 200, 200, 200, 200},
	"POST /connect/{platform}":          {"/connect/tiktok", 401, 403, 403, 303, 303},
	"POST /sign-out":                    {"/sign-out", 303, 303, 303, 303, 303},
	"GET /callback/{platform}":          {"/callback/tiktok?state=x&code=y", 403, 403, 403, 403, 403},
	"GET /connected/{account}":          {"/connected/{account}", 401, 200, 200, 200, 404},
	"GET /media/{folder}/{name}":        {"/media/{media}/file", 401, 200, 200, 200, 404},
	"GET /privacy-policy":               {"/privacy-policy", 200, 200, 200, 200, 200},
	"GET /privacy-policy/{day}":         {"/privacy-policy/2026-11-24", 200, 200, 200, 200, 200},
	"GET /privacy-policy/{day}/changes": {"/privacy-policy/2026-11-26/changes", 200, 200, 200, 200, 200},
	"GET /terms":                        {"/terms", 200, 200, 200, 200, 200},
	"GET /terms/{day}":                  {"/terms/2026-11-24", 200, 200, 200, 200, 200},
	"GET /terms/{day}/changes":          {"/terms/2026-11-24/changes", 200, 200, 200, 200, 200},
	"GET /exports/{id}":                 {"/exports/{export}", 401, 403, 404, 409, 404},
	"GET /erasure/{token}":              {"/erasure" + secret, 404, 404, 404, 404, 404},
	"POST /erasure/{token}/undo":        {"/erasure" + secret + "/undo", 404, 404, 404, 404, 404},
	"POST /passkey/question":            {"/passkey/question", 200, 200, 200, 200, 200},
	"POST /passkey":                     {"/passkey", 403, 403, 403, 403, 403},
	"GET /passkeys":                     {"/passkeys", 401, 401, 200, 200, 200},
	"POST /passkeys/question":           {"/passkeys/question", 401, 403, 200, 200, 200},
	"POST /passkeys":                    {"/passkeys", 401, 403, 401, 401, 401},
	"POST /passkeys/{id}/name":          {"/passkeys/pky_none/name", 401, 403, 404, 404, 404},
	"POST /passkeys/{id}/remove":        {"/passkeys/pky_none/remove", 401, 403, 404, 404, 404},
	"GET /contact":                      {"/contact", 200, 200, 200, 200, 200},
	"POST /contact":                     {"/contact", 422, 422, 422, 422, 422},
	"GET /contact/{token}":              {"/contact" + secret, 404, 404, 404, 404, 404},
	"GET /contact/{token}/copy/{id}":    {"/contact" + secret + "/copy/{export}", 404, 404, 404, 404, 404},
	"POST /contact/{token}/prove":       {"/contact" + secret + "/prove", 401, 401, 404, 404, 404},
	"POST /contact/{token}/withdraw":    {"/contact" + secret + "/withdraw", 404, 404, 404, 404, 404},
	"GET /contact-confirm/{token}":      {"/contact-confirm" + secret, 200, 200, 200, 200, 200},
	"POST /contact-confirm/{token}":     {"/contact-confirm" + secret, 404, 404, 404, 404, 404},
	"GET /mail-confirm/{token}":         {"/mail-confirm" + secret, 200, 200, 200, 200, 200},
	"POST /mail-confirm/{token}":        {"/mail-confirm" + secret, 404, 404, 404, 404, 404},
	"GET /mail-off/{token}":             {"/mail-off" + secret, 200, 200, 200, 200, 200},
	"POST /mail-off/{token}":            {"/mail-off" + secret, 200, 200, 200, 200, 200},
	"POST /page-view":                   {"/page-view", 401, 403, 422, 422, 422},
	"GET /static/{file}":                {"/static/none", 404, 404, 404, 404, 404},
	"GET /{$}":                          {"/", 401, 200, 200, 200, 200},
	"GET /calendar":                     {"/calendar", 401, 200, 200, 200, 200},
	"GET /compose":                      {"/compose", 401, 200, 200, 200, 200},
	"GET /compose/{id}":                 {"/compose/x", 401, 200, 200, 200, 200},
	"GET /posts":                        {"/posts", 401, 200, 200, 200, 200},
	"GET /posts/{id}":                   {"/posts/x", 401, 200, 200, 200, 200},
	"GET /queue":                        {"/queue", 401, 200, 200, 200, 200},
	"GET /slots":                        {"/slots", 401, 200, 200, 200, 200},
	"GET /library":                      {"/library", 401, 200, 200, 200, 200},
	"GET /library/{id}":                 {"/library/x", 401, 200, 200, 200, 200},
	"GET /activity":                     {"/activity", 401, 200, 200, 200, 200},
	"GET /accounts":                     {"/accounts", 401, 200, 200, 200, 200},
	"GET /accounts/{id}":                {"/accounts/x", 401, 200, 200, 200, 200},
	"GET /settings":                     {"/settings", 401, 200, 200, 200, 200},
	"GET /settings/review":              {"/settings/review", 401, 200, 200, 200, 200},
	"GET /settings/{section}":           {"/settings/x", 401, 200, 200, 200, 200},
}

// member returns a browser of somebody with a role in a workspace.
func (s *site) member(t *testing.T, ws shippost.WorkspaceID, role shippost.Role) *browser {
	t.Helper()
	now := s.DB.Now()
	user := shippost.User{ID: shippost.NewUserID(now), Name: "Ben", CreatedAt: now}
	var ticket auth.Ticket
	storetest.Update(t, s.DB, func(tx *store.Tx) (err error) {
		if err := tx.InsertUser(t.Context(), &user); err != nil {
			return err
		}
		if err := tx.InsertMember(t.Context(), &shippost.Member{Workspace: ws, User: user.ID, Role: role, CreatedAt: now}); err != nil {
			return err
		}
		ticket, err = s.Auth.Open(t.Context(), tx, auth.Entrance{User: user.ID, Workspace: ws})
		return err
	})
	b := s.open(t)
	home, err := url.Parse(s.public)
	if err != nil {
		t.Fatal(err)
	}
	b.jar.SetCookies(home, []*http.Cookie{{Name: "shippost", Value: ticket.Cookie.Reveal(), Path: "/"}})
	return b
}

// P12: the pages answer every kind of asker as the matrix says, and the matrix has a row for each route: a new one without fails here.
func TestPromise_P12_EveryPageForEveryAsker(t *testing.T) {
	var letters []notify.Letter
	s, _ := writes(t, &letters)
	routes := web.Routes(s.pages)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(accesses)), slices.Sorted(slices.Values(routes))); diff != "" {
		t.Fatalf("the matrix and the routes differ; say for each route who may use it (-matrix +routes):\n%s", diff)
	}
	owner, foreign := s.open(t), s.open(t)
	owner.signIn(mara)
	actor := s.owner(t)
	actor.Fresh = true
	account := s.account(t, shippost.AccountActive)
	foreign.signIn(kiln)
	media := mediatest.Upload(t, s.library, actor, "tide.jpg", photo(t))
	export, err := s.data.Export(t.Context(), actor, "workspace")
	if err != nil {
		t.Fatal(err)
	}
	key := "sp_" + auth.NewToken().Reveal()
	storetest.Update(t, s.DB, func(tx *store.Tx) error {
		return tx.InsertAPIKey(t.Context(), shippost.APIKey{ID: shippost.NewAPIKeyID(s.DB.Now()), Workspace: actor.Workspace, User: actor.User, Name: "test", Hint: key[:9], CreatedAt: s.DB.Now()},
			auth.Hash(shippost.NewSecret(key)))
	})
	fill := strings.NewReplacer("{account}", account, "{media}", string(media.ID), "{export}", export.ID)
	viewer := s.member(t, actor.Workspace, shippost.Viewer)
	for _, route := range routes {
		row, method := accesses[route], strings.Fields(route)[0]
		for _, asker := range []struct {
			name string
			b    *browser
			want int
			with []string
		}{{"a stranger", s.open(t), row.stranger, nil}, {"a program", s.open(t), row.program, []string{"Authorization", "Bearer " + key}}, {"a viewer", viewer, row.viewer, nil},
			{"the owner", owner, row.owner, nil}, {"another's owner", foreign, row.foreign, nil}} {
			if route == "POST /sign-out" {
				continue // see below: it ends what the others ask with
			}
			p := asker.b.send(method, fill.Replace(row.path), nil, append([]string{"Accept", "application/json"}, asker.with...)...)
			if p.StatusCode != asker.want {
				t.Errorf("%s: %s gets %d, want %d: %.200s", route, asker.name, p.StatusCode, asker.want, p.text)
			}
			s.Clock.Advance(time.Second)
		}
	}
	for _, b := range []*browser{s.open(t), viewer, owner, foreign} {
		if p := b.send("POST", "/sign-out", nil, "Accept", "application/json"); p.StatusCode != 303 {
			t.Errorf("signed out: %s", p.Status)
		}
		if p := b.send("GET", "/calendar", nil, "Accept", "application/json"); p.StatusCode != 401 {
			t.Errorf("after signing out: %s", p.Status)
		}
	}
}
