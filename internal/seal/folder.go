package seal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"ship-post.com/shippost"
)

// The names of the files in a key folder.
const (
	masterFile = "master.key"
	keysetFile = "keyset"
	lockFile   = "lock" // empty; who holds its lock may change the keyset
)

// CreateOrLoad opens the keys in dir, the default of a server that was told no master key. The first call makes the
// folder (0700), a random master key and a keyset (0600 each). A keyset whose master key is gone is an error with
// code master_key_missing: making a new key there would lose everything that was sealed.
func CreateOrLoad(ctx context.Context, dir string) (*Sealer, error) {
	master, err := createOrLoadMaster(dir)
	if err != nil {
		return nil, err
	}
	return Open(ctx, master, Folder(dir))
}

func createOrLoadMaster(dir string) (MasterKey, error) {
	path := filepath.Join(dir, masterFile)
	master, err := ReadMasterKey(path)
	if !missing(err) {
		return master, err
	}
	if _, err := os.Stat(filepath.Join(dir, keysetFile)); err == nil {
		if master, err = ReadMasterKey(path); !missing(err) { // another process made both just now
			return master, err
		}
		return MasterKey{}, shippost.Errorf(shippost.Invalid, "master_key_missing",
			"There is a keyset in %s but no %s. Put the master key back, or restore it from the key backup.", dir, masterFile).
			With(shippost.RemedyOperator)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return MasterKey{}, fmt.Errorf("seal: make the key folder: %w", err)
	}
	master = NewMasterKey()
	err = writeNew(path, master.Encode().Reveal()+"\n")
	if errors.Is(err, fs.ErrExist) { // another process was faster
		return ReadMasterKey(path)
	}
	return master, err
}

// Folder is a Shelf that keeps the wrapped keyset in a file of the folder.
type Folder string

// Load reads the file.
func (f Folder) Load(context.Context) (string, error) {
	path := filepath.Join(string(f), keysetFile)
	if err := checkMode(path); err != nil {
		if missing(err) {
			return "", nil
		}
		return "", err
	}
	text, err := os.ReadFile(path)
	return strings.TrimSpace(string(text)), err
}

// Swap writes the file in one step that survives a power cut. Of several processes one has its turn after the other: with
// PostgreSQL a command may change the keys of a folder while another one does.
func (f Folder) Swap(ctx context.Context, old, fresh string) (swapped bool, err error) {
	unlock, err := f.lock()
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	path := filepath.Join(string(f), keysetFile)
	if old == "" {
		err := writeNew(path, fresh+"\n")
		if errors.Is(err, fs.ErrExist) {
			return false, nil
		}
		return err == nil, err
	}
	now, err := f.Load(ctx)
	if err != nil || now != old {
		return false, err
	}
	return true, replace(path, fresh+"\n")
}

// lock waits until nobody else changes the folder, and keeps others out until unlock is called or the process ends.
func (f Folder) lock() (unlock func() error, err error) {
	file, err := os.OpenFile(filepath.Join(string(f), lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("seal: lock the key folder: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("seal: lock the key folder: %w", err), file.Close())
	}
	return file.Close, nil
}

// writeNew makes a 0600 file with the text, complete or not at all; fs.ErrExist when there is one.
func writeNew(path, text string) error {
	temp, err := writeTemp(path, text)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp) }()
	if err := os.Link(temp, path); err != nil { // unlike a rename, a link never replaces
		return fmt.Errorf("seal: %w", err)
	}
	return syncFolder(path)
}

func replace(path, text string) error {
	temp, err := writeTemp(path, text)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		_ = os.Remove(temp)
		return fmt.Errorf("seal: %w", err)
	}
	return syncFolder(path)
}

func writeTemp(path, text string) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // made with mode 0600
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		_ = os.Remove(f.Name())
		return "", fmt.Errorf("seal: write %s: %w", path, err)
	}
	return f.Name(), nil
}

func syncFolder(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}
