package main

import (
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// disk is what a disk holds after a power cut: what was synced is there, the rest perhaps. A file's bytes are safe once
// the file was synced, its name once the folder was.
type disk struct {
	folders map[string]bool
	now     map[string]*file // what the program sees
	safe    map[string]*file
	names   []naming // of which nobody knows yet whether they last
}

// file is the bytes of a file, whatever its name.
type file struct {
	safe []byte
	open []edit // since the last sync
	size int64  // as the program sees it
}

// edit is a write or, without data, a truncation.
type edit struct {
	number   int // of the change
	offset   int64
	data     []byte
	truncate bool
}

// naming is a name that was given, taken or moved, in one step.
type naming struct {
	gone, name string
	file       *file
}

// newDisk is a disk with the files below a folder, all of them safe.
func newDisk(folder string) (*disk, error) {
	d := &disk{folders: map[string]bool{}, now: map[string]*file{}, safe: map[string]*file{}}
	return d, filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			d.folders[path] = true
			return err
		}
		if !e.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		f := &file{safe: text, size: int64(len(text))}
		d.now[path], d.safe[path] = f, f
		return err
	})
}

// clone returns a disk that changes of the other do not touch.
func (d *disk) clone() *disk {
	c := &disk{folders: maps.Clone(d.folders), now: map[string]*file{}, safe: map[string]*file{}}
	for path, f := range d.safe {
		g := &file{safe: slices.Clone(f.safe), size: f.size}
		c.now[path], c.safe[path] = g, g
	}
	return c
}

// apply makes a change.
func (d *disk) apply(number int, c change) {
	f := d.now[c.path]
	switch c.call {
	case "create":
		switch {
		case f == nil:
			f = &file{}
			d.now[c.path] = f
			d.names = append(d.names, naming{name: c.path, file: f})
		case len(c.data) > 0 && f.size > 0:
			f.edit(edit{number: number, truncate: true})
		}
	case "write":
		if f == nil {
			return // of a file that has no name any more
		}
		if c.offset < 0 {
			c.offset = f.size
		}
		f.edit(edit{number: number, offset: c.offset, data: c.data})
	case "truncate":
		if f != nil {
			f.edit(edit{number: number, offset: c.offset, truncate: true})
		}
	case "rename":
		if f == nil {
			return
		}
		delete(d.now, c.path)
		d.now[c.to] = f
		d.names = append(d.names, naming{gone: c.path, name: c.to, file: f})
	case "unlink":
		if f != nil {
			delete(d.now, c.path)
			d.names = append(d.names, naming{gone: c.path})
		}
	case "sync":
		if f != nil {
			f.sync(c.began)
			return
		}
		d.syncFolder(c.path)
	}
}

func (f *file) edit(e edit) {
	f.open = append(f.open, e)
	if e.truncate {
		f.size = e.offset
	} else {
		f.size = max(f.size, e.offset+int64(len(e.data)))
	}
}

// sync makes safe what was complete when the sync began.
func (f *file) sync(began int) {
	var left []edit
	for _, e := range f.open {
		if e.number < began {
			f.safe = e.on(f.safe)
		} else {
			left = append(left, e)
		}
	}
	f.open = left
}

// on returns the bytes after the edit.
func (e edit) on(text []byte) []byte {
	end := e.offset + int64(len(e.data))
	switch {
	case e.truncate && int64(len(text)) > e.offset:
		return text[:e.offset:e.offset]
	case e.truncate:
		end = e.offset
	}
	if grow := end - int64(len(text)); grow > 0 {
		text = append(text, make([]byte, grow)...)
	}
	copy(text[e.offset:], e.data)
	return text
}

// syncFolder makes the names in a folder safe. A rename from one folder into another is one step.
func (d *disk) syncFolder(folder string) {
	d.names = slices.DeleteFunc(d.names, func(n naming) bool {
		if filepath.Dir(n.name) != folder && filepath.Dir(n.gone) != folder {
			return false
		}
		n.on(d.safe)
		return true
	})
}

func (n naming) on(names map[string]*file) {
	if n.gone != "" {
		delete(names, n.gone)
	}
	if n.name != "" {
		names[n.name] = n.file
	}
}

// cut returns what is there after a power cut: what is safe, and of the rest what chance leaves. Without chance nothing
// of the rest is left.
func (d *disk) cut(chance *rand.Rand) map[string][]byte {
	names := maps.Clone(d.safe)
	if chance != nil {
		for _, n := range d.names[:chance.IntN(len(d.names)+1)] {
			n.on(names) // a journal keeps them in order
		}
	}
	left := map[string][]byte{}
	for path, f := range names {
		text := slices.Clone(f.safe)
		for _, e := range f.open {
			if chance == nil || chance.IntN(2) == 0 {
				continue
			}
			if sectors := len(e.data) / 512; sectors > 1 && chance.IntN(8) == 0 {
				e.data = e.data[:512*(1+chance.IntN(sectors))] // torn
			}
			text = e.on(text)
		}
		left[path] = text
	}
	return left
}

// under returns the files below a folder by their name in it.
func under(files map[string][]byte, folder string) map[string][]byte {
	list := map[string][]byte{}
	for path, text := range files {
		if name, ok := strings.CutPrefix(path, folder+"/"); ok {
			list[name] = text
		}
	}
	return list
}
