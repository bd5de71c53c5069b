package probe

import "encoding/binary"

// orientation is the EXIF number 1 to 8 of how a photo is to be turned.
type orientation int

const upright orientation = 1

// degrees returns the clockwise turn of an orientation; mirroring does not count.
func (o orientation) degrees() int {
	switch o {
	case 3, 4:
		return 180
	case 5, 6:
		return 90
	case 7, 8:
		return 270
	default:
		return 0
	}
}

// The EXIF tags that matter.
const (
	tagMake        = 0x010F
	tagModel       = 0x0110
	tagOrientation = 0x0112
	tagGPS         = 0x8825
)

// exif is what an EXIF block holds.
type exif struct {
	orientation orientation
	holds       []string // in words
}

// parseEXIF reads the first directory of an EXIF block. A broken block is still metadata, without a known orientation.
func parseEXIF(p []byte) exif {
	x := exif{orientation: upright}
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case len(p) < 14:
		x.holds = append(x.holds, "camera details")
		return x
	case string(p[:2]) == "MM":
		order = binary.BigEndian
	}
	at := int64(order.Uint32(p[4:]))
	if at+2 <= int64(len(p)) {
		n := int64(order.Uint16(p[at:]))
		for i := int64(0); i < n && at+2+(i+1)*12 <= int64(len(p)); i++ {
			x.entry(order, p[at+2+i*12:])
		}
	}
	x.holds = append(x.holds, "camera details")
	return x
}

func (x *exif) entry(order binary.ByteOrder, e []byte) {
	switch order.Uint16(e) {
	case tagGPS:
		x.holds = append(x.holds, "location")
	case tagMake, tagModel:
		x.holds = append(x.holds, "device name")
	case tagOrientation:
		if o := orientation(order.Uint16(e[8:])); o >= 1 && o <= 8 {
			x.orientation = o
		}
	}
}
