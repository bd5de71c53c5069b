package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"ship-post.com/shippost/client"
	"ship-post.com/shippost/internal/platform/tiktoksim"
)

// refusedAt says at which of TikTok's endpoints a code is answered in TestCodes_Seen. A code that the product knows and that is
// not here fails the test, and so does one that is here and unknown.
var refusedAt = map[string]string{
	"access_token_invalid":                               "creator_info",
	"scope_not_authorized":                               "video_init",
	"scope_permission_missed":                            "video_init",
	"rate_limit_exceeded":                                "video_init",
	"internal_error":                                     "video_init",
	"invalid_param":                                      "video_init",
	"invalid_params":                                     "video_init",
	"invalid_file_upload":                                "video_init",
	"app_version_check_failed":                           "video_init",
	"invalid_publish_id":                                 "status",
	"token_not_authorized_for_specified_publish_id":      "status",
	"publish_not_cancellable":                            "cancel",
	"spam_risk_too_many_posts":                           "video_init",
	"spam_risk_user_banned_from_posting":                 "video_init",
	"spam_risk_too_many_pending_share":                   "video_init",
	"reached_active_user_cap":                            "video_init",
	"unaudited_client_can_only_post_to_private_accounts": "video_init",
	"url_ownership_unverified":                           "video_init",
	"privacy_level_option_mismatch":                      "video_init",
}

// saidAs are answers of TikTok that say more once ShipPost has done what it can about them: the code of what the page says then.
var saidAs = map[string]string{
	"access_token_invalid": "token_refused", // the token was renewed, and TikTok refuses that one too
}

// endedFor are the reasons for which TikTok ends posts in TestCodes_Seen, after it had everything.
var endedFor = []string{
	"file_format_check_failed", "duration_check_failed", "frame_rate_check_failed", "picture_size_check_failed", "internal",
	"video_pull_failed", "photo_pull_failed", "publish_cancelled", "auth_removed", "spam_risk_too_many_posts",
	"spam_risk_user_banned_from_posting", "spam_risk_text", "spam_risk",
}

// listedCode is a row of GET /api/v1/codes.
type listedCode struct {
	Code    string   `json:"code"`
	Sources []string `json:"sources"`
	Message string   `json:"message"`
	Remedy  string   `json:"remedy"`
	Does    string   `json:"remedy_words"`
}

// TestCodes_Seen has the simulated TikTok answer every code of its error table, and end posts for each of its reasons. The page of
// each post says the sentence of the table, and offers its remedy and no other.
func TestCodes_Seen(t *testing.T) {
	t.Parallel()
	p := play(t)
	mara, err := p.world.signIn(t.Context(), "mara.moves")
	must(t, err)
	var table []listedCode
	mara.get(t, "/api/v1/codes", &table)

	type story struct {
		row    listedCode
		handle string
		post   string
	}
	var stories []*story
	var photoRow listedCode
	var faults []tiktoksim.Fault
	refused, ended := map[string]bool{}, map[string]bool{}
	add := func(row listedCode) *story {
		s := &story{row: row, handle: fmt.Sprintf("case%d", len(stories))}
		stories = append(stories, s)
		return s
	}
	for _, row := range table {
		if slices.Contains(row.Sources, "answer") {
			refused[row.Code] = true
			switch at := refusedAt[row.Code]; at {
			case "":
				t.Errorf("%s is in the table of the product; say in refusedAt where TikTok answers it", row.Code)
			case "cancel":
				photoRow = row
			default:
				f := tiktoksim.Fault{Endpoint: at, At: "before_effect", Do: "refuse", Code: row.Code, Times: -1, Creator: add(row).handle}
				faults = append(faults, f)
				p.control(t, http.MethodPost, "/_sim/creators", tiktoksim.Creator{Handle: f.Creator})
			}
		}
		if slices.Contains(row.Sources, "fail_reason") {
			ended[row.Code] = true
			if !slices.Contains(endedFor, row.Code) {
				t.Errorf("%s is in the table of the product; name it in endedFor", row.Code)
			}
			p.control(t, http.MethodPost, "/_sim/creators", tiktoksim.Creator{Handle: add(row).handle, FailReason: row.Code})
		}
	}
	for code := range refusedAt {
		if !refused[code] {
			t.Errorf("the product does not know %s", code)
		}
	}
	for _, code := range endedFor {
		if !ended[code] {
			t.Errorf("the product does not know that TikTok may end a post for %s", code)
		}
	}
	faults = append(faults, tiktoksim.Fault{Endpoint: "cancel", At: "before_effect", Do: "refuse", Code: "publish_not_cancellable", Times: -1})

	clip, err := mara.upload(t.Context(), shortClip(t, 1))
	must(t, err)
	accounts := map[string]string{}
	for _, s := range stories {
		mara.connect(t, s.handle)
	}
	list, err := mara.Accounts(t.Context())
	must(t, err)
	for _, a := range list {
		accounts[a.Handle] = a.ID
	}
	off := false
	answers := &client.TikTok{PrivacyLevel: "PUBLIC_TO_EVERYONE", AllowComment: &off, AllowDuet: &off, AllowStitch: &off, YourBrand: &off, BrandedContent: &off, Consent: true}
	schedule := func(s *story, in time.Duration) {
		t.Helper()
		post, err := mara.CreatePost(t.Context(), client.NewPost{AccountID: accounts[s.handle], MediaIDs: []string{clip.ID}, Caption: "Low tide",
			DueAt: time.Now().Add(in), Options: client.Choices{TikTok: answers}}, "")
		if err != nil {
			t.Fatalf("%s: %v", s.row.Code, err)
		}
		s.post = post.ID
	}
	// What is told about a creator is asked for when a post is written, and again before it is sent: only then is it refused.
	late := func(s *story) bool { return refusedAt[s.row.Code] == "creator_info" }
	for _, s := range stories {
		if late(s) {
			schedule(s, 2*time.Hour)
		}
	}
	p.control(t, http.MethodPut, "/_sim/knobs", map[string]any{"faults": faults})
	for _, s := range stories {
		if !late(s) {
			schedule(s, time.Second)
			continue
		}
		_, err := mara.EditPost(t.Context(), s.post, client.Change{DueAt: time.Now().Add(time.Second)})
		must(t, err)
	}

	b := p.browse(t)
	b.signIn("mara.moves")
	for i, s := range stories {
		said := s.row
		if code, more := saidAs[said.Code]; more {
			said = table[slices.IndexFunc(table, func(row listedCode) bool { return row.Code == code })]
		}
		b.open("/posts/" + s.post)
		b.until(s.row.Code+" on the page of its post", func() bool {
			got := peek[string](b, fmt.Sprintf(offered, said.Message))
			return got != "" && remedyIs(got[1:], said, table)
		})
		b.picture(s.row.Code)
		if i%8 == 0 {
			b.flawless()
		}
	}

	// What TikTok answers when it is told to stop has no button; the story of the post tells it.
	p.control(t, http.MethodPut, "/_sim/knobs", map[string]any{"processing": map[string]any{"delay": "1h"}})
	photo, err := mara.upload(t.Context(), picture(t, t.TempDir(), "beach.jpg", "720x960"))
	must(t, err)
	post, err := mara.CreatePost(t.Context(), client.NewPost{AccountID: mara.account, MediaIDs: []string{photo.ID}, Caption: "Beach",
		DueAt: time.Now().Add(time.Second), Options: client.Choices{TikTok: answers}}, "")
	must(t, err)
	_, err = mara.until(t.Context(), post.ID, "publishing/processing", "publishing/committing")
	must(t, err)
	_, err = mara.CancelPost(t.Context(), post.ID)
	if err != nil {
		t.Logf("cancelled with %v", err) // it may be out all the same, which the answer says
	}
	b.open("/posts/" + post.ID)
	b.see(photoRow.Message)
	b.picture(photoRow.Code)
}

