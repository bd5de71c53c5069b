package app

import (
	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform/tiktok"
)

// Codes returns the table of everything that the platforms of this build may refuse.
func Codes() []shippost.Code { return tiktok.Codes() }
