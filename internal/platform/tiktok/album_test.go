package tiktok_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"image"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktok"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// photoDomain is verified with the simulated TikTok, and found on this machine. The certificate of httptest is for it.
const photoDomain = "example.com"

// album is a client, a simulated TikTok and a host that serves photos to it once they may be fetched.
type album struct {
	client *tiktok.Client
	sim    *tiktoksim.Running
	tokens fixedToken
	open   chan struct{} // closed when the photos may be fetched
	busy   bool          // until then the host answers 503 instead of waiting
	steps  *steps
}

type fixedToken struct{ shippost.Secret }

func (f fixedToken) Token(context.Context) (shippost.Secret, error) { return f.Secret, nil }

func (f fixedToken) Renew(context.Context, shippost.Secret) (shippost.Secret, error) {
	return shippost.Secret{}, shippost.Errorf(shippost.Reconnect, "needs_reconnect", "Connect again.")
}

// steps is a ledger that remembers what it was told, and when.
type steps struct {
	mu       sync.Mutex
	names    []string
	intended time.Time
	receipt  shippost.Receipt
	refuse   error // of Intend
}

func (s *steps) Intend(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names, s.intended = append(s.names, "intend"), time.Now()
	return s.refuse
}

func (s *steps) Opened(_ context.Context, r shippost.Receipt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names, s.receipt = append(s.names, "opened"), r
	return nil
}

func (*steps) Progress(int64) {}

// already is over from the start.
var already = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

