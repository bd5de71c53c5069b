package shippost

import "time"

// InquiryKind says what somebody wants from whoever runs the server.
type InquiryKind string

// The kinds. All but questions are requests about somebody's own data: they are carried out for that person alone.
const (
	InquiryQuestion   InquiryKind = "question"
	InquiryAccess     InquiryKind = "access"     // what is known about me
	InquiryCorrection InquiryKind = "correction" // something known about me is wrong
	InquiryErasure    InquiryKind = "erasure"    // delete what is known about me
	InquiryExport     InquiryKind = "export"     // give me my data to take along
	InquiryObjection  InquiryKind = "objection"  // do not use my data for something
)

// InquiryKinds lists the kinds in the order of the form.
var InquiryKinds = []InquiryKind{InquiryQuestion, InquiryAccess, InquiryCorrection, InquiryErasure, InquiryExport, InquiryObjection}

// Words says what an inquiry of this kind is about, as whoever asks it reads it.
func (k InquiryKind) Words() string {
	switch k {
	case InquiryAccess:
		return "See what is known about me"
	case InquiryCorrection:
		return "Correct something about me"
	case InquiryErasure:
		return "Delete what is known about me"
	case InquiryExport:
		return "Get my data to take along"
	case InquiryObjection:
		return "Object to how my data is used"
	default:
		return "A question"
	}
}

// NeedsProof reports whether an inquiry of this kind is carried out only for somebody who proved who they are.
func (k InquiryKind) NeedsProof() bool { return k != InquiryQuestion }

// Carries says what a server can do itself for an inquiry of this kind: ErasesData, CopiesData, or nothing.
func (k InquiryKind) Carries() InquiryWork {
	switch k {
	case InquiryErasure:
		return ErasesData
	case InquiryAccess, InquiryExport:
		return CopiesData
	}
	return ""
}

// InquiryWork is what an inquiry is carried out by.
type InquiryWork string

// The works.
const (
	ErasesData InquiryWork = "erasure" // of the person, seven days later
	CopiesData InquiryWork = "copy"    // of all that is the person's, in each workspace
)

// InquiryStatus says how far an inquiry is.
type InquiryStatus string

// The statuses.
const (
	InquiryOpen      InquiryStatus = "open"
	InquiryAnswered  InquiryStatus = "answered"
	InquiryRefused   InquiryStatus = "refused"   // with the reason in the answer
	InquiryWithdrawn InquiryStatus = "withdrawn" // by whoever asked
)

// InquiryProof says how whoever asked proved who they are.
type InquiryProof string

// The proofs.
const (
	ProofNone     InquiryProof = ""
	ProofSignIn   InquiryProof = "sign_in"  // signed in here when they asked, or later on the page of the inquiry
	ProofMail     InquiryProof = "mail"     // opened the link that was sent to the address
	ProofOperator InquiryProof = "operator" // an administrator looked at something else and noted what
)

// InquiryTime is how long an answer may take: the policy promises it.
const InquiryTime = 30 * 24 * time.Hour

// Inquiry is a question or a request to whoever runs the server.
type Inquiry struct {
	ID         InquiryID
	Kind       InquiryKind
	User       UserID // "" while nobody has signed in for it
	Name       string // personal, as all that follows up to the answer
	Mail       string
	Message    string
	Proof      InquiryProof
	ProofNote  string // what an administrator looked at
	Status     InquiryStatus
	Answer     string
	Carried    []string // ids of the erasure or the copies it was carried out by; empty while it is not
	AskedAt    time.Time
	DueAt      time.Time
	Reminded   int64 // how many times the operator was reminded; see ReminderAt
	AnsweredAt time.Time
}

// reminders are how long before the end of its time the operator is reminded of an inquiry.
var reminders = []time.Duration{10 * 24 * time.Hour, 3 * 24 * time.Hour, 0}

// ReminderAt returns when the operator is reminded for the n-th time, from 1 on: ten days and three days before an open
// inquiry is due, when it is due, and each day after that.
func (i Inquiry) ReminderAt(n int64) time.Time {
	if int(n) <= len(reminders) {
		return i.DueAt.Add(-reminders[n-1])
	}
	return i.DueAt.Add(time.Duration(int(n)-len(reminders)) * 24 * time.Hour)
}

// Overdue reports whether an inquiry should have been answered before now.
func (i Inquiry) Overdue(now time.Time) bool { return i.Status == InquiryOpen && !now.Before(i.DueAt) }
