package legal

import (
	"context"
	"slices"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// Notice is how long a material change is announced before it is in force.
const Notice = 14 * 24 * time.Hour

// fromKey is where the server remembers from when a version is in force that it announced.
func fromKey(document, day string) string { return "from:" + document + ":" + day }

// From returns from when a version is in force; zero for one that was in force when this server first knew it. A version that changes
// nothing of weight holds what the material ones before it changed, and comes with them.
func (d *Desk) From(document string, v Version) time.Time {
	list := d.Published[document]
	i := slices.Index(list, v)
	if i < 0 {
		return time.Time{}
	}
	for _, older := range list[i:] {
		if older.Material {
			d.mu.Lock()
			defer d.mu.Unlock()
			return d.from[fromKey(document, older.Day)]
		}
	}
	return time.Time{}
}

// upcoming returns from when a version will be in force; zero once it is.
func (d *Desk) upcoming(document string, v Version) time.Time {
	if from := d.From(document, v); from.After(d.Now()) {
		return from
	}
	return time.Time{}
}

// InForce returns the version of a document that is in force.
func (d *Desk) InForce(document string) Version {
	list := d.Published[document]
	for _, v := range list {
		if d.upcoming(document, v).IsZero() {
			return v
		}
	}
	return list[len(list)-1]
}

// schedule remembers from when a version is in force that is announced now. On a server that nobody uses yet that is at once: there is
// nobody who could have relied on another text.
func (d *Desk) schedule(ctx context.Context, tx *store.Tx, document string, v Version) error {
	used, err := tx.HasUsers(ctx)
	if err != nil || !used {
		return err
	}
	_, err = tx.SwapMeta(ctx, fromKey(document, v.Day), "", tx.Now().Add(Notice).UTC().Format(time.RFC3339))
	return err
}

// recall reads from when the versions of a document are in force.
func (d *Desk) recall(ctx context.Context, tx *store.Tx, document string) error {
	for _, v := range d.Published[document] {
		key := fromKey(document, v.Day)
		text, err := tx.Meta(ctx, key)
		if err != nil {
			return err
		}
		if text == "" {
			continue
		}
		from, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return shippost.Errorf(shippost.Internal, "from_unreadable", "From when a legal text is in force cannot be read.").Because(err)
		}
		d.mu.Lock()
		d.from[key] = from
		d.mu.Unlock()
	}
	return nil
}

// DateOf writes a day for people.
func DateOf(t time.Time) string { return t.UTC().Format("2 January 2006") }
