package lifecycle

import (
	"strings"

	"ship-post.com/shippost/internal/store"
)

// Fate says what becomes of rows when their owner is erased.
type Fate string

// The fates.
const (
	Deleted Fate = "deleted" // the rows go
	Blanked Fate = "blanked" // the rows stay without what is personal in them
	Expires Fate = "expires" // within a day, by itself
	None    Fate = ""        // the rows do not belong to such an owner
)

// Form says how a column is written in the database, and so how it stands in an archive.
type Form byte

// The forms.
const (
	Text     Form = 't'
	Number   Form = '#'
	Time     Form = '@' // microseconds since 1970; RFC 3339 in an archive
	Span     Form = '~' // microseconds; seconds in an archive
	Document Form = '{' // JSON text; JSON in an archive
)

// Column is a column of a table.
type Column struct {
	Name string
	Form Form
	Held bool // never leaves the server: secrets, seals and what only means something here
}

// Tie says what of a table belongs to one kind of owner.
type Tie struct {
	store.Claim
	Fate  Fate
	Blank map[string]string // what is written when blanked
}

// Table is a line of the catalogue about a table.
type Table struct {
	Name     string
	Holds    string // in words; empty for tables that hold nothing about anybody
	Purpose  string
	Lifetime string
	// The owners: a team; a person who signs in; the creator of a connected account.
	Workspace, Person, Account Tie
	Columns                    []Column
	Import                     bool // rows of an archive are written back
	Private                    bool // in the archive of a workspace only those of whoever asks for it
}

// FileKind is a line of the catalogue about files.
type FileKind struct {
	Where    string // folder of the file store, or file in the data folder
	Holds    string
	Purpose  string
	Lifetime string
	Erasure  string
	Export   string
}

// columns reads names with a mark for their form at the end (see Form; text without) and "!" for what is held back.
func columns(list string) []Column {
	var all []Column
	for _, word := range strings.Fields(list) {
		c := Column{Form: Text}
		word, c.Held = strings.CutSuffix(word, "!")
		if last := word[len(word)-1]; strings.IndexByte("#@~{", last) >= 0 {
			c.Form, word = Form(last), word[:len(word)-1]
		}
		c.Name = word
		all = append(all, c)
	}
	return all
}

// of is a tie by a column that holds the owner's id.
func of(column string, fate Fate) Tie { return Tie{Claim: store.Claim{Column: column}, Fate: fate} }

// through is a tie by a row of another table.
func through(column, parent, owner string, fate Fate) Tie {
	return Tie{Claim: store.Claim{Column: column, Parent: parent, Owner: owner}, Fate: fate}
}

func (t Tie) blanking(values map[string]string) Tie {
	t.Blank = values
	return t
}

const (
	whileWorkspace = "as long as the workspace"
	whilePerson    = "as long as the person has a place here"
)

