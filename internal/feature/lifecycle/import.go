package lifecycle

import (
	"archive/zip"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob"
	"ship-post.com/shippost/internal/store"
)

// Limits of an archive that is read. It comes from anywhere.
const (
	longestLine     = 4 << 20
	largestManifest = 64 << 20
)

// Imported says what came out of an archive.
type Imported struct {
	Workspace shippost.WorkspaceID
	Posts     int64
	Files     int
	Accounts  int // they have to be connected again
	Waiting   int // queued posts; they go out once their accounts are connected
	Unclear   int // posts that were under way when the archive was made; a person has to say what became of them
}

// Import puts the workspace of an archive into this server, whole or not at all. Keys to accounts are not in archives, so
// accounts must be connected again; sign-ins work as before. What is damaged, of a newer ShipPost, or here already is refused.
// Only whoever runs the server may import.
func (k *Keeper) Import(ctx context.Context, archive io.ReaderAt, size int64) (Imported, error) {
	z, err := zip.NewReader(archive, size)
	if err != nil {
		return Imported{}, damaged("It is no archive, or not all of it is there.").Because(err)
	}
	in := &importer{keeper: k, parts: map[string]*zip.File{}, people: map[string]bool{}, files: map[string]fileEntry{}, posters: map[string]bool{}}
	for _, f := range z.File {
		if in.parts[f.Name] != nil {
			return Imported{}, damaged("It has two parts of one name.")
		}
		in.parts[f.Name] = f
	}
	if err := in.readManifest(); err != nil {
		return Imported{}, err
	}
	if err := in.checkRows(); err != nil {
		return Imported{}, err
	}
	for _, f := range in.table.Files {
		if err := in.take(ctx, f); err != nil {
			return Imported{}, err
		}
	}
	err = k.DB.Update(ctx, func(tx *store.Tx) error { return in.write(ctx, tx) })
	if err != nil {
		return Imported{}, err
	}
	// Whoever brings something back wants it to stay.
	for _, id := range append([]string{in.table.Workspace}, in.members...) {
		if err := k.Bucket.Delete(ctx, blob.Key(tombstoneFolder, tombstone(id))); err != nil {
			return in.done, err
		}
	}
	return in.done, nil
}

func damaged(why string) *shippost.Error {
	return shippost.Errorf(shippost.Invalid, "archive_damaged", "This archive cannot be imported. %s", why)
}

// importer reads one archive.
type importer struct {
	keeper  *Keeper
	parts   map[string]*zip.File
	table   manifest
	files   map[string]fileEntry // by media id
	posters map[string]bool
	people  map[string]bool // whose rows the archive has
	members []string
	done    Imported
}

func (in *importer) readManifest() error {
	f := in.parts[manifestName]
	if f == nil {
		return damaged("It was not made by ShipPost.")
	}
	r, err := f.Open()
	if err != nil {
		return damaged("Its list of contents cannot be read.").Because(err)
	}
	defer func() { _ = r.Close() }() // it was only read
	if err := json.NewDecoder(io.LimitReader(r, largestManifest)).Decode(&in.table); err != nil {
		return damaged("Its list of contents cannot be read.").Because(err)
	}
	switch {
	case in.table.Format != archiveFormat:
		return damaged("It was not made by ShipPost.")
	case in.table.Version > archiveNumber:
		return damaged("It was made by a newer ShipPost. Update this server first.")
	case in.table.What != Workspace:
		return damaged("It holds the data of one person. Only the archive of a whole workspace can be imported.")
	case !shippost.ValidID("ws_", in.table.Workspace):
		return damaged("It does not say which workspace it holds.")
	}
	for _, f := range in.table.Files {
		if !shippost.ValidID("med_", f.Media) {
			return damaged("It names a file that cannot be one.")
		}
		if strings.HasPrefix(f.Path, posterPart+"/") {
			in.posters[f.Media] = true
		} else {
			in.files[f.Media] = f
		}
	}
	return nil
}

