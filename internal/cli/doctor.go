package cli

import (
	"context"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/app"
	"ship-post.com/shippost/internal/config"
)

type doctorCommand struct {
	config.Config `embed:""`
	JSON          bool `name:"json" help:"Print the findings as JSON."`
}

// marks begin the line of a finding: what needs somebody catches the eye, also without colours.
var marks = map[string]string{app.FindingOK: "✓", app.FindingWarning: "!", app.FindingFailure: "✗"}

// wrapped breaks a sentence into lines of at most so many characters, where it has spaces.
func wrapped(text string, width int) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

// Run checks the set-up and fails when something keeps ShipPost from working.
func (c *doctorCommand) Run(ctx context.Context, s streams) error {
	invalid := c.Complete() // before the settings are copied: it fills in what follows from others
	findings := app.Examine(ctx, c.Config, invalid)
	broken, doubtful := 0, 0
	for _, f := range findings {
		switch f.State {
		case app.FindingFailure:
			broken++
		case app.FindingWarning:
			doubtful++
		}
	}
	if c.JSON {
		text, err := json.MarshalIndent(map[string]any{"ok": broken == 0, "findings": findings}, "", "  ")
		if err != nil {
			return err
		}
		say(s.out, "%s\n", text)
	} else {
		for _, f := range findings {
			say(s.out, "%s %-11s  %s\n", marks[f.State], f.Check, strings.ReplaceAll(wrapped(f.Message, 86), "\n", "\n"+strings.Repeat(" ", 15)))
		}
		say(s.out, "\n%d checks: %d right, %d to look at, %d broken.\n", len(findings), len(findings)-broken-doubtful, doubtful, broken)
	}
	if broken > 0 {
		return shippost.Errorf(shippost.Invalid, "set_up_broken", "%d of %d checks failed; see above.", broken, len(findings))
	}
	return nil
}
