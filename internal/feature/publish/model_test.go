package publish

import (
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/gate"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/store"
)

// This file explores every interleaving of the publish protocol for one post and two nodes: kill -9 and arbitrarily long
// pauses anywhere, take-over at any time, lost and late requests and answers, a cancel and an edit that race the
// hand-over, and a platform that succeeds, fails or forgets. It asks the real guard, the real gate and the real proof of
// death what is allowed, so that a change to any of them is explored too.

const (
	modelNodes    = 2
	modelAttempts = 3
	modelHandles  = modelAttempts + 1
)

// rule names one safeguard that the model can leave out, to show that it is needed.
type rule string

const (
	allRules           rule = ""
	noSingleAttempt    rule = "single living attempt"
	retryInitOnTimeout rule = "one init per attempt"
	noCommitRecord     rule = "commit record"
	noFence            rule = "ownership check"
	noCancelGuard      rule = "cancel guard"
	noVersionGuard     rule = "version guard"
	abandonCommitted   rule = "a committed attempt is never abandoned"
	reinitOnPollError  rule = "polling never re-inits"
	gateOpenAtInit     rule = "gate closed until commit"
	gateNotPerAttempt  rule = "gate per attempt"
	noLedger           rule = "a last byte leaves a record first"
	gateStaysOpen      rule = "the gate is closed before an attempt that was not fetched is given up"
)

type remoteState uint8

const (
	remoteWaiting remoteState = iota
	remoteProcessing
	remoteLive
	remoteFailed
)

// step is where a node stands in its program.
type modelStep uint8

const (
	nodeIdle modelStep = iota
	nodePlanned
	nodeAwaiting // the init request is on its way
	nodeAnswered // the answer arrived, nothing is stored yet
	nodeOpen
	nodeCommitted
	nodePolling
	nodeDoubting // photos: the ledger was read, the attempt is about to be given up
)

type postState uint8

const (
	postWaiting postState = iota
	postCancelled
	postDone
	postGivenUp
)

// attemptState is shippost.AttemptState in one byte; none is an unused place.
type attemptState uint8

const (
	noAttempt attemptState = iota
	planned
	initSent
	open
	committing
	dead
	live
)

var stateWords = [...]shippost.AttemptState{"", shippost.AttemptPlanned, shippost.AttemptInitSent, shippost.AttemptOpen,
	shippost.AttemptCommitting, shippost.AttemptDead, shippost.AttemptLive}

type modelAttempt struct {
	state   attemptState
	handle  int8
	version uint8
	owner   uint8
	closed  bool // photos: the gate is closed for good
	fetched bool // photos: the ledger has all last bytes
}

type modelHandle struct {
	state   remoteState
	version uint8
	attempt int8
}

type modelNode struct {
	step    modelStep
	attempt int8
	handle  int8
}

// world is one state of everything. It is comparable, so that it can be a map key.
type world struct {
	post     postState
	version  uint8
	cancels  uint8 // that may still happen
	edits    uint8 // that may still happen
	nAtt     uint8
	nHandles uint8
	attempts [modelAttempts]modelAttempt
	handles  [modelHandles]modelHandle
	nodes    [modelNodes]modelNode
	inits    uint32 // init requests on their way, a bit for each (node, attempt, version, copy)
	lasts    uint8  // last bytes on their way, a bit for each handle
}

func initBit(node int, attempt int8, version uint8, again int) uint32 {
	return 1 << (((node*modelAttempts+int(attempt))*2+int(version))*2 + again)
}

// living returns the index of the attempt that is not dead, or -1.
func (w *world) living() int8 {
	for i := int8(w.nAtt) - 1; i >= 0; i-- {
		if w.attempts[i].state != dead {
			return i
		}
	}
	return -1
}

type explorer struct {
	photo   bool
	without rule
	visit   func(world)
}

