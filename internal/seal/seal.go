// Package seal keeps secrets readable only by this server and only in the row they were written for.
//
// A keyset of data keys seals values. The keyset itself is stored wrapped by a master key, which never lies beside
// the data it protects: a copy of the database alone opens nothing. Rotation adds a data key; older values stay
// readable until Reseal has renewed them.
package seal

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"ship-post.com/shippost"
)

// Sealed values and the keyset have one spelling each: Strict refuses a text whose unused last bits were changed.
var (
	valueEncoding  = base64.RawStdEncoding.Strict()
	keysetEncoding = base64.RawURLEncoding.Strict()
)

// Row names the place of a sealed value. A value opens only under the Row it was sealed for.
type Row struct {
	Table, Column string // without "|"
	ID            string // the row's key
}

// data returns what is bound to the sealed value.
func (r Row) data() ([]byte, error) {
	if r.Table == "" || r.Column == "" || r.ID == "" || strings.Contains(r.Table+r.Column, "|") {
		return nil, fmt.Errorf("seal: %q.%q of row %q does not name a place", r.Table, r.Column, r.ID)
	}
	return []byte(r.Table + "|" + r.Column + "|" + r.ID), nil
}

// Shelf is where the wrapped keyset lies: a file, or a row that all nodes read.
type Shelf interface {
	// Load returns the wrapped keyset, "" when there is none yet.
	Load(ctx context.Context) (string, error)
	// Swap replaces old ("" for none) by fresh and reports false when something else lies there by now.
	Swap(ctx context.Context, old, fresh string) (bool, error)
}

// Sealer seals and opens values. It may be used from many goroutines at once.
type Sealer struct {
	shelf Shelf

	writing sync.Mutex // one Rotate, Rewrap or reload at a time
	master  MasterKey
	keys    atomic.Pointer[keys]
}

// keys is one state of the keyset; it never changes.
type keys struct {
	wrapped string // as it lies on the shelf
	handle  *keyset.Handle
	aead    tink.AEAD
	primary uint32
}

// Open returns a Sealer for the keyset on the shelf and puts a new one there if the shelf is empty.
// A master key that does not fit is an error with code master_key_wrong.
func Open(ctx context.Context, master MasterKey, shelf Shelf) (*Sealer, error) {
	s := &Sealer{shelf: shelf, master: master}
	wrapped, err := shelf.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("seal: load the keyset: %w", err)
	}
	if wrapped == "" {
		if wrapped, err = s.create(ctx); err != nil {
			return nil, err
		}
	}
	k, err := unwrap(wrapped, master)
	if err != nil {
		return nil, err
	}
	s.keys.Store(k)
	return s, nil
}

// create puts a new keyset on the shelf, or returns the one that another node has put there meanwhile.
func (s *Sealer) create(ctx context.Context) (string, error) {
	handle, err := keyset.NewHandle(aead.XChaCha20Poly1305KeyTemplate())
	if err != nil {
		return "", fmt.Errorf("seal: make a keyset: %w", err)
	}
	wrapped, err := wrap(handle, s.master)
	if err != nil {
		return "", err
	}
	swapped, err := s.shelf.Swap(ctx, "", wrapped)
	switch {
	case err != nil:
		return "", fmt.Errorf("seal: store the keyset: %w", err)
	case !swapped:
		return s.shelf.Load(ctx)
	}
	return wrapped, nil
}

// Seal returns plain sealed for row, as text. An absent secret stays absent: the zero Secret becomes "".
func (s *Sealer) Seal(plain shippost.Secret, row Row) (string, error) {
	data, err := row.data()
	if err != nil || plain.IsZero() {
		return "", err
	}
	sealed, err := s.keys.Load().aead.Encrypt([]byte(plain.Reveal()), data)
	if err != nil {
		return "", fmt.Errorf("seal: %s.%s: %w", row.Table, row.Column, err)
	}
	return valueEncoding.EncodeToString(sealed), nil
}

// Open returns the secret that was sealed for row; "" gives the zero Secret. A value that was changed, moved from
// another row or sealed by a key we do not have is an error with code sealed_value_unreadable.
func (s *Sealer) Open(sealed string, row Row) (shippost.Secret, error) {
	data, err := row.data()
	if err != nil || sealed == "" {
		return shippost.Secret{}, err
	}
	raw, err := valueEncoding.DecodeString(sealed)
	if err != nil {
		return shippost.Secret{}, unreadable(row, errors.New("not base64"))
	}
	k := s.keys.Load()
	plain, err := k.aead.Decrypt(raw, data)
	if err != nil && s.refresh(raw) {
		plain, err = s.keys.Load().aead.Decrypt(raw, data)
	}
	if err != nil {
		return shippost.Secret{}, unreadable(row, err)
	}
	return shippost.NewSecret(string(plain)), nil
}

