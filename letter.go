package shippost

import "time"

// LetterStatus says how far a letter is.
type LetterStatus string

// The statuses.
const (
	LetterWaiting LetterStatus = "waiting"
	LetterSent    LetterStatus = "sent"     // the mail server took it
	LetterGivenUp LetterStatus = "given_up" // it was tried for three days, or refused for good
)

// LetterKind says what a letter is about.
type LetterKind string

// The kinds.
const (
	LetterReceived LetterKind = "received" // to whoever asked: their message arrived
	LetterAnswered LetterKind = "answered" // to whoever asked: the answer
	LetterCarried  LetterKind = "carried"  // to whom a request is about: it is being carried out
	LetterAsked    LetterKind = "asked"    // to whoever runs the server: somebody wrote
	LetterDue      LetterKind = "due"      // to whoever runs the server: an answer is due
	LetterPolicy   LetterKind = "policy"   // to people with an address: a legal text changed
	LetterConfirm  LetterKind = "confirm"  // to an address that somebody gave: is it theirs?
	LetterPosts    LetterKind = "posts"    // to people with an address: what became of posts
	LetterMoved    LetterKind = "moved"    // to the address before: mail no longer goes there

	LetterRecovered LetterKind = "recovered" // to an administrator: one of their recovery codes was used
)

// LetterKinds are all of them.
var LetterKinds = []LetterKind{LetterReceived, LetterAnswered, LetterCarried, LetterAsked, LetterDue, LetterPolicy, LetterConfirm, LetterPosts, LetterMoved, LetterRecovered}

// Letter is a mail that is to be sent, or was. To whom and what it says is kept sealed and apart.
type Letter struct {
	ID        LetterID
	Once      string // what caused it: a cause has one letter
	Kind      LetterKind
	Inquiry   InquiryID // what it is about; "" for none
	User      UserID    // whom it concerns; "" for nobody who signs in
	LeaveHash string    // of what its link ends with that has the address of its inquiry forgotten; "" for none
	Status    LetterStatus
	Failure   string // why the latest try failed, without an address
	Tries     int64
	CreatedAt time.Time
	EndedAt   time.Time // when it was sent or given up; zero while it waits
}
