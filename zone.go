package shippost

import (
	"archive/zip"
	_ "embed" // the time zone database
	"io"
	"strings"
	"sync"
	"time"
)

// The time zone database is part of the program (scripts/zones takes it over from a Go release), and the machine's own
// is never asked: the same program means the same instant by a wall-clock time wherever it runs, and can tell by which
// rules it reckoned.
var (
	//go:embed zones/zoneinfo.zip
	zoneArchive string
	//go:embed zones/version
	zoneVersion string
)

// ZoneRules returns the version of the time zone database in this program, such as "2026b". Later versions compare greater.
func ZoneRules() string { return strings.TrimSpace(zoneVersion) }

// zoneFiles are the files of the database by zone.
var zoneFiles = sync.OnceValue(func() map[string]*zip.File {
	archive, err := zip.NewReader(strings.NewReader(zoneArchive), int64(len(zoneArchive)))
	if err != nil {
		// The archive is compiled in and every test of this package reads it.
		panic("shippost: the time zone database is damaged: " + err.Error())
	}
	files := make(map[string]*zip.File, len(archive.File))
	for _, f := range archive.File {
		files[f.Name] = f
	}
	return files
})

// zonesRead keeps zones that were asked for, by name.
var zonesRead sync.Map

// Zone returns the zone of an IANA name by the rules of this program, whatever those of its machine; "" means UTC. Unknown
// names are Invalid with code unknown_time_zone.
func Zone(name string) (*time.Location, error) { return loadZone(name) }

// loadZone returns the zone of an IANA name; "" means UTC. Unknown names are Invalid.
func loadZone(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	if loc, ok := zonesRead.Load(name); ok {
		return loc.(*time.Location), nil
	}
	loc, err := readZone(name)
	if err != nil {
		return nil, Errorf(Invalid, "unknown_time_zone", "The time zone %q is not known. Use a name such as \"Europe/Zurich\".", name).
			At("due.zone").Because(err)
	}
	zonesRead.Store(name, loc)
	return loc, nil
}

func readZone(name string) (*time.Location, error) {
	f, ok := zoneFiles()[name]
	if !ok {
		return nil, Errorf(NotFound, "unknown_time_zone", "no such zone")
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return time.LoadLocationFromTZData(name, data)
}
