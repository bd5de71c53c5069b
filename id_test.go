package shippost

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestNewID_SortsByTime(t *testing.T) {
	start := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	var ids []PostID
	for i := range 1000 {
		ids = append(ids, NewPostID(start.Add(time.Duration(i)*time.Millisecond)))
	}
	if !slices.IsSorted(ids) {
		t.Error("ids of later milliseconds do not sort after earlier ones")
	}
	seen := map[PostID]bool{}
	for range 10_000 {
		id := NewPostID(start)
		if seen[id] {
			t.Fatalf("%s was given twice", id)
		}
		seen[id] = true
	}
}

func TestNewID_Prefixes(t *testing.T) {
	now := time.Now()
	for prefix, id := range map[string]string{
		"ws_": string(NewWorkspaceID(now)), "usr_": string(NewUserID(now)), "idn_": string(NewIdentityID(now)),
		"acc_": string(NewAccountID(now)), "med_": string(NewMediaID(now)), "upl_": string(NewUploadID(now)),
		"post_": string(NewPostID(now)), "grp_": string(NewGroupID(now)), "att_": string(NewAttemptID(now)),
		"con_": string(NewConsentID(now)), "key_": string(NewAPIKeyID(now)), "ses_": string(NewSessionID(now)),
		"jnl_": string(NewEntryID(now)), "node_": string(NewNodeID(now)), "req_": string(NewRequestID(now)),
		"cnv_": string(NewConversionID(now)), "lab_": string(NewLabelID(now)), "tmpl_": string(NewTemplateID(now)),
	} {
		if !ValidID(prefix, id) {
			t.Errorf("%q is not a valid %s id", id, prefix)
		}
	}
}

func TestValidID(t *testing.T) {
	good := string(NewPostID(time.Now()))
	rest := strings.TrimPrefix(good, "post_")
	for name, bad := range map[string]string{
		"empty":                 "",
		"prefix alone":          "post_",
		"no prefix":             rest,
		"other prefix":          "acc_" + rest,
		"too short":             good[:len(good)-1],
		"too long":              good + "0",
		"letter outside":        "post_" + rest[:25] + "u",
		"capital":               "post_" + strings.Repeat("A", 26),
		"line breaks":           "post_" + rest[:24] + "\n\n",
		"path":                  "post_../../../../../etc/passw",
		"quote":                 "post_" + rest[:25] + "'",
		"text in another alph.": "post_" + strings.Repeat("я", 13),
	} {
		if ValidID("post_", bad) {
			t.Errorf("%s: %q passes", name, bad)
		}
	}
}
