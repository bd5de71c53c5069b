// Package legal keeps the privacy policy and the terms: every version with its day, what changed between them, and who has
// read which. The policy's tables are made from the catalogue of package lifecycle and its list of recipients from the hosts that
// this server may reach, so that the text cannot claim anything else.
package legal

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"text/template"
	"time"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/auth"
	"ship-post.com/shippost/internal/feature/lifecycle"
	"ship-post.com/shippost/internal/feature/notify"
	"ship-post.com/shippost/internal/store"
)

//go:embed privacy-policy.tmpl versions/*.txt
var files embed.FS

// The documents.
const (
	Policy = "privacy-policy"
	Terms  = "terms"
)

// Version is a text that was or is in force.
type Version struct {
	Day      string // 2006-01-02
	Material bool   // people are told, and asked to confirm that they have read it
	Summary  string // what changed, in a sentence or two
}

// Published lists the versions of each document, the newest first. A text that people have seen never changes: whoever
// changes the catalogue or a text adds a version here and runs go generate.
var Published = map[string][]Version{
	Policy: {
		{Day: "2026-11-26", Material: true, Summary: "The policy now names everything that is kept, with its purpose and lifetime. Posted files leave after the time your workspace chooses, " +
			"30 days unless you change it. You can make a copy of everything and delete yourself or your workspace in the settings. Questions and requests have a page of their own. " +
			"You can give a mail address in the settings to be told of your posts. Page views are counted without knowing whose they are, unless whoever runs the server has turned that off."},
		{Day: "2026-11-24", Summary: "The first version."},
	},
	Terms: {{Day: "2026-11-24", Summary: "The first version."}},
}

// Operator is whoever runs this server.
type Operator struct {
	Name    string // person or company; "" leaves it open
	Contact string // mail address for requests; "" leaves it open
}

// Host is somebody this server may connect to, and what for.
type Host struct{ Name, Purpose string }

// Options is what a Desk needs.
type Options struct {
	DB       *store.DB
	Operator Operator
	Hosts    []Host
	// CountsPages says that page views are counted here; see package usage.
	CountsPages bool
	Published   map[string][]Version // nil means the ones of this program
	PublicURL   string
	Post        notify.Post // nil: this server sends no mail, and changes are announced in the app alone
	// Readers returns people who gave a mail address in their settings; nil for none.
	Readers func(ctx context.Context, tx *store.Tx) ([]notify.Reader, error)
	Now     func() time.Time // nil: time.Now
}

// Desk shows the documents and notes who has read them. All methods may be called from many goroutines at once.
type Desk struct {
	Options

	mu   sync.Mutex
	from map[string]time.Time // see fromKey
}

// New returns a Desk.
func New(o Options) *Desk {
	if o.Published == nil {
		o.Published = Published
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Desk{Options: o, from: map[string]time.Time{}}
}

// Versions returns the versions of a document, the newest first.
func (d *Desk) Versions(document string) []Version { return d.Published[document] }

// Block is a part of a text: a heading, a paragraph, or a list or table of which several lines belong together.
type Block struct {
	Heading string
	Text    string
	Items   []string
	Head    []string
	Rows    [][]string
}

// Read returns a version of a document, that in force for an empty day; NotFound for one that never was.
func (d *Desk) Read(document, day string) (Version, []Block, error) {
	if day == "" {
		day = d.InForce(document).Day
	}
	v, text, err := d.text(document, day)
	return v, blocks(text), err
}

func (d *Desk) text(document, day string) (Version, string, error) {
	list := d.Published[document]
	i := slices.IndexFunc(list, func(v Version) bool { return day == "" || v.Day == day })
	if i < 0 {
		return Version{}, "", shippost.Errorf(shippost.NotFound, "version_not_found", "There is no version of that day.")
	}
	raw, err := files.ReadFile("versions/" + document + "-" + list[i].Day + ".txt")
	if err != nil {
		return list[i], "", fmt.Errorf("read %s of %s: %w", document, list[i].Day, err)
	}
	return list[i], d.fill(string(raw)), nil
}

// fill says who runs this server and whom it connects to.
func (d *Desk) fill(text string) string {
	operator, contact := "Whoever runs this server has not given a name here.", "Questions and requests go through the page /contact to whoever runs this server. They are answered within 30 days."
	if d.Operator.Name != "" {
		operator = "It is run by " + d.Operator.Name + "."
	}
	if d.Operator.Contact != "" {
		contact = "Questions and requests go through the page /contact, or to " + d.Operator.Contact + ". They are answered within 30 days."
	}
	var hosts strings.Builder
	for _, h := range d.Hosts {
		hosts.WriteString("- " + h.Name + ": " + h.Purpose + "\n")
	}
	if len(d.Hosts) == 0 {
		hosts.WriteString("- none: no platform is set up here\n")
	}
	usage := "Page views are not counted here: the settings of this server have turned that off."
	if d.CountsPages {
		usage = "Page views are counted, to keep the server running and to make it better: which page, with which family of browser, from which shortened network address, and in which minute. " +
			"These rows do not say whose they are, and go within 14 days. What stays, for two years, are numbers for whole days; a page or browser that was used from fewer than five networks is not told apart there. " +
			"A browser that asks not to be tracked is not counted."
	}
	return strings.NewReplacer("{usage}", usage, "{operator}", operator, "{contact}", contact, "{hosts}\n", hosts.String()).Replace(text)
}

// blocks reads the few marks that the texts use.
func blocks(text string) (all []Block) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		last := len(all) - 1
		switch {
		case line == "":
		case strings.HasPrefix(line, "## "):
			all = append(all, Block{Heading: line[3:]})
		case strings.HasPrefix(line, "- "):
			if last < 0 || all[last].Items == nil {
				all = append(all, Block{})
				last++
			}
			all[last].Items = append(all[last].Items, line[2:])
		case strings.HasPrefix(line, "| "):
			var cells []string
			for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
				cells = append(cells, strings.TrimSpace(cell))
			}
			if last < 0 || all[last].Head == nil {
				all = append(all, Block{Head: cells})
			} else {
				all[last].Rows = append(all[last].Rows, cells)
			}
		default:
			all = append(all, Block{Text: line})
		}
	}
	return all
}

