package seal

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"ship-post.com/shippost"
)

var accessOf = func(id string) Row { return Row{Table: "grants", Column: "access_token", ID: id} }

// memory is a Shelf that several Sealers share, as nodes share a database row.
type memory struct {
	mu      sync.Mutex
	wrapped string
	loads   int
}

func (m *memory) Load(context.Context) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loads++
	return m.wrapped, nil
}

func (m *memory) Swap(_ context.Context, old, fresh string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.wrapped != old {
		return false, nil
	}
	m.wrapped = fresh
	return true, nil
}

func open(t *testing.T, master MasterKey, shelf Shelf) *Sealer {
	t.Helper()
	s, err := Open(t.Context(), master, shelf)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sealed(t *testing.T, s *Sealer, text string, row Row) string {
	t.Helper()
	value, err := s.Seal(shippost.NewSecret(text), row)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestSealedValueOpensOnlyInItsRow(t *testing.T) {
	s := open(t, NewMasterKey(), &memory{})
	value := sealed(t, s, "act.canary", accessOf("acc_1"))
	if strings.Contains(value, "canary") {
		t.Errorf("the sealed value %q shows its text", value)
	}
	got, err := s.Open(value, accessOf("acc_1"))
	if err != nil || got.Reveal() != "act.canary" {
		t.Errorf("Open in its own row = %q, %v", got.Reveal(), err)
	}
	for name, row := range map[string]Row{
		"another row":    accessOf("acc_2"),
		"another column": {"grants", "refresh_token", "acc_1"},
		"another table":  {"attempts", "access_token", "acc_1"},
	} {
		if _, err := s.Open(value, row); !shippost.IsCode(err, "sealed_value_unreadable") {
			t.Errorf("Open in %s = %v, want it refused", name, err)
		}
	}
}

func TestSealingTwiceGivesDifferentText(t *testing.T) {
	s := open(t, NewMasterKey(), &memory{})
	if a, b := sealed(t, s, "same", accessOf("acc_1")), sealed(t, s, "same", accessOf("acc_1")); a == b {
		t.Error("equal secrets can be told to be equal from outside")
	}
}

func TestChangedValueDoesNotOpen(t *testing.T) {
	s := open(t, NewMasterKey(), &memory{})
	raw, err := base64.RawStdEncoding.DecodeString(sealed(t, s, "act.canary", accessOf("acc_1")))
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		changed := bytes.Clone(raw)
		changed[i] ^= 1
		if _, err := s.Open(base64.RawStdEncoding.EncodeToString(changed), accessOf("acc_1")); err == nil {
			t.Fatalf("a value with byte %d of %d changed opens", i, len(raw))
		}
	}
	for _, cut := range []string{"x", "!!!", base64.RawStdEncoding.EncodeToString(raw[:4]), base64.RawStdEncoding.EncodeToString(raw[:len(raw)-1])} {
		if _, err := s.Open(cut, accessOf("acc_1")); !shippost.IsCode(err, "sealed_value_unreadable") {
			t.Errorf("Open(%q) = %v, want it refused", cut, err)
		}
	}
}

func TestAbsentSecretStaysAbsent(t *testing.T) {
	s := open(t, NewMasterKey(), &memory{})
	if got := sealed(t, s, "", accessOf("acc_1")); got != "" {
		t.Errorf("sealed nothing as %q", got)
	}
	if got, err := s.Open("", accessOf("acc_1")); err != nil || !got.IsZero() {
		t.Errorf("opened nothing as %q, %v", got.Reveal(), err)
	}
}

func TestRowMustNameAPlace(t *testing.T) {
	s := open(t, NewMasterKey(), &memory{})
	for _, row := range []Row{{}, {"t", "c", ""}, {"t", "", "1"}, {"a|b", "c", "1"}, {"a", "b|c", "1"}} {
		if _, err := s.Seal(shippost.NewSecret("x"), row); err == nil {
			t.Errorf("sealed for %+v", row)
		}
	}
}

func TestS19_RotationKeepsOldValuesReadable(t *testing.T) {
	s := open(t, NewMasterKey(), &memory{})
	row := accessOf("acc_1")
	old := sealed(t, s, "act.old", row)
	if err := s.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Open(old, row); err != nil || got.Reveal() != "act.old" {
		t.Fatalf("old value after rotation = %q, %v", got.Reveal(), err)
	}
	fresh, changed, err := s.Reseal(old, row)
	if err != nil || !changed || fresh == old {
		t.Fatalf("Reseal = %q, %v, %v; want a new value", fresh, changed, err)
	}
	if again, changed, err := s.Reseal(fresh, row); err != nil || changed || again != fresh {
		t.Errorf("Reseal of a fresh value = changed %v, %v; want it left alone", changed, err)
	}
	if err := s.Retire(t.Context(), s.InUse()+1); !shippost.IsCode(err, "keyset_changed") || !s.HasOld() || !s.IsOld(old) || s.IsOld(fresh) {
		t.Fatalf("retiring for another key in use: %v", err)
	}
	if err := s.Retire(t.Context(), s.InUse()); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Open(fresh, row); err != nil || got.Reveal() != "act.old" {
		t.Errorf("resealed value after the old key retired = %q, %v", got.Reveal(), err)
	}
	if _, err := s.Open(old, row); !shippost.IsCode(err, "sealed_value_unreadable") {
		t.Errorf("value of a retired key = %v, want it refused", err)
	}
}

func TestOtherNodesLearnARotatedKey(t *testing.T) {
	master, shelf := NewMasterKey(), &memory{}
	a, b := open(t, master, shelf), open(t, master, shelf)
	if err := a.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	value := sealed(t, a, "act.new", accessOf("acc_1"))
	if got, err := b.Open(value, accessOf("acc_1")); err != nil || got.Reveal() != "act.new" {
		t.Errorf("the other node opens %q, %v", got.Reveal(), err)
	}
	before := shelf.loads
	if _, err := b.Open(value, accessOf("acc_2")); err == nil || shelf.loads != before {
		t.Errorf("a moved value made the node read the keyset again (%d loads, err %v)", shelf.loads-before, err)
	}
	// The node that slept through the rotation must not undo it with its own.
	if err := b.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Open(value, accessOf("acc_1")); err != nil {
		t.Errorf("a second rotation lost the first: %v", err)
	}
}

func TestNodesThatStartTogetherShareOneKeyset(t *testing.T) {
	master, shelf := NewMasterKey(), &memory{}
	sealers := make([]*Sealer, 16)
	var wg sync.WaitGroup
	for i := range sealers {
		wg.Go(func() { sealers[i], _ = Open(context.Background(), master, shelf) })
	}
	wg.Wait()
	value := sealed(t, sealers[0], "act.shared", accessOf("acc_1"))
	for i, s := range sealers {
		if got, err := s.Open(value, accessOf("acc_1")); err != nil || got.Reveal() != "act.shared" {
			t.Errorf("node %d opens %q, %v", i, got.Reveal(), err)
		}
	}
}

func TestWrongMasterKeyIsNamed(t *testing.T) {
	shelf := &memory{}
	right, wrong := NewMasterKey(), NewMasterKey()
	open(t, right, shelf)
	_, err := Open(t.Context(), wrong, shelf)
	if !shippost.IsCode(err, "master_key_wrong") {
		t.Fatalf("Open with another master key = %v", err)
	}
	for _, id := range []string{right.ID(), wrong.ID()} {
		if !strings.Contains(err.Error(), id) {
			t.Errorf("%q does not name key %s", err, id)
		}
	}
}

func TestMasterKeyCanBeChanged(t *testing.T) {
	shelf := &memory{}
	before, after := NewMasterKey(), NewMasterKey()
	s := open(t, before, shelf)
	value := sealed(t, s, "act.kept", accessOf("acc_1"))
	if err := s.Rewrap(t.Context(), after); err != nil {
		t.Fatal(err)
	}
	if err := s.Rotate(t.Context()); err != nil {
		t.Fatalf("rotation after the change: %v", err)
	}
	if _, err := Open(t.Context(), before, shelf); !shippost.IsCode(err, "master_key_wrong") {
		t.Errorf("the old master key: %v, want it refused", err)
	}
	if got, err := open(t, after, shelf).Open(value, accessOf("acc_1")); err != nil || got.Reveal() != "act.kept" {
		t.Errorf("under the new master key: %q, %v", got.Reveal(), err)
	}
}

func TestDamagedKeysetIsNamed(t *testing.T) {
	master, shelf := NewMasterKey(), &memory{}
	open(t, master, shelf)
	whole := shelf.wrapped
	broken := append(otherEnds(whole), "x", "v1."+master.ID()+".", "v2"+whole[2:], whole[:len(whole)-9])
	for _, text := range broken {
		shelf.wrapped = text
		if _, err := Open(t.Context(), master, shelf); !shippost.IsCode(err, "keyset_damaged") {
			t.Errorf("Open of %q = %v", text, err)
		}
	}
}

// The last character of base64 can carry bits that mean nothing; a value has one spelling all the same.
func TestSealedValueHasOneSpelling(t *testing.T) {
	s := open(t, NewMasterKey(), &memory{})
	for _, plain := range []string{"act.a", "act.ab", "act.abc"} { // every length modulo 3
		for _, text := range otherEnds(sealed(t, s, plain, accessOf("acc_1"))) {
			if _, err := s.Open(text, accessOf("acc_1")); !shippost.IsCode(err, "sealed_value_unreadable") {
				t.Errorf("Open of %q = %v", text, err)
			}
		}
	}
}

// otherEnds returns text with each other character of base64 as its last one.
func otherEnds(text string) (other []string) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_" {
		if c := string(c); !strings.HasSuffix(text, c) {
			other = append(other, text[:len(text)-1]+c)
		}
	}
	return other
}

