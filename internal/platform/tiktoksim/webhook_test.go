package tiktoksim_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// receiver is an app's webhook endpoint.
type receiver struct {
	w      *world
	mu     sync.Mutex
	got    []hook
	answer func(n int) int // status of the n-th delivery, from 0
}

type hook struct {
	ClientKey  string `json:"client_key"`
	Event      string `json:"event"`
	CreateTime int64  `json:"create_time"`
	UserOpenID string `json:"user_openid"`
	Content    string `json:"content"`
	stamp      int64
	signature  string
	body       string
}

func (w *world) receiver() *receiver {
	w.t.Helper()
	rc := &receiver{w: w, answer: func(int) int { return http.StatusOK }}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		h := hook{body: string(b)}
		if err := json.Unmarshal(b, &h); err != nil {
			w.t.Errorf("webhook body %q: %v", b, err)
		}
		if _, err := fmt.Sscanf(r.Header.Get("TikTok-Signature"), "t=%d,s=%s", &h.stamp, &h.signature); err != nil {
			w.t.Errorf("webhook signature %q: %v", r.Header.Get("TikTok-Signature"), err)
		}
		rc.mu.Lock()
		rc.got = append(rc.got, h)
		status := rc.answer(len(rc.got) - 1)
		rc.mu.Unlock()
		rw.WriteHeader(status)
	}))
	w.t.Cleanup(server.Close)
	w.knobs(func(k *tiktoksim.Knobs) { k.Webhook.URL = server.URL })
	return rc
}

func (rc *receiver) events() []hook {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	return append([]hook(nil), rc.got...)
}

// wait returns the deliveries once there are n, and fails if more come.
func (rc *receiver) wait(n int) []hook {
	rc.w.t.Helper()
	rc.w.eventually(fmt.Sprintf("%d webhooks arrive", n), func() bool { return len(rc.events()) >= n })
	got := rc.events()
	if len(got) != n {
		rc.w.t.Errorf("%d webhooks arrived, want %d: %+v", len(got), n, got)
	}
	return got
}

// want waits for an event with this content.
func (rc *receiver) want(event, content string) {
	rc.w.t.Helper()
	rc.w.eventually("webhook "+event, func() bool {
		for _, h := range rc.events() {
			if h.Event == event {
				if h.Content != content {
					rc.w.t.Errorf("%s has content %s, want %s", event, h.Content, content)
				}
				return true
			}
		}
		return false
	})
}

// wellSigned is the check of TikTok contract 6.4.
func wellSigned(h hook, secret string) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", h.stamp, h.body)
	return hex.EncodeToString(mac.Sum(nil)) == h.signature
}

func TestWebhooksOfADirectPost(t *testing.T) {
	w := begin(t)
	rc := w.receiver()
	token := w.connect("mara.moves")
	id := w.upload(token, file(t, "h264.mp4"))
	w.MoveClock(2 * time.Second)
	first := rc.wait(1)[0]
	if want := fmt.Sprintf(`{"publish_id":%q,"publish_type":"DIRECT_PUBLISH"}`, id); first.Event != "post.publish.complete" || first.Content != want {
		t.Errorf("first came %s %s, want complete %s", first.Event, first.Content, want)
	}
	if first.ClientKey != tiktoksim.DefaultClientKey || first.UserOpenID != w.Creators()[0].OpenID || first.CreateTime != w.Clock().Now().Unix() {
		t.Errorf("the envelope is %s", first.body)
	}
	if !wellSigned(first, tiktoksim.DefaultClientSecret) || first.stamp != w.Clock().Now().Unix() {
		t.Errorf("the signature t=%d does not hold", first.stamp)
	}
	w.MoveClock(3 * time.Second)
	second := rc.wait(2)[1]
	if want := fmt.Sprintf(`{"post_id":"%s","publish_id":%q,"publish_type":"DIRECT_PUBLISH"}`, w.Posts()[0].PostID, id); second.Event != "post.publish.publicly_available" || second.Content != want {
		t.Errorf("then came %s %s, want publicly_available %s", second.Event, second.Content, want)
	}
	if status, text := w.control(http.MethodPost, "/_sim/posts/"+w.Posts()[0].PostID+"/hide", nil); status != 200 {
		t.Fatalf("hide: %d %s", status, text)
	}
	rc.want("post.publish.no_longer_publicaly_available", second.Content)
}

func TestWebhookOfAFailure(t *testing.T) {
	w := begin(t)
	rc := w.receiver()
	id := w.upload(w.connect("mara.moves"), file(t, "narrow.mp4"))
	w.MoveClock(2 * time.Second)
	rc.want("post.publish.failed", fmt.Sprintf(`{"publish_id":%q,"publish_type":"DIRECT_PUBLISH","reason":"picture_size_check_failed"}`, id))
}

func TestWebhookSpellings(t *testing.T) {
	w := begin(t)
	rc := w.receiver()
	w.knobs(func(k *tiktoksim.Knobs) {
		k.Webhook.Spelling, k.Webhook.PostID, k.Webhook.Drop = "publicaly", "number", []string{"post.publish.complete"}
	})
	w.upload(w.connect("mara.moves"), file(t, "h264.mp4"))
	w.MoveClock(processing)
	got := rc.wait(1)[0]
	if got.Event != "post.publish.publicaly_available" || !strings.Contains(got.Content, `"post_id":`+w.Posts()[0].PostID) {
		t.Errorf("got %s %s", got.Event, got.Content)
	}
}

