package tiktok

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

// status is TikTok's word about a publish_id (TikTok contract 4.9).
type status struct {
	Status     string `json:"status"`
	FailReason string `json:"fail_reason,omitempty"`
	// The ids are int64 beyond what JSON numbers carry safely, so they stay text. The spelling is TikTok's own; the
	// right one is read too.
	IDs      json.RawMessage `json:"publicaly_available_post_id,omitempty"`
	IDs2     json.RawMessage `json:"publicly_available_post_id,omitempty"`
	Uploaded *int64          `json:"uploaded_bytes,omitempty"`
	// What TikTok has fetched of photos. It keeps the status of a download until the end, so this is for people only.
	Downloaded *int64 `json:"downloaded_bytes,omitempty"`
}

// postIDs returns the public posts. Missing, empty and unreadable lists all mean: not yet, or never.
func (s status) postIDs() []string {
	for _, raw := range []json.RawMessage{s.IDs, s.IDs2} {
		var numbers []json.Number
		if json.Unmarshal(raw, &numbers) != nil || len(numbers) == 0 {
			continue
		}
		ids := make([]string, len(numbers))
		for i, n := range numbers {
			ids[i] = n.String()
		}
		return ids
	}
	return nil
}

func (c *Client) status(ctx context.Context, p platform.Payload) (status, string, error) {
	var s status
	q := call{op: "status.fetch", client: c.clients.API(), method: http.MethodPost, path: "/v2/post/publish/status/fetch/",
		body: map[string]string{"publish_id": p.Receipt.PublishID}}
	logID, err := c.ask(ctx, q, p.Tokens, &s)
	return s, logID, err
}

// Confirm asks TikTok what became of an attempt.
func (c *Client) Confirm(ctx context.Context, p platform.Payload) (platform.Verdict, error) {
	s, logID, err := c.status(ctx, p)
	if err != nil {
		return platform.Verdict{}, err
	}
	v := c.verdict(s, p)
	v.LogID = logID
	if v.State == platform.Refused {
		v.Reason = reason(s.FailReason, logID)
	}
	evidence, err := json.Marshal(struct {
		status
		PublishID string `json:"publish_id"`
		LogID     string `json:"log_id"`
	}{s, p.Receipt.PublishID, logID})
	v.Evidence = string(evidence)
	return v, err
}

// verdict puts a status into the words of the contract. A status that we do not know is one of waiting: nothing may be
// concluded from it.
func (c *Client) verdict(s status, p platform.Payload) platform.Verdict {
	v := platform.Verdict{State: platform.Processing, Have: -1}
	if s.Uploaded != nil {
		v.Have = *s.Uploaded
	}
	switch s.Status {
	case "PROCESSING_UPLOAD":
		if s.Uploaded != nil && len(p.Media) == 1 && v.Have < p.Media[0].Size {
			v.State = platform.Incomplete
		}
	case "PROCESSING_DOWNLOAD":
		v.State = platform.Fetching
		if s.Downloaded != nil {
			v.Have = *s.Downloaded
		}
	case "SEND_TO_USER_INBOX":
		v.State = platform.InInbox
	case "PUBLISH_COMPLETE":
		v.State = platform.Published
		v.PostIDs = s.postIDs()
		v.Permalink = permalink(c.site, p.Handle, kindOf(p), v.PostIDs)
	case "FAILED":
		v.State = platform.Refused
	default:
		c.log.Error("TikTok gave a status that ShipPost does not know; it goes on asking", "attempt", p.Attempt, "status", codeOr(s.Status))
	}
	return v
}

// Link implements platform.Linker.
func (c *Client) Link(handle string, kind shippost.MediaKind, id string) string {
	return permalink(c.site, handle, kind, []string{id})
}

// permalink returns the address of a public post, which TikTok itself does not tell (TikTok contract 10, trap 8).
func permalink(site, handle string, kind shippost.MediaKind, ids []string) string {
	handle = strings.TrimPrefix(handle, "@")
	if handle == "" || len(ids) == 0 {
		return ""
	}
	return site + "/@" + handle + "/" + string(kind) + "/" + ids[0]
}

// kindOf returns whether a payload is a video or photos; TikTok's paths have the same words.
func kindOf(p platform.Payload) shippost.MediaKind {
	if len(p.Media) > 0 {
		return p.Media[0].Kind
	}
	return shippost.Video
}