func TestCheckValueTellsForeignKeys(t *testing.T) {
	ours, theirs := open(t, NewMasterKey(), &memory{}), open(t, NewMasterKey(), &memory{})
	check, err := ours.Check()
	if err != nil {
		t.Fatal(err)
	}
	if err := ours.Verify(check); err != nil {
		t.Errorf("our own check value: %v", err)
	}
	if err := ours.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := ours.Verify(check); err != nil {
		t.Errorf("our own check value after a rotation: %v", err)
	}
	for _, c := range []string{check, ""} {
		if err := theirs.Verify(c); !shippost.IsCode(err, "keyset_wrong") {
			t.Errorf("Verify(%q) with other keys = %v", c, err)
		}
	}
}

func TestParseMasterKey(t *testing.T) {
	m := NewMasterKey()
	raw, _ := base64.StdEncoding.DecodeString(m.Encode().Reveal())
	for name, text := range map[string]string{
		"base64":          m.Encode().Reveal(),
		"with a newline":  m.Encode().Reveal() + "\n",
		"base64 unpadded": base64.RawStdEncoding.EncodeToString(raw),
		"base64 for URLs": base64.URLEncoding.EncodeToString(raw),
		"hex":             fmt.Sprintf("%x", raw),
	} {
		if got, err := ParseMasterKey(text); err != nil || got != m {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for name, text := range map[string]string{
		"empty": "", "short": "c2hvcnQ=", "words": "correct horse battery staple", "zeros": strings.Repeat("0", 64),
		"too long": strings.Repeat("ab", 33),
	} {
		if _, err := ParseMasterKey(text); !shippost.IsCode(err, "master_key_invalid") || (len(text) > 0 && strings.Contains(err.Error(), text)) {
			t.Errorf("%s: %v; want it refused without repeating it", name, err)
		}
	}
}

func TestMasterKeyNeverPrintsItself(t *testing.T) {
	m := NewMasterKey()
	raw, _ := base64.StdEncoding.DecodeString(m.Encode().Reveal())
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", m, "pointer", &m, "nested", struct{ K MasterKey }{m})
	outputs := []string{log.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		outputs = append(outputs, fmt.Sprintf(verb, m), fmt.Sprintf(verb, &m), fmt.Sprintf(verb, struct{ K MasterKey }{m}))
	}
	for _, out := range outputs {
		for _, form := range []string{m.Encode().Reveal(), fmt.Sprintf("%x", raw), fmt.Sprintf("%X", raw), fmt.Sprint(raw)[1:20], string(raw)} {
			if strings.Contains(out, form) {
				t.Errorf("%q shows the key", out)
			}
		}
	}
}

func TestKeyFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	first, err := CreateOrLoad(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	value := sealed(t, first, "act.kept", accessOf("acc_1"))
	if err := first.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	modes(t, dir, map[string]os.FileMode{"": os.ModeDir | 0o700, "/master.key": 0o600, "/keyset": 0o600, "/lock": 0o600})
	second, err := CreateOrLoad(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := second.Open(value, accessOf("acc_1")); err != nil || got.Reveal() != "act.kept" {
		t.Errorf("after a restart: %q, %v", got.Reveal(), err)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 3 {
		t.Errorf("the folder holds %v, want three files", entries)
	}
}

func modes(t *testing.T, dir string, want map[string]os.FileMode) {
	t.Helper()
	for name, mode := range want {
		info, err := os.Stat(dir + name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != mode {
			t.Errorf("%q has mode %v, want %v", name, info.Mode(), mode)
		}
	}
}

func TestKeyFilesOpenToOthersAreRefused(t *testing.T) {
	for _, name := range []string{"master.key", "keyset"} {
		for _, mode := range []os.FileMode{0o644, 0o640, 0o604, 0o620, 0o602, 0o601} {
			dir := t.TempDir()
			if _, err := CreateOrLoad(t.Context(), dir); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
				t.Fatal(err)
			}
			if _, err := CreateOrLoad(t.Context(), dir); !shippost.IsCode(err, "key_file_unsafe") {
				t.Errorf("%s with mode %v: %v, want it refused", name, mode, err)
			}
		}
	}
}

func TestLostMasterKeyIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	if _, err := CreateOrLoad(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "master.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := CreateOrLoad(t.Context(), dir); !shippost.IsCode(err, "master_key_missing") {
		t.Errorf("CreateOrLoad without its master key = %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "master.key")); !errors.Is(err, os.ErrNotExist) {
		t.Error("a new master key was made beside a keyset it does not open")
	}
}

func TestProcessesThatStartTogetherShareOneFolder(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	sealers, errs := make([]*Sealer, 8), make([]error, 8)
	for i := range sealers {
		wg.Go(func() { sealers[i], errs[i] = CreateOrLoad(context.Background(), dir) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	value := sealed(t, sealers[0], "act.shared", accessOf("acc_1"))
	for i, s := range sealers {
		if _, err := s.Open(value, accessOf("acc_1")); err != nil {
			t.Errorf("process %d: %v", i, err)
		}
	}
}

// FuzzOpen feeds foreign text to the parser of sealed values.
func FuzzOpen(f *testing.F) {
	s, err := Open(context.Background(), NewMasterKey(), &memory{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("AQ")
	f.Add("AQAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := s.Open(text, accessOf("acc_1")); err == nil && !got.IsZero() {
			t.Errorf("forged %q opens as %q", text, got.Reveal())
		}
	})
}

// Commands that change the keys of a folder at the same time never undo what another one did.
func TestAKeysetIsChangedByOneAtATime(t *testing.T) {
	dir := t.TempDir()
	first, err := CreateOrLoad(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	const many = 8
	sealers := [many]*Sealer{}
	for i := range sealers {
		if sealers[i], err = CreateOrLoad(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		var wg sync.WaitGroup
		values := [many]string{}
		for i, s := range sealers {
			wg.Go(func() {
				err := s.Rotate(context.Background())
				if err == nil {
					values[i], err = s.Seal(shippost.NewSecret("x"), accessOf("acc_1"))
				}
				if err != nil && !shippost.IsCode(err, "keyset_changed") {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		rotated := 0
		for _, value := range values {
			if value == "" {
				continue
			}
			rotated++
			if _, err := first.Open(value, accessOf("acc_1")); err != nil {
				t.Fatalf("what was sealed with a new key does not open: %v", err)
			}
		}
		if rotated == 0 {
			t.Error("none of them rotated the keys")
		}
	}
}
