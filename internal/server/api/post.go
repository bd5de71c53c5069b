package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/compose"
)

func (a *API) posts() {
	tags := []string{"posts"}
	add(a, huma.Operation{OperationID: "createPost", Method: http.MethodPost, Path: "/posts", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Create a post",
		Description: "With a time the post is queued, or refused with everything that is wrong. Without one it is kept as a draft. " +
			"A due time that passed less than a minute ago means now. With an Idempotency-Key a repeated request gets the first answer for a day."}, a.createPost)
	add(a, huma.Operation{OperationID: "validatePost", Method: http.MethodPost, Path: "/posts/validate", Tags: tags,
		Summary: "Check a post without saving it", Description: "Returns all problems at once."}, a.validatePost)
	add(a, huma.Operation{OperationID: "listPosts", Method: http.MethodGet, Path: "/posts", Tags: tags, Summary: "List posts"}, a.listPosts)
	add(a, huma.Operation{OperationID: "listCauses", Method: http.MethodGet, Path: "/posts/causes", Tags: tags, Summary: "List why posts did not go out, or wait",
		Description: "The posts that failed, were missed or are unconfirmed, and those that are held, counted by their code; the latest first. `cause` lists the posts of one. " +
			"The latest thousand of each are counted; `more` says that there are older ones."}, a.listCauses)
	add(a, huma.Operation{OperationID: "getPost", Method: http.MethodGet, Path: "/posts/{id}", Tags: tags, Summary: "Get a post"}, a.getPost)
	add(a, huma.Operation{OperationID: "editPost", Method: http.MethodPatch, Path: "/posts/{id}", Tags: tags, Summary: "Change a post",
		Description: "What is left out stays. A draft that gets a time is queued. A change of content needs consent anew."}, a.editPost)
	add(a, huma.Operation{OperationID: "reschedulePost", Method: http.MethodPost, Path: "/posts/{id}/reschedule", Tags: tags,
		Summary: "Give a post another time"}, a.reschedulePost)
	add(a, huma.Operation{OperationID: "cancelPost", Method: http.MethodPost, Path: "/posts/{id}/cancel", Tags: tags, Summary: "Cancel a post",
		Description: "A cancelled post does not go out unless somebody restores it. Once it was handed over the answer is 409 already_handed_over. Photos that TikTok still fetches are kept from it even then: the post is in the phase stopping, and ends as cancelled or posted."}, a.cancelPost)
	add(a, huma.Operation{OperationID: "restorePost", Method: http.MethodPost, Path: "/posts/{id}/restore", Tags: tags,
		Summary: "Take a cancellation back", Description: "The post is queued again, for its own time or a new one, as it was agreed to."}, a.restorePost)
	add(a, huma.Operation{OperationID: "retryPost", Method: http.MethodPost, Path: "/posts/{id}/retry", Tags: tags,
		Summary: "Queue a failed or missed post again", Description: "Needs a new time; content may change too."}, a.retryPost)
	add(a, huma.Operation{OperationID: "duplicatePost", Method: http.MethodPost, Path: "/posts/{id}/duplicate", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Make a draft of a post's content", Description: "Whatever became of the post. It needs a time and consent of its own."}, a.duplicatePost)
	add(a, huma.Operation{OperationID: "deletePost", Method: http.MethodDelete, Path: "/posts/{id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Delete a draft", Description: "Any other post is 409 not_a_draft."}, a.deletePost)
	add(a, huma.Operation{OperationID: "releasePost", Method: http.MethodPost, Path: "/posts/{id}/release", Tags: tags,
		Summary: "Say that an unconfirmed post is not out", Description: "For a person who has looked at the account; keys are refused. The post has failed then and can be scheduled again."}, a.releasePost)
	add(a, huma.Operation{OperationID: "listConsents", Method: http.MethodGet, Path: "/posts/{id}/consents", Tags: tags,
		Summary: "List what was agreed to for a post", Description: "Oldest first; the last one covers what is sent. Nothing ever changes one."}, a.listConsents)
	add(a, huma.Operation{OperationID: "listAttempts", Method: http.MethodGet, Path: "/posts/{id}/attempts", Tags: tags,
		Summary: "List the tries to publish a post"}, a.listAttempts)
}

// WrittenPost is the answer to whatever saves a post.
type WrittenPost struct {
	ETag string `header:"ETag" doc:"The version, for If-Match."`
	Body Post
}

func written(w compose.Written) *WrittenPost {
	body := postOf(w.Post)
	body.Problems = w.Problems
	return &WrittenPost{ETag: etag(w.Post.Version), Body: body}
}

// show completes the answer about a post that was read or saved. What was saved is saved, so trouble with the files is only
// logged: an answer without pictures is better than one that makes the sender repeat the request.
func (a *API) show(ctx context.Context, actor shippost.Actor, w *WrittenPost) *WrittenPost {
	if err := errors.Join(a.addFiles(ctx, actor, &w.Body), a.addLabels(ctx, actor, &w.Body), a.addForecasts(ctx, actor, &w.Body)); err != nil {
		_ = a.logged(ctx, err)
	}
	return w
}

func etag(version int64) string { return strconv.Quote(strconv.FormatInt(version, 10)) }

type createPostInput struct {
	Key  string `header:"Idempotency-Key" maxLength:"255" doc:"Any text that is new for each new post. Repetitions get the first answer."`
	Body NewPost
}

type createdPost struct {
	ETag     string `header:"ETag" doc:"The version, for If-Match."`
	Body     Post
	Location string `header:"Location"`
	Replayed string `header:"Idempotency-Replayed" doc:"true when the request had been carried out before."`
}

func (a *API) createPost(ctx context.Context, actor shippost.Actor, in *createPostInput) (*createdPost, error) {
	d, err := in.Body.draft()
	if err != nil {
		return nil, err
	}
	once, err := in.once()
	if err != nil {
		return nil, err
	}
	w, err := a.opt.Posts.Create(ctx, actor, d, once)
	if err != nil {
		return nil, err
	}
	made := written(w)
	out := &createdPost{ETag: made.ETag, Body: made.Body}
	if w.Replay != nil {
		out.Replayed = "true"
		if err := json.Unmarshal(w.Replay, &out.Body); err != nil {
			return nil, err
		}
		out.ETag = etag(out.Body.Version)
	}
	err = a.addFiles(ctx, actor, &out.Body)
	if len(d.Labels) > 0 {
		err = errors.Join(err, a.addLabels(ctx, actor, &out.Body))
	}
	if err != nil {
		_ = a.logged(ctx, err) // as in show
	}
	out.Location = Prefix + "/posts/" + string(out.Body.ID)
	return out, nil
}

// once returns how the feature recognises a repetition: by the meaning of the body, whatever its spaces.
func (in *createPostInput) once() (compose.Once, error) {
	if in.Key == "" {
		return compose.Once{}, nil
	}
	if strings.ContainsFunc(in.Key, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
		return compose.Once{}, shippost.Errorf(shippost.Invalid, "invalid_idempotency_key", "An Idempotency-Key is plain ASCII text.").At("Idempotency-Key")
	}
	asked, err := json.Marshal(in.Body)
	if err != nil {
		return compose.Once{}, err
	}
	sum := sha256.Sum256(asked)
	return compose.Once{Key: in.Key, Hash: hex.EncodeToString(sum[:]), Answer: func(w compose.Written) ([]byte, error) {
		return json.Marshal(written(w).Body)
	}}, nil
}

type validatePostInput struct {
	Post string `query:"post_id" maxLength:"64" doc:"The post that this is to replace, which then does not count beside itself."`
	Body NewPost
}

// Verdict is the answer to a check.
type Verdict struct {
	Body struct {
		OK       bool               `json:"ok" doc:"Nothing stands in the way."`
		Problems []shippost.Problem `json:"problems"`
		Files    []Fit              `json:"files" doc:"How each file stands to the rules of the account."`
	}
}

func (a *API) validatePost(ctx context.Context, actor shippost.Actor, in *validatePostInput) (*Verdict, error) {
	d, err := in.Body.draft()
	if err != nil {
		return nil, err
	}
	d.Post = shippost.PostID(in.Post)
	v, err := a.opt.Posts.Validate(ctx, actor, d)
	if err != nil {
		return nil, err
	}
	out := &Verdict{}
	out.Body.OK, out.Body.Problems, out.Body.Files = !shippost.Blocking(v.Problems), convert(v.Problems, same), convert(v.Files, fitOf)
	return out, nil
}

type listPostsInput struct {
	Paging
	Status  []string  `query:"status" maxItems:"9" enum:"draft,queued,publishing,posted,failed,cancelled,missed,in_inbox,unconfirmed" doc:"Only posts in one of these states."`
	Account []string  `query:"account_id" maxItems:"100" doc:"Only posts to one of these accounts."`
	Label   []string  `query:"label_id" maxItems:"100" doc:"Only posts with one of these labels."`
	Group   string    `query:"group_id" maxLength:"64" doc:"Only posts of this group."`
	Cause   string    `query:"cause" maxLength:"64" pattern:"^[a-z0-9_]*$" doc:"Only posts that failed with this code or, queued, are held with it."`
	From    time.Time `query:"from" doc:"Only posts due at or after this time."`
	To      time.Time `query:"to" doc:"Only posts due before this time."`
	Order   string    `query:"order" enum:"newest,due" default:"newest" doc:"newest: by creation, latest first. due: by due time, earliest first, without posts that have no time."`
}

// postCursor is a place in a list of posts; short names keep it short.
type postCursor struct {
	Order compose.Order   `json:"o"`
	ID    shippost.PostID `json:"i"`
	Due   int64           `json:"d,omitempty"` // microseconds since 1970
}

func (a *API) listPosts(ctx context.Context, actor shippost.Actor, in *listPostsInput) (*listed[Post], error) {
	f := compose.Filter{Order: compose.Order(in.Order), Cause: in.Cause, Group: shippost.GroupID(in.Group), Labels: labelIDs(in.Label), From: in.From, To: in.To, Limit: in.Limit}
	f.Accounts = accountIDs(in.Account)
	for _, s := range in.Status {
		f.Statuses = append(f.Statuses, shippost.PostStatus(s))
	}
	if in.Cursor != "" {
		var c postCursor
		if err := decodeCursor(in.Cursor, &c); err != nil {
			return nil, err
		}
		if c.Order != f.Order || !shippost.ValidID("post_", string(c.ID)) {
			return nil, badCursor()
		}
		f.After = compose.Place{ID: c.ID, Due: time.UnixMicro(c.Due).UTC()}
	}
	posts, more, err := a.opt.Posts.List(ctx, actor, f)
	if err != nil {
		return nil, err
	}
	out := &listed[Post]{Body: page[Post]{Items: convert(posts, postOf)}}
	bodies := make([]*Post, len(posts))
	for i := range posts {
		bodies[i] = &out.Body.Items[i]
	}
	if err := errors.Join(a.addFiles(ctx, actor, bodies...), a.addLabels(ctx, actor, bodies...), a.addForecasts(ctx, actor, bodies...)); err != nil {
		return nil, err
	}
	if more {
		last := posts[len(posts)-1]
		c := postCursor{Order: f.Order, ID: last.ID}
		if f.Order == compose.DueFirst {
			c.Due = last.Due.At.UnixMicro()
		}
		out.Body.NextCursor = encodeCursor(c)
	}
	return out, nil
}

type listCausesInput struct {
	Account []string `query:"account_id" maxItems:"100" doc:"Only posts to one of these accounts."`
	Label   []string `query:"label_id" maxItems:"100" doc:"Only posts with one of these labels."`
}

// Cause is a reason for which posts did not go out, or wait.
type Cause struct {
	Code     string               `json:"code"`
	Held     bool                 `json:"held" doc:"The posts are queued, and go out once this is over."`
	Message  string               `json:"message" doc:"A sentence; of the latest post where they differ."`
	Remedy   shippost.Remedy      `json:"remedy,omitempty"`
	Posts    int                  `json:"posts" doc:"How many."`
	Latest   time.Time            `json:"latest_at" doc:"When the latest of them was touched."`
	Accounts []shippost.AccountID `json:"account_ids" doc:"Whose posts they are."`
}

// Causes is the answer to why posts did not go out.
type Causes struct {
	Body struct {
		Items []Cause `json:"items"`
		More  bool    `json:"more" doc:"There are older posts that were not counted."`
	}
}

func (a *API) listCauses(ctx context.Context, actor shippost.Actor, in *listCausesInput) (*Causes, error) {
	causes, more, err := a.opt.Posts.Causes(ctx, actor, accountIDs(in.Account), labelIDs(in.Label))
	if err != nil {
		return nil, err
	}
	out := &Causes{}
	out.Body.More = more
	out.Body.Items = convert(causes, func(c compose.Cause) Cause {
		return Cause{c.Code, c.Held, c.Message, c.Remedy, c.Posts, c.Latest, convert(c.Accounts, same)}
	})
	return out, nil
}

// PostPath is the part of an address that names a post.
type PostPath struct {
	ID string `path:"id" maxLength:"64"`
}

func (p PostPath) id() shippost.PostID { return shippost.PostID(p.ID) }

func (a *API) getPost(ctx context.Context, actor shippost.Actor, in *PostPath) (*WrittenPost, error) {
	p, err := a.opt.Posts.Get(ctx, actor, in.id())
	if err != nil {
		return nil, err
	}
	return a.show(ctx, actor, written(compose.Written{Post: p})), nil
}

// Expected is the version that somebody looked at before they changed it.
type Expected struct {
	IfMatch string `header:"If-Match" maxLength:"40" doc:"The version that was looked at, as in the ETag. Another one is 409 version_conflict."`
}

// version returns the version that a change is meant for; the header and the body must not disagree. 0 is any.
func (m Expected) version(inBody int64) (int64, error) {
	if m.IfMatch == "" || m.IfMatch == "*" {
		return inBody, nil
	}
	text, err := strconv.Unquote(strings.TrimPrefix(m.IfMatch, "W/"))
	version, notNumber := strconv.ParseInt(text, 10, 64)
	if err != nil || notNumber != nil || version < 1 || inBody != 0 && inBody != version {
		return 0, shippost.Errorf(shippost.Invalid, "invalid_if_match", "If-Match holds the version in quotes, as in the ETag.").At("If-Match")
	}
	return version, nil
}

type editPostInput struct {
	PostPath
	Expected
	Body PostChange
}

func (in *editPostInput) change() (compose.Change, error) {
	c, err := in.Body.change()
	if err == nil {
		c.Version, err = in.version(in.Body.Version)
	}
	return c, err
}

func (a *API) editPost(ctx context.Context, actor shippost.Actor, in *editPostInput) (*WrittenPost, error) {
	return a.revise(ctx, actor, in, a.opt.Posts.Edit)
}

func (a *API) retryPost(ctx context.Context, actor shippost.Actor, in *editPostInput) (*WrittenPost, error) {
	return a.revise(ctx, actor, in, a.opt.Posts.Retry)
}

func (a *API) revise(ctx context.Context, actor shippost.Actor, in *editPostInput,
	how func(context.Context, shippost.Actor, shippost.PostID, compose.Change) (compose.Written, error),
) (*WrittenPost, error) {
	c, err := in.change()
	if err != nil {
		return nil, err
	}
	w, err := how(ctx, actor, in.id(), c)
	if err != nil {
		return nil, err
	}
	return a.show(ctx, actor, written(w)), nil
}

type reschedulePostInput struct {
	PostPath
	Expected
	Body struct {
		When
		Version int64 `json:"version,omitempty" minimum:"1" doc:"As If-Match."`
	}
}

func (a *API) reschedulePost(ctx context.Context, actor shippost.Actor, in *reschedulePostInput) (*WrittenPost, error) {
	version, err := in.version(in.Body.Version)
	if err != nil {
		return nil, err
	}
	w, err := a.opt.Posts.Reschedule(ctx, actor, in.id(), version, in.Body.when())
	if err != nil {
		return nil, err
	}
	return a.show(ctx, actor, written(w)), nil
}

func (a *API) restorePost(ctx context.Context, actor shippost.Actor, in *reschedulePostInput) (*WrittenPost, error) {
	version, err := in.version(in.Body.Version)
	if err != nil {
		return nil, err
	}
	w, err := a.opt.Posts.Restore(ctx, actor, in.id(), version, in.Body.when())
	if err != nil {
		return nil, err
	}
	return a.show(ctx, actor, written(w)), nil
}

type cancelPostInput struct {
	PostPath
	Expected
}

func (a *API) cancelPost(ctx context.Context, actor shippost.Actor, in *cancelPostInput) (*WrittenPost, error) {
	version, err := in.version(0)
	if err != nil {
		return nil, err
	}
	p, err := a.opt.Posts.Cancel(ctx, actor, in.id(), version)
	if err != nil {
		return nil, err
	}
	return a.show(ctx, actor, written(compose.Written{Post: p})), nil
}

func (a *API) duplicatePost(ctx context.Context, actor shippost.Actor, in *PostPath) (*WrittenPost, error) {
	w, err := a.opt.Posts.Duplicate(ctx, actor, in.id())
	if err != nil {
		return nil, err
	}
	return a.show(ctx, actor, written(w)), nil
}

func (a *API) deletePost(ctx context.Context, actor shippost.Actor, in *PostPath) (*struct{}, error) {
	return &struct{}{}, a.opt.Posts.Delete(ctx, actor, in.id())
}

type releasePostInput struct {
	PostPath
	Expected
	Body struct {
		DuplicatePossible bool  `json:"duplicate_possible" doc:"true: I have looked, and I know that the post may appear twice if it is out all the same."`
		Version           int64 `json:"version,omitempty" minimum:"1" doc:"As If-Match."`
	}
}

func (a *API) releasePost(ctx context.Context, actor shippost.Actor, in *releasePostInput) (*WrittenPost, error) {
	version, err := in.version(in.Body.Version)
	if err != nil {
		return nil, err
	}
	p, err := a.opt.Posts.Release(ctx, actor, in.id(), version, in.Body.DuplicatePossible)
	if err != nil {
		return nil, err
	}
	return a.show(ctx, actor, written(compose.Written{Post: p})), nil
}

func (a *API) listAttempts(ctx context.Context, actor shippost.Actor, in *PostPath) (*listed[Attempt], error) {
	attempts, err := a.opt.Posts.Attempts(ctx, actor, in.id())
	if err != nil {
		return nil, err
	}
	return &listed[Attempt]{Body: page[Attempt]{Items: convert(attempts, attemptOf)}}, nil
}
