package tiktok

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

const mara = "mara.moves"

// bench is the client against the simulated TikTok, with all rules on but those about what is in a video: the bytes here
// are any.
type bench struct {
	*Client
	t      *testing.T
	sim    *tiktoksim.Running
	tokens *wallet
	log    *logged
}

func newBench(t *testing.T, change ...func(*tiktoksim.Knobs)) *bench {
	t.Helper()
	sim, err := tiktoksim.Start(tiktoksim.Options{Dir: t.TempDir(), Redirects: []tiktoksim.Redirect{
		{URI: desktopRedirect, Desktop: true}, {URI: webRedirect}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{t: t, sim: sim, log: &logged{}}
	b.Client = clientOf(t, sim.URL, b.log)
	b.knobs(func(k *tiktoksim.Knobs) {
		k.Rules.Format, k.Rules.Duration, k.Rules.FrameRate, k.Rules.PictureSize = false, false, false, false
		for _, c := range change {
			c(k)
		}
	})
	b.tokens = b.connect(mara)
	t.Cleanup(func() { b.log.holdsNone(t, b.tokens.all()...) })
	return b
}

// clientOf returns a client of an API on this machine, without long pauses.
func clientOf(t *testing.T, api string, log io.Writer) *Client {
	t.Helper()
	clients, err := outbound.New(Policy(api))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(clients.Close)
	c, err := New(Options{APIURL: api, AuthorizeURL: api + "/v2/auth/authorize/", ClientKey: tiktoksim.DefaultClientKey,
		ClientSecret: shippost.NewSecret(tiktoksim.DefaultClientSecret), Clients: clients,
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	c.hold.pause = time.Millisecond
	return c
}

// api is a client of a server that answers each request with the handler.
func api(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return clientOf(t, server.URL, io.Discard)
}

func (b *bench) knobs(change func(*tiktoksim.Knobs)) {
	b.t.Helper()
	if err := b.sim.SetKnobs(change); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) fault(f ...tiktoksim.Fault) {
	b.t.Helper()
	b.knobs(func(k *tiktoksim.Knobs) { k.Faults = f })
}

// requests returns the requests to an endpoint.
func (b *bench) requests(name string) (list []tiktoksim.Entry) {
	for _, e := range b.sim.Journal(0) {
		if e.Kind == "request" && e.Name == name {
			list = append(list, e)
		}
	}
	return list
}

// arrived counts the requests to an endpoint once there is one; the simulator notes a request when it is over.
func (b *bench) arrived(name string) int {
	b.t.Helper()
	b.eventually("a request arrives at "+name, func() bool { return len(b.requests(name)) > 0 })
	return len(b.requests(name))
}

func (b *bench) effects(name string) (n int) {
	for _, e := range b.sim.Journal(0) {
		if e.Kind == "effect" && e.Name == name {
			n++
		}
	}
	return n
}

// wallet is the tokens of a creator. Renew asks the simulator for new ones, if there is one.
type wallet struct {
	mu      sync.Mutex
	access  []string // the last one counts
	renew   func() (string, error)
	renewed int
	ranOut  bool // the token runs out right after it is given
}

func (b *bench) connect(handle string) *wallet {
	b.t.Helper()
	next := func() (string, error) {
		pair, err := b.sim.Connect(handle, scopeBasic, scopePublish)
		return pair.AccessToken, err
	}
	first, err := next()
	if err != nil {
		b.t.Fatal(err)
	}
	return &wallet{access: []string{first}, renew: next}
}

func (w *wallet) Token(context.Context) (shippost.Secret, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	given := shippost.NewSecret(w.access[len(w.access)-1])
	if w.ranOut {
		fresh, err := w.renew()
		w.access, w.ranOut = append(w.access, fresh), false
		return given, err
	}
	return given, nil
}

func (w *wallet) Renew(context.Context, shippost.Secret) (shippost.Secret, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.renewed++
	if w.renew == nil {
		return shippost.Secret{}, shippost.Errorf(shippost.Reconnect, "needs_reconnect", "Connect the account again.")
	}
	fresh, err := w.renew()
	w.access = append(w.access, fresh)
	return shippost.NewSecret(fresh), err
}

func (w *wallet) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.access...)
}

// ledger remembers the steps of an attempt in order.
type ledger struct {
	mu                 sync.Mutex
	steps              []string
	receipt            shippost.Receipt
	intended, received error // what Intend and Opened answer
}

func (l *ledger) Intend(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps = append(l.steps, "intend")
	return l.intended
}

func (l *ledger) Opened(_ context.Context, r shippost.Receipt) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps, l.receipt = append(l.steps, "opened"), r
	return l.received
}

func (l *ledger) Progress(int64) {}

func (l *ledger) told() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.steps, " ")
}