func TestWebhookDuplicatesAndDelay(t *testing.T) {
	w := begin(t)
	rc := w.receiver()
	w.knobs(func(k *tiktoksim.Knobs) { k.Webhook.Copies, k.Webhook.Delay = 3, tiktoksim.Duration(time.Hour) })
	w.RemoveApp("mara.moves", 4)
	w.MoveClock(time.Hour - time.Second)
	if n := len(rc.events()); n != 0 {
		t.Fatalf("%d webhooks came before the delay was over", n)
	}
	w.MoveClock(time.Second)
	for _, h := range rc.wait(3) {
		if h.Event != "authorization.removed" || h.Content != `{"reason":4}` {
			t.Errorf("got %s %s", h.Event, h.Content)
		}
	}
}

func TestWebhookReorder(t *testing.T) {
	w := begin(t)
	rc := w.receiver()
	w.knobs(func(k *tiktoksim.Knobs) { k.Webhook.Reorder = true })
	w.upload(w.connect("mara.moves"), file(t, "h264.mp4"))
	w.MoveClock(2 * time.Second)
	w.MoveClock(3 * time.Second)
	got := rc.wait(2)
	if got[0].Event != "post.publish.publicly_available" || got[1].Event != "post.publish.complete" {
		t.Errorf("came in order %s, %s", got[0].Event, got[1].Event)
	}
	w.RemoveApp("mara.moves", 1)
	w.MoveClock(5 * time.Second)
	if got := rc.wait(3); got[2].Event != "authorization.removed" {
		t.Errorf("an event without a second one was not sent: %+v", got)
	}
}

func TestWebhookForgeries(t *testing.T) {
	w := begin(t)
	rc := w.receiver()
	w.knobs(func(k *tiktoksim.Knobs) { k.Webhook.BadSignature = true })
	w.RemoveApp("mara.moves", 1)
	w.Clock().Advance(0)
	if h := rc.wait(1)[0]; wellSigned(h, tiktoksim.DefaultClientSecret) {
		t.Error("the bad signature is good")
	}
	w.knobs(func(k *tiktoksim.Knobs) {
		k.Webhook.BadSignature, k.Webhook.StaleBy = false, tiktoksim.Duration(10*time.Minute)
	})
	w.RemoveApp("mara.moves", 1)
	if h := rc.wait(2)[1]; !wellSigned(h, tiktoksim.DefaultClientSecret) || h.stamp != w.Clock().Now().Unix()-600 {
		t.Errorf("the stale webhook has t=%d", h.stamp)
	}
}

// TestWebhookRetries: anything but 200 is tried again with doubling pauses, for
// 72 hours and no longer.
func TestWebhookRetries(t *testing.T) {
	for _, mode := range []string{"same", "new"} {
		t.Run(mode+" timestamp", func(t *testing.T) {
			w := begin(t)
			rc := w.receiver()
			rc.answer = func(n int) int { return []int{500, 204, 302, 200}[min(n, 3)] }
			w.knobs(func(k *tiktoksim.Knobs) { k.Webhook.RetryTimestamp = mode })
			start := w.Clock().Now().Unix()
			w.RemoveApp("mara.moves", 1)
			rc.wait(1)
			for i, pause := range []time.Duration{10, 20, 40} {
				w.tries(i + 1)
				w.MoveClock(pause*time.Second - time.Second)
				if n := len(rc.events()); n != i+1 {
					t.Fatalf("%d deliveries before the pause was over, want %d", n, i+1)
				}
				w.MoveClock(time.Second)
				rc.wait(i + 2)
			}
			want := start + 70
			if mode == "same" {
				want = start
			}
			if last := rc.events()[3]; last.stamp != want || !wellSigned(last, tiktoksim.DefaultClientSecret) {
				t.Errorf("the last retry has t=start+%d, want start+%d", last.stamp-start, want-start)
			}
			w.tries(4)
			w.MoveClock(72 * time.Hour)
			rc.wait(4)
		})
	}
	t.Run("horizon", func(t *testing.T) {
		w := begin(t)
		rc := w.receiver()
		rc.answer = func(int) int { return 503 }
		w.RemoveApp("mara.moves", 1)
		n := 1
		for w.tries(n); !w.journalled("webhook", "dropped"); w.tries(n) {
			w.MoveClock(time.Hour)
			n++
		}
		if n < 70 || n > 82 {
			t.Errorf("gave up after %d tries, want about one an hour for 72 hours", n)
		}
		w.MoveClock(24 * time.Hour)
		if got := len(rc.events()); got != n {
			t.Errorf("%d deliveries, want none after giving up at %d", got, n)
		}
	})
}

// tries waits until n attempts are over and what follows them is planned.
func (w *world) tries(n int) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("%d webhook attempts", n), func() bool {
		got := 0
		for _, e := range w.Journal(0) {
			if e.Kind == "webhook" {
				got++
			}
		}
		return got >= n
	})
}

// journalled reports whether an entry of a kind has a detail.
func (w *world) journalled(kind, detail string) bool {
	for _, e := range w.Journal(0) {
		if e.Kind == kind && e.Detail[detail] != nil {
			return true
		}
	}
	return false
}

// TestWebhookRealTime stamps events for a receiver whose clock was not moved.
func TestWebhookRealTime(t *testing.T) {
	w := begin(t)
	rc := w.receiver()
	w.knobs(func(k *tiktoksim.Knobs) { k.Webhook.RealTime = true })
	w.MoveClock(1000 * time.Hour)
	w.RemoveApp("mara.moves", 1)
	h := rc.wait(1)[0]
	for name, at := range map[string]int64{"t": h.stamp, "create_time": h.CreateTime} {
		if off := time.Since(time.Unix(at, 0)).Abs(); off > time.Minute {
			t.Errorf("%s is %s away from the real time", name, off)
		}
	}
}
