package cli

import (
	"encoding/json"
	"slices"
	"strings"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/app"
)

type codesCommand struct {
	Code []string `arg:"" optional:"" help:"Only these codes."`
	JSON bool     `name:"json" help:"Print them as JSON."`
}

// codeRow is a code as it is printed for programs, in the words of the API.
type codeRow struct {
	Platform shippost.PlatformName `json:"platform"`
	Code     string                `json:"code"`
	Sources  []shippost.CodeSource `json:"sources"`
	Class    string                `json:"class"`
	After    string                `json:"class_after,omitempty"`
	Message  string                `json:"message"`
	Remedy   shippost.Remedy       `json:"remedy,omitempty"`
	Does     string                `json:"remedy_words"`
	Operator bool                  `json:"alerts_operator"`
}

// Run prints the table of everything that a platform may refuse. It asks nobody.
func (c *codesCommand) Run(s streams) error {
	var rows []codeRow
	for _, r := range app.Codes() {
		if len(c.Code) == 0 || slices.Contains(c.Code, r.Code) {
			rows = append(rows, codeRow{r.Platform, r.Code, r.Sources, r.Class, r.After, r.Message, r.Remedy, r.Remedy.Words(), r.Alarm})
		}
	}
	for _, asked := range c.Code {
		if !slices.ContainsFunc(rows, func(r codeRow) bool { return r.Code == asked }) {
			return shippost.Errorf(shippost.NotFound, "code_unknown", "No platform is known to answer %q. shippost codes lists what is known.", asked)
		}
	}
	if c.JSON {
		text, err := json.MarshalIndent(map[string]any{"items": rows}, "", "  ")
		if err != nil {
			return err
		}
		say(s.out, "%s\n", text)
		return nil
	}
	for _, r := range rows {
		class := r.Class
		if r.After != "" && r.After != r.Class {
			class += ", after the hand-over " + r.After
		}
		var sources []string
		for _, source := range r.Sources {
			sources = append(sources, strings.ReplaceAll(string(source), "_", " "))
		}
		say(s.out, "%s  (%s %s; %s)\n  %s\n  → %s\n\n", r.Code, r.Platform, strings.Join(sources, " and "), class, r.Message, r.Does)
	}
	return nil
}