// offered returns "=" and the names of what can be pressed beside a sentence; nothing where it is not said.
const offered = `(() => {
	const n = [...document.querySelectorAll('.notice')].find((n) => n.querySelector('.title')?.textContent === %q)
	return n ? '=' + [...n.querySelectorAll('.actions a, .actions button')].map((e) => e.textContent.trim()).join('|') : ''
})()`

// remedyIs reports whether the names are the remedy of a code, and that of no other one.
func remedyIs(names string, row listedCode, table []listedCode) bool {
	has := func(words string) bool { return slices.Contains(strings.Split(names, "|"), words) }
	nothing := row.Remedy == "" || row.Remedy == "wait"
	if has(row.Does) == nothing {
		return false
	}
	for _, other := range table {
		if other.Does != row.Does && has(other.Does) {
			return false
		}
	}
	return true
}

// picture keeps what the page looks like, where TEST_PICTURES says and somebody wants to see it.
func (b *tab) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("TEST_PICTURES")
	if dir == "" {
		return
	}
	data, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	must(b.t, err)
	must(b.t, os.WriteFile(filepath.Join(dir, name+".png"), data, 0o600))
}

// control uses a control path of the simulator.
func (p playground) control(t *testing.T, method, path string, body any) {
	t.Helper()
	text, err := json.Marshal(body)
	must(t, err)
	req, err := http.NewRequestWithContext(t.Context(), method, p.simulator+path, bytes.NewReader(text))
	must(t, err)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s", method, path, resp.Status)
	}
}

// get reads the items of a list of the API.
func (p *person) get(t *testing.T, path string, items any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.world.url+path, nil)
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+p.key)
	resp, err := p.browser.Do(req)
	must(t, err)
	defer resp.Body.Close()
	var body struct {
		Items json.RawMessage `json:"items"`
	}
	must(t, json.NewDecoder(resp.Body).Decode(&body))
	must(t, json.Unmarshal(body.Items, items))
}

// connect adds a creator's account to the person's workspace, through the pages of ShipPost and TikTok.
func (p *person) connect(t *testing.T, handle string) {
	t.Helper()
	consent, err := p.browser.PostForm(p.world.url+"/connect/tiktok", nil)
	must(t, err)
	_ = consent.Body.Close()
	at := consent.Request.URL
	back, err := p.browser.PostForm(at.String(), url.Values{"creator": {handle}, "decision": {"allow"}, "scope": strings.Split(at.Query().Get("scope"), ",")})
	must(t, err)
	_ = back.Body.Close()
	if back.StatusCode != http.StatusOK || !strings.HasPrefix(back.Request.URL.String(), p.world.url) {
		t.Fatalf("connecting %s ended at %s with %s", handle, back.Request.URL.Path, back.Status)
	}
}
