// Package loopback is a platform that is a folder on this machine: the smallest complete adapter, to read before writing
// another one, and to try things on without any account.
//
// A post is a folder with the media and the caption. It is brought there in the three steps that every adapter has.
// Stage writes everything into a folder that nobody looks at. Commit moves that folder to where posts are, which the
// file system does as a whole or not at all. Confirm looks where the folder is. So whatever breaks in between, one look
// tells what became of an attempt, and no post is ever there twice.
package loopback

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

// Name is what this platform is called in the product.
const Name shippost.PlatformName = "loopback"

// captionRunes is the one rule of this platform, so that Validate has something to say.
const captionRunes = 500

// Platform publishes into a folder. It may be used from many goroutines at once.
type Platform struct {
	root *os.Root // nothing outside it can be reached, whatever names say
	now  func() time.Time
}

// The interface that each adapter implements, checked where it is read first.
var _ platform.Platform = (*Platform)(nil)

// New publishes into dir, which it makes if need be. now is the product's clock.
func New(dir string, now func() time.Time) (*Platform, error) {
	for _, name := range []string{staging, published} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			return nil, fmt.Errorf("loopback: %w", err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("loopback: %w", err)
	}
	return &Platform{root: root, now: now}, nil
}

// Close lets go of the folder.
func (p *Platform) Close() error { return p.root.Close() }

// The two places of a post: before its commit and after.
const (
	staging   = "staging"
	published = "posts"
)

// Describe says what this platform is. There is no upload address that could expire, so an attempt stays open for long.
func (*Platform) Describe() platform.Description {
	return platform.Description{Name: Name, Title: "Loopback", OpenLife: 24 * time.Hour, EarliestStage: time.Hour}
}

// Validate is pure: it looks at the draft alone, and returns everything that is wrong with it at once.
func (*Platform) Validate(d platform.Draft, _ shippost.Creator) []shippost.Problem {
	var problems []shippost.Problem
	if len(d.Media) == 0 {
		problems = append(problems, shippost.Problem{Code: "media_missing", Field: "media_ids", Severity: shippost.Block,
			Remedy: shippost.RemedyReplaceMedia, Message: "Choose at least one file."})
	}
	if n := len([]rune(d.Caption)); n > captionRunes {
		problems = append(problems, shippost.Problem{Code: "caption_too_long", Field: "caption", Severity: shippost.Block,
			Remedy: shippost.RemedyEdit, Message: fmt.Sprintf("The caption has %d characters; %d fit.", n, captionRunes)})
	}
	return problems
}

// Stage brings everything to the platform where nobody sees it. The order is what keeps a post from going out twice: the
// intent is durable before the request that opens the attempt, the receipt before the first byte. A payload with a
// receipt is an attempt that was begun before: it is never opened again.
func (p *Platform) Stage(ctx context.Context, payload platform.Payload, ledger platform.Ledger) (platform.Staged, error) {
	receipt := payload.Receipt
	if receipt.IsZero() {
		if err := ledger.Intend(ctx); err != nil {
			return nil, err // of the ledger, so it goes back as it is
		}
		receipt = shippost.Receipt{PublishID: strings.ToLower(rand.Text()), OpenedAt: p.now()}
		if err := p.root.Mkdir(inStaging(receipt), 0o700); err != nil {
			return nil, failed("open", err)
		}
		if err := ledger.Opened(ctx, receipt); err != nil {
			return nil, err
		}
	} else if _, err := p.root.Stat(inPosts(receipt)); err == nil {
		return nil, &platform.Error{Op: "resume", Reach: platform.Answered, Code: platform.CodeUploadWhole} // only Confirm helps
	} else if _, err := p.root.Stat(inStaging(receipt)); err != nil {
		return nil, failed("resume", err)
	}
	for i, file := range payload.Media {
		if err := p.copy(ctx, filepath.Join(inStaging(receipt), fmt.Sprintf("media-%d", i)), file); err != nil {
			return nil, err
		}
		ledger.Progress(file.Size)
	}
	about, err := json.Marshal(map[string]string{"account": string(payload.Account), "caption": payload.Caption})
	if err != nil {
		return nil, err
	}
	if err := p.root.WriteFile(filepath.Join(inStaging(receipt), "about.json"), about, 0o600); err != nil {
		return nil, failed("stage", err)
	}
	return &staged{receipt}, nil
}

// copy writes one file. Written again after a break it is the same file, so an attempt may be resumed at any point.
func (p *Platform) copy(ctx context.Context, name string, file platform.File) (err error) {
	in, err := file.Open(ctx, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := p.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return failed("stage", err)
	}
	if _, err := io.Copy(out, in); err != nil {
		return errors.Join(failed("stage", err), out.Close())
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return failed("stage", err)
	}
	return nil
}

