package tiktoksim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// Post is what a viewer would see, and how it came to be, as GET /_sim/posts
// tells it.
type Post struct {
	OpenID    string `json:"open_id"`
	Creator   string `json:"creator"`
	PublishID string `json:"publish_id"`
	// PostID is empty until there is a post.
	PostID string `json:"post_id"`
	Kind   string `json:"kind"` // "video" or "photo"
	// Caption is the whole text of a video or the description of photos;
	// Title is the photos' headline.
	Caption string `json:"caption"`
	Title   string `json:"title"`
	// SHA256 and Size are those of the video, or of all photos one after the
	// other in slide order; Files has each.
	SHA256 string     `json:"sha256"`
	Size   int64      `json:"size"`
	Files  []PostFile `json:"files"`
	// ReceivedBytes have come for an upload, including those of a PUT under
	// way, which do not count yet; DeclaredSize is what init announced.
	ReceivedBytes int64 `json:"received_bytes"`
	DeclaredSize  int64 `json:"declared_size"`
	// Chunks is in how many PUTs an upload has come so far.
	Chunks int `json:"chunks"`
	// FirstInitAt and LastByteAt are real time: when init arrived and when the
	// last byte was read. The …Clock fields are the same on the simulator's clock.
	FirstInitAt    time.Time `json:"first_init_at"`
	LastByteAt     time.Time `json:"last_byte_at,omitzero"`
	FirstInitClock time.Time `json:"first_init_clock"`
	LastByteClock  time.Time `json:"last_byte_clock,omitzero"`
	// PublishedAt and PublicAt are on the simulator's clock.
	PublishedAt    time.Time `json:"published_at,omitzero"`
	PublicAt       time.Time `json:"public_at,omitzero"`
	Status         string    `json:"status"`
	FailReason     string    `json:"fail_reason"`
	Draft          bool      `json:"draft"`
	Pulled         bool      `json:"pulled"`
	Hidden         bool      `json:"hidden"`
	PrivacyLevel   string    `json:"privacy_level"`
	DisableComment bool      `json:"disable_comment"`
	DisableDuet    bool      `json:"disable_duet"`
	DisableStitch  bool      `json:"disable_stitch"`
	BrandContent   bool      `json:"brand_content_toggle"`
	BrandOrganic   bool      `json:"brand_organic_toggle"`
	IsAIGC         bool      `json:"is_aigc"`
	AutoAddMusic   bool      `json:"auto_add_music"`
	CoverMS        int64     `json:"video_cover_timestamp_ms"`
	PhotoCover     int       `json:"photo_cover_index"`
}

// PostFile is one piece of media of a post, as it arrived.
type PostFile struct {
	SHA256     string    `json:"sha256"`
	Size       int64     `json:"size"`
	Type       string    `json:"type"`
	Width      int       `json:"width"`
	Height     int       `json:"height"`
	Codec      string    `json:"codec,omitempty"`
	FrameRate  float64   `json:"frame_rate,omitempty"`
	DurationMS int64     `json:"duration_ms,omitempty"`
	LastByteAt time.Time `json:"last_byte_at"`
}

// Posts lists every post on every profile, in the order of publishing.
func (s *Server) Posts() []Post {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Post, 0, len(s.posts))
	for _, made := range s.posts {
		list = append(list, s.view(made.publish, made))
	}
	return list
}

// Publishes lists every accepted init, whatever became of it, in the order of
// the creators and their inits.
func (s *Server) Publishes() []Post {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Post, 0, len(s.publishes))
	for _, h := range s.handles {
		for _, p := range s.accounts[h].publishes {
			if len(p.posts) == 0 {
				list = append(list, s.view(p, nil))
			}
			for _, made := range p.posts {
				list = append(list, s.view(p, made))
			}
		}
	}
	return list
}

// view describes a publish, with the post it made if there is one. s.mu is held.
func (s *Server) view(p *publish, made *post) Post {
	info := p.info
	if made != nil {
		info = made.info
	}
	v := Post{
		OpenID: p.account.OpenID, Creator: p.account.Handle, PublishID: p.id, Kind: p.kind,
		Caption: info.Caption, Title: info.Headline, Files: []PostFile{},
		FirstInitAt: p.initWall, LastByteAt: p.lastByteWall, FirstInitClock: p.initAt, LastByteClock: p.lastByteAt,
		Status: p.status, FailReason: p.failReason, Draft: p.draft, Pulled: p.pull, PrivacyLevel: info.Privacy,
		DisableComment: info.DisableComment, DisableDuet: info.DisableDuet, DisableStitch: info.DisableStitch,
		BrandContent: info.BrandContent, BrandOrganic: info.BrandOrganic, IsAIGC: info.IsAIGC, AutoAddMusic: info.AutoAddMusic,
		CoverMS: int64(info.CoverMS), PhotoCover: p.cover,
	}
	for _, f := range p.files {
		v.Size += f.size
		v.Files = append(v.Files, PostFile{SHA256: f.sha256, Size: f.size, Type: f.kind, Width: f.width, Height: f.height,
			Codec: f.codec, FrameRate: f.frameRate, DurationMS: f.duration.Milliseconds(), LastByteAt: f.lastByte})
	}
	v.SHA256 = p.wholeSum()
	v.ReceivedBytes = p.downloaded.Load()
	if u := p.upload; u != nil {
		u.mu.Lock()
		v.ReceivedBytes, v.DeclaredSize, v.Chunks = u.received, u.size, u.chunks
		u.mu.Unlock()
	}
	if made != nil {
		v.PostID, v.PublishedAt, v.PublicAt, v.Hidden = fmt.Sprint(made.id), made.publishedAt, made.publicAt, made.hidden
	}
	return v
}

// wholeSum is the hash of all files one after the other; several files are
// read once for it. s.mu is held.
func (p *publish) wholeSum() string {
	switch {
	case len(p.files) == 0:
		return ""
	case len(p.files) == 1:
		return p.files[0].sha256
	case p.joined == "":
		sum := sha256.New()
		for _, f := range p.files {
			in, err := os.Open(f.path)
			if err != nil {
				return ""
			}
			_, _ = io.Copy(sum, in)
			in.Close()
		}
		p.joined = hex.EncodeToString(sum.Sum(nil))
	}
	return p.joined
}

// discard removes the bytes of all files.
func (p *publish) discard() {
	for _, f := range p.files {
		os.Remove(f.path)
	}
}

func (s *Server) getPosts(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.Posts())
}

func (s *Server) getPublishes(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.Publishes())
}
