package shippost

import "time"

// Consent is the record that a creator agreed to what is sent, under the wording they were shown (TikTok contract 7).
type Consent struct {
	ID          ConsentID
	Post        PostID
	PostVersion int64
	User        UserID
	Account     AccountID
	Nickname    string   // the name of the account as it was shown; personal
	Wording     string   // version of the declaration's text
	Media       []string // sha256 of each file
	Caption     string
	Options     Options
	At          time.Time
}