func newAlbum(t *testing.T, change ...func(*album, *tiktoksim.Knobs)) *album {
	t.Helper()
	a := &album{open: make(chan struct{}), steps: &steps{}}
	knobs := func(k *tiktoksim.Knobs) {
		// The tests ask without pause, and nothing here is about how long TikTok works.
		k.Limits.Status, k.Processing.Delay = 1_000_000, 0
		for _, c := range change {
			c(a, k)
		}
	}
	host := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			closed := r.Context().Done()
			if a.busy {
				closed = already
			}
			select {
			case <-a.open:
			case <-closed:
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
		}
		w.Header().Set("Content-Type", "image/jpeg")
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(picture(r.URL.Path))))
	}))
	t.Cleanup(host.Close)
	roots := x509.NewCertPool()
	roots.AddCert(host.Certificate())
	sim, err := tiktoksim.Start(tiktoksim.Options{Dir: t.TempDir(), Properties: []string{photoDomain}, Knobs: knobs,
		PullTransport: tiktoksim.ReachAt(map[string]string{photoDomain: host.Listener.Addr().String()}, roots)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	a.sim = sim
	granted, err := sim.Connect("mara.moves")
	if err != nil {
		t.Fatal(err)
	}
	a.tokens = fixedToken{shippost.NewSecret(granted.AccessToken)}
	clients, err := outbound.New(tiktok.Policy(sim.URL))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(clients.Close)
	a.client, err = tiktok.New(tiktok.Options{APIURL: sim.URL, AuthorizeURL: sim.URL + "/v2/auth/authorize/", ClientKey: tiktoksim.DefaultClientKey,
		ClientSecret: shippost.NewSecret(tiktoksim.DefaultClientSecret), Clients: clients})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// payload is two photos due at an instant.
func (a *album) payload(due time.Time) platform.Payload {
	yes, no := true, false
	p := platform.Payload{Attempt: "att_1", Account: "acc_1", Handle: "mara.moves", Caption: "Saturday stalls #food", Tokens: a.tokens, Due: due,
		Options: shippost.Options{TikTok: &shippost.TikTokOptions{PrivacyLevel: shippost.PrivacyFriends, AllowComment: &yes, YourBrand: &yes,
			BrandedContent: &no, AIGenerated: true, Title: "Market day", PhotoCoverIndex: 1, AutoMusic: true, Consent: true}}}
	for _, path := range []string{"/pull/one", "/pull/two"} {
		p.Media = append(p.Media, platform.File{Kind: shippost.Photo, Type: "image/jpeg", Size: int64(len(picture(path))),
			URL: shippost.NewSecret("https://" + photoDomain + path)})
	}
	return p
}

// picture is the photo at a path.
func picture(path string) []byte {
	m := image.NewGray(image.Rect(0, 0, 600, 800))
	for i := range m.Pix {
		m.Pix[i] = byte(i/600 + len(path)*int(path[len(path)-1]))
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, nil); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// inits counts the init requests that reached TikTok.
func (a *album) inits() int {
	n := 0
	for _, e := range a.sim.Journal(0) {
		if e.Kind == "request" && e.Name == "content_init" {
			n++
		}
	}
	return n
}

// until asks what became of the attempt until it is in the state.
func (a *album) until(t *testing.T, p platform.Payload, want platform.State) platform.Verdict {
	t.Helper()
	for {
		v, err := a.client.Confirm(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if v.State == want {
			return v
		}
		if v.State != platform.Fetching {
			t.Fatalf("it became %s, want %s", v.State, want)
		}
	}
}

func TestPhotos_OpenAtTheDueTimeAndArriveAfterTheCommit(t *testing.T) {
	t.Parallel()
	a := newAlbum(t)
	due := time.Now().Add(200 * time.Millisecond)
	p := a.payload(due)
	staged, err := a.client.Stage(t.Context(), p, a.steps)
	if err != nil {
		t.Fatal(err)
	}
	defer staged.Close()
	if len(a.steps.names) > 0 || a.inits() > 0 {
		t.Fatalf("something left before the due time: %v, %d inits", a.steps.names, a.inits())
	}
	for range 2 { // the second is nothing new
		if err := staged.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(a.steps.names, []string{"intend", "opened"}) || a.inits() != 1 {
		t.Fatalf("steps %v, %d inits", a.steps.names, a.inits())
	}
	if a.steps.intended.Before(due) || a.steps.receipt.OpenedAt.Before(due) {
		t.Errorf("opened at %s, before %s", a.steps.intended, due)
	}
	if a.steps.receipt != staged.Receipt() || !a.steps.receipt.UploadURL.IsZero() || a.steps.receipt.PublishID == "" {
		t.Errorf("receipt %+v", a.steps.receipt)
	}
	p.Receipt = staged.Receipt()
	if v, err := a.client.Confirm(t.Context(), p); err != nil || v.State != platform.Fetching {
		t.Errorf("before the commit: %+v, %v", v, err)
	}
	out, err := a.client.Commit(t.Context(), staged)
	if err != nil || out.LastByteAt.Before(due) || out.Accepted {
		t.Fatalf("commit: %+v, %v", out, err)
	}
	close(a.open)
	a.until(t, p, platform.Published)
	posts := a.sim.Posts()
	if len(posts) != 1 {
		t.Fatalf("%d posts", len(posts))
	}
	got := posts[0]
	if got.Title != "Market day" || got.Caption != p.Caption || got.PrivacyLevel != shippost.PrivacyFriends || got.DisableComment || !got.AutoAddMusic ||
		!got.BrandOrganic || got.BrandContent || !got.IsAIGC || got.PhotoCover != 1 || len(got.Files) != 2 {
		t.Errorf("TikTok shows %+v", got)
	}
	for i, path := range []string{"/pull/one", "/pull/two"} {
		if sum := sha256.Sum256(picture(path)); got.Files[i].SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("photo %d arrived as %s", i, got.Files[i].SHA256)
		}
	}
}

func TestPhotos_PermalinkIsThatOfPhotos(t *testing.T) {
	t.Parallel()
	a := newAlbum(t)
	p := a.payload(time.Now())
	p.Options.TikTok.PrivacyLevel = shippost.PrivacyPublic
	staged, err := a.client.Stage(t.Context(), p, a.steps)
	if err == nil {
		err = staged.Wait(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	close(a.open)
	p.Receipt = staged.Receipt()
	a.until(t, p, platform.Published)
	a.sim.MoveClock(time.Minute)
	v, err := a.client.Confirm(t.Context(), p)
	if err != nil || len(v.PostIDs) != 1 || v.Permalink != a.sim.URL+"/@mara.moves/photo/"+v.PostIDs[0] {
		t.Errorf("got %+v, %v", v, err)
	}
}

// TestI10_PhotosHaveOneInit loses the answer of an init: it must come back as a question, never as a second init.
func TestI10_PhotosHaveOneInit(t *testing.T) {
	t.Parallel()
	for _, f := range []tiktoksim.Fault{
		{Endpoint: "content_init", At: "after_effect_before_reply", Do: "reset"},
		{Endpoint: "content_init", At: "mid_reply", Do: "reset"},
		{Endpoint: "content_init", At: "before_effect", Do: "status", Status: 503},
		{Endpoint: "content_init", At: "before_effect", Do: "status", Status: 429},
	} {
		t.Run(f.At+" "+f.Do, func(t *testing.T) {
			t.Parallel()
			a := newAlbum(t, func(_ *album, k *tiktoksim.Knobs) { k.Faults = []tiktoksim.Fault{f} })
			staged, err := a.client.Stage(t.Context(), a.payload(time.Now()), a.steps)
			if err != nil {
				t.Fatal(err)
			}
			if err := staged.Wait(t.Context()); platform.AsError(err) == nil {
				t.Fatalf("got %v, want an error of the platform", err)
			}
			if n := a.inits(); n != 1 || !slices.Equal(a.steps.names, []string{"intend"}) {
				t.Errorf("%d inits after %v", n, a.steps.names)
			}
		})
	}
}

func TestPhotos_NothingLeavesWithoutItsRecord(t *testing.T) {
	t.Parallel()
	a := newAlbum(t)
	a.steps.refuse = errors.New("the disk is full")
	staged, err := a.client.Stage(t.Context(), a.payload(time.Now()), a.steps)
	if err != nil {
		t.Fatal(err)
	}
	if err := staged.Wait(t.Context()); !errors.Is(err, a.steps.refuse) {
		t.Errorf("got %v, want the ledger's own error", err)
	}
	if n := a.inits(); n != 0 {
		t.Errorf("%d inits without a record", n)
	}
}

func TestPhotos_WaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	a := newAlbum(t)
	staged, err := a.client.Stage(t.Context(), a.payload(time.Now().Add(time.Hour)), a.steps)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := staged.Wait(ctx); !errors.Is(err, context.Canceled) || len(a.steps.names) > 0 {
		t.Errorf("got %v after %v", err, a.steps.names)
	}
}

// TestPhotos_ResumeSendsNothing goes on with an attempt that is open: its one init has left.
func TestPhotos_ResumeSendsNothing(t *testing.T) {
	t.Parallel()
	a := newAlbum(t)
	p := a.payload(time.Now())
	p.Receipt = shippost.Receipt{PublishID: "p_pub_url~v2.1", OpenedAt: time.Now()}
	for i := range p.Media {
		p.Media[i].URL = shippost.Secret{} // only their hashes are stored
	}
	staged, err := a.client.Stage(t.Context(), p, a.steps)
	if err == nil {
		err = staged.Wait(t.Context())
	}
	if err != nil || staged.Receipt() != p.Receipt || a.inits() != 0 || len(a.steps.names) > 0 {
		t.Errorf("%v, %+v, %d inits, %v", err, staged.Receipt(), a.inits(), a.steps.names)
	}
}

// TestPhotos_FetchInsideInit lets TikTok try to fetch before it answers: nothing is given out then, and the answer counts.
func TestPhotos_FetchInsideInit(t *testing.T) {
	t.Parallel()
	a := newAlbum(t, func(a *album, k *tiktoksim.Knobs) { a.busy, k.Pull.InsideInit = true, true })
	p := a.payload(time.Now())
	staged, err := a.client.Stage(t.Context(), p, a.steps)
	if err == nil {
		err = staged.Wait(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(a.sim.Posts()) != 0 {
		t.Error("something was published before the commit")
	}
	close(a.open)
	p.Receipt = staged.Receipt()
	a.until(t, p, platform.Published)
}

func TestPhotos_Cancel(t *testing.T) {
	t.Parallel()
	a := newAlbum(t)
	p := a.payload(time.Now())
	staged, err := a.client.Stage(t.Context(), p, a.steps)
	if err == nil {
		err = staged.Wait(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	p.Receipt = staged.Receipt()
	if err := a.client.Cancel(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if v := a.until(t, p, platform.Refused); v.Reason.Code != "publish_cancelled" {
		t.Errorf("got %+v", v)
	}
	if err := a.client.Cancel(t.Context(), p); platform.AsError(err) == nil || platform.AsError(err).Code != "publish_not_cancellable" {
		t.Errorf("a second cancel: %v", err)
	}
}

// TestPhotos_InboxDraft sends photos to the creator's inbox: nothing is asked but consent, and nothing appears by itself.
func TestPhotos_InboxDraft(t *testing.T) {
	t.Parallel()
	a := newAlbum(t)
	p := a.payload(time.Now())
	p.Options.TikTok = &shippost.TikTokOptions{ToInbox: true, Title: "Market day", Consent: true}
	staged, err := a.client.Stage(t.Context(), p, a.steps)
	if err == nil {
		err = staged.Wait(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	close(a.open)
	p.Receipt = staged.Receipt()
	a.until(t, p, platform.InInbox)
	drafts := a.sim.Publishes()
	if len(a.sim.Posts()) != 0 || len(drafts) != 1 || !drafts[0].Draft || drafts[0].Title != "Market day" || drafts[0].Caption != p.Caption {
		t.Errorf("TikTok has %+v", drafts)
	}
	p.Options.TikTok.Consent = false
	p.Receipt = shippost.Receipt{}
	if _, err := a.client.Stage(t.Context(), p, a.steps); !shippost.IsCode(err, "choices_missing") {
		t.Errorf("without consent: %v", err)
	}
}
