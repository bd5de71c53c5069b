package media

import "ship-post.com/shippost/internal/store"

// Filter chooses files of a workspace. Its zero value lists all that are not deleted.
type Filter = store.MediaFilter