// video is a payload of that many bytes, due now, with every choice made.
func (b *bench) video(size int64) platform.Payload {
	yes, no := true, false
	return platform.Payload{Attempt: "att_1", Account: "acc_1", Handle: mara, Caption: "Tide pools at dawn #nature", Tokens: b.tokens, Due: time.Now(),
		Media: []platform.File{fileOf(size)},
		Options: shippost.Options{TikTok: &shippost.TikTokOptions{PrivacyLevel: shippost.PrivacyPublic, AllowComment: &yes, AllowDuet: &no, AllowStitch: &no,
			YourBrand: &no, BrandedContent: &no, Consent: true}}}
}

// fileOf is a file that costs no memory: the same block again and again.
func fileOf(size int64) platform.File {
	sum := sha256.New()
	_, _ = io.Copy(sum, blocks(0, size)) // a hash takes everything
	return platform.File{Kind: shippost.Video, Type: "video/mp4", Size: size, SHA256: hex.EncodeToString(sum.Sum(nil)),
		Open: func(_ context.Context, offset int64) (io.ReadCloser, error) {
			return io.NopCloser(blocks(offset, size)), nil
		}}
}

var block = func() []byte {
	chance := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 1<<20-7)
	for i := range b {
		b[i] = byte(chance.Uint32())
	}
	return b
}()

func blocks(offset, size int64) io.Reader {
	within := offset % int64(len(block))
	var parts []io.Reader
	for left := size - offset + within; left > 0; left -= int64(len(block)) {
		parts = append(parts, bytes.NewReader(block))
	}
	all := io.MultiReader(parts...)
	if _, err := io.CopyN(io.Discard, all, within); err != nil && within > 0 {
		panic(fmt.Sprintf("skip %d bytes: %v", within, err))
	}
	return io.LimitReader(all, size-offset)
}

// stage stages a payload and fails the test if that fails.
func (b *bench) stage(p platform.Payload, l *ledger) platform.Staged {
	b.t.Helper()
	s, err := b.Stage(b.t.Context(), p, l)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.t.Error(err)
		}
		b.log.holdsNone(b.t, l.receipt.UploadURL.Reveal(), s.Receipt().UploadURL.Reveal())
	})
	return s
}

// publish brings a payload all the way and returns the receipt.
func (b *bench) publish(p platform.Payload) shippost.Receipt {
	b.t.Helper()
	s := b.stage(p, &ledger{})
	if err := s.Wait(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	out, err := b.Commit(b.t.Context(), s)
	if err != nil || !out.Accepted || out.LastByteAt.IsZero() {
		b.t.Fatalf("commit: %+v, %v", out, err)
	}
	return s.Receipt()
}

// onlyPost returns what viewers see after all that was going to happen has happened.
func (b *bench) onlyPost() tiktoksim.Post {
	b.t.Helper()
	b.eventually("the post is published", func() bool {
		b.sim.MoveClock(time.Minute)
		return len(b.sim.Posts()) > 0
	})
	posts := b.sim.Posts()
	if len(posts) != 1 {
		b.t.Fatalf("%d posts, want 1", len(posts))
	}
	return posts[0]
}

// eventually looks until something is so.
func (b *bench) eventually(what string, so func() bool) {
	b.t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			b.t.Fatalf("in vain: %s", what)
		}
	}
}

// received returns how many bytes the simulator has seen of the only upload.
func (b *bench) received() int64 {
	list := b.sim.Publishes()
	if len(list) != 1 {
		return -1
	}
	return list[0].ReceivedBytes
}

// logged is what was logged, all levels.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) holdsNone(t *testing.T, secrets ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range secrets {
		if s != "" && strings.Contains(l.text.String(), s) {
			t.Errorf("a secret was logged:\n%s", l.text.String())
		}
	}
}
