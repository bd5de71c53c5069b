package probe

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math"
)

// sampleTable reads the entries of a sample table one after the other, in constant memory. The general box decoder takes a second for
// the tables of a long film.
type sampleTable struct {
	r     *bufio.Reader
	left  uint32
	entry [12]byte
	width int
}

// table opens the table in b whose entries of width bytes begin after skip bytes of header; the count is the last
// number of the header.
func (s *source) table(b box, skip int64, width int) (*sampleTable, error) {
	p, err := s.part(b.body, skip)
	if err != nil || b.size() < skip {
		return nil, errors.Join(err, damaged)
	}
	n := binary.BigEndian.Uint32(p[skip-4:])
	if int64(n)*int64(width) > b.size()-skip {
		return nil, damaged
	}
	return &sampleTable{r: bufio.NewReaderSize(io.NewSectionReader(s, b.body+skip, b.size()-skip), 1<<16), left: n, width: width}, nil
}

// next returns the next entry, valid until the next call, and nil after the last.
func (t *sampleTable) next() ([]byte, error) {
	if t.left == 0 {
		return nil, nil
	}
	t.left--
	_, err := io.ReadFull(t.r, t.entry[:t.width])
	return t.entry[:t.width], err
}

// times is what a table of sample durations tells.
type times struct {
	samples, ticks uint64
	uneven         bool // some frames are shown much longer than others; the last one does not count
}

// sumTimes reads stts: how many samples there are, how long they last together, and whether they last equally long.
func (s *source) sumTimes(b box) (sum times, err error) {
	t, err := s.table(b, 8, 8)
	if err != nil {
		return sum, err
	}
	var shortest, longest, last uint64
	for {
		e, err := t.next()
		if e == nil || err != nil {
			sum.uneven = shortest > 0 && 2*longest > 3*shortest
			return sum, err
		}
		count, each := uint64(be32(e)), uint64(be32(e[4:]))
		sum.samples += count
		sum.ticks += count * each
		if last > 0 {
			shortest, longest = least(shortest, last), max(longest, last)
		}
		if last = each; count > 1 {
			shortest, longest = least(shortest, each), max(longest, each)
		}
	}
}

// least is min for numbers of which zero means none yet.
func least(a, b uint64) uint64 {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// lastByte returns where the last sample ends; 0 without the tables that tell.
func (s *source) lastByte(tables map[string]box) (int64, error) {
	end := int64(0)
	err := s.eachChunk(tables, func(at int64, size uint64) error {
		end = max(end, saturate(at, size))
		return nil
	})
	return end, err
}

// eachChunk follows chunk offsets and sample sizes and calls fn for each chunk of samples.
func (s *source) eachChunk(tables map[string]box, fn func(at int64, size uint64) error) error {
	offsets, width, ok := chunkTable(tables)
	if !ok {
		return nil
	}
	chunks, err := s.table(offsets, 8, width)
	if err != nil {
		return err
	}
	sizes, err := s.sizes(tables)
	if err != nil {
		return err
	}
	runs, err := s.runs(tables)
	if err != nil {
		return err
	}
	for n := uint32(1); ; n++ {
		e, err := chunks.next()
		if e == nil || err != nil {
			return err
		}
		size, err := sizes.take(runs, n)
		if err != nil {
			return err
		}
		if err := fn(offset(e), size); err != nil {
			return err
		}
	}
}

func chunkTable(tables map[string]box) (b box, width int, ok bool) {
	if b, ok := tables["co64"]; ok {
		return b, 8, true
	}
	b, ok = tables["stco"]
	return b, 4, ok
}

func offset(e []byte) int64 {
	if len(e) == 4 {
		return int64(be32(e))
	}
	return int64(min(binary.BigEndian.Uint64(e), math.MaxInt64>>2))
}

// sampleSizes gives the sizes of consecutive samples.
type sampleSizes struct {
	table *sampleTable // nil when all have the same size
	same  uint64
	left  uint64
}

func (s *source) sizes(tables map[string]box) (*sampleSizes, error) {
	b, ok := tables["stsz"]
	if !ok {
		return &sampleSizes{}, nil // compact sizes or none: the offsets alone must do
	}
	p, err := s.part(b.body, 12)
	if err != nil || b.size() < 12 {
		return nil, errors.Join(err, damaged)
	}
	if same := be32(p[4:]); same != 0 {
		return &sampleSizes{same: uint64(same), left: uint64(be32(p[8:]))}, nil
	}
	t, err := s.table(b, 12, 4)
	if err != nil {
		return nil, err
	}
	return &sampleSizes{table: t, left: uint64(t.left)}, nil
}

// take returns how many bytes the samples of chunk n have.
func (z *sampleSizes) take(r *chunkRuns, n uint32) (uint64, error) {
	count, err := r.perChunk(n)
	if err != nil {
		return 0, err
	}
	count = min(count, z.left)
	z.left -= count
	if z.table == nil {
		return count * z.same, nil
	}
	total := uint64(0)
	for range count {
		e, err := z.table.next()
		if err != nil {
			return 0, err
		}
		total += uint64(be32(e))
	}
	return total, nil
}

// chunkRuns tells how many samples each chunk has, from runs of equal chunks.
type chunkRuns struct {
	table      *sampleTable
	count      uint64 // in the present run
	next       uint32 // chunk at which the next run begins
	upcoming   uint64
	lastLoaded bool
}

func (s *source) runs(tables map[string]box) (*chunkRuns, error) {
	b, ok := tables["stsc"]
	if !ok {
		return &chunkRuns{lastLoaded: true}, nil
	}
	t, err := s.table(b, 8, 12)
	if err != nil {
		return nil, err
	}
	r := &chunkRuns{table: t}
	return r, r.load()
}

func (r *chunkRuns) load() error {
	e, err := r.table.next()
	if err != nil {
		return err
	}
	if e == nil {
		r.lastLoaded = true
		return nil
	}
	first := be32(e)
	if first <= r.next && r.next != 0 {
		return damaged
	}
	r.next, r.upcoming = first, uint64(be32(e[4:]))
	return nil
}

func (r *chunkRuns) perChunk(n uint32) (uint64, error) {
	for !r.lastLoaded && n >= r.next {
		r.count = r.upcoming
		if err := r.load(); err != nil {
			return 0, err
		}
	}
	return r.count, nil
}
