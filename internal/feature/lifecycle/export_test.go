package lifecycle_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/store"
	"ship-post.com/shippost/internal/store/storetest"
)

// fetch asks for an archive, waits for it and returns its bytes.
func (b *bench) fetch(actor shippost.Actor, what string) []byte {
	b.t.Helper()
	ctx := b.t.Context()
	e, err := b.keeper.Export(ctx, actor, what)
	if err != nil {
		b.t.Fatal(err)
	}
	b.until("the archive", func() bool {
		list, err := b.keeper.Exports(ctx, actor)
		return err == nil && list[0].ID == e.ID && list[0].Status == store.ExportReady && list[0].Done == list[0].Total
	})
	a, err := b.keeper.Fetch(ctx, actor, e.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	data, err := io.ReadAll(a)
	if err = errors.Join(err, a.Close()); err != nil || int64(len(data)) != a.Size {
		b.t.Fatalf("%d of %d bytes, %v", len(data), a.Size, err)
	}
	return data
}

// content returns the rows of all tables that an archive of the workspace carries, as text, by table.
func (b *bench) content(ws shippost.WorkspaceID) map[string][]string {
	b.t.Helper()
	all := map[string][]string{}
	storetest.View(b.t, b.db, func(tx *store.Tx) error {
		for _, t := range lifecycle.Tables {
			if !t.Import || t.Workspace.Column == "" {
				continue
			}
			var names []string
			for _, c := range t.Columns {
				if !c.Held {
					names = append(names, c.Name)
				}
			}
			err := tx.EachOwned(b.t.Context(), t.Name, t.Workspace.Claim, string(ws), names, func(v []any) error {
				var line strings.Builder
				for i, name := range names {
					fmt.Fprintf(&line, "%s=%v ", name, v[i])
				}
				all[t.Name] = append(all[t.Name], line.String())
				return nil
			})
			if err != nil {
				return err
			}
			slices.Sort(all[t.Name])
		}
		return nil
	})
	return all
}

// P19: an archive that is imported into an empty server, on either engine, gives the same workspace: every post, file, consent,
// try and line of history. Only what must differ does: accounts have to be connected again.
func TestPromise_P19_ExportAndImportGiveTheSameWorkspace(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		b := open(t, db, clock, t.TempDir())
		b.work()
		ctx := t.Context()
		actor := storetest.Workspace(t, db)
		account := storetest.Account(t, db, actor)
		former := b.member(actor.Workspace, shippost.Editor)
		video, photo := b.file(actor, "video bytes"), b.file(former, "photo bytes")
		waiting := b.post(actor, account, shippost.PostQueued, video)
		b.post(former, account, shippost.PostPosted, photo, video)
		b.post(actor, account, shippost.PostDraft, photo)
		under := b.post(actor, account, shippost.PostPublishing, video)
		b.update(func(tx *store.Tx) error {
			hold := waiting
			hold.Hold = &shippost.Hold{Code: "needs_reconnect", Since: noon, Message: "Connect <it> & go on"}
			_, err := tx.UpdatePost(ctx, &hold, shippost.PostQueued, false)
			if err != nil {
				return err
			}
			attempt := shippost.Attempt{ID: shippost.NewAttemptID(noon), Post: under.ID, Workspace: actor.Workspace, Account: account.ID, PostVersion: 1, Epoch: 1,
				State: shippost.AttemptCommitting, Owner: "node_a", Fence: 3, PublishID: "v_pub_1", UploadURL: "sealed-address", PlannedAt: noon, CommittedAt: noon.Add(time.Microsecond)}
			_, derr := tx.DeleteMember(ctx, actor.Workspace, former.User) // they left, and what they made stays
			return errors.Join(derr, tx.InsertAttempt(ctx, &attempt),
				tagged(ctx, tx, actor.Workspace, video.ID), tagged(ctx, tx, actor.Workspace, photo.ID),
				tx.InsertIdentity(ctx, &shippost.Identity{ID: shippost.NewIdentityID(noon), User: actor.User, Platform: shippost.TikTok, Subject: account.Subject, CreatedAt: noon}),
				tx.InsertGrant(ctx, &store.Grant{Account: account.ID, AccessToken: "sealed-access", RefreshToken: "sealed-refresh", AccessIssuedAt: noon, AccessExpiresAt: noon, Version: 1}),
				labelled(ctx, tx, waiting, noon),
				tx.SaveTemplate(ctx, &shippost.Template{ID: shippost.NewTemplateID(noon), Workspace: actor.Workspace, Name: "Tide", CreatedAt: noon, UpdatedAt: noon}),
				tx.KeepVersion(ctx, &shippost.PostVersion{Post: waiting.ID, Version: 1, By: former.User, At: noon, Status: shippost.PostDraft, Caption: "Low <tide>", Due: waiting.Due}),
				tx.InsertConsent(ctx, &shippost.Consent{ID: shippost.NewConsentID(noon), Post: waiting.ID, PostVersion: 1, User: actor.User, Account: account.ID, Nickname: "Ada", Wording: "v1", At: noon}),
				tx.Record(ctx, shippost.Entry{Workspace: actor.Workspace, Kind: shippost.EntryPostScheduled, Actor: actor, Post: waiting.ID, Data: map[string]any{"n": 1.5}, Personal: map[string]string{"caption": "x"}}))
		})
		if err := b.keeper.SetKeepPosted(ctx, actor, 90); err != nil {
			t.Fatal(err)
		}
		archive := b.fetch(actor, lifecycle.Workspace)
		for _, secret := range []string{"sealed-", "Ben"} {
			if found := inArchive(t, archive, secret); found != "" {
				t.Errorf("%s of the archive holds %q", found, secret)
			}
		}
		before := b.content(actor.Workspace)

		for engine, fresh := range map[string]func(*testing.T, ...storetest.Option) *store.DB{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
			n := open(t, fresh(t, storetest.At(clock.Now)), clock, t.TempDir())
			done, err := n.keeper.Import(ctx, bytes.NewReader(archive), int64(len(archive)))
			if err != nil {
				t.Fatalf("into %s: %v", engine, err)
			}
			want := lifecycle.Imported{Workspace: actor.Workspace, Posts: 4, Files: 2, Accounts: 1, Waiting: 1, Unclear: 1}
			if done != want {
				t.Errorf("imported %+v, want %+v", done, want)
			}
			after := n.content(actor.Workspace)
			expect := maps.Clone(before)
			expect["accounts"] = replaced(before["accounts"], "status=active status_reason= ", "status=needs_reconnect status_reason=imported ")
			expect["posts"] = replaced(before["posts"], "status=publishing", "status=unconfirmed")
			expect["attempts"] = replaced(before["attempts"], "state=committing", "state=unknown")
			after["journal"] = slices.DeleteFunc(after["journal"], func(line string) bool { return strings.Contains(line, "kind=workspace.imported") })
			expect["journal"] = slices.DeleteFunc(slices.Clone(before["journal"]), func(line string) bool {
				return strings.Contains(line, "kind=export.fetched") || strings.Contains(line, "kind=export.ready")
			})
			if diff := cmp.Diff(expect, after); diff != "" {
				t.Errorf("into %s (-want +got):\n%s", engine, diff)
			}
			storetest.View(t, n.db, func(tx *store.Tx) error {
				found, err := tx.MediaList(ctx, actor.Workspace, store.MediaFilter{Words: []string{"ete"}, Tags: []string{"ete a la mer"}, Limit: 9})
				if len(found) != 2 {
					t.Errorf("into %s: %d files are found by their tag, want 2", engine, len(found))
				}
				return err
			})
			files := mapValues(n.files())
			for _, content := range []string{"video bytes", "photo bytes", "poster of video bytes", "poster of photo bytes"} {
				if !slices.Contains(files, content) {
					t.Errorf("into %s: %q is missing", engine, content)
				}
			}
			if _, err := n.auth.Authenticate(ctx, authCookie(n, actor)); err != nil {
				t.Errorf("the owner cannot come in: %v", err)
			}
			if _, err := n.keeper.Import(ctx, bytes.NewReader(archive), int64(len(archive))); !shippost.IsCode(err, "already_here") {
				t.Errorf("imported twice: %v", err)
			}
		}
	})
}

