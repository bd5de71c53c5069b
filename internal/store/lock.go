//go:build unix

package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"ship-post.com/shippost"
)

// lockName is the file in the data folder whose lock says that a process uses the folder. It holds the process id.
const lockName = "shippost.lock"

// lockFolder takes the exclusive lock of a data folder. The system lets go of it when the file is closed or the
// process ends in whatever way, so a stale lock cannot exist.
func lockFolder(folder string) (*os.File, error) {
	path := filepath.Join(folder, lockName)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, unusable("The data folder %s cannot be used: %v.", folder, err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer func() { _ = file.Close() }()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, folderInUse(folder, file)
		}
		return nil, unusable("The data folder %s cannot be locked: %v.", folder, err)
	}
	if err := errors.Join(file.Truncate(0), writeAt(file, fmt.Sprintln(os.Getpid()))); err != nil {
		return nil, errors.Join(unusable("The data folder %s cannot be written to: %v.", folder, err), file.Close())
	}
	return file, nil
}

func writeAt(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	return err
}

// folderInUse names the process that holds the lock, when it told.
func folderInUse(folder string, lock io.ReaderAt) error {
	text := make([]byte, 20)
	n, _ := lock.ReadAt(text, 0)
	who := "Another process"
	if pid := strings.TrimSpace(string(text[:n])); pid != "" {
		who = "Process " + pid
	}
	return shippost.Errorf(shippost.Conflict, "data_folder_in_use",
		"%s already uses the data folder %s. Stop it first, or choose another folder.", who, folder).With(shippost.RemedyOperator)
}
