package journal

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
)

// Times and amounts of sealing.
const (
	sealEvery  = time.Minute
	checkEvery = 6 * time.Hour
	sealAtOnce = 100       // entries in a transaction, so that no post waits for it
	readLinks  = 500       // links that are checked in one look
	straggle   = time.Hour // an entry becomes visible within this time after one with a higher Seq, or never
)

// headKey is where the bucket keeps how far the chain has come: outside of the database, so that its end cannot be cut off unseen.
var headKey = blob.Key("chain", "head")

// ChainOptions is what a Chain needs. All fields are required; one that only checks may go without Now.
type ChainOptions struct {
	DB     *store.DB
	Sealer *seal.Sealer
	Bucket blob.Bucket
	Now    func() time.Time
	Log    *slog.Logger
}

// Chain seals the journal: each entry to the one before, some time after its commit, so that nobody who records waits for it. With the
// keys of the server and the database one sees whether an entry was changed, removed, moved or put in. What is erased or outlived its
// time goes through Blank and Remove, which leave a note that only the server can write. Its methods may be called from many goroutines
// at once, and on any number of nodes.
type Chain struct {
	ChainOptions
	mu       sync.Mutex
	anchored int64 // position that the head outside of the database has
	last     Report
	warned   bool
}

// NewChain returns a Chain.
func NewChain(o ChainOptions) *Chain { return &Chain{ChainOptions: o} }

// part is a group of columns of an entry that is erased together.
type part int

const (
	who part = iota
	personal
	facts
	parts // how many
)

// columns says which part a column belongs to. All others are there as long as the entry.
var columns = map[string]part{"actor_user": who, "network": who, "personal": personal,
	"workspace_id": facts, "actor_key": facts, "request_id": facts, "account_id": facts, "data": facts}

// fields returns what stands in a part of an entry.
func (p part) fields(l store.Line) []string {
	switch p {
	case who:
		return []string{l.ActorUser, l.Network}
	case personal:
		return []string{l.Personal}
	}
	return []string{l.Workspace, l.ActorKey, l.Request, l.Account, l.Data}
}

// blank reports whether nothing but a random name stands in a part of an entry.
func (p part) blank(l store.Line) bool {
	alias := func(text string) bool { return text == "" || strings.HasPrefix(text, "ers_") }
	switch p {
	case who:
		return alias(l.ActorUser) && l.Network == ""
	case personal:
		return l.Personal == "{}"
	}
	return alias(l.Workspace) && l.ActorKey == "" && l.Request == "" && l.Account == "" && l.Data == "{}"
}