// Change is a line of a comparison: in both versions, only in the older or only in the newer one.
type Change struct {
	Text         string
	Gone, Coming bool
}

// Compare returns how a version of a document differs from the one before it, line by line. The first version is all new.
func (d *Desk) Compare(document, day string) (older, newer Version, changes []Change, err error) {
	newer, text, err := d.text(document, day)
	if err != nil {
		return older, newer, nil, err
	}
	list := d.Published[document]
	before := ""
	if i := slices.Index(list, newer); i+1 < len(list) {
		if older, before, err = d.text(document, list[i+1].Day); err != nil {
			return older, newer, nil, err
		}
	}
	return older, newer, diff(plainLines(before), plainLines(text)), nil
}

func plainLines(text string) (lines []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(strings.TrimLeft(line, "#-| ")); line != "" {
			lines = append(lines, strings.TrimSpace(strings.ReplaceAll(strings.TrimSuffix(line, "|"), " | ", " · ")))
		}
	}
	return lines
}

// diff finds the longest common run of lines.
func diff(a, b []string) (out []Change) {
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out = append(out, Change{Text: a[i]})
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			out = append(out, Change{Text: a[i], Gone: true})
			i++
		default:
			out = append(out, Change{Text: b[j], Coming: true})
			j++
		}
	}
	return out
}

// Compose returns the text that the catalogue makes of the policy now, with its places still open.
func Compose() (string, error) {
	raw, err := files.ReadFile("privacy-policy.tmpl")
	if err != nil {
		return "", err
	}
	t, err := template.New(Policy).Parse(string(raw))
	if err != nil {
		return "", err
	}
	var facts struct {
		Tables []lifecycle.Table
		Files  []lifecycle.FileKind
	}
	for _, table := range lifecycle.Tables {
		if table.Holds != "" {
			facts.Tables = append(facts.Tables, table)
		}
	}
	for _, kind := range lifecycle.Files {
		if kind.Holds != "" {
			facts.Files = append(facts.Files, kind)
		}
	}
	var out bytes.Buffer
	err = t.Execute(&out, facts)
	return out.String(), err
}

// Accept notes, at the first sign-in, that a person accepted the documents in force.
func (d *Desk) Accept(ctx context.Context, tx *store.Tx, user shippost.UserID) error {
	for document := range d.Published {
		if err := tx.Acknowledge(ctx, user, document, d.InForce(document).Day, tx.Now()); err != nil {
			return err
		}
	}
	return nil
}

// News is a change of a document that a person has not confirmed yet.
type News struct {
	Document string
	Version  Version
	From     time.Time // when it will be in force; zero once it is
}

// News returns the material changes since what the person has read, also those that are only announced. Whoever came before this was noted has read the first
// version.
func (d *Desk) News(ctx context.Context, actor shippost.Actor) (news []News, err error) {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return nil, err
	}
	if actor.Kind != shippost.ActorUser {
		return nil, nil // a program reads nothing
	}
	var read map[string]string
	err = d.DB.View(ctx, func(tx *store.Tx) error {
		read, err = tx.Acknowledged(ctx, actor.User)
		return err
	})
	for _, document := range []string{Policy, Terms} {
		list := d.Published[document]
		seen := read[document]
		if seen == "" {
			seen = list[len(list)-1].Day
		}
		for _, v := range list {
			if v.Material && v.Day > seen {
				news = append(news, News{document, v, d.upcoming(document, v)})
				break
			}
		}
	}
	return news, err
}

