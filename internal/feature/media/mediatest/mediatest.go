// Package mediatest gives tests a library of media over a temporary folder.
package mediatest

import (
	"bytes"
	"path/filepath"
	"testing"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob/diskblob"
	"ship-post.com/shippost/internal/blob/spool"
	"ship-post.com/shippost/internal/feature/media"
	"ship-post.com/shippost/internal/jobs"
	"ship-post.com/shippost/internal/store"
)

// Open returns a library over the database and a folder of the test's own. Its jobs are inserted but not run; see Upload.
func Open(t testing.TB, db *store.DB, change ...func(*media.Options)) *media.Library {
	t.Helper()
	return OpenIn(t, db, t.TempDir(), change...)
}

// OpenIn is Open over a given folder, as after a restart.
func OpenIn(t testing.TB, db *store.DB, dir string, change ...func(*media.Options)) *media.Library {
	t.Helper()
	client, err := jobs.Open(t.Context(), db, jobs.Options{Now: db.Now})
	if err != nil {
		t.Fatalf("open jobs: %v", err)
	}
	bucket, err := diskblob.Open(filepath.Join(dir, "files"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bucket.Close() })
	incoming, err := spool.Open(filepath.Join(dir, "spool"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = incoming.Close() })
	o := media.Options{DB: db, Bucket: bucket, Spool: incoming, Jobs: client, Now: db.Now}
	for _, c := range change {
		c(&o)
	}
	return media.New(o)
}

// Upload uploads a file, checks it and returns what became of it.
func Upload(t testing.TB, l *media.Library, actor shippost.Actor, name string, content []byte) shippost.Media {
	t.Helper()
	u, err := l.Begin(t.Context(), actor, media.Offer{Size: int64(len(content)), FileName: name})
	if err != nil {
		t.Fatalf("begin the upload of %s: %v", name, err)
	}
	if _, err := l.Append(t.Context(), actor, u.ID, 0, bytes.NewReader(content)); err != nil {
		t.Fatalf("upload %s: %v", name, err)
	}
	if err := l.Check(t.Context(), actor.Workspace, u.Media); err != nil {
		t.Fatalf("check %s: %v", name, err)
	}
	m, err := l.Get(t.Context(), actor, u.Media)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