// Tables is the catalogue of tables. Rows are deleted in this order, which is that of their references, and written back
// the other way round.
var Tables = []Table{
	{Name: "pulls", Holds: "one-time addresses at which a platform fetches a photo, as hashes", Purpose: "to hand photos over, and to know which were fetched",
		Lifetime: whileWorkspace, Workspace: Tie{Claim: store.Claim{Column: "attempt_id", Parent: "attempts", Owner: "workspace_id"}, Fate: Deleted},
		Columns: columns("token_hash! attempt_id! position#! media_id! last_byte_at@! closed_at@!")},
	{Name: "attempts", Holds: "each try to publish a post: times, the platform's id and answers", Purpose: "to publish exactly once, and to prove it",
		Lifetime: whileWorkspace, Workspace: of("workspace_id", Deleted), Import: true,
		Columns: columns("id post_id workspace_id account_id number# post_version# epoch# state owner! fence#! publish_id upload_url! size# sent# planned_at@ init_sent_at@ " +
			"opened_at@ guarded_at@ committed_at@ handed_at@ ended_at@ polls# next_poll_at@! death evidence failure stop_asked_at@ stop_told_at@")},
	{Name: "consents", Holds: "what a creator agreed to for a post, with the wording and the name shown", Purpose: "to prove the consent that TikTok asks for",
		Lifetime: whileWorkspace, Workspace: through("post_id", "posts", "workspace_id", Deleted), Import: true,
		Person: of("user_id", None), Account: of("account_id", Blanked).blanking(map[string]string{"nickname": ""}),
		Columns: columns("id post_id post_version# user_id account_id nickname wording media{ caption options{ at@")},
	{Name: "forecasts", Holds: "whether a post that waits is likely to go out, and what is in the way", Purpose: "to warn in time", Lifetime: whileWorkspace,
		Workspace: of("workspace_id", Deleted), Columns: columns("post_id! workspace_id! version#! light! problems{! checked_at@! next_at@!")},
	{Name: "post_media", Holds: "which files a post has", Purpose: "to publish them", Lifetime: whileWorkspace,
		Workspace: through("post_id", "posts", "workspace_id", Deleted), Import: true, Columns: columns("post_id position# media_id")},
	{Name: "post_labels", Holds: "which labels a post has", Purpose: "to find it again", Lifetime: "as long as the post and the label",
		Workspace: through("post_id", "posts", "workspace_id", Deleted), Import: true, Columns: columns("post_id label_id")},
	{Name: "post_versions", Holds: "what a post was before it was changed: caption, choices, files, time, and who changed it", Purpose: "to show what changed, and to bring it back",
		Lifetime: "as long as the post, the latest 100 of each", Workspace: through("post_id", "posts", "workspace_id", Deleted), Person: of("user_id", None), Import: true,
		Columns: columns("post_id version# user_id key_id at@ status media{ caption options{ due_local due_zone due_fold")},
	{Name: "posts", Holds: "posts: caption, choices, time, state, the platform's ids, reasons of failure", Purpose: "to publish them, and as your history",
		Lifetime: whileWorkspace, Workspace: of("workspace_id", Deleted), Import: true,
		Person: of("created_by", None), Account: of("account_id", Blanked).blanking(map[string]string{"permalink": ""}),
		Columns: columns("id workspace_id account_id group_id status phase caption options{ due_local due_zone due_fold due_at@ late_window~ version# hold{ failure{ " +
			"wake_at@! created_by created_at@ updated_at@ committed_at@ posted_at@ platform_ids{ permalink due_offset~ due_rules overdue_at@ withdrawn_at@ visibility_at@!")},
	{Name: "uploads", Holds: "files on their way in: name and progress", Purpose: "to go on after a lost connection", Lifetime: "at most a day after the last byte",
		Workspace: of("workspace_id", Deleted), Person: of("user_id", Expires),
		Columns: columns("id! workspace_id! user_id! media_id! size#! received#! hash_state! hashed#! file_name! metadata{! created_at@! touched_at@! finished_at@!")},
	{Name: "conversions", Holds: "videos that were made anew: of which file, how, and how it ended", Purpose: "to make them, and to show how far that is",
		Lifetime: whileWorkspace, Workspace: of("workspace_id", Deleted), Person: of("started_by", None),
		Columns: columns("id! workspace_id! original_id! result_id! started_by! status! recipe{! percent#! failure{! created_at@! updated_at@!")},
	{Name: "media_tags", Holds: "the tags that you give to files", Purpose: "to find files again", Lifetime: "as long as the file, or until removed",
		Workspace: of("workspace_id", Deleted), Import: true, Columns: columns("media_id workspace_id tag tag_key created_at@")},
	{Name: "media", Holds: "uploaded files: name, size, hash, what they are", Purpose: "to publish them, and to recognise them", Lifetime: whileWorkspace,
		Workspace: of("workspace_id", Deleted), Person: of("uploaded_by", None), Import: true,
		Columns: columns("id workspace_id uploaded_by status kind file_name type size# received_sha256 sha256 blob_key! poster_key! facts{ problems{ removed{ created_at@ " +
			"deleted_at@ received_size# fingerprint! original_id name_key!")},
	{Name: "grants", Holds: "the keys that a platform gave us for an account, encrypted", Purpose: "to act for the account", Lifetime: "until disconnected, and up to 7 days until the platform confirms that they are revoked",
		Workspace: through("account_id", "accounts", "workspace_id", Deleted), Account: of("account_id", Deleted),
		Columns: columns("account_id! access_token! refresh_token! access_issued_at@! access_expires_at@! refresh_expires_at@! scopes{! version#! intent_hash! intent_at@! intent_by!")},
	{Name: "slots", Holds: "the weekly times of an account's queue", Purpose: "to offer the next free time", Lifetime: "as long as the account, or until removed",
		Workspace: of("workspace_id", Deleted), Account: of("account_id", Deleted), Import: true,
		Columns: columns("id workspace_id account_id weekday# clock zone created_at@")},
	{Name: "snippets", Holds: "captions and sets of hashtags to use again", Purpose: "to write faster", Lifetime: "as long as the workspace, or until removed",
		Workspace: of("workspace_id", Deleted), Import: true, Columns: columns("id workspace_id kind name text created_at@")},
	{Name: "templates", Holds: "compositions to begin a post with: caption, title, labels", Purpose: "to write faster", Lifetime: "as long as the workspace, or until removed",
		Workspace: of("workspace_id", Deleted), Import: true, Columns: columns("id workspace_id name caption options{ labels{ created_at@ updated_at@")},
	{Name: "labels", Holds: "the labels that posts are found again by: name and colour", Purpose: "to keep order among many posts", Lifetime: "as long as the workspace, or until removed",
		Workspace: of("workspace_id", Deleted), Import: true, Columns: columns("id workspace_id name colour created_at@")},
	{Name: "accounts", Holds: "connected accounts: the platform's user id, display name, @name, address of the picture", Purpose: "to publish there, and to show where",
		Lifetime: whileWorkspace, Workspace: of("workspace_id", Deleted), Import: true,
		Account: of("id", Blanked).blanking(map[string]string{"subject": "", "handle": "", "name": "", "avatar_url": "", "avatar": ""}),
		Columns: columns("id workspace_id platform subject handle name avatar_url status status_reason epoch# scopes{ connected_at@ disconnected_at@ avatar! avatar_at@!")},
	{Name: "exports", Holds: "copies of your data that you asked for: when, and how large", Purpose: "to make them and to hand them over", Lifetime: "7 days, their files too",
		Workspace: of("workspace_id", Deleted), Person: of("user_id", Deleted),
		Columns: columns("id! workspace_id! user_id! what! status! done#! total#! size#! created_at@! ready_at@! expires_at@!")},
	{Name: "api_keys", Holds: "keys for programs: name, first characters, times, and a hash", Purpose: "to let your programs in", Lifetime: whileWorkspace,
		Workspace: of("workspace_id", Deleted), Person: of("user_id", Deleted),
		Columns: columns("id workspace_id user_id name hint hash! created_at@ expires_at@ last_used_at@ revoked_at@")},
	{Name: "sessions", Private: true, Holds: "signed-in browsers: family, shortened network address, times", Purpose: "to keep you signed in, and to show you where", Lifetime: "30 days at most, 14 without use",
		Workspace: of("workspace_id", Deleted), Person: of("user_id", Deleted),
		Columns: columns("token_hash! id user_id! workspace_id! network browser created_at@ proved_at@ seen_at@ expires_at@")},
	{Name: "oauth_flows", Holds: "sign-ins that have begun", Purpose: "to end them in the browser they began in", Lifetime: "ten minutes, and a day to notice a second use",
		Workspace: of("workspace_id", Deleted), Person: of("user_id", Deleted),
		Columns: columns("state_hash! browser_hash! purpose! platform! user_id! workspace_id! account_id! verifier! redirect_uri! return_to! created_at@! expires_at@! used_at@!")},
	{Name: "acknowledgements", Private: true, Holds: "which versions of the privacy policy and the terms you have read", Purpose: "to tell you of changes once", Lifetime: whilePerson,
		Person: of("user_id", Deleted), Import: true, Columns: columns("user_id document version at@")},
	{Name: "letters", Holds: "mail that this server sends: to whom and what it says, encrypted, until it was sent; then only of which kind it was and when it went", Purpose: "to send it once, and to see what did not arrive",
		Lifetime: "what it says until it was sent, 30 days if it cannot be; the rest a year, or until you are deleted", Person: of("user_id", Deleted),
		Columns: columns("id! once! kind! inquiry_id! user_id! leave_hash! content! status! failure! tries#! created_at@! ended_at@!")},
	{Name: "addresses", Private: true, Holds: "the mail address that you give in the settings, whether you confirmed it, and what you want to be told", Purpose: "to write to you when a post needs you, and when this policy changes",
		Lifetime: "until you remove it, or " + whilePerson + "; one that was not confirmed, a day", Person: of("user_id", Deleted),
		Columns: columns("user_id! mail pending code_hash! pending_until@ leave_hash! leave_token! trouble# posted# confirmed_at@")},
	{Name: "tidings", Holds: "what you are to be told of your posts by mail: which post, and what happened", Purpose: "to gather it into one mail", Lifetime: "until the mail is written, usually less than a minute; an hour where many are due, a day at most",
		Workspace: of("workspace_id", Deleted), Person: of("user_id", Deleted), Columns: columns("entry_id! user_id! workspace_id! post_id! kind! at@!")},
	{Name: "inquiries", Private: true, Holds: "what you write to whoever runs this server: name, mail address, message, the answer, and how you showed who you are", Purpose: "to answer within 30 days, and to show that it was done",
		Lifetime: "a year after the answer, or until you are deleted", Person: of("user_id", Deleted),
		Columns: columns("id token_hash! kind user_id! name mail message code_hash! proof proof_note status answer carried{! asked_at@ due_at@ reminded#! answered_at@")},
	{Name: "passkeys", Private: true, Holds: "your passkeys: the name you gave, times, and the public key", Purpose: "to let you sign in without a platform", Lifetime: "until you remove it, or " + whilePerson,
		Person: of("owner", Deleted), Columns: columns("id owner! credential! name record! created_at@ used_at@")},
	{Name: "ceremonies", Holds: "sign-ins with a passkey that have begun", Purpose: "to check the answer of your device", Lifetime: "ten minutes, swept within an hour", Person: of("owner", Deleted),
		Columns: columns("token_hash! purpose! owner! challenge! expires_at@!")},
	{Name: "admin_codes", Holds: "recovery codes of administrators, as hashes", Purpose: "to let them in when their device is lost", Lifetime: "until used or made anew, or " + whilePerson,
		Person: Tie{Claim: store.Claim{Column: "admin_id", Parent: "admin_fallbacks", Ref: "admin_id", Owner: "user_id"}, Fate: Deleted}, Columns: columns("admin_id! code_hash!")},
	{Name: "admin_fallbacks", Private: true, Holds: "of administrators who sign in here too: that they are one, and the secret of their authenticator app, encrypted",
		Purpose: "to let them in when their device is lost", Lifetime: "until they remove it, or " + whilePerson,
		Person: of("user_id", Deleted), Columns: columns("admin_id! user_id! seed! used_step#! pending! pending_until@! app_at@ recovered_at@ created_at@")},
	{Name: "members", Holds: "who belongs to a workspace, with which role", Purpose: "to let in whom you chose", Lifetime: whileWorkspace,
		Workspace: of("workspace_id", Deleted), Person: of("user_id", Deleted), Import: true, Columns: columns("workspace_id user_id role created_at@")},
	{Name: "identities", Private: true, Holds: "the platform's user id that you sign in with", Purpose: "to know you again", Lifetime: whilePerson,
		Person: of("user_id", Deleted), Import: true, Columns: columns("id user_id platform subject created_at@")},
	{Name: "users", Holds: "people: the display name", Purpose: "to show who did what", Lifetime: whilePerson,
		// The members' rows go with the people, see erasePerson; they are named here for the archive.
		Workspace: Tie{Claim: store.Claim{Column: "id", Parent: "members", Ref: "user_id", Owner: "workspace_id"}, Fate: None},
		Person:    of("id", Blanked).blanking(map[string]string{"name": ""}), Import: true,
		Columns: columns("id name created_at@ disabled_at@!")},
	{Name: "workspaces", Holds: "workspaces: name and settings", Purpose: "to keep what belongs together", Lifetime: "until it is deleted",
		Workspace: of("id", Deleted), Import: true, Columns: columns("id name late_window~ created_at@ keep_posted# frozen_at@!")},
	{Name: "journal", Holds: "what happened: kind, time, who, shortened network address", Purpose: "as your history, and to clear up misuse",
		Lifetime: "entries about a post as long as the post, others a year",
		Workspace: of("workspace_id", Blanked).blanking(map[string]string{"workspace_id": store.OwnerAlias, "actor_user": "", "actor_key": "", "request_id": "",
			"network": "", "account_id": "", "data": "{}", "personal": "{}"}), // entries about posts and files are deleted, see eraseEntries
		Person:  of("actor_user", Blanked).blanking(map[string]string{"actor_user": store.OwnerAlias, "network": "", "personal": "{}"}),
		Account: of("account_id", Blanked).blanking(map[string]string{"personal": "{}"}), Import: true,
		Columns: columns("seq#! id workspace_id at@ kind actor_kind actor_user actor_key request_id network account_id post_id attempt_id media_id data{ personal{")},
	{Name: "journal_links", Purpose: "to show that nothing in the journal was changed: a hash of each entry, which tells nothing without it", Lifetime: "as long as the server; what belongs to erased facts goes with them",
		Columns: columns("position#! entry_id! sealed_at@! key_no#! salts! gone! hash!")},
	{Name: "idempotent_replies", Holds: "answers to repeated requests of programs", Purpose: "to answer a repeated request alike", Lifetime: "a day",
		Workspace: Tie{Claim: store.Claim{Column: "api_actor", Prefix: true}, Fate: Deleted}, Columns: columns("api_actor! key! body_hash! status#! reply! created_at@!")},
	{Name: "quota_hits", Holds: "how often a platform was asked, by account", Purpose: "to stay below its limits", Lifetime: "a day",
		Account: Tie{Fate: Expires}, Columns: columns("scope! at@! until@!")},
	{Name: "page_views", Holds: "page views: the minute, shortened network address, family of browser, and which page, without its id; nothing that ties them to you",
		Purpose: "to keep the server running and to make it better", Lifetime: "14 days at most", Columns: columns("at@! network! browser! page!")},
	{Name: "usage_days", Holds: "how many page views each page and each family of browser had on a day, in groups from at least five networks",
		Purpose: "to see what is used", Lifetime: "two years", Columns: columns("day! facet! name! views#!")},
	{Name: "callbacks", Holds: "hashes of messages that a platform sent", Purpose: "to know a message that comes twice", Lifetime: "six days", Columns: columns("body_hash! platform! name! received_at@!")},
	{Name: "erasures", Holds: "erasures: dates and counts under a random name, and until they are carried out what goes", Purpose: "to carry them out, and as a receipt",
		Lifetime: "a year after they were carried out", Columns: columns("id! what! plan! token_hash! page_hash! asked_at@! due_at@! undone_at@! erased_at@! receipt!")},
	{Name: "administrators", Holds: "administrators of this server: their name", Purpose: "to let in who runs it", Lifetime: "as long as the server", Columns: columns("id! name! created_at@! disabled_at@!")},
	{Name: "admin_sessions", Holds: "signed-in browsers of administrators: family, shortened network address, times", Purpose: "to keep them signed in", Lifetime: "8 hours at most, 15 minutes without use; swept within an hour",
		Columns: columns("token_hash! admin_id! network! browser! opened_by! created_at@! seen_at@! expires_at@!")},
	{Name: "meta", Purpose: "settings of the whole server", Lifetime: "as long as the server", Columns: columns("key! value!")},
	{Name: "nodes", Purpose: "which processes run", Lifetime: "as long as they run", Columns: columns("id! started_at@! beat_at@! key_id#!")},
	{Name: "goose_db_version", Purpose: "the schema's version", Lifetime: "as long as the server"},
	// The queue's tables carry ids and never data.
	{Name: "river_job", Purpose: "work in the background, by ids alone", Lifetime: "an hour after it is done, seven days after it failed for good"},
	{Name: "river_leader", Purpose: "which process leads the queue", Lifetime: "seconds"},
	{Name: "river_migration", Purpose: "the queue's version", Lifetime: "as long as the server"},
	{Name: "river_queue", Purpose: "the queue's settings", Lifetime: "as long as the server"},
	{Name: "river_notification", Purpose: "news within the queue", Lifetime: "seconds"},
}

