package tiktok

// Sizes of TikTok contract 4.7, chosen so that they hold whether a megabyte has 1,000,000 or 1,048,576 bytes.
const (
	wholeLimit = 64_000_000    // up to here a file goes in one request
	chunkSize  = 16_777_216    // beyond it, in chunks of this size
	maxSize    = 4_294_967_296 // 4 GB in the larger reading
	safeSize   = 4_000_000_000 // 4 GB in the smaller reading
)

// plan is how a file is cut into chunks. It follows from the size alone, so that an upload can be resumed by whoever
// knows the size; changing the constants above breaks uploads that are under way (for at most an hour).
type plan struct {
	size, chunk, count int64
}

// sizes say how videos are cut.
type sizes struct {
	whole int64 // up to here a file goes in one request
	chunk int64
}

// usual is how videos are cut unless Options say otherwise.
var usual = sizes{wholeLimit, chunkSize}

func (s sizes) plan(size int64) plan {
	if size <= s.whole {
		return plan{size: size, chunk: size, count: 1}
	}
	// Floor, never ceil: the remainder goes into the last chunk.
	return plan{size: size, chunk: s.chunk, count: size / s.chunk}
}

// last returns the first byte of the last chunk.
func (p plan) last() int64 { return p.chunk * (p.count - 1) }

// end returns the byte after the chunk that from lies in.
func (p plan) end(from int64) int64 {
	if from >= p.last() {
		return p.size
	}
	return from - from%p.chunk + p.chunk
}

// boundary reports whether a chunk begins at the byte.
func (p plan) boundary(at int64) bool { return at >= 0 && at <= p.last() && at%p.chunk == 0 }
