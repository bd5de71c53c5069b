package tiktoksim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// controlRoutes are the paths beside TikTok's own. They change the simulated
// world, so a page of another site must not reach them.
func (s *Server) controlRoutes(mux *http.ServeMux) {
	routes := map[string]http.HandlerFunc{
		"GET /_sim/journal":             s.getJournal,
		"GET /_sim/posts":               s.getPosts,
		"GET /_sim/publishes":           s.getPublishes,
		"GET /_sim/knobs":               s.getKnobs,
		"PUT /_sim/knobs":               s.putKnobs,
		"DELETE /_sim/knobs":            s.resetKnobs,
		"GET /_sim/creators":            s.getCreators,
		"POST /_sim/creators":           s.postCreator,
		"GET /_sim/clock":               s.getClock,
		"POST /_sim/clock":              s.postClock,
		"POST /_sim/tokens":             s.postTokens,
		"POST /_sim/release":            s.postRelease,
		"POST /_sim/revoke":             s.postRevoke,
		"POST /_sim/drafts/{id}/post":   s.postDraft,
		"POST /_sim/drafts/{id}/delete": s.deleteDraft,
		"POST /_sim/posts/{id}/hide":    s.postHide,
	}
	guard := http.NewCrossOriginProtection()
	for pattern, h := range routes {
		mux.Handle(pattern, guard.Handler(h))
	}
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // nobody is left to tell
}

func refuseControl(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]string{"error": err.Error()})
}

// readControl decodes the body into v, refusing unknown fields.
func readControl(w http.ResponseWriter, r *http.Request, v any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyLimit))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil && err != io.EOF {
		refuseControl(w, http.StatusBadRequest, err)
		return false
	}
	return true
}

func (s *Server) control(name string, detail Detail) {
	s.journal.add(Entry{Kind: "control", Name: name, Detail: detail})
}

// getJournal writes the entries after ?since= as JSON lines; ?follow=1 goes on
// until the client leaves.
func (s *Server) getJournal(w http.ResponseWriter, r *http.Request) {
	since, _ := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	follow := r.URL.Query().Get("follow") == "1"
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for {
		list, more := s.journal.since(since)
		for i := range list {
			if e.Encode(&list[i]) != nil {
				return
			}
			since = list[i].Seq
		}
		if !follow {
			return
		}
		out.Flush()
		select {
		case <-more:
		case <-r.Context().Done():
			return
		case <-s.ctx.Done():
			return
		}
	}
}

func (s *Server) getKnobs(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.Knobs())
}

// putKnobs lays the body over the present knobs.
func (s *Server) putKnobs(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	k, err := s.knobs.Load().merge(text)
	if err == nil {
		err = s.setKnobs(k)
	}
	if err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	s.control("knobs", Detail{"change": json.RawMessage(text)})
	s.getKnobs(w, r)
}

// resetKnobs goes back to the strict profile; the webhook receiver stays.
func (s *Server) resetKnobs(w http.ResponseWriter, r *http.Request) {
	k := DefaultKnobs()
	k.Webhook.URL = s.knobs.Load().Webhook.URL
	if err := s.setKnobs(&k); err != nil {
		refuseControl(w, http.StatusInternalServerError, err)
		return
	}
	s.control("knobs_reset", nil)
	s.getKnobs(w, r)
}

func (s *Server) getCreators(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.Creators())
}

// postCreator adds a creator or changes the named fields of an existing one;
// other_posts counts posts made now through other apps.
func (s *Server) postCreator(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	var named struct {
		Handle string `json:"handle"`
	}
	if err == nil {
		err = json.Unmarshal(text, &named)
	}
	if err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	var body struct {
		Creator
		OtherPosts int `json:"other_posts"`
	}
	for _, c := range s.Creators() {
		if c.Handle == named.Handle {
			body.Creator = c
		}
	}
	if err = strictJSON(text, &body); err == nil {
		err = s.PutCreator(body.Creator)
	}
	if err == nil {
		err = s.AddOtherPosts(body.Handle, body.OtherPosts)
	}
	if err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	s.control("creator", Detail{"change": json.RawMessage(text)})
	for _, c := range s.Creators() {
		if c.Handle == body.Handle {
			answer(w, http.StatusOK, c)
			return
		}
	}
}

type clockAnswer struct {
	Now    time.Time `json:"now"`
	Real   time.Time `json:"real"`
	Frozen bool      `json:"frozen"`
	// Next is when the next planned effect is due.
	Next time.Time `json:"next,omitzero"`
}

func (s *Server) getClock(w http.ResponseWriter, _ *http.Request) {
	next, _ := s.clock.Next()
	answer(w, http.StatusOK, clockAnswer{Now: s.clock.Now(), Real: time.Now().UTC(), Frozen: s.clock.Frozen(), Next: next})
}

// postClock moves the clock to now or by advance, and freezes or thaws it.
func (s *Server) postClock(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Now     *time.Time `json:"now"`
		Advance Duration   `json:"advance"`
		Freeze  *bool      `json:"freeze"`
	}
	if !readControl(w, r, &body) {
		return
	}
	if body.Now != nil && body.Advance != 0 {
		refuseControl(w, http.StatusBadRequest, fmt.Errorf("give now or advance, not both"))
		return
	}
	if body.Freeze != nil && *body.Freeze {
		s.clock.Freeze()
	}
	if body.Now != nil {
		s.clock.Set(*body.Now)
	} else if body.Advance != 0 {
		s.clock.Advance(time.Duration(body.Advance))
	}
	if body.Freeze != nil && !*body.Freeze {
		s.clock.Thaw()
	}
	s.settle()
	s.control("clock", Detail{"now": s.clock.Now(), "frozen": s.clock.Frozen()})
	s.getClock(w, r)
}

// postTokens connects a creator without the consent page.
func (s *Server) postTokens(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Handle string   `json:"handle"`
		Scopes []string `json:"scopes"`
	}
	if !readControl(w, r, &body) {
		return
	}
	t, err := s.Connect(body.Handle, body.Scopes...)
	if err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	answer(w, http.StatusOK, t)
}

func (s *Server) postRelease(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Name string `json:"name"`
	}
	if !readControl(w, r, &body) {
		return
	}
	s.Release(body.Name)
	answer(w, http.StatusOK, struct{}{})
}

// Release lets the calls go on that wait in the stall fault of that name.
func (s *Server) Release(name string) {
	s.control("release", Detail{"name": name})
	s.faults.release(name)
}

// postRevoke takes the app off a creator's permission list.
func (s *Server) postRevoke(w http.ResponseWriter, r *http.Request) {
	body := struct {
		Handle string `json:"handle"`
		Reason int    `json:"reason"`
	}{Reason: removedByUser}
	if !readControl(w, r, &body) {
		return
	}
	s.finish(w, s.RemoveApp(body.Handle, body.Reason))
}

func (s *Server) postDraft(w http.ResponseWriter, r *http.Request) {
	var as Posted
	if !readControl(w, r, &as) {
		return
	}
	id, err := s.PostDraft(r.PathValue("id"), as)
	if err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	answer(w, http.StatusOK, map[string]string{"post_id": id})
}

func (s *Server) deleteDraft(w http.ResponseWriter, r *http.Request) {
	s.finish(w, s.DiscardDraft(r.PathValue("id")))
}

func (s *Server) postHide(w http.ResponseWriter, r *http.Request) {
	s.finish(w, s.HidePost(r.PathValue("id")))
}

func (s *Server) finish(w http.ResponseWriter, err error) {
	if err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	answer(w, http.StatusOK, struct{}{})
}