// rows gives each row of a table, by column. A column that this ShipPost does not know is refused: its meaning would be lost.
func (in *importer) rows(t Table, each func(row map[string]any) error) error {
	f := in.parts[dataPart+"/"+t.Name+".jsonl"]
	if f == nil {
		return nil
	}
	r, err := f.Open()
	if err != nil {
		return damaged("A part of it cannot be read.").Because(err)
	}
	defer func() { _ = r.Close() }() // it was only read
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), longestLine)
	columns, names := t.exported()
	n := int64(0)
	for lines.Scan() {
		var values map[string]json.RawMessage
		if err := json.Unmarshal(lines.Bytes(), &values); err != nil {
			return damaged("A line of " + t.Name + " cannot be read.").Because(err)
		}
		for name := range values {
			if !slices.Contains(names, name) {
				return damaged("It was made by a newer ShipPost. Update this server first.")
			}
		}
		row := map[string]any{}
		for _, c := range columns {
			if row[c.Name], err = c.in(values[c.Name]); err != nil {
				return err
			}
		}
		n++
		if err := each(row); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return damaged("A part of it cannot be read.").Because(err)
	}
	if n != in.table.Tables[t.Name] {
		return damaged("Lines of " + t.Name + " are missing.")
	}
	return nil
}

// userColumns name people.
var userColumns = []string{"user_id", "created_by", "uploaded_by"}