func unreadable(row Row, err error) error {
	return (&shippost.Error{Kind: shippost.Internal, Code: "sealed_value_unreadable", Remedy: shippost.RemedyOperator}).
		Because(fmt.Errorf("seal: %s.%s of %s does not open: %w", row.Table, row.Column, row.ID, err))
}

// refresh reads the shelf again when raw was sealed by a key that this Sealer does not know, because another node may
// have rotated. It reports whether the key is known now.
func (s *Sealer) refresh(raw []byte) bool {
	id, ok := keyID(raw)
	if !ok || s.keys.Load().knows(id) {
		return false
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.reload(context.Background()); err != nil {
		return false
	}
	return s.keys.Load().knows(id)
}

// reload takes what lies on the shelf. The caller holds s.writing.
func (s *Sealer) reload(ctx context.Context) error {
	wrapped, err := s.shelf.Load(ctx)
	if err != nil {
		return fmt.Errorf("seal: load the keyset: %w", err)
	}
	if wrapped == s.keys.Load().wrapped {
		return nil
	}
	k, err := unwrap(wrapped, s.master)
	if err != nil {
		return err
	}
	s.keys.Store(k)
	return nil
}

// Rotate adds a data key and seals with it from now on. Values sealed before stay readable; Reseal renews them.
// Other nodes learn the key when they first meet a value sealed with it.
func (s *Sealer) Rotate(ctx context.Context) error {
	return s.change(ctx, func(k *keys) (*keyset.Handle, MasterKey, error) {
		m := keyset.NewManagerFromHandle(k.handle)
		id, err := m.Add(aead.XChaCha20Poly1305KeyTemplate())
		if err == nil {
			err = m.SetPrimary(id)
		}
		if err != nil {
			return nil, MasterKey{}, err
		}
		handle, err := m.Handle()
		return handle, s.master, err
	})
}

// Retire forgets every data key but inUse. Values that were not resealed are lost: look for them first, and say which key was in use
// when you looked. When it is another one by now nothing changes, and the error has code keyset_changed.
func (s *Sealer) Retire(ctx context.Context, inUse uint32) error {
	return s.change(ctx, func(k *keys) (*keyset.Handle, MasterKey, error) {
		if k.primary != inUse {
			return nil, MasterKey{}, keysetChanged()
		}
		m := keyset.NewManagerFromHandle(k.handle)
		for i := range k.handle.Len() {
			entry, err := k.handle.Entry(i)
			if err != nil {
				return nil, MasterKey{}, err
			}
			if entry.IsPrimary() {
				continue
			}
			if err := m.Delete(entry.KeyID()); err != nil {
				return nil, MasterKey{}, err
			}
		}
		handle, err := m.Handle()
		return handle, s.master, err
	})
}

// InUse returns the id of the key that seals, which tells nothing about it.
func (s *Sealer) InUse() uint32 { return s.keys.Load().primary }

// HasOld reports whether there are keys that only open what was sealed before.
func (s *Sealer) HasOld() bool { return s.keys.Load().handle.Len() > 1 }

// IsOld reports whether a value was sealed by a key that is known and not in use any more.
func (s *Sealer) IsOld(sealed string) bool {
	raw, err := valueEncoding.DecodeString(sealed)
	if err != nil {
		return false
	}
	k := s.keys.Load()
	id, ok := keyID(raw)
	return ok && id != k.primary && k.knows(id)
}

// Reload takes the keyset from the shelf, where another process may have changed it.
func (s *Sealer) Reload(ctx context.Context) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.reload(ctx)
}

// Rewrap wraps the keyset with another master key. Sealed values do not change; nodes that start later need the new key.
func (s *Sealer) Rewrap(ctx context.Context, master MasterKey) error {
	return s.change(ctx, func(k *keys) (*keyset.Handle, MasterKey, error) { return k.handle, master, nil })
}

// change replaces the keyset on the shelf by what step makes of it.
func (s *Sealer) change(ctx context.Context, step func(*keys) (*keyset.Handle, MasterKey, error)) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.reload(ctx); err != nil {
		return err
	}
	old := s.keys.Load()
	handle, master, err := step(old)
	if err != nil {
		return fmt.Errorf("seal: change the keyset: %w", err)
	}
	wrapped, err := wrap(handle, master)
	if err != nil {
		return err
	}
	swapped, err := s.shelf.Swap(ctx, old.wrapped, wrapped)
	if err != nil {
		return fmt.Errorf("seal: store the keyset: %w", err)
	}
	if !swapped {
		return keysetChanged()
	}
	k, err := unwrap(wrapped, master)
	if err != nil {
		return err
	}
	s.master = master
	s.keys.Store(k)
	return nil
}

