// Package shippost is the vocabulary of ShipPost: the nouns of the product and the rules they can check alone.
// It does no input or output and uses the standard library only; whoever reads this folder knows the product.
//
// # Words
//
//   - workspace: a team and all it owns; every other thing belongs to exactly one.
//   - user: a person who signs in. Member: a user's place in a workspace, with a role (owner, editor, viewer).
//   - identity: how a user proves who they are on a platform; it outlives the account of the same name.
//   - account: a connected social account that posts go to.
//   - grant: the token pair an account was given by its platform.
//   - media: an uploaded video or photo, immutable once received.
//   - post: content for exactly one account at one time. Posts composed together share a group.
//   - slot: a recurring time in an account's queue.
//   - label: a word with a colour that posts are found again by.
//   - template: a composition to begin with. Snippet: text to use again.
//   - version: what a post was after one change of it.
//   - attempt: one try to publish a post; at most one attempt of a post is alive.
//   - receipt: what a platform gave us when an attempt opened, enough to resume it and to ask for it.
//   - hold: why a queued post waits, with what a person can do about it.
//   - late window: how long after its due time a post may still go out.
//   - journal: the append-only record of everything that happened.
//
// # The life of a post
//
//	draft → queued → publishing → posted | failed | cancelled | missed | in_inbox | unconfirmed
//
// Only the platform's own word makes a post posted. While it is publishing, a phase tells people how far it is:
// staging, staged, committing, processing.
package shippost
