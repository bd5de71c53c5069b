package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/journal"
	"ship-post.com/shippost/internal/server/listen"
)

func (a *API) events() {
	stream := map[string]*huma.Response{"200": {Description: "Server-sent events; the data of each is an Event", Content: map[string]*huma.MediaType{
		"text/event-stream": {Schema: a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Event](), true, "Event")}}}}
	add(a, huma.Operation{OperationID: "followEvents", Method: http.MethodGet, Path: "/events", Tags: []string{"journal"}, Responses: stream,
		Summary: "Follow what happens in the workspace",
		Description: "Server-sent events, each as a JSON object with its `kind`: the kinds of the journal; `post.progress`, which tells how much of a " +
			"post's file the platform has; `media.progress`, which tells how far the conversion of a file is; `notices.changed`; and `stream.reset` after a long absence, when everything has to be looked at again. " +
			"A stream that is opened again with the id of its last event as Last-Event-ID, as browsers do by themselves, goes on without loss. " +
			"It ends when the session, key or membership behind it does."}, a.followEvents)
}

// Event is something that has just happened: what to look at again.
type Event struct {
	Kind    shippost.EntryKind `json:"kind" example:"post.posted" doc:"More kinds may be added."`
	At      time.Time          `json:"at"`
	Account shippost.AccountID `json:"account_id,omitempty"`
	Post    shippost.PostID    `json:"post_id,omitempty"`
	Media   shippost.MediaID   `json:"media_id,omitempty"`
	Percent *int               `json:"percent,omitempty" doc:"Of post.progress: how much of the file the platform has. Of media.progress: how much is converted."`
}

// streamReset is the kind of the event that says that there was too much to tell.
const streamReset shippost.EntryKind = "stream.reset"

// Times of a stream. A person or program that may no longer look is sent nothing more, and away within checkEvery.
const (
	reconnectAfter = 2 * time.Second
	checkEvery     = 5 * time.Second
	heartbeatEvery = 20 * time.Second // below the idle time-outs of usual proxies
	writeTimeout   = 20 * time.Second // for a connection that takes nothing
)

type followEventsInput struct {
	Last string `header:"Last-Event-ID" maxLength:"20" doc:"The id of the last event that was received."`
}

func (a *API) followEvents(ctx context.Context, actor shippost.Actor, in *followEventsInput) (*huma.StreamResponse, error) {
	var last int64
	if in.Last != "" {
		var err error
		if last, err = strconv.ParseInt(in.Last, 10, 64); err != nil || last < 0 {
			return nil, shippost.Errorf(shippost.Invalid, "invalid_event_id", "Last-Event-ID is the id of an event that was received. Leave it out to begin anew.").At("Last-Event-ID")
		}
	}
	l, err := a.opt.Feed.Listen(ctx, actor, last)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer l.Close()
		r, w := humago.Unwrap(hc)
		s := &stream{api: a, r: r, w: w, control: http.NewResponseController(w), actor: actor}
		s.run(l)
	}}, nil
}

// stream is an event stream on its way out.
type stream struct {
	api     *API
	r       *http.Request
	w       http.ResponseWriter
	control *http.ResponseController
	actor   shippost.Actor
	failed  bool // nobody listens any more
}

// run sends events until the reader leaves, is too slow, may no longer look, or the server stops.
func (s *stream) run(l *journal.Listener) {
	s.w.Header().Set("Content-Type", "text/event-stream")
	s.w.Header().Set("X-Accel-Buffering", "no") // a proxy that gathers answers would hold them back
	s.w.WriteHeader(http.StatusOK)
	s.begin(l)
	s.flush()
	check, heartbeat := time.NewTicker(checkEvery), time.NewTicker(heartbeatEvery)
	defer check.Stop()
	defer heartbeat.Stop()
	for !s.failed {
		select {
		case <-s.r.Context().Done():
			return
		case <-listen.Stopping(s.r.Context()):
			return
		case e, ok := <-l.Events:
			if !ok || !s.mayLook() {
				return
			}
			s.send(e)
			for range len(l.Events) { // what else is there goes out with it
				if e, ok := <-l.Events; ok {
					s.send(e)
				}
			}
		case <-check.C:
			if !s.mayLook() {
				return
			}
			continue
		case <-heartbeat.C:
			s.write(":\n\n")
		}
		s.flush()
	}
}

// begin tells how to come back, and what was missed. An id without data moves only the place to come back to.
func (s *stream) begin(l *journal.Listener) {
	s.write(fmt.Sprintf("retry: %d\n\n", reconnectAfter.Milliseconds()))
	if l.Reset {
		s.sendAs(0, Event{Kind: streamReset, At: s.api.opt.Now().UTC()})
	}
	for _, e := range l.Missed {
		s.send(e)
	}
	s.write(fmt.Sprintf("id: %d\n\n", l.Head))
}

// mayLook asks anew whether whoever opened the stream may see this workspace.
func (s *stream) mayLook() bool {
	now, err := s.api.opt.Authenticate(s.r)
	return err == nil && now.Workspace == s.actor.Workspace && now.Can(shippost.ReadWorkspace)
}

func (s *stream) send(e journal.Event) {
	body := Event{Kind: e.Kind, At: e.At, Account: e.Account, Post: e.Post, Media: e.Media}
	if e.Kind == journal.EventProgress || e.Kind == journal.EventConversion {
		body.Percent = &e.Percent
	}
	s.sendAs(e.Seq, body)
}

func (s *stream) sendAs(id int64, body Event) {
	data, err := json.Marshal(body)
	if err != nil {
		s.failed = true // only a time beyond the year 9999 can do this
		return
	}
	if id != 0 {
		s.write(fmt.Sprintf("id: %d\n", id))
	}
	s.write("data: " + string(data) + "\n\n")
}

func (s *stream) write(text string) {
	// Not every kind of connection has deadlines; one without is ended by its operating system.
	_ = s.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := s.w.Write([]byte(text)); err != nil {
		s.failed = true
	}
}

func (s *stream) flush() {
	if err := s.control.Flush(); err != nil {
		s.failed = true
	}
	_ = s.control.SetWriteDeadline(time.Time{})
}
