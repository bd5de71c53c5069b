package chaos

// points lists every fault point of the product with the moment it stands for. A test compares the list with the
// code. It is only reachable in builds with fault points, so the linker drops it from a release.
var points = []struct{ name, moment string }{
	{"publish.claimed", "posts were claimed by the dispatcher, none is looked at yet (C2)"},
	{"publish.planned", "an attempt was planned, nothing left yet (C2)"},
	{"publish.init_intended", "init_sent is durable, the request has not left (C3)"},
	{"publish.init_answered", "the platform answered the init, its receipt is not stored (C4)"},
	{"publish.opened", "the receipt is durable, no byte was sent (C5)"},
	{"publish.staged", "all but the last bytes are staged (C6)"},
	{"publish.committing", "the committing row is durable, the last bytes were not sent (C8)"},
	{"publish.sent", "the last bytes were sent, the outcome is not stored (C9, C10)"},
	{"publish.remembered", "the outcome of the hand-over is stored (C11)"},
	{"publish.asked", "the platform answered a status question, nothing is stored (C11)"},
	{"publish.resolved", "the platform's verdict is stored"},
	{"publish.settled", "a failure before the commit is settled"},
	{"publish.taken_over", "attempts of a dead node became ours (C19)"},
	{"vault.intended", "the intent of a token refresh is durable, the request has not left (R19)"},
	{"vault.answered", "the platform answered a token refresh, nothing is stored (R19)"},
	{"vault.kept", "the renewed token pair is stored (R19)"},
	{"chaos.victim.point", "the test program of this package, before its last line"},
	{"chaos.victim.err", "the test program of this package, in place of an operation"},
}
