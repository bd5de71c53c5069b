package journal

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/store"
)

// namedBreaks is how many breaks a report names; it counts all.
const namedBreaks = 20

// Report is what a check of the whole chain found.
type Report struct {
	At      time.Time
	Entries int64     // sealed, and as they were
	Gone    int64     // removed as they should be: with their post, after a year, or erased
	Waiting int64     // not sealed yet
	Since   time.Time // when the first was sealed; zero without any
	Last    int64     // position of the last link
	Head    string    // its hash
	Breaks  int
	Named   []Break // the first of them
}

// Break is a place at which the chain does not hold.
type Break struct {
	Position int64            // of the link; 0 for what has none
	Entry    shippost.EntryID // "" where nobody knows which
	Kind     string           // of the entry, when it is there
	Why      string
}

// inert returns text from a database that somebody changed as it may be shown on a terminal, or anywhere else.
func inert(text string) string {
	shown := []rune(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text))
	return string(shown[:min(len(shown), 60)])
}

// String says where a break is, and why.
func (b Break) String() string {
	entry, kind := inert(string(b.Entry)), inert(b.Kind)
	where := "the log as a whole"
	switch {
	case b.Entry != "" && b.Position > 0:
		where = fmt.Sprintf("entry %s (number %d", entry, b.Position)
	case b.Entry != "":
		where = fmt.Sprintf("entry %s (without a number", entry)
	case b.Position > 0:
		where = fmt.Sprintf("entry number %d", b.Position)
	}
	if b.Entry != "" {
		if b.Kind != "" {
			where += ", " + kind
		}
		where += ")"
	}
	return where + ": " + b.Why
}

// Sentence says in one line what was found.
func (r Report) Sentence() string {
	waiting := ""
	if r.Waiting > 0 {
		waiting = fmt.Sprintf(" %d more wait to be sealed.", r.Waiting)
	}
	switch {
	case r.Breaks == 1:
		return "Broken at " + r.Named[0].String() + "." + waiting
	case r.Breaks > 1:
		return fmt.Sprintf("Broken in %d places, first at %s.%s", r.Breaks, r.Named[0], waiting)
	case r.Last == 0:
		return "Nothing is sealed yet." + waiting
	case r.Entries == 1:
		return "1 entry, unbroken since " + r.Since.Format("2 January 2006") + "." + waiting
	}
	return fmt.Sprintf("%d entries, unbroken since %s.%s", r.Entries, r.Since.Format("2 January 2006"), waiting)
}

func (r *Report) broke(b Break) {
	if r.Breaks++; len(r.Named) < namedBreaks {
		r.Named = append(r.Named, b)
	}
}

// Verify checks every link. It changes nothing, and may run beside a server that seals.
func (c *Chain) Verify(ctx context.Context) (r Report, err error) {
	// What is written outside is read first: the chain has come at least that far.
	h, err := c.readHead(ctx)
	if err != nil {
		return r, err
	}
	var before store.Link
	for more := true; more && err == nil; {
		err = c.DB.View(ctx, func(tx *store.Tx) error {
			keys, err := c.keys(ctx, tx)
			if err != nil {
				return err
			}
			list, err := tx.Links(ctx, before.Position, readLinks)
			if err != nil {
				return err
			}
			if more = len(list) == readLinks; len(list) == 0 {
				return nil
			}
			lines, err := tx.LinkedLines(ctx, before.Position, list[len(list)-1].Position)
			if err != nil {
				return err
			}
			for _, l := range list {
				r.check(keys, before, l, lines)
				before = l
			}
			return nil
		})
	}
	if err != nil {
		return r, err
	}
	err = c.DB.View(ctx, func(tx *store.Tx) error {
		keys, err := c.keys(ctx, tx)
		if err != nil {
			return err
		}
		why, err := c.fits(ctx, tx, keys, h)
		if err != nil {
			return err
		}
		// A server that has just been updated, or that was killed between the two, has not come to write it.
		if why != "" {
			r.broke(Break{Position: before.Position, Entry: before.Entry, Why: why})
		}
		mark, err := tx.ChainMark(ctx)
		if err != nil {
			return err
		}
		first, n, err := tx.UnsealedUpTo(ctx, mark.Low)
		if err != nil {
			return err
		}
		if n > 0 {
			r.broke(Break{Entry: first.ID, Kind: first.Kind, Why: "it was put in afterwards, or its link was removed"})
		}
		r.Waiting, err = tx.CountUnsealed(ctx, mark.Low)
		return err
	})
	r.At, r.Last, r.Head = c.DB.Now(), before.Position, before.Hash
	if err == nil {
		c.mu.Lock()
		c.last = r
		c.mu.Unlock()
	}
	return r, err
}

// check holds one link against the one before and against its entry.
func (r *Report) check(keys [][]byte, before, l store.Link, lines map[shippost.EntryID]store.Line) {
	if before.Position == 0 {
		r.Since = l.SealedAt
	}
	line, there := lines[l.Entry]
	broke := func(why string) {
		r.broke(Break{Position: l.Position, Entry: l.Entry, Kind: line.Kind, Why: why})
	}
	if missing := l.Position - before.Position - 1; missing > 0 {
		r.broke(Break{Position: before.Position + 1, Why: fmt.Sprintf("it is missing with its link, and so is all up to entry %s (number %d)", inert(string(l.Entry)), l.Position)})
		return // the links do not follow one another, which is said
	}
	if l.Key < 1 || l.Key > int64(len(keys)) {
		broke("it was sealed with a key that this server does not have")
		return
	}
	key := keys[l.Key-1]
	var d string
	switch {
	case !there && l.Gone == "":
		broke("it was removed")
		return
	case !there:
		digest, _, _ := strings.Cut(l.Gone, ".")
		if d = digest; !same(l.Gone, goneNote(key, l, digest)) {
			broke("it was removed, and not by this server")
			return
		}
	case l.Gone != "":
		broke("it was removed and put back")
		return
	default:
		ok := false
		if d, ok = digest(key, l, line); !ok {
			broke("parts of it were erased or filled in, and not by this server")
			return
		}
	}
	if !same(l.Hash, linkHash(key, before.Hash, l, d)) {
		broke("it, its link or its place was changed")
		return
	}
	if there {
		r.Entries++
	} else {
		r.Gone++
	}
}
