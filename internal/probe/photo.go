package probe

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"slices"

	"golang.org/x/image/webp"

	"ship-post.com/shippost"
)

// Fit is the largest picture that is kept, in pixels: its long and its short side. Zero means any size.
type Fit struct{ Long, Short int }

// CleanedPhoto is what became of a photo.
type CleanedPhoto struct {
	Data    []byte   // the new file; nil when the old one is good as it is
	Poster  []byte   // a small JPEG for lists
	Report  Report   // of the file as it is to be kept; blocking problems when it cannot be decoded
	Removed []string // what is no longer in it, in words
}

// Qualities of the JPEG files that are made here.
const (
	photoQuality  = 92
	posterQuality = 80
	posterSide    = 720
)

// CleanPhoto decodes a photo that Probe accepted, which proves that it is whole. A photo that carries metadata, must be
// turned, is larger than fit or is a PNG becomes a new JPEG with nothing but the picture and its colour profile; any other stays
// as it is. It needs up to 300 MB for the largest photos, so run one at a time.
func CleanPhoto(ctx context.Context, r io.ReaderAt, size int64, fit Fit) (CleanedPhoto, error) {
	report, err := Probe(ctx, r, size)
	if err != nil {
		return CleanedPhoto{}, err
	}
	c := CleanedPhoto{Report: report}
	if report.Kind != shippost.Photo || shippost.Blocking(report.Problems) {
		return c, nil
	}
	p := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, size), p); err != nil {
		return CleanedPhoto{}, fmt.Errorf("read photo: %w", err)
	}
	d, err := develop(p, report.Facts.Container)
	if err != nil {
		c.Report.Problems = append(c.Report.Problems, damaged.problem)
		return c, nil
	}
	return c, c.finish(d, size, fit)
}

// maxKept is the largest file of a photo that is kept as it is: 20 MB in the smaller reading of platforms.
const maxKept = 20_000_000

// developed is a decoded photo and what lay beside the picture.
type developed struct {
	picture     image.Image
	orientation orientation
	metadata    []string
	icc         [][]byte
	convert     bool // the file form or colour model is not one that platforms take
}

func develop(p []byte, container string) (developed, error) {
	d := developed{orientation: upright}
	var err error
	switch container {
	case "jpeg":
		var j jpegFile
		if j, err = parseJPEG(p); err != nil {
			return d, err
		}
		d.orientation, d.metadata, d.icc = j.orientation, j.metadata, j.icc
		d.picture, err = jpeg.Decode(bytes.NewReader(p))
		_, d.convert = d.picture.(*image.CMYK)
	case "png":
		d.convert, d.metadata = true, pngMetadata(p)
		d.picture, err = png.Decode(bytes.NewReader(p))
	case "webp":
		if d.metadata, err = webpMetadata(p); err == nil {
			d.picture, err = webp.Decode(bytes.NewReader(p))
		}
	}
	return d, err
}

func pngMetadata(p []byte) []string {
	var found []string
	for at := 8; at+12 <= len(p); {
		size := int(binary.BigEndian.Uint32(p[at:]))
		switch string(p[at+4 : at+8]) {
		case "eXIf":
			found = append(found, parseEXIF(p[at+8:at+8+size]).holds...)
		case "tEXt", "iTXt", "zTXt", "tIME":
			found = append(found, "other metadata")
		case "IEND":
			return found
		}
		at += 12 + size
	}
	return found
}

func webpMetadata(p []byte) ([]string, error) {
	chunks, err := parseRIFF(p)
	var found []string
	for _, c := range chunks {
		switch c.kind {
		case "EXIF":
			found = append(found, parseEXIF(bytes.TrimPrefix(c.data, []byte("Exif\x00\x00"))).holds...)
		case "VP8 ", "VP8L", "VP8X", "ALPH", "ICCP":
		default:
			found = append(found, "other metadata")
		}
	}
	if end := 8 + int(binary.LittleEndian.Uint32(p[4:])); end < len(p) {
		found = append(found, "data after the picture")
	}
	return found, err
}

// finish makes the new file, where one is needed, and the poster.
func (c *CleanedPhoto) finish(d developed, bytes int64, fit Fit) error {
	size := d.picture.Bounds().Size()
	target := fit.within(size)
	for _, what := range d.metadata {
		if !slices.Contains(c.Removed, what) {
			c.Removed = append(c.Removed, what)
		}
	}
	shown := turned(shrink(d.picture, target), d.orientation)
	if d.convert || len(d.metadata) > 0 || d.orientation != upright || target != size || bytes > maxKept {
		var err error
		if c.Data, err = encode(shown, photoQuality, usableProfile(d)); err != nil {
			return err
		}
		c.Report.Problems = append(c.Report.Problems, converted(size, shown.Rect.Size(), d.orientation))
		c.Report.Type = "image/jpeg"
		c.Report.Facts = shippost.MediaFacts{Container: "jpeg", Width: shown.Rect.Dx(), Height: shown.Rect.Dy()}
	}
	var err error
	c.Poster, err = encode(shrink(shown, Fit{posterSide, posterSide}.within(shown.Rect.Size())), posterQuality, usableProfile(d))
	return err
}

// converted tells the creator what was done to the photo, when it shows.
func converted(before, after image.Point, was orientation) shippost.Problem {
	turn := ""
	if degrees := was.degrees(); degrees != 0 {
		turn = fmt.Sprintf("turned upright by %d° and ", degrees)
	} else if was != upright {
		turn = "mirrored, as it was taken, and "
	}
	p := shippost.Problem{Code: "photo_rewritten", Severity: shippost.Warn, Message: "The photo was " + turn + "saved anew as JPEG, without hidden data."}
	if before.X*before.Y > after.X*after.Y {
		p.Code = "photo_scaled"
		p.Message = fmt.Sprintf("The photo was %smade smaller, to %d × %d pixels, so that platforms take it.", turn, after.X, after.Y)
	}
	return p
}