// guarded asks the real guard whether a node may commit an attempt.
func (e *explorer) guarded(w *world, node int, a int8) bool {
	att := w.attempts[a]
	knows := shippost.Attempt{Owner: nodeName(uint8(node)), PostVersion: int64(att.version)}
	row := store.GuardRow{State: stateWords[att.state], Owner: nodeName(att.owner), PostStatus: shippost.PostPublishing,
		PostVersion: int64(w.version), AccountStatus: shippost.AccountActive}
	if w.post != postWaiting {
		row.PostStatus = shippost.PostCancelled
	}
	switch e.without {
	case noFence:
		knows.Owner = row.Owner
		if att.state != committing {
			row.State = shippost.AttemptOpen
		}
	case noVersionGuard:
		knows.PostVersion = row.PostVersion
	case noCancelGuard:
		row.PostStatus, knows.PostVersion = shippost.PostPublishing, row.PostVersion
	}
	return guard(knows, row, time.Time{}) == ""
}

func nodeName(n uint8) shippost.NodeID { return shippost.NodeID(rune('a' + n)) }

// mayBury asks the real proof of death, without asking the platform.
func (e *explorer) mayBury(state attemptState) bool {
	kind := shippost.Video
	if e.photo {
		kind = shippost.Photo
	}
	_, ok := proveDead(shippost.Attempt{State: stateWords[state]}, facts{Kind: kind})
	return ok || e.without == abandonCommitted && state == committing
}

// unfetched asks the real proof of death about photos of which the platform said, after its time for fetching, that it
// still fetches.
func (e *explorer) unfetched(att modelAttempt) bool {
	ledger := gate.Ledger{Photos: 1, Closed: att.closed}
	if !att.fetched {
		ledger.Missing = 1
	}
	if e.without == gateStaysOpen {
		ledger.Closed = true
	}
	opened := time.Date(2026, 11, 24, 18, 0, 0, 0, time.UTC)
	_, ok := proveDead(shippost.Attempt{State: stateWords[att.state], OpenedAt: opened},
		facts{Now: opened.Add(uploadLife + deathMargin + 1), Kind: shippost.Photo, Verdict: &platform.Verdict{State: platform.Fetching}, Ledger: ledger})
	return ok
}

// next visits every world that can follow w.
func (e *explorer) next(w world) {
	for i := range w.nodes {
		e.node(w, i)
	}
	e.network(w)
	e.platform(w)
	e.user(w)
}

func (e *explorer) emit(w world, change func(*world)) {
	change(&w)
	for i := range w.attempts {
		if e.photo && w.attempts[i].state == dead {
			w.attempts[i] = modelAttempt{state: dead} // nothing else of it can matter any more
		}
	}
	e.visit(w)
}

func (e *explorer) node(w world, i int) {
	n := w.nodes[i]
	to := func(step modelStep, a, h int8) func(*world) {
		return func(w *world) { w.nodes[i] = modelNode{step, a, h} }
	}
	idle := to(nodeIdle, -1, -1)
	if n.step != nodeIdle {
		e.emit(w, idle) // kill -9
	}
	a := n.attempt
	switch n.step {
	case nodeIdle:
		if w.post == postWaiting {
			e.claim(w, i)
		}
	case nodePlanned:
		if w.attempts[a].state == planned && int(w.attempts[a].owner) == i && w.post == postWaiting {
			e.emit(w, func(w *world) {
				w.attempts[a].state = initSent
				w.inits |= initBit(i, a, w.attempts[a].version, 0)
				w.nodes[i] = modelNode{nodeAwaiting, a, -1}
			})
		} else {
			e.emit(w, idle)
		}
	case nodeAwaiting: // a time-out: the outcome is unknown
		if e.without == retryInitOnTimeout {
			e.emit(w, func(w *world) { w.inits |= initBit(i, a, w.attempts[a].version, 1) })
		}
		e.emit(w, idle)
	case nodeAnswered:
		if w.attempts[a].state == initSent && int(w.attempts[a].owner) == i {
			e.emit(w, func(w *world) {
				w.attempts[a].state, w.attempts[a].handle = open, n.handle
				w.nodes[i] = modelNode{nodeOpen, a, n.handle}
			})
		} else {
			e.emit(w, idle)
		}
	case nodeOpen:
		e.commit(w, i)
	case nodeCommitted:
		e.emit(w, func(w *world) {
			if !e.photo { // for photos the committing row itself is the open gate
				w.lasts |= 1 << n.handle
			}
			w.nodes[i].step = nodePolling
		})
	case nodePolling:
		e.poll(w, i)
	case nodeDoubting:
		if w.attempts[a].state == committing && int(w.attempts[a].owner) == i {
			e.emit(w, func(w *world) { w.attempts[a].state = dead })
		}
		e.emit(w, idle)
	}
}