// Files is the catalogue of files.
var Files = []FileKind{
	{Where: "media", Holds: "the videos and photos you upload", Purpose: "to publish them", Lifetime: "what the workspace chose: 30 days after the last post with the file was posted unless it chose otherwise", Erasure: "deleted", Export: "in the archive"},
	{Where: "poster", Holds: "a small picture of each video", Purpose: "to show it", Lifetime: "as long as the file", Erasure: "deleted", Export: "in the archive"},
	{Where: "avatar", Holds: "small copies of the pictures of connected accounts", Purpose: "to show whose account it is", Lifetime: "as long as the account is listed, asked for anew once a day", Erasure: "deleted", Export: "not: the platform has it"},
	{Where: "export", Holds: "archives that you asked for", Purpose: "to hand them over", Lifetime: "7 days", Erasure: "deleted", Export: "is one"},
	{Where: "tombstone", Holds: "hashes of the ids of what was erased", Purpose: "to erase it again should a backup bring it back", Lifetime: "as long as the server", Erasure: "is its record", Export: "not: names nobody"},
	{Where: "chain", Purpose: "how far the journal is sealed, as a hash, so that nobody cuts off its end unseen", Lifetime: "as long as the server", Holds: ""},
	{Where: "tmp", Holds: "files while they are being stored", Purpose: "to store them whole or not at all", Lifetime: "minutes", Erasure: "deleted", Export: "not"},
	{Where: "spool", Holds: "files while they arrive", Purpose: "to go on after a lost connection", Lifetime: "a day after the last byte", Erasure: "deleted", Export: "not: unfinished"},
	{Where: "admin-code", Purpose: "a hash of the code with which an administrator can be made", Lifetime: "an hour, or until it was used", Holds: ""},
	{Where: "keys", Purpose: "the keys that stored secrets are sealed with", Lifetime: "as long as the server", Holds: ""},
	{Where: "shippost.db", Purpose: "the database, on a single machine", Lifetime: "see the tables", Holds: ""},
}
