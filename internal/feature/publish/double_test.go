package publish

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/vault"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
)

// double is a platform whose attempts can be asked about. It remembers each effect with the true time, which no step of
// the product's clock moves, and fails where a test wants it to.
type double struct {
	product func() time.Time // the product's clock

	mu       sync.Mutex
	fail     func(op string, account shippost.AccountID) error // nil: everything works
	deaf     bool                                              // its answers do not say what time it is
	heard    time.Time                                         // when its latest answer came, truly
	transfer time.Duration                                     // how long an upload takes
	settle   time.Duration                                     // how long its last request takes to get to its tail
	process  time.Duration                                     // from the last byte to publication
	private  bool                                              // the creator takes no posts any more
	nameless bool                                              // its status never names the id of a post
	taken    map[string]*take                                  // by publish id
	calls    []request
}

// take is an upload that was opened.
type take struct {
	post      string // its caption, which names the post in these tests
	due       time.Time
	opened    instants
	committed instants
	reason    *platform.Failure // set: it ends refused
}

// instants is one moment by both clocks.
type instants struct{ truly, product time.Time }

// request is one that reached the platform, or would have if it were up.
type request struct {
	op      string
	account shippost.AccountID
	at      instants
	failed  bool
}

func newDouble(product func() time.Time) *double {
	return &double{product: product, taken: map[string]*take{}, transfer: time.Second, process: 2 * time.Second}
}

func (d *double) now() instants { return instants{time.Now(), d.product()} }

// call notes a request and returns what the test wants to come of it.
func (d *double) call(op string, account shippost.AccountID) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var err error
	if d.fail != nil {
		err = d.fail(op, account)
	}
	d.calls = append(d.calls, request{op, account, d.now(), err != nil})
	if e := platform.AsError(err); e == nil || e.Reach == platform.Answered {
		d.heard = time.Now()
	}
	return err
}

func (d *double) failWith(fail func(op string, account shippost.AccountID) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = fail
}

// refuse has every request of a kind refused with a code.
func (d *double) refuse(op, code string) {
	d.failWith(func(asked string, _ shippost.AccountID) error {
		if asked == op {
			return says(op, code)
		}
		return nil
	})
}

// requests returns what was asked so far.
func (d *double) requests() []request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]request(nil), d.calls...)
}

// down is the error of a platform that does not answer.
func down(op string) error {
	return &platform.Error{Op: op, Reach: platform.NotSent, Code: platform.CodeNetwork}
}

// says is the error of a platform that answered with a code.
func says(op, code string) error {
	return &platform.Error{Op: op, Reach: platform.Answered, Status: 400, Code: code, LogID: "L-" + code}
}

var _ platform.Platform = (*double)(nil)

func (d *double) Describe() platform.Description {
	return platform.Description{Name: shippost.TikTok, Title: "TikTok", OpenLife: time.Hour, EarliestStage: 40 * time.Minute}
}

// Heard tells the true time, to the second.
func (d *double) Heard() (time.Time, time.Duration, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.heard.Truncate(time.Second), time.Since(d.heard), !d.heard.IsZero() && !d.deaf
}

// forget makes it as if no answer had come yet.
func (d *double) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard = time.Time{}
}

func (d *double) AskTime(context.Context) error { return d.call("time", "") }

// Validate refuses what a creator without any choice of audience would get.
func (d *double) Validate(_ platform.Draft, c shippost.Creator) []shippost.Problem {
	if len(c.PrivacyOptions) == 0 {
		return []shippost.Problem{{Code: "private", Severity: shippost.Block, Remedy: shippost.RemedyEdit, Message: "This account takes no such posts any more."}}
	}
	return nil
}

func (d *double) Creator(_ context.Context, t platform.Tokens) (shippost.Creator, error) {
	c := shippost.Creator{Nickname: "Ada", PrivacyOptions: []string{shippost.PrivacyPublic}}
	err := d.call("creator", shippost.AccountID(t.(doubleTokens)))
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.private {
		c.PrivacyOptions = nil
	}
	return c, err
}

// doubleTokens are the tokens of an account that never expire.
type doubleTokens shippost.AccountID

func (t doubleTokens) Token(context.Context) (shippost.Secret, error) {
	return shippost.NewSecret(string(t)), nil
}
func (t doubleTokens) Renew(context.Context, shippost.Secret) (shippost.Secret, error) {
	return shippost.NewSecret(string(t)), nil
}

