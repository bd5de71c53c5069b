package tiktok

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// The body of an init, to the letter. An absent toggle would mean "allowed".
func TestInitBody(t *testing.T) {
	t.Parallel()
	var got, header string
	c := api(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got, header = string(text), r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type")+" "+r.Header.Get("Authorization")
		_, _ = io.WriteString(w, `{"error":{"code":"internal_error"}}`)
	})
	p := (&bench{tokens: &wallet{access: []string{"act.1"}}}).video(1000)
	p.Media[0].Size = 77_360_899
	yes := true
	o := p.Options.TikTok
	o.PrivacyLevel, o.CoverMS, o.AIGenerated, o.AllowDuet, o.BrandedContent = shippost.PrivacySelf, 1500, true, &yes, &yes
	p.Caption = "Tide pools \"at dawn\"\n#nature 🐙 <b>"
	if _, err := c.Stage(t.Context(), p, &ledger{}); codeOf(err) != "internal_error" {
		t.Fatal(err)
	}
	want := `{"post_info":{"title":"Tide pools \"at dawn\"\n#nature 🐙 \u003cb\u003e","privacy_level":"SELF_ONLY","disable_comment":false,` +
		`"disable_duet":false,"disable_stitch":true,"video_cover_timestamp_ms":1500,"brand_content_toggle":true,"brand_organic_toggle":false,` +
		`"is_aigc":true},"source_info":{"source":"FILE_UPLOAD","video_size":77360899,"chunk_size":16777216,"total_chunk_count":4}}`
	if got != want {
		t.Errorf("sent\n%s\nwant\n%s", got, want)
	}
	if want := "POST /v2/post/publish/video/init/ application/json; charset=UTF-8 Bearer act.1"; header != want {
		t.Errorf("sent %q, want %q", header, want)
	}
	p.Caption = ""
	_, _ = c.Stage(t.Context(), p, &ledger{})
	if strings.Contains(got, "title") {
		t.Errorf("a post without caption has one: %s", got)
	}
}

// Nothing leaves while a legal question is unanswered, whatever went wrong before.
func TestNothingIsSentWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, forget := range map[string]func(*shippost.TikTokOptions){
		"privacy":  func(o *shippost.TikTokOptions) { o.PrivacyLevel = "" },
		"consent":  func(o *shippost.TikTokOptions) { o.Consent = false },
		"comments": func(o *shippost.TikTokOptions) { o.AllowComment = nil },
		"duets":    func(o *shippost.TikTokOptions) { o.AllowDuet = nil },
		"stitches": func(o *shippost.TikTokOptions) { o.AllowStitch = nil },
		"brand":    func(o *shippost.TikTokOptions) { o.YourBrand = nil },
		"partners": func(o *shippost.TikTokOptions) { o.BrandedContent = nil },
	} {
		p, l := b.video(1000), &ledger{}
		forget(p.Options.TikTok)
		if _, err := b.Stage(t.Context(), p, l); !shippost.IsCode(err, "choices_missing") || l.told() != "" {
			t.Errorf("%s: %v after %q", name, err, l.told())
		}
	}
	if n := len(b.requests("video_init")); n != 0 {
		t.Errorf("%d inits were sent", n)
	}
}

// The published vectors, and any size: a plan must be legal whether a megabyte has 1,000,000 or 1,048,576 bytes.
func TestChunkPlans(t *testing.T) {
	for _, v := range []struct{ size, chunk, count, last int64 }{
		{1, 1, 1, 1}, {4_194_304, 4_194_304, 1, 4_194_304}, {50_000_123, 50_000_123, 1, 50_000_123}, {64_000_000, 64_000_000, 1, 64_000_000},
		{64_000_001, 16_777_216, 3, 30_445_569}, {77_360_899, 16_777_216, 4, 27_029_251}, {4_294_967_296, 16_777_216, 256, 16_777_216},
	} {
		if p := usual.plan(v.size); p != (plan{v.size, v.chunk, v.count}) || p.size-p.last() != v.last {
			t.Errorf("%d bytes: %+v with a last chunk of %d, want %+v", v.size, p, p.size-p.last(), v)
		}
	}
	chance := rand.New(rand.NewPCG(4, 7))
	for range 20_000 {
		p := usual.plan(1 + chance.Int64N(1<<(2+chance.IntN(31))))
		for _, mb := range []int64{1_000_000, 1 << 20} {
			last := p.size - p.last()
			legal := p.count == p.size/p.chunk && p.count >= 1 && p.count <= 1000 && last <= 128*mb && p.chunk <= 64*mb
			if p.size < 5*mb || p.count == 1 {
				legal = legal && p.count == 1 && p.chunk == p.size
			} else {
				legal = legal && p.chunk >= 5*mb
			}
			if !legal {
				t.Fatalf("%+v is not legal with megabytes of %d", p, mb)
			}
		}
		var at, n int64
		for ; at < p.size; n++ {
			next := p.end(at)
			if next <= at || !p.boundary(at) {
				t.Fatalf("%+v: the chunk at %d ends at %d", p, at, next)
			}
			at = next
		}
		if at != p.size || n != p.count {
			t.Fatalf("%+v: %d chunks up to %d", p, n, at)
		}
	}
}

