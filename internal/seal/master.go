package seal

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"ship-post.com/shippost"
)

// MasterKey wraps the keyset. It prints as its id, never as itself.
type MasterKey struct{ key [masterSize]byte }

const masterSize = 32

// NewMasterKey returns a random master key.
func NewMasterKey() MasterKey {
	var m MasterKey
	// crypto/rand.Read never fails: it ends the program when the system has no randomness.
	_, _ = rand.Read(m.key[:])
	return m
}

// ParseMasterKey reads 32 bytes written in base64 (standard or URL, padded or not) or in hex.
func ParseMasterKey(text string) (MasterKey, error) {
	text = strings.TrimSpace(text)
	decoders := []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	}
	for _, decode := range decoders {
		raw, err := decode(text)
		if err != nil || len(raw) != masterSize {
			continue
		}
		m := MasterKey{key: [masterSize]byte(raw)}
		if m == (MasterKey{}) {
			break
		}
		return m, nil
	}
	return MasterKey{}, shippost.Errorf(shippost.Invalid, "master_key_invalid",
		"The master key must be 32 random bytes in base64 or hex, for example from: openssl rand -base64 32").
		With(shippost.RemedyOperator)
}

// ReadMasterKey reads a key file. A file that others may read is refused, because a key that leaked is no key.
func ReadMasterKey(path string) (MasterKey, error) {
	if err := checkMode(path); err != nil {
		return MasterKey{}, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return MasterKey{}, fmt.Errorf("seal: read the master key: %w", err)
	}
	m, err := ParseMasterKey(string(text))
	if err != nil {
		return MasterKey{}, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Encode returns the key in base64, as ParseMasterKey reads it.
func (m MasterKey) Encode() shippost.Secret {
	return shippost.NewSecret(base64.StdEncoding.EncodeToString(m.key[:]))
}

// ID returns a short name of the key that tells nothing about it.
func (m MasterKey) ID() string {
	id, err := hkdf.Key(sha256.New, m.key[:], nil, "shippost master key id", 6)
	if err != nil {
		panic(err) // only for lengths that no caller can ask for
	}
	return hex.EncodeToString(id)
}

// String returns the key's id.
func (m MasterKey) String() string { return "master key " + m.ID() }

// GoString returns the key's id, for %#v.
func (m MasterKey) GoString() string { return m.String() }

// Format prints the key's id whatever the verb, because %x and %v would else reach the bytes.
func (m MasterKey) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, m.String()) }

// LogValue returns the key's id, for slog.
func (m MasterKey) LogValue() slog.Value { return slog.StringValue(m.String()) }

// MarshalText writes the key's id.
func (m MasterKey) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

func (m MasterKey) aead() (tink.AEAD, error) {
	if m == (MasterKey{}) {
		return nil, errors.New("seal: no master key")
	}
	return subtle.NewXChaCha20Poly1305(m.key[:])
}

// checkMode refuses a key file that is not a plain file of its owner alone.
func checkMode(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	if !info.Mode().IsRegular() {
		return shippost.Errorf(shippost.Invalid, "key_file_unsafe", "%s is not a plain file.", path).With(shippost.RemedyOperator)
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return shippost.Errorf(shippost.Invalid, "key_file_unsafe",
			"%s can be read by others (mode %04o). Make it yours alone: chmod 600 %s", path, info.Mode().Perm(), path).
			With(shippost.RemedyOperator)
	}
	return nil
}

// missing reports whether there is nothing at path.
func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
