package blob

import (
	"regexp"
	"slices"
	"strings"

	"ship-post.com/shippost"
)

// A key is folder/name. The alphabet is so small that a key means the same on every file system and in every URL.
var (
	folderShape = regexp.MustCompile(`^[a-z]{1,16}$`)
	nameShape   = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)*$`)
)

const maxName = 100

// reserved are device names on some systems, whatever their extension.
var reserved = []string{"con", "prn", "aux", "nul", "com0", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
	"lpt0", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9"}

// Key joins a folder and a name that ShipPost made itself, such as an identifier. It does not check; the bucket does.
func Key(folder, name string) string { return folder + "/" + name }

// CheckKey returns an error of kind Invalid unless key is a folder of 1 to 16 lower-case letters, a slash and a valid name.
func CheckKey(key string) error {
	folder, name, ok := strings.Cut(key, "/")
	if !ok {
		return badKey(key)
	}
	if err := CheckFolder(folder); err != nil {
		return err
	}
	return CheckName(name)
}

// CheckFolder returns an error of kind Invalid unless folder can be the first part of a key.
func CheckFolder(folder string) error {
	if !folderShape.MatchString(folder) || slices.Contains(reserved, folder) {
		return badKey(folder)
	}
	return nil
}

// CheckName returns an error of kind Invalid unless name is 1 to 100 characters of a-z, 0-9, "_", "-" and single inner
// dots, and not the name of a device on any system.
func CheckName(name string) error {
	stem, _, _ := strings.Cut(name, ".")
	if len(name) > maxName || !nameShape.MatchString(name) || slices.Contains(reserved, stem) {
		return badKey(name)
	}
	return nil
}

func badKey(key string) error {
	return shippost.Errorf(shippost.Invalid, "bad_file_key", "%.60q cannot name a stored file.", key)
}
