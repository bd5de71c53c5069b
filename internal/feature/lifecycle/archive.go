package lifecycle

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// The parts of an archive. docs/operate/data.md describes them.
const (
	manifestName  = "shippost.json"
	archiveFormat = "shippost-export"
	archiveNumber = 1
	mediaPart     = "media"
	posterPart    = "posters"
	dataPart      = "data"
)

// manifest says what an archive holds.
type manifest struct {
	Format     string           `json:"format"`
	Version    int              `json:"version"`
	What       string           `json:"what"`
	ExportedAt time.Time        `json:"exported_at"`
	Workspace  string           `json:"workspace_id"`
	User       string           `json:"user_id"`
	Tables     map[string]int64 `json:"tables"` // lines of data/NAME.jsonl
	Files      []fileEntry      `json:"files"`
}

// fileEntry is a file of an archive.
type fileEntry struct {
	Path   string `json:"path"`
	Media  string `json:"media_id"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256,omitempty"` // of files, not of posters
}

// archiver writes one archive.
type archiver struct {
	keeper *Keeper
	export *Export
	zip    *zip.Writer
	table  manifest
	noted  int64
}

// extensions let people open the files of an archive.
var extensions = map[string]string{"video/mp4": ".mp4", "video/quicktime": ".mov", "video/webm": ".webm", "image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}

func (a *archiver) write(ctx context.Context, out io.Writer) error {
	e := a.export
	a.zip = zip.NewWriter(out)
	a.table = manifest{Format: archiveFormat, Version: archiveNumber, What: e.What, ExportedAt: a.keeper.Now().UTC().Truncate(time.Second),
		Workspace: string(e.Workspace), User: string(e.User), Tables: map[string]int64{}, Files: []fileEntry{}}
	var files []shippost.Media
	// One moment for all rows, so that they fit together.
	err := a.keeper.DB.View(ctx, func(tx *store.Tx) error {
		e.Total = 0
		for _, t := range Tables {
			if err := a.rows(ctx, tx, t); err != nil {
				return fmt.Errorf("%s: %w", t.Name, err)
			}
		}
		list, err := tx.MediaList(ctx, e.Workspace, store.MediaFilter{Status: shippost.MediaReady, Limit: 1 << 30})
		for _, m := range list {
			if e.What == Workspace || m.UploadedBy == e.User {
				files = append(files, m)
				e.Total += m.Size
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, m := range files {
		if err := a.file(ctx, m); err != nil {
			return fmt.Errorf("%s: %w", m.ID, err)
		}
	}
	w, err := a.zip.Create(manifestName)
	if err != nil {
		return err
	}
	pretty := json.NewEncoder(w)
	pretty.SetIndent("", "  ")
	return errors.Join(pretty.Encode(a.table), a.zip.Close())
}

// claim says which rows of a table go into the archive, and the owner's id; false when none do.
func (a *archiver) claim(t Table) (store.Claim, string, bool) {
	if a.export.What == Workspace && t.Workspace.Column != "" && !t.Private {
		return t.Workspace.Claim, string(a.export.Workspace), true
	}
	return t.Person.Claim, string(a.export.User), t.Person.Column != "" && (t.Private || a.export.What == Person)
}

// exported returns the columns of a table that may leave the server.
func (t Table) exported() (columns []Column, names []string) {
	for _, c := range t.Columns {
		if !c.Held {
			columns, names = append(columns, c), append(names, c.Name)
		}
	}
	return columns, names
}

func (a *archiver) rows(ctx context.Context, tx *store.Tx, t Table) error {
	claim, owner, ok := a.claim(t)
	columns, names := t.exported()
	if !ok || len(columns) == 0 {
		return nil
	}
	w, err := a.zip.Create(dataPart + "/" + t.Name + ".jsonl")
	if err != nil {
		return err
	}
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	a.table.Tables[t.Name] = 0
	return tx.EachOwned(ctx, t.Name, claim, owner, names, func(values []any) error {
		row := make(map[string]any, len(values))
		for i, v := range values {
			row[columns[i].Name] = columns[i].out(v)
		}
		a.table.Tables[t.Name]++
		return lines.Encode(row)
	})
}

// out turns a value of the database into one of an archive.
func (c Column) out(v any) any {
	switch value := v.(type) {
	case int64:
		switch c.Form {
		case Time:
			return time.UnixMicro(value).UTC().Format(time.RFC3339Nano)
		case Span:
			return float64(value) / 1e6
		}
	case string:
		if c.Form == Document && json.Valid([]byte(value)) {
			return json.RawMessage(value)
		}
	}
	return v
}

// in turns a value of an archive into one of the database.
func (c Column) in(raw json.RawMessage) (any, error) {
	null := len(raw) == 0 || string(raw) == "null"
	var value any
	var err error
	switch c.Form {
	case Document:
		if null || string(raw) == `""` {
			return "", nil // no document, which is not the same as an empty one
		}
		return string(raw), nil
	case Text:
		var text string
		err = json.Unmarshal(raw, &text)
		value = text
	case Time:
		var at time.Time
		if null {
			return nil, nil
		}
		err = json.Unmarshal(raw, &at)
		value = at.UnixMicro()
	case Span:
		var seconds float64
		err = json.Unmarshal(raw, &seconds)
		value = int64(math.Round(seconds * 1e6))
	case Number:
		var n int64
		err = json.Unmarshal(raw, &n)
		value = n
	}
	if err != nil {
		return nil, damaged("It holds a value of " + c.Name + " that cannot be read.").Because(err)
	}
	return value, nil
}

func (a *archiver) file(ctx context.Context, m shippost.Media) error {
	copied, err := a.copy(ctx, m.BlobKey, mediaPart+"/"+string(m.ID)+extensions[m.Type], true)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was deleted meanwhile; its row says so next time
	}
	if err != nil {
		return err
	}
	a.table.Files = append(a.table.Files, fileEntry{mediaPart + "/" + string(m.ID) + extensions[m.Type], string(m.ID), copied, m.SHA256})
	if m.PosterKey == "" {
		return nil
	}
	path := posterPart + "/" + string(m.ID) + ".jpg"
	copied, err = a.copy(ctx, m.PosterKey, path, false)
	if err == nil {
		a.table.Files = append(a.table.Files, fileEntry{Path: path, Media: string(m.ID), Size: copied})
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return err
}

// copy copies a stored file into the archive as it is: pictures and videos do not get smaller.
func (a *archiver) copy(ctx context.Context, key, path string, counts bool) (int64, error) {
	r, err := a.keeper.Bucket.Open(ctx, key, 0)
	if err != nil {
		return 0, err
	}
	defer func() { _ = r.Close() }() // it was only read
	w, err := a.zip.CreateHeader(&zip.FileHeader{Name: path, Method: zip.Store})
	if err != nil {
		return 0, err
	}
	var n int64
	for {
		part, err := io.CopyN(w, r, progressStep)
		n += part
		if counts {
			a.export.Done += part
		}
		if errors.Is(err, io.EOF) {
			return n, a.progress(ctx, true)
		}
		if err != nil {
			return n, err
		}
		if err := a.progress(ctx, false); err != nil {
			return n, err
		}
	}
}

// progress notes how far the archive is, and ends the work when nobody wants it any more.
func (a *archiver) progress(ctx context.Context, now bool) error {
	e := *a.export
	if !now && e.Done-a.noted < progressStep {
		return nil
	}
	a.noted = e.Done
	return a.keeper.DB.Update(ctx, func(tx *store.Tx) error {
		wanted, err := tx.SaveExport(ctx, e, store.ExportWaiting)
		if err == nil && !wanted {
			err = errors.New("nobody wants this archive any more")
		}
		return err
	})
}
