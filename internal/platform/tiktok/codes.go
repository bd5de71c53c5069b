package tiktok

import (
	"slices"
	"strings"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/platform"
)

var _ platform.CodeTeller = (*Client)(nil)

// Codes implements platform.CodeTeller.
func (c *Client) Codes() []shippost.Code { return Codes() }

// sources are the words for where a code stands, in the order in which they are listed.
var sources = []struct {
	from from
	word shippost.CodeSource
}{{answered, shippost.CodeAnswer}, {ended, shippost.CodeFailReason}, {signIn, shippost.CodeSignIn}, {ours, shippost.CodeOurs}}

// Codes returns the table of failures: first what TikTok answers, then what it ends posts for, then refused sign-ins, then
// what ShipPost finds by itself; each by its name.
func Codes() []shippost.Code {
	list := make([]shippost.Code, 0, len(failures))
	for code, r := range failures {
		row := shippost.Code{Platform: shippost.TikTok, Code: code, Class: string(r.class), After: string(r.after),
			Message: r.message, Remedy: r.remedy, Alarm: r.alarm}
		for _, s := range sources {
			if r.from&s.from != 0 {
				row.Sources = append(row.Sources, s.word)
			}
		}
		list = append(list, row)
	}
	slices.SortFunc(list, func(a, b shippost.Code) int {
		if order := place(a) - place(b); order != 0 {
			return order
		}
		return strings.Compare(a.Code, b.Code)
	})
	return list
}

func place(c shippost.Code) int {
	for i, s := range sources {
		if slices.Contains(c.Sources, s.word) {
			return i
		}
	}
	return len(sources)
}
