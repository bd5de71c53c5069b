package shippost

import "time"

// Light says in a colour whether a post is likely to go out.
type Light string

// The lights.
const (
	Green  Light = "green"  // everything that can be known is right
	Yellow Light = "yellow" // it goes out, but something could not be checked, or will be different
	Red    Light = "red"    // as things are it does not go out
)

// Forecast is what was found when everything that can be known was tried ahead of a post's time, without any effect.
type Forecast struct {
	Post      PostID
	Workspace WorkspaceID
	Version   int64 // of the post that was looked at
	Light     Light
	Problems  []Problem // the gravest first
	CheckedAt time.Time
	NextAt    time.Time // when it is tried again; zero for no more
}