// An upload address is a key to an unpublished video: only TikTok's own hosts get it.
func TestUploadHosts(t *testing.T) {
	real := mustClient(t, Options{})
	for _, good := range []string{"https://open-upload.tiktokapis.com/video/?upload_id=1&upload_token=x", "https://open-upload-va.tiktokapis.com/upload/",
		"https://upload.us.tiktokapis.com/video/", "https://upload.us.tiktokapis.com:443/video/", "https://UPLOAD.us.tiktokapis.com/video/"} {
		if !real.mayUploadTo(good) {
			t.Errorf("%s is refused", good)
		}
	}
	hostile := []string{"", "/video/", "//evil.example/", "http://open-upload.tiktokapis.com/", "https://tiktokapis.com/", "https://tiktokapis.com.evil.example/",
		"https://eviltiktokapis.com/", "https://evil.example/.tiktokapis.com", "https://evil.example?.tiktokapis.com", "https://evil.example#.tiktokapis.com",
		"https://user@open-upload.tiktokapis.com/", "https://open-upload.tiktokapis.com@evil.example/", "https://open-upload.tiktokapis.com:8443/",
		"https://open-upload.tiktokapis.com:22/", "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest/", "https://10.0.0.1/",
		"http://127.0.0.1:8080/", "http://localhost/", "file:///etc/passwd", "ftp://open-upload.tiktokapis.com/", "javascript:alert(1)",
		"https://open-upload.tiktokapis.com.", "https://.tiktokapis.com/", "https://open-upload.tiktokapis.com%2eevil.example/",
		"https://open-upload.tiktokapis.com\\@evil.example/", "https://evil.example\\.tiktokapis.com/", " https://open-upload.tiktokapis.com/", "https://\x00.tiktokapis.com/"}
	for _, bad := range hostile {
		if real.mayUploadTo(bad) {
			t.Errorf("%q is taken", bad)
		}
	}
	simulated := mustClient(t, Options{APIURL: "http://127.0.0.1:4000"})
	if !simulated.mayUploadTo("http://127.0.0.1:4000/video/?upload_id=1") {
		t.Error("the simulator's own address is refused")
	}
	for _, bad := range append(hostile, "http://127.0.0.1:4001/", "http://localhost:4000/", "http://127.0.0.1.nip.io:4000/", "http://[::ffff:127.0.0.1]:4000/",
		"http://127.0.0.1:4000@evil.example/", "https://open-upload.tiktokapis.com/") {
		if simulated.mayUploadTo(bad) {
			t.Errorf("with a simulator %q is taken", bad)
		}
	}
}