func (d *double) Stage(ctx context.Context, p platform.Payload, ledger platform.Ledger) (platform.Staged, error) {
	s := &doubleStaged{d: d, p: p, receipt: p.Receipt}
	if p.Receipt.IsZero() {
		if err := ledger.Intend(ctx); err != nil {
			return nil, err
		}
		now := d.now()
		if err := d.call("init", p.Account); err != nil {
			return nil, err
		}
		s.receipt = shippost.Receipt{PublishID: "v_" + string(p.Attempt), UploadURL: shippost.NewSecret("https://upload.example/" + string(p.Attempt)), OpenedAt: now.product}
		d.mu.Lock()
		d.taken[s.receipt.PublishID] = &take{post: p.Caption, due: p.Due, opened: now}
		d.mu.Unlock()
		if err := ledger.Opened(ctx, s.receipt); err != nil {
			return nil, err
		}
	}
	t := time.NewTimer(d.transfer)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return s, d.call("upload", p.Account)
}

type doubleStaged struct {
	d       *double
	p       platform.Payload
	receipt shippost.Receipt
	settled bool
}

func (s *doubleStaged) Receipt() shippost.Receipt { return s.receipt }

// Wait begins two minutes before the due time.
func (s *doubleStaged) Wait(ctx context.Context) error {
	if s.d.settle > 0 && !s.settled && (!pause(ctx, s.p.Due.Add(-2*time.Minute).Sub(s.d.product()), nil) || !pause(ctx, s.d.settle, nil)) {
		return ctx.Err()
	}
	s.settled = true
	return nil
}

func (s *doubleStaged) Lost() <-chan struct{} { return nil }
func (s *doubleStaged) Close() error          { return nil }

func (d *double) Commit(_ context.Context, staged platform.Staged) (platform.Outcome, error) {
	s := staged.(*doubleStaged)
	now := d.now()
	if err := d.call("commit", s.p.Account); err != nil {
		return platform.Outcome{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.taken[s.receipt.PublishID].committed = now
	return platform.Outcome{LastByteAt: now.product, Accepted: true}, nil
}

func (d *double) Confirm(_ context.Context, p platform.Payload) (platform.Verdict, error) {
	if err := d.call("status", p.Account); err != nil {
		return platform.Verdict{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.taken[p.Receipt.PublishID]
	switch {
	case t.committed.truly.IsZero():
		return platform.Verdict{State: platform.Incomplete, Have: 0, Evidence: "{}"}, nil
	case t.reason != nil:
		return platform.Verdict{State: platform.Refused, Reason: *t.reason, Evidence: "{}"}, nil
	case d.process >= 0 && time.Since(t.committed.truly) >= d.process:
		v := platform.Verdict{State: platform.Published, Evidence: "{}"}
		if !d.nameless {
			v.PostIDs = []string{"7" + p.Receipt.PublishID}
		}
		return v, nil
	}
	return platform.Verdict{State: platform.Processing, Evidence: "{}"}, nil
}

// Link knows everybody's handle.
func (d *double) Link(_ string, kind shippost.MediaKind, id string) string {
	return "https://tiktok.example/@ada/" + string(kind) + "/" + id
}

func (d *double) Classify(err error) platform.Failure {
	e := platform.AsError(err)
	if e == nil {
		return platform.Failure{Class: platform.Transient, Code: platform.CodeNetwork, Message: "The platform could not be reached.", Remedy: shippost.RemedyWait}
	}
	classes := map[string]platform.Class{"cap": platform.Quota, "banned": platform.Declined, "caption": platform.Content, "token": platform.Auth,
		"slow_down": platform.Rate, platform.CodeNetwork: platform.Transient, "odd": platform.Unknown, "scope": platform.Auth}
	f := platform.Failure{Class: classes[e.Code], Code: e.Code, Message: "The platform says " + e.Code + ".", Remedy: shippost.RemedyRetry, Withdrawn: e.Code == "scope"}
	if f.Class == platform.Auth {
		f.Remedy = shippost.RemedyReconnect
	}
	return f
}

// doubleFiles are files of zeros.
type doubleFiles struct{}

func (doubleFiles) Open(_ context.Context, m shippost.Media, offset int64) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(make([]byte, m.Size-offset))), nil
}
func (doubleFiles) Verify(context.Context, shippost.Media) error { return nil }

// doubleVault gives every account tokens that never expire, and has the rest done by a real one.
type doubleVault struct{ *vault.Vault }

func newDoubleVault(db *store.DB, sealer *seal.Sealer) doubleVault {
	return doubleVault{vault.New(vault.Options{DB: db, Sealer: sealer, Node: "node_one", Now: db.Now, Log: slog.New(slog.DiscardHandler)})}
}

// For hides the real vault's.
func (doubleVault) For(id shippost.AccountID) platform.Tokens { return doubleTokens(id) }
