package shippost

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"
)

// Identifiers are random and sort by the time they were made. The prefix says what they name, so that a log line or
// a support request can be read without context. They are never secrets.
type (
	WorkspaceID string // "ws_…"
	UserID      string // "usr_…"
	IdentityID  string // "idn_…"
	AccountID   string // "acc_…"
	MediaID     string // "med_…"
	UploadID    string // "upl_…"
	PostID      string // "post_…"
	GroupID     string // "grp_…"
	AttemptID   string // "att_…"
	SlotID      string // "slot_…"
	SnippetID   string // "snip_…"
	LabelID     string // "lab_…"
	TemplateID  string // "tmpl_…"
	ConsentID   string // "con_…"
	APIKeyID    string // "key_…"
	SessionID   string // "ses_…"
	EntryID     string // "jnl_…", a journal entry
	NodeID      string // "node_…", one running process
	RequestID   string // "req_…"
	// ConversionID names a file that is made anew.
	ConversionID string // "cnv_…"
	InquiryID    string // "inq_…"
	LetterID     string // "ltr_…"
	AdminID      string // "adm_…", an administrator
	PasskeyID    string // "pky_…"
)

type identifier interface {
	~string
}

// crockford is Crockford's base 32 alphabet in lower case: no letter that can be misread, and it sorts like the bytes.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// idLength is the length of the part after the prefix: 16 bytes in base 32.
const idLength = 26

// NewID returns a fresh identifier: prefix, 48 bits of milliseconds since 1970, 80 random bits.
// The prefix is given with its underscore ("post_").
func NewID[T identifier](prefix string, now time.Time) T {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli())<<16)
	// crypto/rand.Read never fails: it ends the program when the system has no randomness.
	_, _ = rand.Read(b[6:])
	return T(prefix + crockford.EncodeToString(b[:]))
}

// The constructors below fix the prefix of each kind.

// NewWorkspaceID returns a fresh WorkspaceID.
func NewWorkspaceID(now time.Time) WorkspaceID { return NewID[WorkspaceID]("ws_", now) }

// NewUserID returns a fresh UserID.
func NewUserID(now time.Time) UserID { return NewID[UserID]("usr_", now) }

// NewIdentityID returns a fresh IdentityID.
func NewIdentityID(now time.Time) IdentityID { return NewID[IdentityID]("idn_", now) }

// NewAccountID returns a fresh AccountID.
func NewAccountID(now time.Time) AccountID { return NewID[AccountID]("acc_", now) }

// NewMediaID returns a fresh MediaID.
func NewMediaID(now time.Time) MediaID { return NewID[MediaID]("med_", now) }

// NewConversionID returns a fresh ConversionID.
func NewConversionID(now time.Time) ConversionID { return NewID[ConversionID]("cnv_", now) }

// NewUploadID returns a fresh UploadID.
func NewUploadID(now time.Time) UploadID { return NewID[UploadID]("upl_", now) }

// NewPostID returns a fresh PostID.
func NewPostID(now time.Time) PostID { return NewID[PostID]("post_", now) }

// NewGroupID returns a fresh GroupID.
func NewGroupID(now time.Time) GroupID { return NewID[GroupID]("grp_", now) }

// NewAttemptID returns a fresh AttemptID.
func NewAttemptID(now time.Time) AttemptID { return NewID[AttemptID]("att_", now) }

// NewSlotID returns a fresh SlotID.
func NewSlotID(now time.Time) SlotID { return NewID[SlotID]("slot_", now) }

// NewSnippetID returns a fresh SnippetID.
func NewSnippetID(now time.Time) SnippetID { return NewID[SnippetID]("snip_", now) }

// NewLabelID returns a fresh LabelID.
func NewLabelID(now time.Time) LabelID { return NewID[LabelID]("lab_", now) }

// NewTemplateID returns a fresh TemplateID.
func NewTemplateID(now time.Time) TemplateID { return NewID[TemplateID]("tmpl_", now) }

// NewConsentID returns a fresh ConsentID.
func NewConsentID(now time.Time) ConsentID { return NewID[ConsentID]("con_", now) }

// NewAPIKeyID returns a fresh APIKeyID.
func NewAPIKeyID(now time.Time) APIKeyID { return NewID[APIKeyID]("key_", now) }

// NewSessionID returns a fresh SessionID; it names a session in lists and is not its secret.
func NewSessionID(now time.Time) SessionID { return NewID[SessionID]("ses_", now) }

// NewEntryID returns a fresh EntryID.
func NewEntryID(now time.Time) EntryID { return NewID[EntryID]("jnl_", now) }

// NewNodeID returns a fresh NodeID.
func NewNodeID(now time.Time) NodeID { return NewID[NodeID]("node_", now) }

// NewLetterID returns a fresh LetterID.
func NewLetterID(now time.Time) LetterID { return NewID[LetterID]("ltr_", now) }

// NewInquiryID returns a fresh InquiryID.
func NewInquiryID(now time.Time) InquiryID { return NewID[InquiryID]("inq_", now) }

// NewAdminID returns a fresh AdminID.
func NewAdminID(now time.Time) AdminID { return NewID[AdminID]("adm_", now) }

// NewPasskeyID returns a fresh PasskeyID.
func NewPasskeyID(now time.Time) PasskeyID { return NewID[PasskeyID]("pky_", now) }

// NewRequestID returns a fresh RequestID.
func NewRequestID(now time.Time) RequestID { return NewID[RequestID]("req_", now) }

// ValidID reports whether s has the shape of an identifier with the given prefix.
// It says nothing about whether the thing exists.
func ValidID(prefix, s string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok || len(rest) != idLength {
		return false
	}
	// The decoder skips line breaks, so the number of bytes counts too.
	b, err := crockford.DecodeString(rest)
	return err == nil && len(b) == 16
}