func (e *explorer) claim(w world, i int) {
	k := w.living()
	if e.without == noSingleAttempt {
		k = -1
	}
	if k < 0 {
		e.emit(w, func(w *world) {
			if w.nAtt == modelAttempts {
				w.post = postGivenUp
				return
			}
			w.attempts[w.nAtt] = modelAttempt{state: planned, handle: -1, version: w.version, owner: uint8(i)}
			w.nodes[i] = modelNode{nodePlanned, int8(w.nAtt), -1}
			w.nAtt++
		})
		return
	}
	att := w.attempts[k]
	take := func(step modelStep) {
		e.emit(w, func(w *world) {
			w.attempts[k].owner = uint8(i)
			w.nodes[i] = modelNode{step, k, att.handle}
		})
	}
	switch att.state {
	case planned:
		take(nodePlanned)
	case open:
		take(nodeOpen)
	case committing:
		take(nodeCommitted)
		take(nodePolling)
	}
	if att.state != planned && e.mayBury(att.state) {
		e.emit(w, func(w *world) { w.attempts[k].state, w.attempts[k].owner = dead, uint8(i) })
	}
}

func (e *explorer) commit(w world, i int) {
	a, h := w.nodes[i].attempt, w.nodes[i].handle
	if e.without == noCommitRecord && !e.photo {
		e.emit(w, func(w *world) { w.lasts |= 1 << h; w.nodes[i].step = nodePolling })
		return
	}
	switch {
	case e.guarded(&w, i, a):
		e.emit(w, func(w *world) { w.attempts[a].state = committing; w.nodes[i].step = nodeCommitted })
	case w.attempts[a].state == open && int(w.attempts[a].owner) == i:
		e.emit(w, func(w *world) { w.attempts[a].state = dead; w.nodes[i] = modelNode{nodeIdle, -1, -1} })
	default:
		e.emit(w, func(w *world) { w.nodes[i] = modelNode{nodeIdle, -1, -1} })
	}
}

func (e *explorer) poll(w world, i int) {
	a, h := w.nodes[i].attempt, w.nodes[i].handle
	idle := func(w *world) { w.nodes[i] = modelNode{nodeIdle, -1, -1} }
	state := w.attempts[a].state
	switch w.handles[h].state {
	case remoteLive:
		if state == committing || e.without != allRules {
			e.emit(w, func(w *world) {
				w.attempts[a].state = live
				if w.post == postWaiting {
					w.post = postDone
				}
				idle(w)
			})
		}
	case remoteFailed:
		if state == open || state == committing {
			e.emit(w, func(w *world) { w.attempts[a].state = dead; idle(w) })
		}
	case remoteWaiting: // bytes are missing: the same handle is resumed, never a new one
		if state == committing && !e.photo {
			e.emit(w, func(w *world) { w.nodes[i].step = nodeCommitted })
		}
	}
	if e.photo && state == committing && w.handles[h].state != remoteLive && w.handles[h].state != remoteFailed {
		if !w.attempts[a].closed {
			e.emit(w, func(w *world) { w.attempts[a].closed = true })
		}
		if e.unfetched(w.attempts[a]) {
			e.emit(w, func(w *world) { w.nodes[i].step = nodeDoubting })
		}
	}
	if e.without == reinitOnPollError {
		e.emit(w, func(w *world) { w.attempts[a].state = dead; idle(w) })
	}
	e.emit(w, idle) // no answer: stop asking for now
}