// staged is an attempt that waits for its time. This platform needs nothing kept open meanwhile, so there is nothing to
// wait for and nothing to let go of.
type staged struct{ receipt shippost.Receipt }

// Receipt returns the receipt of the attempt.
func (s *staged) Receipt() shippost.Receipt { return s.receipt }

// Wait returns at once.
func (*staged) Wait(ctx context.Context) error { return ctx.Err() }

// Lost is nil: there is no line that could be cut.
func (*staged) Lost() <-chan struct{} { return nil }

// Close does nothing; what was staged may be resumed.
func (*staged) Close() error { return nil }

// Commit is the point of no return: one request, never repeated here. It says what is known afterwards, and nothing more.
func (p *Platform) Commit(_ context.Context, s platform.Staged) (platform.Outcome, error) {
	if err := p.root.Rename(inStaging(s.Receipt()), inPosts(s.Receipt())); err != nil {
		return platform.Outcome{}, failed("commit", err)
	}
	return platform.Outcome{LastByteAt: p.now(), Accepted: true}, nil
}

// Confirm only reads. Evidence is kept as the proof of what the platform said.
func (p *Platform) Confirm(_ context.Context, payload platform.Payload) (platform.Verdict, error) {
	v := platform.Verdict{Have: -1}
	if payload.Receipt.IsZero() {
		return v, failed("confirm", errors.New("this attempt was never opened"))
	}
	_, err := p.root.Stat(inPosts(payload.Receipt))
	switch {
	case err == nil:
		v.State, v.PostIDs = platform.Published, []string{payload.Receipt.PublishID}
		v.Permalink = "file://" + filepath.Join(p.root.Name(), inPosts(payload.Receipt))
	case !errors.Is(err, fs.ErrNotExist):
		return platform.Verdict{}, failed("confirm", err)
	default:
		// Not out. The attempt may be finished if it is still staged, and never can be if somebody removed it.
		if _, err := p.root.Stat(inStaging(payload.Receipt)); err == nil {
			v.State = platform.Incomplete
		} else if errors.Is(err, fs.ErrNotExist) {
			v.State, v.Reason = platform.Refused, p.Classify(&platform.Error{Op: "confirm", Reach: platform.Answered, Code: codeRemoved})
			v.Reason.After = platform.Declined
		} else {
			return platform.Verdict{}, failed("confirm", err)
		}
	}
	evidence, err := json.Marshal(map[string]string{"publish_id": payload.Receipt.PublishID, "state": string(v.State)})
	v.Evidence = string(evidence)
	return v, err
}

// The codes of this platform.
const (
	codeFolder  = "folder_unusable"
	codeRemoved = "attempt_removed"
)

// Classify puts an error into the words of the product: what to do, a sentence for the creator, a remedy to press.
func (*Platform) Classify(err error) platform.Failure {
	e := platform.AsError(err)
	switch {
	case shippost.IsKind(err, shippost.Reconnect):
		own := shippost.AsError(err)
		return platform.Failure{Class: platform.Auth, Code: own.Code, Message: own.Message, Remedy: shippost.RemedyReconnect}
	case e == nil || e.Code == codeFolder || e.Code == platform.CodeUploadWhole:
		return platform.Failure{Class: platform.Transient, Code: codeFolder, Remedy: shippost.RemedyWait,
			Message: "The folder for posts cannot be used just now. ShipPost tries again."}
	case e.Code == codeRemoved:
		return platform.Failure{Class: platform.Declined, Code: codeRemoved, Remedy: shippost.RemedyRetry, LogID: e.LogID,
			Message: "Somebody removed the post before it was out. Post it again."}
	default:
		return platform.Failure{Class: platform.Unknown, Code: "unknown", Remedy: shippost.RemedyRetry, Alarm: true, LogID: e.LogID,
			Message: "Something unknown went wrong with the folder for posts. ShipPost tries again."}
	}
}

// failed is the error of a request that had no effect: the file system does a thing or says that it did not.
func failed(op string, err error) error {
	code := codeFolder
	if errors.Is(err, fs.ErrNotExist) {
		code = codeRemoved
	}
	return &platform.Error{Op: op, Reach: platform.Answered, Code: code, Err: err}
}

func inStaging(r shippost.Receipt) string { return filepath.Join(staging, r.PublishID) }

func inPosts(r shippost.Receipt) string { return filepath.Join(published, r.PublishID) }