// mac returns the HMAC-SHA256 of fields, each with its length, so that none can be read as part of another.
func mac(key []byte, purpose string, fields ...string) string {
	h := hmac.New(sha256.New, key)
	var size [8]byte
	for _, f := range append([]string{purpose}, fields...) {
		binary.BigEndian.PutUint64(size[:], uint64(len(f)))
		_, _ = h.Write(size[:]) // a hash takes everything
		_, _ = h.Write([]byte(f))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func same(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

func number(n int64) string { return strconv.FormatInt(n, 10) }

// newSalts returns a random salt for each part.
func newSalts() string {
	salts := make([]string, parts)
	for p := range salts {
		raw := make([]byte, 16)
		_, _ = rand.Read(raw) // it never fails
		salts[p] = base64.RawURLEncoding.EncodeToString(raw)
	}
	return strings.Join(salts, " ")
}

// A part's place in the salts holds the salt, with which whoever has it can try out what the part may have said; or, once that was
// erased, what part and salt came to, from which nothing can be learned, with the server's own note that it was erased. The note is
// recognised by its dot.

// commitment returns what a part of an entry comes to.
func (p part) commitment(key []byte, l store.Link, line store.Line, salt string) (string, bool) {
	erased, note, was := strings.Cut(salt, ".")
	if was {
		return erased, p.blank(line) && same(note, p.note(key, l, erased))
	}
	return mac([]byte(salt), "part "+number(int64(p)), p.fields(line)...), true
}

func (p part) note(key []byte, l store.Link, commitment string) string {
	return mac(key, "erased", number(l.Position), number(int64(p)), commitment)
}

// digest returns what an entry comes to, and whether what was erased of it was erased by the server.
func digest(key []byte, l store.Link, line store.Line) (string, bool) {
	salts := strings.Split(l.Salts, " ")
	if len(salts) != int(parts) {
		return "", false
	}
	fields := []string{string(line.ID), number(line.At), line.Kind, line.ActorKind, line.Post, line.Attempt, line.Media}
	for p := range parts {
		c, ok := p.commitment(key, l, line, salts[p])
		if !ok {
			return "", false
		}
		fields = append(fields, c)
	}
	return mac(key, "entry", fields...), true
}

// goneNote returns what takes the place of an entry that was removed as it should be.
func goneNote(key []byte, l store.Link, digest string) string {
	return digest + "." + mac(key, "gone", number(l.Position), digest)
}

func linkHash(key []byte, before string, l store.Link, digest string) string {
	return mac(key, "link", before, number(l.Position), string(l.Entry), number(l.SealedAt.UnixMicro()), number(l.Key), digest)
}

// Seal links every entry that has no link yet, and says outside of the database how far it came.
func (c *Chain) Seal(ctx context.Context) error {
	if err := c.link(ctx); err != nil {
		return fmt.Errorf("seal the journal: %w", err)
	}
	if err := c.anchor(ctx, false); err != nil {
		return fmt.Errorf("say how far the journal is sealed: %w", err)
	}
	return nil
}

func (c *Chain) link(ctx context.Context) error {
	var mark store.ChainMark
	waits := false
	err := c.DB.View(ctx, func(tx *store.Tx) (err error) {
		if mark, err = tx.ChainMark(ctx); err != nil {
			return err
		}
		list, err := tx.UnsealedLines(ctx, mark.Low, 1)
		waits = len(list) > 0
		return err
	})
	if err == nil && waits {
		err = c.begin(ctx)
	}
	for after := mark.Low; err == nil && waits; {
		err = c.DB.Update(ctx, func(tx *store.Tx) error {
			last, n, err := c.linkSome(ctx, tx, after)
			if err == nil {
				after, waits = last, n == sealAtOnce
			}
			return err
		})
	}
	return err
}

// begin makes the first key, and says outside of the database that the chain begins, before it has a link: a chain that has links and
// no head has lost it.
func (c *Chain) begin(ctx context.Context) error {
	var last store.Link
	var keys [][]byte
	err := c.DB.View(ctx, func(tx *store.Tx) (err error) {
		last, err = tx.LastLink(ctx)
		return err
	})
	if err != nil || last.Position > 0 {
		return err
	}
	err = c.DB.Update(ctx, func(tx *store.Tx) error {
		if err := tx.LockChain(ctx); err != nil {
			return err
		}
		if keys, err = c.keys(ctx, tx); err != nil || len(keys) > 0 {
			return err
		}
		if err := c.addKey(ctx, tx); err != nil {
			return err
		}
		keys, err = c.keys(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	h, err := c.readHead(ctx)
	if err != nil || h != (head{}) {
		return err
	}
	return c.writeHead(ctx, keys, store.Link{Hash: "-"})
}

// linkSome links some entries with a Seq higher than after, and returns the highest of them.
func (c *Chain) linkSome(ctx context.Context, tx *store.Tx, after int64) (last int64, n int, err error) {
	if err := tx.LockChain(ctx); err != nil {
		return 0, 0, err
	}
	list, err := tx.UnsealedLines(ctx, after, sealAtOnce)
	if err != nil || len(list) == 0 {
		return after, 0, err
	}
	keys, err := c.keys(ctx, tx)
	if err != nil {
		return 0, 0, err
	}
	if len(keys) == 0 {
		return 0, 0, errors.New("the keys of the journal's chain are gone")
	}
	before, err := tx.LastLink(ctx)
	if err != nil {
		return 0, 0, err
	}
	now := tx.Now()
	for _, line := range list {
		l := store.Link{Position: before.Position + 1, Entry: line.ID, SealedAt: now, Key: int64(len(keys)), Salts: newSalts()}
		key := keys[len(keys)-1]
		d, _ := digest(key, l, line)
		l.Hash = linkHash(key, before.Hash, l, d)
		if err := tx.InsertLink(ctx, &l); err != nil {
			return 0, 0, err
		}
		before, last = l, line.Seq
	}
	mark, err := tx.ChainMark(ctx)
	if err == nil && len(list) < sealAtOnce && now.Sub(mark.Set) >= straggle {
		// The end of the journal is reached. What was visible a while ago has no gap any more that could still close.
		err = tx.SetChainMark(ctx, store.ChainMark{Low: mark.High, High: last, Set: now})
	}
	return last, len(list), err
}

// head is how far the chain had come when it was last said outside of the database.
type head struct {
	position int64
	hash     string
	key      int64
	mac      string
}

func (h head) sign(key []byte) string {
	return mac(key, "head", number(h.position), h.hash, number(h.key))
}

func (c *Chain) writeHead(ctx context.Context, keys [][]byte, last store.Link) error {
	h := head{position: last.Position, hash: last.Hash, key: int64(len(keys))}
	h.mac = h.sign(keys[len(keys)-1])
	_, err := c.Bucket.Put(ctx, headKey, strings.NewReader(fmt.Sprintln(h.position, h.hash, h.key, h.mac)))
	return err
}

// unreadable is a head that says nothing.
var unreadable = head{mac: "unreadable"}

// readHead returns the head; the zero head when there is none.
func (c *Chain) readHead(ctx context.Context) (h head, err error) {
	r, err := c.Bucket.Open(ctx, headKey, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err != nil {
		return h, err
	}
	defer func() { _ = r.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(r, 1000))
	if err != nil {
		return h, err
	}
	if n, err := fmt.Sscan(string(text), &h.position, &h.hash, &h.key, &h.mac); err != nil || n != 4 {
		return unreadable, nil
	}
	return h, nil
}

// fits says why the head is not that of the chain in the database; "" when it is.
func (c *Chain) fits(ctx context.Context, tx *store.Tx, keys [][]byte, h head) (string, error) {
	last, err := tx.LastLink(ctx)
	if err != nil {
		return "", err
	}
	at, err := tx.LinkAt(ctx, h.position)
	switch {
	case err != nil:
		return "", err
	case h == head{} && last.Position == 0:
		return "", nil
	case h == head{}:
		return "the file that says how far the log had come is missing", nil
	case h != unreadable && (h.key < 1 || h.key > int64(len(keys))):
		return "the file that says how far the log had come was written with a key that this database does not have", nil
	case h == unreadable || !same(h.mac, h.sign(keys[h.key-1])):
		return "the file that says how far the log had come was not written by this server", nil
	case h.position > last.Position:
		return fmt.Sprintf("its end is missing, %d more after this", h.position-last.Position), nil
	case h.position > 0 && at.Hash != h.hash:
		return fmt.Sprintf("it is not the log that this server had: number %d is another one", h.position), nil
	}
	return "", nil
}

// anchor says outside of the database how far the chain has come. What is there stays as it is when it tells of a chain that the
// database does not have any more, unless it is meant.
func (c *Chain) anchor(ctx context.Context, meant bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var last store.Link
	var keys [][]byte
	why := ""
	before, err := c.readHead(ctx)
	if err != nil {
		return err
	}
	err = c.DB.View(ctx, func(tx *store.Tx) error {
		if last, err = tx.LastLink(ctx); err != nil || last.Position == c.anchored && !meant {
			return err
		}
		if keys, err = c.keys(ctx, tx); err != nil {
			return err
		}
		why, err = c.fits(ctx, tx, keys, before)
		return err
	})
	if err != nil || len(keys) == 0 || last.Position == 0 {
		return err
	}
	if why != "" && !meant {
		if !c.warned {
			c.warned = true
			c.Log.Error("the audit log is not what it was; if you restored a backup, say so: shippost admin audit restored", "why", why)
		}
		return nil
	}
	if before.position < last.Position || meant {
		if err := c.writeHead(ctx, keys, last); err != nil {
			return err
		}
	}
	c.anchored, c.warned = last.Position, false
	return nil
}

// Blank writes fixed values into columns of entries, as an erasure does, and notes in their links that it did. The salts of what is
// erased go with it. In values, store.OwnerAlias stands for alias. It needs the lock of the chain, taken before the entries were read.
func (c *Chain) Blank(ctx context.Context, tx *store.Tx, lines []store.Line, values map[string]string, alias string) error {
	var touched [parts]bool
	for column := range values {
		p, ok := columns[column]
		if !ok {
			return fmt.Errorf("the journal's chain does not let %s be erased", column)
		}
		touched[p] = true
	}
	err := c.eachLink(ctx, tx, lines, func(key []byte, l *store.Link, line store.Line) {
		salts := strings.Split(l.Salts, " ")
		for p := range parts {
			if touched[p] && int(p) < len(salts) && !strings.Contains(salts[p], ".") {
				commitment, _ := p.commitment(key, *l, line, salts[p])
				salts[p] = commitment + "." + p.note(key, *l, commitment)
			}
		}
		l.Salts = strings.Join(salts, " ")
	})
	if err != nil {
		return err
	}
	return tx.BlankLines(ctx, lines, values, alias)
}

// Remove deletes entries that are to go, and notes in their links that they did. It needs the lock of the chain, taken before the
// entries were read.
func (c *Chain) Remove(ctx context.Context, tx *store.Tx, lines []store.Line) error {
	err := c.eachLink(ctx, tx, lines, func(key []byte, l *store.Link, line store.Line) {
		// One that was tampered with is not washed clean by its removal: its digest does not make the link's hash.
		d, _ := digest(key, *l, line)
		l.Salts, l.Gone = "", goneNote(key, *l, d)
	})
	if err != nil {
		return err
	}
	return tx.DeleteLines(ctx, lines)
}

func (c *Chain) eachLink(ctx context.Context, tx *store.Tx, lines []store.Line, change func(key []byte, l *store.Link, line store.Line)) error {
	links, err := tx.LinksOf(ctx, lines)
	if err != nil || len(links) == 0 {
		return err
	}
	keys, err := c.keys(ctx, tx)
	if err != nil {
		return err
	}
	for _, line := range lines {
		l, sealed := links[line.ID]
		if !sealed {
			continue
		}
		if l.Key < 1 || l.Key > int64(len(keys)) {
			continue // it cannot be checked with or without a note
		}
		change(keys[l.Key-1], &l, line)
		if err := tx.SetLink(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// Restored notes that the operator put a backup back, so that the end of the log is missing or another one, and goes on from there. It is
// a Conflict with code nothing_restored when nothing is missing.
func (c *Chain) Restored(ctx context.Context) error {
	if err := c.Seal(ctx); err != nil {
		return err
	}
	h, err := c.readHead(ctx)
	if err != nil {
		return err
	}
	why := ""
	err = c.DB.Update(ctx, func(tx *store.Tx) error {
		keys, err := c.keys(ctx, tx)
		if err != nil {
			return err
		}
		if why, err = c.fits(ctx, tx, keys, h); err != nil || why == "" {
			return err
		}
		last, err := tx.LastLink(ctx)
		if err != nil {
			return err
		}
		return tx.Record(ctx, shippost.Entry{Kind: shippost.EntryServerRestored, Actor: shippost.Actor{Kind: shippost.ActorSystem},
			Data: map[string]any{"position": last.Position, "was": h.position, "why": why}})
	})
	if err == nil && why == "" {
		err = shippost.Errorf(shippost.Conflict, "nothing_restored", "The audit log ends where it ended. There is no restored backup to note.")
	}
	if err != nil {
		return err
	}
	if err := c.link(ctx); err != nil {
		return err
	}
	return c.anchor(ctx, true)
}

// Run seals about once a minute, and checks all of it a minute after the start and every six hours, until ctx ends; then it seals once more.
func (c *Chain) Run(ctx context.Context) {
	tick := time.NewTicker(sealEvery)
	defer tick.Stop()
	for checked := (time.Time{}); ; {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			if err := c.Seal(last); err != nil {
				c.Log.Error("the end of the audit log could not be sealed; it is at the next start", "err", err)
			}
			return
		case <-tick.C: // not at once: a start has other things to do
		}
		if err := c.Seal(ctx); err != nil && ctx.Err() == nil {
			c.Log.Error("the audit log could not be sealed; it is tried again", "err", err)
		}
		if now := c.Now(); now.Sub(checked).Abs() >= checkEvery {
			checked = now
			c.look(ctx)
		}
	}
}

func (c *Chain) look(ctx context.Context) {
	r, err := c.Verify(ctx)
	switch {
	case err != nil && ctx.Err() == nil:
		c.Log.Error("the audit log could not be checked; it is tried again", "err", err)
	case err == nil && r.Breaks > 0:
		c.Log.Error("the audit log was changed", "what", r.Sentence())
	}
}

// State returns what the latest check in this process found; false before the first.
func (c *Chain) State() (Report, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last, !c.last.At.IsZero()
}
