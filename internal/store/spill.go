package store

import (
	"fmt"
	"sync"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// savepointMemory is how much SQLite keeps in memory to undo a statement or one update of a group; what is beyond goes to a
// temporary file. Its own 64 KiB are less than the pages that the creation of a post touches. This is the most there may be: the
// library moves what it has to the file in one write, and cuts the length of a write to 17 bits.
const savepointMemory = 1<<17 - 1

// keepSavepoints tells the library so. It takes that only before the first connection of the process; later it changes
// nothing, and all works the same, slower.
var keepSavepoints = sync.OnceValue(func() error {
	tls := libc.NewTLS()
	defer tls.Close()
	args := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(uintptr(0))))
	if args == 0 {
		return fmt.Errorf("set up SQLite: out of memory")
	}
	defer libc.Xfree(tls, args)
	code := sqlite3.Xsqlite3_config(tls, sqlite3.SQLITE_CONFIG_STMTJRNL_SPILL, libc.VaList(args, int32(savepointMemory)))
	if code != sqlite3.SQLITE_OK && code != sqlite3.SQLITE_MISUSE {
		return fmt.Errorf("set up SQLite: code %d", code)
	}
	return nil
})
