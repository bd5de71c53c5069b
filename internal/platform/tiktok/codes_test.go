package tiktok

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ship-post.com/shippost"
)

//go:generate go test -count=1 -run ^TestCodes_ThePageIsFresh$ . -update

var update = flag.Bool("update", false, "write docs/codes.md")

// TestCodes_AreTheTable: the listing has each code once, with everything a person needs, in a settled order.
func TestCodes_AreTheTable(t *testing.T) {
	list := Codes()
	if len(list) != len(failures) || !slices.EqualFunc(list, Codes(), func(a, b shippost.Code) bool { return a.Code == b.Code }) {
		t.Errorf("%d of %d codes are listed, or not in one order", len(list), len(failures))
	}
	for _, c := range list {
		if len(c.Sources) == 0 || c.Class == "" || c.Message == "" || c.Remedy.Words() == "" || slices.Contains(c.Sources, shippost.CodeFailReason) != (c.After != "") {
			t.Errorf("%+v", c)
		}
		_, api := apiCodes[c.Code]
		_, ends := failReasons[c.Code]
		_, oauth := oauthCodes[c.Code]
		_, own := ownCodes[c.Code]
		for source, stands := range map[shippost.CodeSource]bool{shippost.CodeAnswer: api, shippost.CodeFailReason: ends, shippost.CodeSignIn: oauth, shippost.CodeOurs: own} {
			if slices.Contains(c.Sources, source) != stands {
				t.Errorf("%s is listed as %v", c.Code, c.Sources)
			}
		}
	}
}

// TestCodes_ThePageIsFresh: docs/codes.md says what the table says.
func TestCodes_ThePageIsFresh(t *testing.T) {
	path := filepath.Join("..", "..", "..", "docs", "codes.md")
	fresh := codesPage()
	if old, err := os.ReadFile(path); err == nil && string(old) == fresh {
		return
	}
	if !*update {
		t.Fatalf("%s does not say what the table of failures says. Run: make generate", path)
	}
	if err := os.WriteFile(path, []byte(fresh), 0o644); err != nil {
		t.Fatal(err)
	}
}

// codesPage describes the table in Markdown.
func codesPage() string {
	var b strings.Builder
	b.WriteString(`<!-- Generated from internal/platform/tiktok/failure.go by "make generate"; do not edit. -->
# What a platform may refuse, in words

Every code that TikTok documents has one row in one table. The web app, the API (` + "`GET /api/v1/codes`, and `failure` and `hold` of a post" + `),
the command line (` + "`shippost codes`" + `) and the notices say the sentence of that row, and offer its remedy.

**Class** is what ShipPost does: *transient* tries again within the late window · *rate* is quiet for a minute · *quota* holds the post and asks
hourly · *auth* holds it until the account is connected anew · *content* fails it until somebody changes something · *refused* fails it, and nothing is
tried again · *unknown* tries three times. Once TikTok has everything, no answer but its own word ends a post; of fail reasons only *transient* ones
lead to another attempt, three in all. 🔔: whoever runs the server is told too.
`)
	titles := []struct {
		source shippost.CodeSource
		title  string
	}{
		{shippost.CodeAnswer, "TikTok refuses a request"},
		{shippost.CodeFailReason, "TikTok had everything and ends the post"},
		{shippost.CodeSignIn, "TikTok refuses a sign-in or the renewal of access"},
		{shippost.CodeOurs, "ShipPost found it"},
	}
	for _, part := range titles {
		fmt.Fprintf(&b, "\n## %s\n\n| code | class | what the creator reads | what helps |\n|---|---|---|---|\n", part.title)
		for _, c := range Codes() {
			if !slices.Contains(c.Sources, part.source) {
				continue
			}
			class := c.Class
			if part.source == shippost.CodeFailReason {
				class = c.After
			}
			if c.Code == codePrivacy {
				class += ", held until somebody chose anew"
			}
			if c.Alarm {
				class += " 🔔"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c.Code, class, c.Message, c.Remedy.Words())
		}
	}
	b.WriteString("\nA code that is in no row ends the post like a refusal, is shown with its name, and alerts whoever runs the server.\n")
	return b.String()
}