func tagged(ctx context.Context, tx *store.Tx, ws shippost.WorkspaceID, id shippost.MediaID) error {
	_, err := tx.TagMedia(ctx, ws, id, "Été à la mer")
	return err
}

func replaced(lines []string, old, new string) []string {
	var out []string
	for _, line := range lines {
		out = append(out, strings.Replace(line, old, new, 1))
	}
	slices.Sort(out)
	return out
}

// inArchive returns the part of an archive that holds a text.
func inArchive(t *testing.T, archive []byte, text string) string {
	t.Helper()
	for name, content := range parts(t, archive) {
		if strings.Contains(content, text) {
			return name
		}
	}
	return ""
}

func parts(t *testing.T, archive []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		all[f.Name] = string(data)
	}
	return all
}

func zipped(t *testing.T, all map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for name, content := range all {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// P19, A17: an archive can be made by anybody. Whatever is wrong with it, nothing of it is taken in.
func TestPromise_P19_HostileArchivesChangeNothing(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock(noon)
	b := open(t, storetest.SQLite(t, storetest.At(clock.Now)), clock, t.TempDir())
	b.work()
	actor := storetest.Workspace(t, b.db)
	account := storetest.Account(t, b.db, actor)
	clip := b.file(actor, "clip bytes")
	b.post(actor, account, shippost.PostPosted, clip)
	good := parts(t, b.fetch(actor, lifecycle.Workspace))
	media := "media/" + string(clip.ID) + ".mp4"
	for name, spoil := range map[string]func(all map[string]string){
		"no manifest":    func(all map[string]string) { delete(all, "shippost.json") },
		"another format": func(all map[string]string) { all["shippost.json"] = `{"format":"other"}` },
		"a newer one":    func(all map[string]string) { sub(all, "shippost.json", `"version": 1`, `"version": 2`) },
		"other bytes":    func(all map[string]string) { all[media] = "clip bytez" },
		"more bytes":     func(all map[string]string) { all[media] += "!" },
		"a file less":    func(all map[string]string) { delete(all, media) },
		"a file that climbs": func(all map[string]string) {
			sub(all, "shippost.json", `"media_id": "`+string(clip.ID), `"media_id": "../../x`)
		},
		"a line less": func(all map[string]string) { all["data/posts.jsonl"] = "" },
		"no JSON":     func(all map[string]string) { all["data/posts.jsonl"] = "{" },
		"another workspace": func(all map[string]string) {
			sub(all, "data/posts.jsonl", string(actor.Workspace), "ws_00000000000000000000000000")
		},
		"an unknown column":    func(all map[string]string) { sub(all, "data/posts.jsonl", `{"`, `{"wake_at":1,"`) },
		"a state that is none": func(all map[string]string) { sub(all, "data/posts.jsonl", `"posted"`, `"sold"`) },
		"a post of nobody": func(all map[string]string) {
			sub(all, "data/posts.jsonl", string(account.ID), "acc_00000000000000000000000000")
		},
		"a time that is none":   func(all map[string]string) { sub(all, "data/posts.jsonl", `"created_at":"2026`, `"created_at":"x2026`) },
		"a number that is text": func(all map[string]string) { sub(all, "data/posts.jsonl", `"version":1`, `"version":"1"`) },
	} {
		t.Run(name, func(t *testing.T) {
			n := open(t, storetest.SQLite(t, storetest.At(clock.Now)), clock, t.TempDir())
			all := maps.Clone(good)
			spoil(all)
			if maps.Equal(all, good) {
				t.Fatal("the archive was not spoilt")
			}
			archive := zipped(t, all)
			_, err := n.keeper.Import(t.Context(), bytes.NewReader(archive), int64(len(archive)))
			if kind := shippost.ErrorKind(err); kind != shippost.Invalid && kind != shippost.Conflict {
				t.Errorf("answer: %v", err)
			}
			if dump := storetest.Dump(t, n.db); strings.Contains(dump, string(actor.Workspace)) {
				t.Error("some of it was taken in")
			}
		})
	}
	archive := zipped(t, good)
	for _, cut := range []int{0, 1, len(archive) / 2, len(archive) - 1} {
		n := open(t, storetest.SQLite(t, storetest.At(clock.Now)), clock, t.TempDir())
		if _, err := n.keeper.Import(t.Context(), bytes.NewReader(archive[:cut]), int64(cut)); !shippost.IsCode(err, "archive_damaged") {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
}

func sub(all map[string]string, part, old, new string) {
	all[part] = strings.Replace(all[part], old, new, 1)
}

// P19: an archive is for the person who asked for it, for seven days; a program cannot ask, and nobody twice a day.
func TestPromise_P19_AnArchiveIsOnlyForWhoAsked(t *testing.T) {
	t.Parallel()
	storetest.EachAt(t, noon, func(t *testing.T, db *store.DB, clock *storetest.Clock) {
		b := open(t, db, clock, t.TempDir())
		b.work()
		ctx := t.Context()
		actor := storetest.Workspace(t, db)
		editor := b.member(actor.Workspace, shippost.Editor)
		program := actor
		program.Kind = shippost.ActorKey
		if _, err := b.keeper.Export(ctx, program, lifecycle.Workspace); !shippost.IsCode(err, "person_required") {
			t.Errorf("a program: %v", err)
		}
		if _, err := b.keeper.Export(ctx, editor, lifecycle.Workspace); !shippost.IsCode(err, "not_allowed") {
			t.Errorf("an editor: %v", err)
		}
		mine := b.file(editor, "made by the editor")
		b.file(actor, "made by the owner")
		if own := b.fetch(editor, lifecycle.Person); inArchive(t, own, "made by the editor") == "" || inArchive(t, own, "made by the owner") != "" || inArchive(t, own, string(mine.ID)) == "" {
			t.Error("the archive of a person is not what is theirs")
		}
		b.fetch(actor, lifecycle.Workspace)
		if _, err := b.keeper.Export(ctx, actor, lifecycle.Workspace); !shippost.IsCode(err, "export_too_soon") {
			t.Errorf("twice a day: %v", err)
		}
		list, err := b.keeper.Exports(ctx, actor)
		if err != nil || len(list) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		if _, err := b.keeper.Fetch(ctx, editor, list[0].ID); !shippost.IsKind(err, shippost.NotFound) {
			t.Errorf("another member: %v", err)
		}
		clock.Advance(8 * 24 * time.Hour)
		if _, err := b.keeper.Fetch(ctx, actor, list[0].ID); !shippost.IsCode(err, "export_not_there") {
			t.Errorf("after eight days: %v", err)
		}
		b.sweep()
		for name := range b.files() {
			if strings.HasPrefix(name, "files/export/") {
				t.Errorf("%s is still there", name)
			}
		}
	})
}