func (e *explorer) network(w world) {
	for i := range w.nodes {
		for a := range int8(modelAttempts) {
			for version := range uint8(2) {
				for again := range 2 {
					if bit := initBit(i, a, version, again); w.inits&bit != 0 {
						e.deliver(w, bit, i, a, version)
					}
				}
			}
		}
	}
	for h := range w.nHandles {
		if w.lasts&(1<<h) == 0 {
			continue
		}
		e.emit(w, func(w *world) { w.lasts &^= 1 << h }) // lost
		if w.handles[h].state == remoteWaiting {
			e.emit(w, func(w *world) { w.lasts &^= 1 << h; w.handles[h].state = remoteProcessing })
		}
	}
}

func (e *explorer) deliver(w world, bit uint32, i int, a int8, version uint8) {
	w.inits &^= bit
	e.visit(w) // the request is lost
	if w.nHandles == modelHandles {
		return
	}
	h := int8(w.nHandles)
	w.handles[h] = modelHandle{remoteWaiting, version, a}
	w.nHandles++
	e.visit(w) // the answer is lost
	if w.nodes[i].step == nodeAwaiting && w.nodes[i].attempt == a {
		e.emit(w, func(w *world) { w.nodes[i] = modelNode{nodeAnswered, a, h} })
	}
}

func (e *explorer) platform(w world) {
	for h := range w.nHandles {
		set := func(s remoteState) { e.emit(w, func(w *world) { w.handles[h].state = s }) }
		switch w.handles[h].state {
		case remoteWaiting:
			set(remoteFailed) // it expires
			if a := w.handles[h].attempt; e.photo && e.gateOpen(&w, a) {
				e.emit(w, func(w *world) {
					w.handles[h].state = remoteProcessing
					w.attempts[a].fetched = e.without != noLedger
				})
			}
		case remoteProcessing:
			set(remoteLive)
			set(remoteFailed)
		}
	}
}

// gateOpen asks the real gate whether the platform could fetch the photos: the address cannot tell which handle asks.
func (e *explorer) gateOpen(w *world, a int8) bool {
	switch e.without {
	case gateOpenAtInit:
		s := w.attempts[a].state
		return s == initSent || s == open || s == committing
	case gateNotPerAttempt:
		for _, att := range w.attempts {
			if att.state == committing {
				return true
			}
		}
		return false
	default:
		return gate.StanceOf(stateWords[w.attempts[a].state], w.attempts[a].closed) == gate.Open
	}
}

func (e *explorer) user(w world) {
	k := w.living()
	if w.post != postWaiting || k >= 0 && (w.attempts[k].state == committing || w.attempts[k].state == live) {
		return // the user is told that it is too late
	}
	if w.cancels > 0 {
		e.emit(w, func(w *world) {
			w.post = postCancelled
			w.cancels--
			if k >= 0 && e.without != noCancelGuard {
				w.attempts[k].state = dead
			}
		})
	}
	if w.edits > 0 {
		e.emit(w, func(w *world) { w.version++; w.edits-- })
	}
}

// wrong returns which promise a world breaks, "" for none.
func (w *world) wrong() string {
	public := 0
	for _, h := range w.handles[:w.nHandles] {
		if h.state != remoteLive {
			continue
		}
		public++
		switch {
		case w.attempts[h.attempt].state == dead:
			return "an attempt declared dead went live"
		case w.post == postCancelled:
			return "a cancelled post went live"
		case h.version < w.version:
			return "older content than saved went live"
		}
	}
	if public > 1 {
		return "the post went live twice"
	}
	return ""
}
