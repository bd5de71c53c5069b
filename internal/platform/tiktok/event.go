package tiktok

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

// signatureHeader is written differently in TikTok's documents; names of headers do not mind.
const signatureHeader = "TikTok-Signature"

// visible are the events that tell whether viewers can see a post, in every spelling of TikTok's documents.
var visible = map[string]platform.Visible{
	"post.publish.publicly_available":            platform.VisibleNow,
	"post.publish.publicaly_available":           platform.VisibleNow,
	"post.publish.no_longer_publicly_available":  platform.VisibleNoMore,
	"post.publish.no_longer_publicaly_available": platform.VisibleNoMore,
}

// ReadEvent implements platform.EventReader (TikTok contract 6). The signature covers the bytes as they came, so nothing
// is parsed before it is checked.
func (c *Client) ReadEvent(header http.Header, body []byte) (platform.Event, error) {
	stamp, ok := c.signed(header.Get(signatureHeader), body)
	if !ok {
		return platform.Event{}, shippost.Errorf(shippost.Forbidden, "bad_signature", "This message is not signed by TikTok.")
	}
	e := platform.Event{SignedAt: stamp}
	var envelope struct {
		ClientKey  string `json:"client_key"`
		Event      string `json:"event"`
		CreateTime int64  `json:"create_time"`
		OpenID     string `json:"user_openid"`
		Content    string `json:"content"` // JSON once more
	}
	if json.Unmarshal(body, &envelope) != nil || envelope.ClientKey != c.key {
		return e, nil
	}
	e.Name, e.Subject, e.At = codeOr(envelope.Event), envelope.OpenID, time.Unix(envelope.CreateTime, 0)
	var content struct {
		PublishID string          `json:"publish_id"`
		Reason    string          `json:"reason"`
		PostID    json.RawMessage `json:"post_id"` // seen as a number and as a text
	}
	// Content of another form says nothing; its event then has no publish id.
	_ = json.Unmarshal([]byte(envelope.Content), &content)
	switch {
	case e.Subject == "":
	case envelope.Event == "authorization.removed":
		e.Kind = platform.EventRemoved
	case strings.HasPrefix(envelope.Event, "post.publish.") && content.PublishID != "":
		e.Kind, e.PublishID, e.Visible = platform.EventPost, content.PublishID, visible[envelope.Event]
		switch envelope.Event {
		case "post.publish.complete":
			e.State = platform.Published
		case "post.publish.inbox_delivered":
			e.State = platform.InInbox
		case "post.publish.failed":
			e.State, e.Reason = platform.Refused, reason(content.Reason, "")
		case "post.publish.publicly_available", "post.publish.publicaly_available":
			e.State, e.PostID = platform.Published, digits(content.PostID)
		}
		// Others are hints.
	}
	return e, nil
}

// digits returns an id that is a number, or a text with one; "" when it is neither.
func digits(raw json.RawMessage) string {
	id := strings.Trim(string(raw), `"`)
	if _, err := strconv.ParseUint(id, 10, 64); err != nil {
		return ""
	}
	return id
}

// signed reports whether we share the secret with whoever sent the body, and when they signed it.
func (c *Client) signed(header string, body []byte) (time.Time, bool) {
	var stamp string
	var given []byte
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch strings.TrimSpace(name) {
		case "t":
			stamp = strings.TrimSpace(value)
		case "s":
			given, _ = hex.DecodeString(strings.TrimSpace(value)) // what is no hex equals nothing
		}
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	mac := hmac.New(sha256.New, []byte(c.secret.Reveal()))
	_, _ = mac.Write([]byte(stamp + "."))
	_, _ = mac.Write(body)
	return time.Unix(seconds, 0), hmac.Equal(mac.Sum(nil), given) && err == nil
}
