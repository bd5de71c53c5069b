package shippost

import "time"

// MediaKind says what a file is.
type MediaKind string

// The kinds of media.
const (
	Video MediaKind = "video"
	Photo MediaKind = "photo"
)

// MediaStatus says how far a file has come.
type MediaStatus string

// The states of media.
const (
	MediaReceiving MediaStatus = "receiving" // bytes are still arriving
	MediaChecking  MediaStatus = "checking"  // all bytes are here; the file is being read
	MediaReady     MediaStatus = "ready"     // can be used in posts, unless its problems say otherwise
	MediaRejected  MediaStatus = "rejected"  // not a usable file; its problems say why
	MediaDeleted   MediaStatus = "deleted"   // the bytes are gone; history keeps the row
)

// Media is an uploaded file. Its bytes never change once it is ready.
type Media struct {
	ID             MediaID
	Workspace      WorkspaceID
	UploadedBy     UserID
	Status         MediaStatus
	Kind           MediaKind
	FileName       string // as the user called it; for display only, never a path
	Type           string // MIME type found in the bytes: "video/mp4"
	Size           int64  // bytes, as stored
	ReceivedSize   int64  // bytes, as they arrived
	Fingerprint    string // of the bytes as they arrived, see feature/media; "" until all are there
	ReceivedSHA256 string // hex; of the bytes as they arrived
	SHA256         string // hex; of the bytes as stored, which are what a platform gets
	BlobKey        string // where the bytes are, "" when deleted
	PosterKey      string // where the poster is, "" for none
	Facts          MediaFacts
	Problems       []Problem // what stands in the way, found by reading the file
	Original       MediaID   // the file this one was made of by a conversion; "" for an upload
	Removed        []string  // what was taken out of the file, in words ("location", "device name")
	CreatedAt      time.Time
	DeletedAt      time.Time
}

// MediaFacts is what reading a file told. Unknown numbers are zero.
type MediaFacts struct {
	Container  string        `json:"container,omitempty"`   // "mp4", "mov", "webm", "jpeg", "png", "webp"
	VideoCodec string        `json:"video_codec,omitempty"` // "h264", "h265", "vp8", "vp9", or the file's own four letters
	AudioCodec string        `json:"audio_codec,omitempty"` // "aac", "opus", …; "" for no sound
	Duration   time.Duration `json:"duration,omitempty"`
	Width      int           `json:"width,omitempty"`      // pixels as shown, rotation applied
	Height     int           `json:"height,omitempty"`     // pixels as shown, rotation applied
	FrameRate  float64       `json:"frame_rate,omitempty"` // frames per second, mean over the file
	Rotation   int           `json:"rotation,omitempty"`   // degrees clockwise: 0, 90, 180, 270

	VariableRate bool `json:"variable_rate,omitempty"` // frames do not all last equally long
}

// Usable reports whether the file can go into a post.
func (m Media) Usable() bool { return m.Status == MediaReady && !Blocking(m.Problems) }