// checkRows makes sure, before anything is written, that everything belongs to the one workspace.
func (in *importer) checkRows() error {
	for _, t := range Tables {
		if !t.Import {
			continue
		}
		err := in.rows(t, func(row map[string]any) error {
			ws, has := row["workspace_id"]
			if t.Name == "workspaces" {
				ws, has = row["id"], true
			}
			if has && ws != in.table.Workspace {
				return damaged("It holds rows of another workspace.")
			}
			if t.Name == "users" {
				in.people[text(row, "id")] = true
			}
			if t.Name == "members" {
				in.members = append(in.members, text(row, "user_id"))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if in.table.Tables["workspaces"] != 1 {
		return damaged("It holds no workspace.")
	}
	return nil
}

func text(row map[string]any, name string) string {
	value, _ := row[name].(string)
	return value
}

// take stores a file of the archive after its bytes proved to be what they should.
func (in *importer) take(ctx context.Context, f fileEntry) error {
	part := in.parts[f.Path]
	key := blob.Key("media", f.Media)
	if strings.HasPrefix(f.Path, posterPart+"/") {
		key = blob.Key("poster", f.Media)
	}
	if _, err := in.keeper.Bucket.Stat(ctx, key); err == nil {
		return shippost.Errorf(shippost.Conflict, "already_here", "What this archive holds is on this server already. Nothing was changed.")
	}
	if part == nil || part.UncompressedSize64 != uint64(max(f.Size, 0)) {
		return damaged("A file of it is missing or has another size.")
	}
	r, err := part.Open()
	if err != nil {
		return damaged("A file of it cannot be read.").Because(err)
	}
	defer func() { _ = r.Close() }() // it was only read
	sum := sha256.New()
	checked := &checkedReader{r: io.TeeReader(io.LimitReader(r, f.Size), sum), check: func(n int64) error {
		if n != f.Size || f.SHA256 != "" && hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
			return damaged("A file of it is not what it was.")
		}
		return nil
	}}
	if _, err = in.keeper.Bucket.Put(ctx, key, checked); err != nil {
		return fmt.Errorf("import %s: %w", f.Media, err)
	}
	return nil
}

// checkedReader asks at its end whether all of it was right, so that nothing wrong is stored.
type checkedReader struct {
	r     io.Reader
	n     int64
	check func(n int64) error
}

// Read implements io.Reader.
func (c *checkedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if errors.Is(err, io.EOF) {
		if wrong := c.check(c.n); wrong != nil {
			return n, wrong
		}
	}
	return n, err
}

// write writes all rows, in the order of their references.
func (in *importer) write(ctx context.Context, tx *store.Tx) error {
	in.done = Imported{Workspace: shippost.WorkspaceID(in.table.Workspace), Files: len(in.files)}
	if _, err := tx.Workspace(ctx, in.done.Workspace); err == nil {
		return shippost.Errorf(shippost.Conflict, "already_here", "What this archive holds is on this server already. Nothing was changed.")
	}
	var queued []string
	for _, t := range slices.Backward(Tables) {
		if !t.Import {
			continue
		}
		err := in.rows(t, func(row map[string]any) error {
			if err := in.stub(ctx, tx, row); err != nil {
				return err
			}
			in.adapt(t, row)
			if t.Name == "posts" && row["status"] == string(shippost.PostQueued) {
				queued = append(queued, text(row, "id"))
			}
			columns, values := t.complete(row)
			if err := tx.InsertOwned(ctx, t.Name, columns, values); err != nil {
				return shippost.Errorf(shippost.Conflict, "already_here", "A row of %s cannot be written: it is here already, or does not fit to what is here. Nothing was changed.", t.Name).Because(err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, id := range queued {
		post, err := tx.Post(ctx, in.done.Workspace, shippost.PostID(id))
		if err != nil {
			return err
		}
		if err := in.keeper.Posts.Queued(ctx, tx, &post); err != nil {
			return err
		}
	}
	in.done.Waiting = len(queued)
	return tx.Record(ctx, shippost.Entry{Workspace: in.done.Workspace, Kind: shippost.EntryWorkspaceImported, Actor: shippost.System(in.done.Workspace),
		Data: map[string]any{"exported_at": in.table.ExportedAt, "posts": in.done.Posts, "files": in.done.Files}})
}

// stub makes a row without a name for somebody who made something here and left before the archive was made.
func (in *importer) stub(ctx context.Context, tx *store.Tx, row map[string]any) error {
	for _, column := range userColumns {
		id := text(row, column)
		if id == "" || in.people[id] {
			continue
		}
		in.people[id] = true
		now := tx.Now()
		if err := tx.InsertUser(ctx, &shippost.User{ID: shippost.UserID(id), CreatedAt: now, DisabledAt: now}); err != nil {
			return err
		}
	}
	return nil
}

// adapt changes what cannot be on another server as it was: no keys came along, and what was under way is not followed here.
func (in *importer) adapt(t Table, row map[string]any) {
	switch t.Name {
	case "accounts":
		if row["status"] != string(shippost.AccountDisconnected) {
			row["status"], row["status_reason"] = string(shippost.AccountReconnect), shippost.ReasonImported
			in.done.Accounts++
		}
	case "posts":
		in.done.Posts++
		if row["status"] == string(shippost.PostPublishing) {
			row["status"], row["phase"] = string(shippost.PostUnconfirmed), ""
			in.done.Unclear++
		}
	case "attempts":
		switch shippost.AttemptState(text(row, "state")) {
		case shippost.AttemptDead, shippost.AttemptLive, shippost.AttemptUnknown:
		default:
			row["state"] = string(shippost.AttemptUnknown)
		}
	case "media":
		id := text(row, "id")
		row["name_key"] = store.Fold(text(row, "file_name"))
		if _, here := in.files[id]; here {
			row["blob_key"] = blob.Key("media", id)
		} else if row["status"] == string(shippost.MediaReady) || row["status"] == string(shippost.MediaReceiving) || row["status"] == string(shippost.MediaChecking) {
			row["status"], row["deleted_at"] = string(shippost.MediaDeleted), in.table.ExportedAt.UnixMicro()
		}
		if in.posters[id] {
			row["poster_key"] = blob.Key("poster", id)
		}
	}
}

// complete returns a row with what archives leave out.
func (t Table) complete(row map[string]any) (columns []string, values []any) {
	for _, c := range t.Columns {
		if c.Name == "seq" {
			continue // the database counts
		}
		value, given := row[c.Name]
		if !given {
			switch c.Form {
			case Text, Document:
				value = ""
			case Number, Span:
				value = int64(0)
			}
		}
		columns, values = append(columns, c.Name), append(values, value)
	}
	return columns, values
}