// Acknowledge notes that a person has read a document as it is today. It counts for everything up to that day.
func (d *Desk) Acknowledge(ctx context.Context, actor shippost.Actor, document, day string) error {
	if err := actor.Require(shippost.ReadWorkspace); err != nil {
		return err
	}
	if actor.Kind != shippost.ActorUser {
		return shippost.Errorf(shippost.Forbidden, "person_required", "An API key cannot do this. Sign in and do it there.")
	}
	if !slices.ContainsFunc(d.Published[document], func(v Version) bool { return v.Day == day }) {
		return shippost.Errorf(shippost.Invalid, "version_not_found", "There is no version of that day.").At("version")
	}
	return d.DB.Update(ctx, func(tx *store.Tx) error {
		if err := tx.Acknowledge(ctx, actor.User, document, day, tx.Now()); err != nil {
			return err
		}
		return tx.Record(ctx, shippost.Entry{Workspace: actor.Workspace, Kind: shippost.EntryPolicyRead, Actor: actor, Data: map[string]any{"document": document, "version": day}})
	})
}

// Announce writes once to everybody with a mail address about each material change, which is in force two weeks later. People with a
// place here see it in the app, with or without mail. Run it at the start: the texts come with the program.
func (d *Desk) Announce(ctx context.Context) error {
	return d.DB.Update(ctx, func(tx *store.Tx) error {
		for _, document := range []string{Policy, Terms} {
			list := d.Published[document]
			i := slices.IndexFunc(list, func(v Version) bool { return v.Material })
			if i < 0 {
				continue
			}
			if err := d.begin(ctx, tx, document, list[i]); err != nil {
				return err
			}
			if err := d.recall(ctx, tx, document); err != nil {
				return err
			}
		}
		return nil
	})
}

// begin announces a version, unless that was done.
func (d *Desk) begin(ctx context.Context, tx *store.Tx, document string, v Version) error {
	key := "announced:" + document
	told, err := tx.Meta(ctx, key)
	if err != nil || told >= v.Day {
		return err
	}
	swapped, err := tx.SwapMeta(ctx, key, told, v.Day)
	if err != nil || !swapped { // another node does it
		return err
	}
	if err := d.schedule(ctx, tx, document, v); err != nil {
		return err
	}
	return d.announce(ctx, tx, document, v)
}

// names are how a letter calls the documents.
var names = map[string]string{Policy: "The privacy policy", Terms: "The terms"}

func (d *Desk) announce(ctx context.Context, tx *store.Tx, document string, v Version) error {
	if d.Post == nil {
		return nil
	}
	told := map[string]bool{}
	tell := func(to string, l notify.Letter) error {
		if told[strings.ToLower(to)] {
			return nil
		}
		told[strings.ToLower(to)] = true
		l.Once, l.Kind, l.To = strings.Join([]string{"policy", document, v.Day, l.Once}, "/"), shippost.LetterPolicy, to
		l.Facts = map[string]any{"Document": names[document], "Many": document == Terms, "Day": DateOf(tx.Now().Add(Notice)), "Summary": v.Summary, "Leave": l.Leave, "Wrote": l.Inquiry != "",
			"Page": d.PublicURL + "/" + document + "/" + v.Day + "/changes"}
		return d.Post(ctx, tx, l)
	}
	if d.Readers != nil {
		readers, err := d.Readers(ctx, tx)
		if err != nil {
			return err
		}
		for _, r := range readers {
			if err := tell(r.To, notify.Letter{Once: string(r.User), User: r.User, Leave: r.Leave}); err != nil {
				return err
			}
		}
	}
	people, err := tx.InquiryAddresses(ctx)
	if err != nil {
		return err
	}
	for _, i := range people {
		token := auth.NewToken()
		leave := d.PublicURL + "/mail-off/" + token.Reveal() + "?all"
		if err := tell(i.Mail, notify.Letter{Once: string(i.ID), Inquiry: i.ID, Leave: leave, Left: auth.Hash(token)}); err != nil {
			return err
		}
	}
	return nil
}

// Date returns the day of a version for people.
func (v Version) Date() string {
	day, err := time.Parse(time.DateOnly, v.Day)
	if err != nil {
		return v.Day
	}
	return day.Format("2 January 2006")
}