func keysetChanged() error {
	return shippost.Errorf(shippost.Conflict, "keyset_changed", "Somebody else is changing the keys right now. Try again.").With(shippost.RemedyRetry)
}

// Reseal returns a sealed value under the key in use, and whether it had to change.
func (s *Sealer) Reseal(sealed string, row Row) (fresh string, changed bool, err error) {
	plain, err := s.Open(sealed, row)
	if err != nil || sealed == "" {
		return sealed, false, err
	}
	raw, _ := valueEncoding.DecodeString(sealed) // Open has decoded it
	if id, ok := keyID(raw); ok && id == s.keys.Load().primary {
		return sealed, false, nil
	}
	fresh, err = s.Seal(plain, row)
	return fresh, err == nil, err
}

// CheckID is the row of table meta that keeps the check value.
const CheckID = "seal_check"

// checkRow and checkText make up the check value.
var checkRow = Row{Table: "meta", Column: "value", ID: CheckID}

const checkText = "shippost"

// Check returns a value to keep beside the sealed data. Verify recognises later whether the keys still fit the data.
func (s *Sealer) Check() (string, error) { return s.Seal(shippost.NewSecret(checkText), checkRow) }

// Verify returns an error with code keyset_wrong when the data that check was kept with was sealed by other keys,
// for instance because the keyset file was lost and made anew.
func (s *Sealer) Verify(check string) error {
	plain, err := s.Open(check, checkRow)
	if err == nil && plain.Reveal() == checkText {
		return nil
	}
	return shippost.Errorf(shippost.Invalid, "keyset_wrong",
		"The keys on this machine do not open this database. Put back the key files that belong to it, or restore them from the key backup.").
		With(shippost.RemedyOperator).Because(err)
}

func (k *keys) knows(id uint32) bool {
	for i := range k.handle.Len() {
		if entry, err := k.handle.Entry(i); err == nil && entry.KeyID() == id {
			return true
		}
	}
	return false
}

// keyID returns the id of the key that sealed raw: Tink writes a version byte and the id before the rest.
func keyID(raw []byte) (uint32, bool) {
	if len(raw) < 5 || raw[0] != 1 {
		return 0, false
	}
	return binary.BigEndian.Uint32(raw[1:5]), true
}

// keysetData is bound to the wrapped keyset, so that nothing else the master key ever wraps can take its place.
var keysetData = []byte("shippost keyset 1")

func wrap(handle *keyset.Handle, master MasterKey) (string, error) {
	lock, err := master.aead()
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := handle.WriteWithAssociatedData(keyset.NewBinaryWriter(&b), lock, keysetData); err != nil {
		return "", fmt.Errorf("seal: wrap the keyset: %w", err)
	}
	return "v1." + master.ID() + "." + keysetEncoding.EncodeToString(b.Bytes()), nil
}

func unwrap(wrapped string, master MasterKey) (*keys, error) {
	part := strings.Split(strings.TrimSpace(wrapped), ".")
	if len(part) != 3 || part[0] != "v1" {
		return nil, damaged(errors.New("unknown form"))
	}
	if part[1] != master.ID() {
		return nil, shippost.Errorf(shippost.Invalid, "master_key_wrong",
			"The master key is not the one this data was sealed with: the data needs key %s, this is key %s.", part[1], master.ID()).
			With(shippost.RemedyOperator)
	}
	raw, err := keysetEncoding.DecodeString(part[2])
	if err != nil {
		return nil, damaged(err)
	}
	lock, err := master.aead()
	if err != nil {
		return nil, err
	}
	handle, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(raw)), lock, keysetData)
	if err != nil {
		return nil, damaged(err)
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, damaged(err)
	}
	primary, err := handle.Primary()
	if err != nil {
		return nil, damaged(err)
	}
	return &keys{wrapped: wrapped, handle: handle, aead: primitive, primary: primary.KeyID()}, nil
}

func damaged(err error) error {
	return shippost.Errorf(shippost.Invalid, "keyset_damaged",
		"The stored keyset is damaged. Restore it from the key backup; without it the connected accounts must be connected anew.").
		With(shippost.RemedyOperator).Because(err)
}
