// Package passkeytest is an authenticator for tests: it makes keys and signs as a device does.
package passkeytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"
)

// Device holds one passkey. Fields may be changed to make it misbehave.
type Device struct {
	Origin   string
	Party    string // host name of the server
	Verified bool   // the person was recognised, by finger, face or number
	Counter  uint32

	t      *testing.T
	key    *ecdsa.PrivateKey
	id     []byte
	handle string
}

// New returns a device without a passkey.
func New(t *testing.T, origin, party string) *Device {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &Device{Origin: origin, Party: party, Verified: true, t: t, key: key, id: []byte(rand.Text())}
}

var b64 = base64.RawURLEncoding

// Handle returns the user handle that the device keeps.
func (d *Device) Handle() string {
	raw, err := b64.DecodeString(d.handle)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(raw)
}

func (d *Device) client(kind, challenge string) []byte {
	text, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": d.Origin, "crossOrigin": false})
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

// data returns the authenticator's part: whose server, which flags, how often it was used.
func (d *Device) data(flags byte) []byte {
	party := sha256.Sum256([]byte(d.Party))
	if d.Verified {
		flags |= 0x04
	}
	d.Counter++
	return binary.BigEndian.AppendUint32(append(party[:], flags|0x01), d.Counter)
}

// Create answers a question for a new passkey.
func (d *Device) Create(question []byte) []byte {
	d.t.Helper()
	var options struct {
		Challenge string `json:"challenge"`
		User      struct {
			ID string `json:"id"`
		} `json:"user"`
	}
	if err := json.Unmarshal(question, &options); err != nil {
		d.t.Fatal(err)
	}
	d.handle = options.User.ID
	point, err := d.key.PublicKey.Bytes()
	if err != nil {
		d.t.Fatal(err)
	}
	data := append(d.data(0x40), make([]byte, 16)...)
	data = append(binary.BigEndian.AppendUint16(data, uint16(len(d.id))), d.id...)
	// The public key as COSE writes it: EC2, ES256, P-256, x, y.
	data = append(append(data, 0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20), point[1:33]...)
	data = append(append(data, 0x22, 0x58, 0x20), point[33:]...)
	object := append([]byte{0xa3, 0x63}, "fmt\x64none\x67attStmt\xa0\x68authData\x59"...)
	object = append(binary.BigEndian.AppendUint16(object, uint16(len(data))), data...)
	return d.answer(map[string]any{"clientDataJSON": b64.EncodeToString(d.client("webauthn.create", options.Challenge)),
		"attestationObject": b64.EncodeToString(object), "transports": []string{"internal"}})
}

// Get answers a question who somebody is.
func (d *Device) Get(question []byte) []byte {
	d.t.Helper()
	var options struct {
		Challenge string `json:"challenge"`
	}
	if err := json.Unmarshal(question, &options); err != nil {
		d.t.Fatal(err)
	}
	client, data := d.client("webauthn.get", options.Challenge), d.data(0)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.key, digest[:])
	if err != nil {
		d.t.Fatal(err)
	}
	return d.answer(map[string]any{"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(data),
		"signature": b64.EncodeToString(signature), "userHandle": d.handle})
}

func (d *Device) answer(response map[string]any) []byte {
	id := b64.EncodeToString(d.id)
	text, err := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": map[string]any{},
		"authenticatorAttachment": "platform"})
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}
