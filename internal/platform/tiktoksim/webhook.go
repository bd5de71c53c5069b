package tiktoksim

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// event is the envelope of TikTok contract 6.2; content is JSON in a string.
type event struct {
	ClientKey  string `json:"client_key"`
	Event      string `json:"event"`
	CreateTime int64  `json:"create_time"`
	UserOpenID string `json:"user_openid"`
	Content    string `json:"content"`
}

// delivery is one copy of an event on its way to the receiver.
type delivery struct {
	name      string
	body      []byte
	account   *account
	publishID string
	first     time.Time // when it was first tried
	attempt   int
	stamp     int64 // t of the first attempt
}

// sender bounds the deliveries under way and holds one back for reordering.
type sender struct {
	slots chan struct{}
	mu    sync.Mutex
	held  []*delivery
}

func (q *sender) init(n int) { q.slots = make(chan struct{}, n) }

// emitPublish sends a post.publish event with what belongs to it.
func (s *Server) emitPublish(p *publish, name string, at time.Time, made *post) {
	content := map[string]any{"publish_id": p.id, "publish_type": "DIRECT_PUBLISH"}
	if p.draft {
		content["publish_type"] = "INBOX_SHARE"
	}
	if name == "post.publish.failed" {
		s.mu.Lock()
		content["reason"] = p.failReason
		s.mu.Unlock()
	}
	if made != nil {
		content["post_id"] = fmt.Sprint(made.id)
		if s.knobs.Load().Webhook.PostID == "number" {
			content["post_id"] = made.id
		}
	}
	s.emit(p.account, name, content, at)
}

// emit queues an event for the webhook receiver, if there is one.
func (s *Server) emit(a *account, name string, content map[string]any, at time.Time) {
	k := s.knobs.Load()
	if k.Webhook.URL == "" || slices.Contains(k.Webhook.Drop, name) {
		return
	}
	if k.Webhook.RealTime {
		at = time.Now()
	}
	inner, err := json.Marshal(content)
	if err != nil {
		panic(err) // strings and integers only
	}
	body, err := json.Marshal(event{ClientKey: s.clientKey, Event: name, CreateTime: at.Unix(), UserOpenID: a.OpenID, Content: string(inner)})
	if err != nil {
		panic(err)
	}
	id, _ := content["publish_id"].(string)
	var copies []*delivery
	for range k.Webhook.Copies {
		copies = append(copies, &delivery{name: name, body: body, account: a, publishID: id})
	}
	s.queue(copies, k)
}

// queue sends deliveries now, or lets each pair change places.
func (s *Server) queue(list []*delivery, k *Knobs) {
	if !k.Webhook.Reorder {
		s.later(list, k)
		return
	}
	s.sender.mu.Lock()
	before := s.sender.held
	s.sender.held = nil
	if before == nil {
		s.sender.held = list
	}
	s.sender.mu.Unlock()
	if before != nil {
		s.later(append(list, before...), k)
		return
	}
	// Without a second event the first one leaves alone.
	s.clock.after(s.clock.Now().Add(5*time.Second), func(time.Time) {
		s.sender.mu.Lock()
		alone := s.sender.held
		s.sender.held = nil
		s.sender.mu.Unlock()
		s.later(alone, k)
	})
}

func (s *Server) later(list []*delivery, k *Knobs) {
	if len(list) == 0 {
		return
	}
	s.clock.after(s.clock.Now().Add(time.Duration(k.Webhook.Delay)), func(time.Time) {
		s.spawn(func() {
			s.sender.slots <- struct{}{}
			defer func() { <-s.sender.slots }()
			for _, d := range list {
				s.deliver(d)
			}
		})
	})
}

// deliver tries once and plans the next try: backoff doubles until the horizon
// (TikTok contract 6.1).
func (s *Server) deliver(d *delivery) {
	if s.ctx.Err() != nil {
		return
	}
	k, now := s.knobs.Load(), s.clock.Now()
	if d.attempt == 0 {
		d.first = now
	}
	d.attempt++
	status, err := s.post(d, k, now)
	detail := Detail{"attempt": d.attempt}
	if err != nil {
		detail["error"] = err.Error()
	}
	if status != http.StatusOK {
		s.retry(d, k, now, detail)
	}
	s.journal.add(Entry{Kind: "webhook", Name: d.name, At: now, Status: status, Creator: d.account.Handle, OpenID: d.account.OpenID,
		PublishID: d.publishID, Detail: detail})
}

func (s *Server) retry(d *delivery, k *Knobs, now time.Time, detail Detail) {
	next := now.Add(min(time.Duration(k.Webhook.Backoff)<<min(d.attempt-1, 20), time.Duration(k.Webhook.MaxBackoff)))
	if next.Sub(d.first) > time.Duration(k.Webhook.Horizon) {
		detail["dropped"] = "the horizon is over"
		return
	}
	detail["next"] = next
	s.clock.after(next, func(time.Time) {
		s.spawn(func() {
			s.sender.slots <- struct{}{}
			defer func() { <-s.sender.slots }()
			s.deliver(d)
		})
	})
}

// post signs and sends one attempt.
func (s *Server) post(d *delivery, k *Knobs, now time.Time) (int, error) {
	r, err := http.NewRequestWithContext(s.ctx, http.MethodPost, k.Webhook.URL, bytes.NewReader(d.body))
	if err != nil {
		return 0, err
	}
	stamp := now
	if k.Webhook.RealTime {
		stamp = time.Now()
	}
	t := stamp.Add(-time.Duration(k.Webhook.StaleBy)).Unix()
	if d.attempt == 1 {
		d.stamp = t
	}
	if k.Webhook.RetryTimestamp == "same" {
		t = d.stamp
	}
	key := s.clientSecret
	if k.Webhook.BadSignature {
		key += "-wrong"
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "TikTok-Webhooks-Simulator")
	r.Header.Set("TikTok-Signature", fmt.Sprintf("t=%d,s=%s", t, sign(key, t, d.body)))
	resp, err := s.hooks.Do(r)
	if err != nil {
		return 0, err
	}
	resp.Body.Close()
	return resp.StatusCode, nil
}

// sign is the signature of TikTok contract 6.4.
func sign(key string, t int64, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	fmt.Fprintf(mac, "%d.", t)
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
