package tiktoksim

import "time"

// find looks up the publish_id of the body, for the creator of the token.
// s.mu is held.
func (c *call) find() (*publish, *apiError) {
	var body struct {
		PublishID string `json:"publish_id"`
	}
	if e := c.read(&body, "The publish_id is invalid"); e != nil {
		return nil, e
	}
	c.entry.PublishID = body.PublishID
	p := c.s.publishes[body.PublishID]
	if p == nil || !p.visible(c.k, c.now) {
		return nil, errPublishID
	}
	if c.k.Rules.PublishOwner && p.account != c.account {
		return nil, errForeign
	}
	return p, nil
}

// visible applies the knobs that hide a publish_id just after init and long
// after it.
func (p *publish) visible(k *Knobs, now time.Time) bool {
	age := now.Sub(p.initAt)
	if age < time.Duration(k.Processing.VisibleAfter) {
		return false
	}
	return k.Processing.Retention == 0 || age < time.Duration(k.Processing.Retention)
}

type statusAnswer struct {
	Status     string   `json:"status"`
	FailReason string   `json:"fail_reason,omitempty"`
	PostIDs    *[]int64 `json:"publicaly_available_post_id,omitempty"`
	Uploaded   *int64   `json:"uploaded_bytes,omitempty"`
	Downloaded *int64   `json:"downloaded_bytes,omitempty"`
}

// status answers status/fetch (TikTok contract 4.9).
func (c *call) status() (any, *apiError) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	p, e := c.find()
	if e != nil {
		return nil, e
	}
	ids := p.publicIDs(c.k)
	answer := statusAnswer{Status: p.status, FailReason: p.failReason, PostIDs: &ids}
	if len(ids) == 0 && c.k.Processing.IDs == "omit" {
		answer.PostIDs = nil
	}
	if p.pull {
		n := p.downloaded.Load()
		answer.Downloaded = &n
	} else {
		n := p.upload.stored()
		answer.Uploaded = &n
	}
	c.note("status", p.status)
	return answer, nil
}

// publicIDs are the posts that passed moderation and everyone can see.
func (p *publish) publicIDs(k *Knobs) []int64 {
	ids := []int64{}
	if k.Processing.IDs == "never" {
		return ids
	}
	for _, made := range p.posts {
		if !made.publicAt.IsZero() && !made.hidden {
			ids = append(ids, made.id)
		}
	}
	return ids
}

// cancel answers publish/cancel: only a running pull can be cancelled (TikTok
// contract 4.11).
func (c *call) cancel() (any, *apiError) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	p, e := c.find()
	if e != nil {
		return nil, e
	}
	if c.k.Rules.Cancellable && (!p.pull || p.handed || p.ended()) {
		return nil, errUncancelled
	}
	if c.k.Pull.CancelIneffective {
		c.note("cancel", "answered but ineffective, by the knob")
		return nil, nil
	}
	now := c.now
	c.then = func() { c.s.fail(p, "publish_cancelled", now) }
	return nil, nil
}
