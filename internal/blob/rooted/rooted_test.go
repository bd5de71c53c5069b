package rooted_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/blob/rooted"
)

func TestExplain(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	_, err = full.Write([]byte("x"))
	if got := shippost.AsError(rooted.Explain(err)); got.Kind != shippost.Unavailable || got.Code != "disk_full" || got.Remedy != shippost.RemedyOperator {
		t.Errorf("a full disk is explained as %+v", got)
	}
	_, err = os.Open("/nowhere/at/all")
	if got := rooted.Explain(err); !errors.Is(got, fs.ErrNotExist) || shippost.ErrorKind(got) != shippost.Internal {
		t.Errorf("a missing file is explained as %v", got)
	}
	if got := rooted.Explain(nil); got != nil {
		t.Errorf("nothing is explained as %v", got)
	}
}
