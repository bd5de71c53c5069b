// Package chaos names the places where a crash, a pause, an error or a delay would hurt most, so that a test can cause
// one exactly there.
//
// In a release build Point, Err and Now compile to nothing, nil and time.Now. Built with the tag "chaos", the process
// reads its orders once, at start:
//
//	SHIPPOST_CHAOS        orders, separated by commas: point=action[:argument][@hit]
//	SHIPPOST_CHAOS_LOG    file that gets the name of each point that is passed, one per line, before anything happens there
//	SHIPPOST_CHAOS_CLOCK  file that holds a duration ("72h", "-90s") by which the product's clock is off; read again by each Now
//	SHIPPOST_CHAOS_CHUNK  bytes of a chunk of an upload, so that small files can have several
//
// Actions: kill (SIGKILL to the process itself, no deferred call runs), pause (SIGSTOP to the process itself, go on with
// SIGCONT), error (Err returns ErrInjected; at a Point it does nothing), delay:DURATION. With @3 only the third pass
// counts, without it every pass. An order that names no known point or action ends the process with status 2, because
// a misspelt order would look like a passed test.
package chaos

import "errors"

// ErrInjected is what Err returns when it was ordered to fail.
var ErrInjected = errors.New("chaos: injected failure")

// Points returns the name of every fault point, in the order of points.go.
func Points() []string {
	names := make([]string, len(points))
	for i, p := range points {
		names[i] = p.name
	}
	return names
}
