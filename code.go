package shippost

// CodeSource says whose word a code is.
type CodeSource string

// The sources of codes.
const (
	CodeAnswer     CodeSource = "answer"      // the platform refuses a request
	CodeFailReason CodeSource = "fail_reason" // the platform had everything, and ends the post
	CodeSignIn     CodeSource = "sign_in"     // the platform refuses to give or renew access
	CodeOurs       CodeSource = "shippost"    // what ShipPost itself found
)

// Code is a row of the one table of what can go wrong with a post at a platform. Screens, API, command line and documentation
// all say the words of this table.
type Code struct {
	Platform PlatformName
	Code     string
	Sources  []CodeSource
	Class    string // what ShipPost does about it before the hand-over, in the word that logs and attempts have
	After    string // for a fail reason: what a further attempt may do
	Message  string // a sentence for a creator
	Remedy   Remedy
	Alarm    bool // whoever runs the server is told too
}

// Words returns a remedy as it stands on a button, or as a sentence where nothing can be pressed.
func (r Remedy) Words() string {
	switch r {
	case RemedyEdit:
		return "Change the post"
	case RemedyReplaceMedia:
		return "Choose another file"
	case RemedyConvert:
		return "Make the file fit"
	case RemedyReschedule, RemedyRetry:
		return "Choose a new time"
	case RemedyWait:
		return "Nothing to do: ShipPost goes on by itself"
	case RemedyReconnect:
		return "Connect the account again"
	case RemedyOpenTikTok:
		return "Open TikTok"
	case RemedySignIn:
		return "Sign in again"
	case RemedyOperator:
		return "Ask whoever runs this server"
	case RemedyDecide:
		return "Say whether it is out"
	case RemedyFreeSpace:
		return "Delete files that are not needed"
	default:
		return "Nothing to do"
	}
}
