package shippost

import "time"

// ConversionStatus says how far a conversion is.
type ConversionStatus string

// The states of a conversion.
const (
	ConversionQueued    ConversionStatus = "queued"
	ConversionRunning   ConversionStatus = "running"
	ConversionDone      ConversionStatus = "done"      // the new file is there
	ConversionFailed    ConversionStatus = "failed"    // its failure says why; the original is as it was
	ConversionCancelled ConversionStatus = "cancelled" // by a person, or because the original was deleted
)

// Ended reports whether nothing more happens to the conversion.
func (s ConversionStatus) Ended() bool {
	return s == ConversionDone || s == ConversionFailed || s == ConversionCancelled
}

// Conversion makes a new file out of a video, so that it fits. The original stays as it is: each file keeps the hash of its own
// bytes.
type Conversion struct {
	ID        ConversionID
	Workspace WorkspaceID
	Original  MediaID
	Result    MediaID // what the latest run makes, each run another file; it exists once the conversion is done
	StartedBy UserID
	Status    ConversionStatus
	Recipe    Recipe
	Percent   int // of the length that is done
	Failure   *Failure
	CreatedAt time.Time
	UpdatedAt time.Time // of status or percent
}