func mustClient(t *testing.T, o Options) *Client {
	t.Helper()
	clients, err := outbound.New(Policy(o.APIURL))
	if err != nil {
		t.Fatal(err)
	}
	o.ClientKey, o.ClientSecret, o.Clients = "key", shippost.NewSecret("secret"), clients
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A hostile upload address is not stored, not sent to, and not told to anybody.
func TestHostileUploadAddress(t *testing.T) {
	t.Parallel()
	canary, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = canary.Close() }()
	var touched atomic.Int64
	go func() {
		for {
			conn, err := canary.Accept()
			if err != nil {
				return
			}
			touched.Add(1)
			_ = conn.Close()
		}
	}()
	address := "http://" + canary.Addr().String() + "/video/?upload_token=canary"
	c := api(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"data":{"publish_id":"v_pub_file~v2-1.1","upload_url":"`+address+`"},"error":{"code":"ok","log_id":"l1"}}`)
	})
	p, l := (&bench{tokens: &wallet{access: []string{"act.1"}}}).video(1000), &ledger{}
	_, err = c.Stage(t.Context(), p, l)
	if f := c.Classify(err); codeOf(err) != platform.CodeUploadForeign || f.Class != platform.Declined || !f.Alarm {
		t.Errorf("%v", err)
	}
	if l.told() != "intend" {
		t.Errorf("steps %q", l.told())
	}
	// Also one that somebody wrote into our own rows.
	p.Receipt = shippost.Receipt{PublishID: "v_pub_file~v2-1.1", UploadURL: shippost.NewSecret(address), OpenedAt: time.Now()}
	if _, err := c.Stage(t.Context(), p, l); codeOf(err) != platform.CodeUploadForeign || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v", err)
	}
	if touched.Load() != 0 {
		t.Errorf("the foreign host was reached %d times", touched.Load())
	}
}

// I10: one init per attempt, whatever becomes of its answer.
func TestI10_LostInitAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  tiktoksim.Fault
		effect int
	}{
		"lost on the way there":      {tiktoksim.Fault{Endpoint: "video_init", At: "before_effect", Do: "reset", Times: -1}, 0},
		"lost on the way back":       {tiktoksim.Fault{Endpoint: "video_init", At: "after_effect_before_reply", Do: "reset", Times: -1}, 1},
		"cut in the middle":          {tiktoksim.Fault{Endpoint: "video_init", At: "mid_reply", Do: "reset", Times: -1}, 1},
		"a gateway answered instead": {tiktoksim.Fault{Endpoint: "video_init", At: "after_effect_before_reply", Do: "status", Status: 504, Times: -1}, 1},
		"refused before anything":    {tiktoksim.Fault{Endpoint: "video_init", At: "before_effect", Do: "status", Status: 503, Times: -1}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.fault(c.fault)
			l := &ledger{}
			_, err := b.Stage(t.Context(), b.video(1000), l)
			e := platform.AsError(err)
			if e == nil || b.Classify(err).Class != platform.Transient || c.fault.Do == "reset" && e.Reach != platform.Maybe {
				t.Errorf("%v", err)
			}
			if l.told() != "intend" {
				t.Errorf("steps %q, want only the intent", l.told())
			}
			if n := b.arrived("video_init"); n != 1 {
				t.Errorf("%d init requests, want 1", n)
			}
			if n := len(b.sim.Publishes()); n != c.effect {
				t.Errorf("TikTok opened %d uploads, want %d", n, c.effect)
			}
		})
	}
}

// I10: an init that was refused for its token is not repeated either; the next attempt finds a better token.
func TestI10_InitWithADeadToken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.tokens.access = []string{"act.dead"}
	if _, err := b.Stage(t.Context(), b.video(1000), &ledger{}); codeOf(err) != platform.CodeTokenReplaced || b.Classify(err).Class != platform.Transient {
		t.Errorf("%v", err)
	}
	if n := len(b.requests("video_init")); n != 1 || b.tokens.renewed != 1 {
		t.Errorf("%d inits and %d renewals, want 1 and 1", n, b.tokens.renewed)
	}
	b.publish(b.video(1000))
	// One that had run out on the way is no reason for doubt, and none for another one.
	b.tokens.access, b.tokens.ranOut = []string{"act.dead"}, true
	if _, err := b.Stage(t.Context(), b.video(1000), &ledger{}); codeOf(err) != codeTokenRenewed || b.Classify(err).Class != platform.Transient || b.tokens.renewed != 1 {
		t.Errorf("%v after %d renewals", err, b.tokens.renewed)
	}
	b.tokens.access, b.tokens.renew = []string{"act.dead"}, nil
	if _, err := b.Stage(t.Context(), b.video(1000), &ledger{}); !shippost.IsKind(err, shippost.Reconnect) {
		t.Errorf("without another token: %v", err)
	}
}

// What the ledger refuses does not happen, and its error comes back as it is.
func TestLedgerComesFirst(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	full := errors.New("the disk is full")
	if _, err := b.Stage(t.Context(), b.video(1000), &ledger{intended: full}); !errors.Is(err, full) || len(b.requests("video_init")) != 0 {
		t.Errorf("without an intent: %v, %d inits", err, len(b.requests("video_init")))
	}
	if _, err := b.Stage(t.Context(), b.video(1000), &ledger{received: full}); !errors.Is(err, full) || len(b.requests("upload")) != 0 {
		t.Errorf("without a receipt: %v, %d uploads", err, len(b.requests("upload")))
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Stage(gone, b.video(1000), &ledger{}); err == nil {
		t.Error("staged for nobody")
	}
}
