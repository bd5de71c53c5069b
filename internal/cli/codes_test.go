package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"ship-post.com/shippost/internal/app"
)

// TestCodes prints the table for people and for programs: every code with its sentence and what helps.
func TestCodes(t *testing.T) {
	run := func(args ...string) (string, int) {
		var out, errOut bytes.Buffer
		exit := Main(append([]string{"codes"}, args...), &out, &errOut)
		return out.String() + errOut.String(), exit
	}
	text, exit := run()
	if exit != 0 || len(app.Codes()) < 40 {
		t.Errorf("exit status %d with %d codes", exit, len(app.Codes()))
	}
	for _, c := range app.Codes() {
		if !strings.Contains(text, "\n"+c.Code+"  (") && !strings.HasPrefix(text, c.Code+"  (") || !strings.Contains(text, c.Message+"\n  → "+c.Remedy.Words()) {
			t.Errorf("%s is not printed with its words", c.Code)
		}
	}
	text, exit = run("--json", "spam_risk_text", "internal")
	var body struct {
		Items []struct {
			Code   string
			Remedy string
			Does   string `json:"remedy_words"`
		}
	}
	if err := json.Unmarshal([]byte(text), &body); err != nil || exit != 0 || len(body.Items) != 2 {
		t.Fatalf("%d codes, exit status %d, %v: %s", len(body.Items), exit, err, text)
	}
	if r := body.Items[1]; r.Code != "spam_risk_text" || r.Remedy != "edit" || r.Does != "Change the post" {
		t.Errorf("%+v", r)
	}
	if text, exit = run("nobody_says_this"); exit != 1 || !strings.Contains(text, "shippost codes lists what is known") {
		t.Errorf("an unknown code: %d %s", exit, text)
	}
}