// within returns the size that fits, with the same proportions.
func (f Fit) within(size image.Point) image.Point {
	long, short := max(size.X, size.Y), min(size.X, size.Y)
	scale := 1.0
	if f.Long > 0 {
		scale = min(scale, float64(f.Long)/float64(long))
	}
	if f.Short > 0 {
		scale = min(scale, float64(f.Short)/float64(short))
	}
	if scale == 1 {
		return size
	}
	return image.Pt(max(1, int(float64(size.X)*scale)), max(1, int(float64(size.Y)*scale)))
}

// stripRows is how many rows are converted at a time, to keep memory small.
const stripRows = 32

// shrink scales down by averaging, on white. It works through the picture in strips: general scalers need several
// times the memory of the picture.
func shrink(src image.Image, size image.Point) *image.RGBA {
	b := src.Bounds()
	dst := image.NewRGBA(image.Rectangle{Max: size})
	strip := image.NewRGBA(image.Rect(0, 0, b.Dx(), stripRows))
	if size == b.Size() {
		draw.Draw(dst, dst.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
		draw.Draw(dst, dst.Rect, src, b.Min, draw.Over)
		return dst
	}
	a := newAverager(dst, b.Size())
	for y := 0; y < b.Dy(); y += stripRows {
		draw.Draw(strip, strip.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
		rows := min(stripRows, b.Dy()-y)
		draw.Draw(strip, image.Rect(0, 0, b.Dx(), rows), src, b.Min.Add(image.Pt(0, y)), draw.Over)
		for r := range rows {
			a.row(y+r, strip.Pix[r*strip.Stride:][:4*b.Dx()])
		}
	}
	return dst
}

// averager makes each pixel the mean of the area that it covers. Weights are in 1/65536.
type averager struct {
	dst  *image.RGBA
	src  image.Point
	line []uint64 // the present source row, averaged across
	sum  []uint64 // of the present target row
	y    int
	used uint64 // weight of what is in sum
}

const one = 1 << 16

func newAverager(dst *image.RGBA, src image.Point) *averager {
	n := 3 * dst.Rect.Dx()
	return &averager{dst: dst, src: src, line: make([]uint64, n), sum: make([]uint64, n)}
}

// row takes source row y. A row that lies on a border between two target rows counts for both.
func (a *averager) row(y int, pix []byte) {
	a.across(pix)
	rows := uint64(a.dst.Rect.Dy())
	left := rows * one / uint64(a.src.Y) // the height of one source row in target rows
	if y == a.src.Y-1 {
		left = one
	}
	for left > 0 && a.y < a.dst.Rect.Dy() {
		take := min(left, one-a.used)
		for i, v := range a.line {
			a.sum[i] += v * take
		}
		a.used += take
		left -= take
		if a.used == one {
			a.flush()
		}
	}
}

func (a *averager) across(pix []byte) {
	w := a.dst.Rect.Dx()
	step := uint64(w) * one / uint64(a.src.X)
	clear(a.line)
	x, used := 0, uint64(0)
	for i := 0; i < a.src.X; i++ {
		left := step
		if i == a.src.X-1 {
			left = one
		}
		for left > 0 && x < w {
			take := min(left, one-used)
			for c := range 3 {
				a.line[3*x+c] += uint64(pix[4*i+c]) * take
			}
			used += take
			left -= take
			if used == one {
				x, used = x+1, 0
			}
		}
	}
}

func (a *averager) flush() {
	row := a.dst.Pix[a.y*a.dst.Stride:]
	for x := range a.dst.Rect.Dx() {
		for c := range 3 {
			row[4*x+c] = byte((a.sum[3*x+c] + 1<<31) >> 32)
		}
		row[4*x+3] = 0xFF
	}
	clear(a.sum)
	a.used = 0
	a.y++
}

// turned applies an EXIF orientation.
func turned(src *image.RGBA, o orientation) *image.RGBA {
	if o == upright {
		return src
	}
	w, h := src.Rect.Dx(), src.Rect.Dy()
	size := image.Rect(0, 0, w, h)
	if o >= 5 {
		size = image.Rect(0, 0, h, w)
	}
	dst := image.NewRGBA(size)
	for y := range h {
		for x := range w {
			tx, ty := o.place(x, y, w, h)
			copy(dst.Pix[dst.PixOffset(tx, ty):][:4], src.Pix[src.PixOffset(x, y):][:4])
		}
	}
	return dst
}

// place says where the pixel (x, y) of a stored picture is shown.
func (o orientation) place(x, y, w, h int) (int, int) {
	switch o {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return h - 1 - y, x
	case 7:
		return h - 1 - y, w - 1 - x
	case 8:
		return y, w - 1 - x
	default:
		return x, y
	}
}

// usableProfile returns the colour profile when it fits the RGB file that is made.
func usableProfile(d developed) [][]byte {
	if len(d.icc) == 0 || len(d.icc[0]) < 14+20 || string(d.icc[0][14+16:14+20]) != "RGB " {
		return nil
	}
	return d.icc
}

// encode writes a JPEG with a colour profile.
func encode(m image.Image, quality int, icc [][]byte) ([]byte, error) {
	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("encode photo: %w", err)
	}
	if len(icc) == 0 {
		return out.Bytes(), nil
	}
	head := append([]byte{}, out.Bytes()[:2]...)
	for _, segment := range icc {
		head = append(head, 0xFF, 0xE2)
		head = binary.BigEndian.AppendUint16(head, uint16(len(segment)+2))
		head = append(head, segment...)
	}
	return append(head, out.Bytes()[2:]...), nil
}
