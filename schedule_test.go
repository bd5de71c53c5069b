package shippost

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// transitions are moments at which a zone's clocks were or will be changed: the instant, and the offsets before and
// after it. They come from an independent reader of another copy of the zone database, Python 3.11 with Debian's 2025b:
//
//	zone = zoneinfo.ZoneInfo(name)
//	for t in hours: if (t - second).astimezone(zone).utcoffset() != t.astimezone(zone).utcoffset(): print(...)
var transitions = []struct{ zone, at, before, after string }{
	{"Europe/Zurich", "2026-03-29T01:00:00Z", "+01:00", "+02:00"},
	{"Europe/Zurich", "2026-10-25T01:00:00Z", "+02:00", "+01:00"},
	{"Europe/London", "2026-03-29T01:00:00Z", "+00:00", "+01:00"},
	{"Europe/London", "2026-10-25T01:00:00Z", "+01:00", "+00:00"},
	{"Europe/Dublin", "2026-03-29T01:00:00Z", "+00:00", "+01:00"},
	{"Europe/Dublin", "2026-10-25T01:00:00Z", "+01:00", "+00:00"},
	{"Atlantic/Azores", "2026-03-29T01:00:00Z", "-01:00", "+00:00"},
	{"Atlantic/Azores", "2026-10-25T01:00:00Z", "+00:00", "-01:00"},
	{"Europe/Chisinau", "2026-03-29T00:00:00Z", "+02:00", "+03:00"},
	{"Europe/Chisinau", "2026-10-25T00:00:00Z", "+03:00", "+02:00"},
	{"America/New_York", "2026-03-08T07:00:00Z", "-05:00", "-04:00"},
	{"America/New_York", "2026-11-01T06:00:00Z", "-04:00", "-05:00"},
	{"America/Los_Angeles", "2026-03-08T10:00:00Z", "-08:00", "-07:00"},
	{"America/Los_Angeles", "2026-11-01T09:00:00Z", "-07:00", "-08:00"},
	{"America/Havana", "2026-03-08T05:00:00Z", "-05:00", "-04:00"},
	{"America/Havana", "2026-11-01T05:00:00Z", "-04:00", "-05:00"},
	{"America/Santiago", "2026-04-05T03:00:00Z", "-03:00", "-04:00"},
	{"America/Santiago", "2026-09-06T04:00:00Z", "-04:00", "-03:00"},
	{"America/St_Johns", "2026-03-08T05:30:00Z", "-03:30", "-02:30"},
	{"America/St_Johns", "2026-11-01T04:30:00Z", "-02:30", "-03:30"},
	{"America/Nuuk", "2026-03-29T01:00:00Z", "-02:00", "-01:00"},
	{"America/Nuuk", "2026-10-25T01:00:00Z", "-01:00", "-02:00"},
	{"Australia/Sydney", "2026-04-04T16:00:00Z", "+11:00", "+10:00"},
	{"Australia/Sydney", "2026-10-03T16:00:00Z", "+10:00", "+11:00"},
	{"Australia/Lord_Howe", "2026-04-04T15:00:00Z", "+11:00", "+10:30"},
	{"Australia/Lord_Howe", "2026-10-03T15:30:00Z", "+10:30", "+11:00"},
	{"Pacific/Auckland", "2026-04-04T14:00:00Z", "+13:00", "+12:00"},
	{"Pacific/Auckland", "2026-09-26T14:00:00Z", "+12:00", "+13:00"},
	{"Pacific/Chatham", "2026-04-04T14:00:00Z", "+13:45", "+12:45"},
	{"Pacific/Chatham", "2026-09-26T14:00:00Z", "+12:45", "+13:45"},
	{"Pacific/Norfolk", "2026-04-04T15:00:00Z", "+12:00", "+11:00"},
	{"Pacific/Norfolk", "2026-10-03T15:00:00Z", "+11:00", "+12:00"},
	{"Africa/Casablanca", "2026-02-15T02:00:00Z", "+01:00", "+00:00"},
	{"Africa/Casablanca", "2026-03-22T02:00:00Z", "+00:00", "+01:00"},
	{"Africa/El_Aaiun", "2026-02-15T02:00:00Z", "+01:00", "+00:00"},
	{"Africa/El_Aaiun", "2026-03-22T02:00:00Z", "+00:00", "+01:00"},
	{"Africa/Cairo", "2026-04-23T22:00:00Z", "+02:00", "+03:00"},
	{"Africa/Cairo", "2026-10-29T21:00:00Z", "+03:00", "+02:00"},
	{"Asia/Beirut", "2026-03-28T22:00:00Z", "+02:00", "+03:00"},
	{"Asia/Beirut", "2026-10-24T21:00:00Z", "+03:00", "+02:00"},
	{"Asia/Jerusalem", "2026-03-27T00:00:00Z", "+02:00", "+03:00"},
	{"Asia/Jerusalem", "2026-10-24T23:00:00Z", "+03:00", "+02:00"},
	{"Antarctica/Troll", "2026-03-29T01:00:00Z", "+00:00", "+02:00"},
	{"Antarctica/Troll", "2026-10-25T01:00:00Z", "+02:00", "+00:00"},
	{"Pacific/Apia", "2011-12-30T10:00:00Z", "-10:00", "+14:00"}, // a whole day was skipped
	{"Pacific/Apia", "2012-03-31T14:00:00Z", "+14:00", "+13:00"},
	{"Pacific/Kwajalein", "1993-08-21T12:00:00Z", "-12:00", "+12:00"}, // here too
	{"America/Caracas", "2016-05-01T07:00:00Z", "-04:30", "-04:00"},
	{"Asia/Pyongyang", "2015-08-14T15:00:00Z", "+09:00", "+08:30"},
	{"Asia/Pyongyang", "2018-05-04T15:00:00Z", "+08:30", "+09:00"},
	{"Asia/Kathmandu", "1985-12-31T18:30:00Z", "+05:30", "+05:45"},
	{"Europe/Volgograd", "2020-12-26T22:00:00Z", "+04:00", "+03:00"},
	{"Asia/Tehran", "2022-03-21T20:30:00Z", "+03:30", "+04:30"},
	{"America/Sao_Paulo", "2018-11-04T03:00:00Z", "-03:00", "-02:00"},
	{"Africa/Khartoum", "2017-10-31T21:00:00Z", "+03:00", "+02:00"},
	{"Antarctica/Casey", "2020-10-03T16:01:00Z", "+08:00", "+11:00"},
	{"Europe/Moscow", "2014-10-25T22:00:00Z", "+04:00", "+03:00"},
	{"Africa/Juba", "2021-01-31T21:00:00Z", "+03:00", "+02:00"},
}

func TestR11_Transitions(t *testing.T) {
	for _, tr := range transitions {
		t.Run(tr.zone+" "+tr.at, func(t *testing.T) {
			at := instant(t, tr.at)
			before, after := offset(t, tr.before), offset(t, tr.after)
			if after > before {
				checkGap(t, tr.zone, at, before, after)
			} else {
				checkOverlap(t, tr.zone, at, before, after)
			}
		})
	}
}

// checkGap walks over the hole in front of a clock that is put forward.
func checkGap(t *testing.T, zone string, at time.Time, before, after time.Duration) {
	t.Helper()
	hole := after - before
	for _, into := range []time.Duration{0, time.Second, hole / 2, hole - time.Second} {
		local := at.Add(before + into).Format(LocalLayout)
		for _, fold := range []Fold{FoldNone, FoldEarlier, FoldLater} {
			due, err := DueLocal(local, zone, fold)
			if !IsCode(err, "nonexistent_local_time") || !due.IsZero() {
				t.Errorf("%s in %s, fold %q: got %v, %v; want nonexistent_local_time", local, zone, fold, due, err)
			}
		}
		_, err := DueLocal(local, zone, FoldNone)
		for _, neighbour := range []time.Time{at.Add(before - time.Second), at.Add(after)} {
			if !slices.ContainsFunc(AsError(err).Choices, func(c Choice) bool { return c.Local == neighbour.Format(LocalLayout) }) {
				t.Errorf("%v: the choices lack %s", AsError(err).Choices, neighbour.Format(LocalLayout))
			}
			if want := neighbour.Format("15:04:05"); !strings.Contains(AsError(err).Message, want) {
				t.Errorf("%q does not offer %s", AsError(err).Message, want)
			}
			if day := neighbour.Format("2 January 2006"); local[:10] != neighbour.Format(LocalLayout)[:10] && !strings.Contains(AsError(err).Message, day) {
				t.Errorf("%q does not say that the neighbour is on %s", AsError(err).Message, day)
			}
		}
	}
	wantDue(t, at.Add(before-time.Second).Format(LocalLayout), zone, FoldNone, at.Add(-time.Second), FoldNone)
	wantDue(t, at.Add(after).Format(LocalLayout), zone, FoldNone, at, FoldNone)
}

// checkOverlap walks over the doubled hour of a clock that is put back.
func checkOverlap(t *testing.T, zone string, at time.Time, before, after time.Duration) {
	t.Helper()
	doubled := before - after
	for _, into := range []time.Duration{0, time.Second, doubled / 2, doubled - time.Second} {
		local := at.Add(after + into).Format(LocalLayout)
		earlier, later := at.Add(into-doubled), at.Add(into)
		_, err := DueLocal(local, zone, FoldNone)
		if !IsCode(err, "ambiguous_local_time") {
			t.Errorf("%s in %s without a fold: got %v, want ambiguous_local_time", local, zone, err)
			continue
		}
		loc, _ := loadZone(zone)
		choices := AsError(err).Choices
		if len(choices) != 2 || !choices[0].At.Equal(earlier) || choices[0].Fold != FoldEarlier || !choices[1].At.Equal(later) || choices[1].Fold != FoldLater {
			t.Errorf("%s in %s offers %v, want %s and %s", local, zone, choices, earlier, later)
		}
		for _, choice := range []time.Time{earlier, later} {
			if want := choice.In(loc).Format(time.RFC3339); !strings.Contains(AsError(err).Message, want) {
				t.Errorf("%q does not offer %s", AsError(err).Message, want)
			}
		}
		wantDue(t, local, zone, FoldEarlier, earlier, FoldEarlier)
		wantDue(t, local, zone, FoldLater, later, FoldLater)
	}
	wantDue(t, at.Add(after-time.Second).Format(LocalLayout), zone, FoldLater, at.Add(-doubled-time.Second), FoldNone)
	wantDue(t, at.Add(before).Format(LocalLayout), zone, FoldEarlier, at.Add(doubled), FoldNone)
}

// wantDue checks DueLocal, and that DueAt reads the same wall clock and the same fold back from the instant.
func wantDue(t *testing.T, local, zone string, fold Fold, at time.Time, kept Fold) {
	t.Helper()
	loc, err := loadZone(zone)
	if err != nil {
		t.Fatal(err)
	}
	_, east := at.In(loc).Zone()
	want := Due{Local: local, Zone: zone, Fold: kept, At: at.UTC(), Offset: time.Duration(east) * time.Second, Rules: ZoneRules()}
	if again, err := want.Reckon(); err != nil || again != want {
		t.Errorf("%v reckoned anew: %v, %v", want, again, err)
	}
	if got, err := DueLocal(local, zone, fold); err != nil || got != want {
		t.Errorf("DueLocal(%s, %s, %q): got %v, %v; want %v", local, zone, fold, got, err, want)
	}
	if got, err := DueAt(at, zone); err != nil || got != want {
		t.Errorf("DueAt(%s, %s): got %v, %v; want %v", at, zone, got, err, want)
	}
}

func TestDueLocal_Form(t *testing.T) {
	for _, c := range []struct{ name, local, zone, fold, code, field string }{
		{"empty", "", "UTC", "", "invalid_local_time", "due.local"},
		{"with an offset", "2026-05-01T10:00:00+02:00", "UTC", "", "invalid_local_time", "due.local"},
		{"in UTC's letters", "2026-05-01T10:00:00Z", "UTC", "", "invalid_local_time", "due.local"},
		{"with a fraction", "2026-05-01T10:00:00.5", "UTC", "", "invalid_local_time", "due.local"},
		{"with a comma", "2026-05-01T10:00:00,5", "UTC", "", "invalid_local_time", "due.local"},
		{"day that is not in the calendar", "2026-02-29T10:00:00", "UTC", "", "invalid_local_time", "due.local"},
		{"hour 24", "2026-05-01T24:00:00", "UTC", "", "invalid_local_time", "due.local"},
		{"leap second", "2026-06-30T23:59:60", "UTC", "", "invalid_local_time", "due.local"},
		{"no such zone", "2026-05-01T10:00:00", "Europe/Bern", "", "unknown_time_zone", "due.zone"},
		{"the machine's zone", "2026-05-01T10:00:00", "Local", "", "unknown_time_zone", "due.zone"},
		{"the machine's zone by file", "2026-05-01T10:00:00", "localtime", "", "unknown_time_zone", "due.zone"},
		{"zone outside the database", "2026-05-01T10:00:00", "../../etc/passwd", "", "unknown_time_zone", "due.zone"},
		{"no such fold", "2026-05-01T10:00:00", "UTC", "both", "invalid_fold", "due.fold"},
	} {
		t.Run(c.name, func(t *testing.T) {
			due, err := DueLocal(c.local, c.zone, Fold(c.fold))
			e := AsError(err)
			if e == nil || e.Kind != Invalid || e.Code != c.code || e.Field != c.field || !due.IsZero() {
				t.Errorf("got %v, %+v; want %s about %s", due, e, c.code, c.field)
			}
		})
	}
	minutes, err := DueLocal("2026-05-01T10:00", "Europe/Zurich", FoldNone)
	if err != nil || minutes.Local != "2026-05-01T10:00:00" || !minutes.At.Equal(instant(t, "2026-05-01T08:00:00Z")) {
		t.Errorf("without seconds: got %v, %v", minutes, err)
	}
	if utc, err := DueLocal("2026-05-01T10:00", "", FoldNone); err != nil || utc.Zone != "UTC" {
		t.Errorf("without a zone: got %v, %v; want UTC", utc, err)
	}
}

func TestDueAt_KeepsMilliseconds(t *testing.T) {
	due, err := DueAt(time.Date(2026, 5, 1, 8, 0, 0, 123_456_789, time.UTC), "Europe/Zurich")
	want := Due{Local: "2026-05-01T10:00:00", Zone: "Europe/Zurich", At: time.Date(2026, 5, 1, 8, 0, 0, 123_000_000, time.UTC),
		Offset: 2 * time.Hour, Rules: ZoneRules()}
	if err != nil || due != want {
		t.Errorf("got %v, %v; want %v", due, err, want)
	}
	if _, err := DueAt(time.Now(), "Mars/Olympus"); !IsCode(err, "unknown_time_zone") {
		t.Errorf("got %v, want unknown_time_zone", err)
	}
}

// A stored instant that older rules gave is moved to what the wall clock means now.
func TestDue_Reckon(t *testing.T) {
	for _, c := range []struct{ name, local, zone, fold, stored, want, wantLocal string }{
		{"the country gave up summer time", "2026-07-01T10:00:00", "Africa/Khartoum", "", "2026-07-01T07:00:00Z", "2026-07-01T08:00:00Z", ""},
		{"the country went to another zone", "2026-07-01T10:00:00", "Asia/Pyongyang", "", "2026-07-01T01:30:00Z", "2026-07-01T01:00:00Z", ""},
		{"parts of a second stay", "2026-07-01T10:00:00", "Asia/Pyongyang", "", "2026-07-01T01:30:00.25Z", "2026-07-01T01:00:00.25Z", ""},
		{"nothing changed", "2026-07-01T10:00:00", "Europe/Zurich", "", "2026-07-01T08:00:00Z", "2026-07-01T08:00:00Z", ""},
		{"the hour is skipped now", "2026-03-29T02:30:00", "Europe/Zurich", "", "2026-03-29T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T03:30:00"},
		{"the hour is doubled now", "2026-10-25T02:30:00", "Europe/Zurich", "", "2026-10-25T01:30:00Z", "2026-10-25T00:30:00Z", ""},
		{"the later one was chosen", "2026-10-25T02:30:00", "Europe/Zurich", "later", "2026-10-25T01:30:00Z", "2026-10-25T01:30:00Z", ""},
		{"it is doubled no more", "2026-10-26T02:30:00", "Europe/Zurich", "later", "2026-10-26T02:30:00Z", "2026-10-26T01:30:00Z", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339Nano, c.stored)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Due{Local: c.local, Zone: c.zone, Fold: Fold(c.fold), At: at, Rules: "2015a"}.Reckon()
			if err != nil || got.At.Format(time.RFC3339Nano) != c.want || got.Rules != ZoneRules() {
				t.Errorf("got %+v, %v; want %s by the present rules", got, err, c.want)
			}
			if c.wantLocal == "" {
				c.wantLocal = c.local
			}
			if got.Local != c.wantLocal {
				t.Errorf("the wall clock reads %s, want %s", got.Local, c.wantLocal)
			}
		})
	}
	if _, err := (Due{Local: "2026-07-01T10:00:00", Zone: "Mars/Olympus", At: time.Now()}).Reckon(); !IsCode(err, "unknown_time_zone") {
		t.Errorf("got %v, want unknown_time_zone", err)
	}
}

// The zones are the program's own: whatever the machine has, the same release means the same instants.
func TestZoneRules(t *testing.T) {
	if !regexp.MustCompile(`^20\d\d[a-z]$`).MatchString(ZoneRules()) {
		t.Errorf("the version of the zone database is %q", ZoneRules())
	}
	t.Setenv("ZONEINFO", t.TempDir())
	for name := range zoneFiles() {
		if _, err := readZone(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(zoneFiles()); n < 500 {
		t.Errorf("%d zones are embedded, want all of them", n)
	}
}

// FuzzDueLocal: whatever is typed, an accepted time reads back as itself, and nothing panics.
func FuzzDueLocal(f *testing.F) {
	for _, tr := range transitions {
		f.Add(strings.TrimSuffix(tr.at, "Z"), tr.zone, "")
	}
	f.Add("2026-05-01T10:00", "", "later")
	f.Fuzz(func(t *testing.T, local, zone, fold string) {
		due, err := DueLocal(local, zone, Fold(fold))
		if err != nil {
			if e := AsError(err); e.Kind != Invalid || e.Code == "" || e.Message == "" {
				t.Fatalf("%q %q %q: error without words: %+v", local, zone, fold, e)
			}
			return
		}
		back, err := DueAt(due.At, due.Zone)
		if err != nil || back != due {
			t.Fatalf("%q %q %q: %v reads back as %v, %v", local, zone, fold, due, back, err)
		}
	})
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func offset(t *testing.T, text string) time.Duration {
	t.Helper()
	at, err := time.Parse("-07:00", text)
	if err != nil {
		t.Fatal(err)
	}
	_, seconds := at.Zone()
	return time.Duration(seconds) * time.Second
}

func TestDayStart(t *testing.T) {
	for _, c := range []struct{ zone, date, want string }{
		{"", "2026-11-24", "2026-11-24T00:00:00Z"},
		{"Europe/Zurich", "2026-11-24", "2026-11-23T23:00:00Z"},
		{"Europe/Zurich", "2026-03-29", "2026-03-28T23:00:00Z"}, // the day of 23 hours
		{"Europe/Zurich", "2026-03-30", "2026-03-29T22:00:00Z"},
		{"Europe/Zurich", "2026-10-25", "2026-10-24T22:00:00Z"}, // the day of 25 hours
		{"Europe/Zurich", "2026-10-26", "2026-10-25T23:00:00Z"},
		{"Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z"},        // there is no midnight: the day begins at 1:00
		{"America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"},      // midnight comes twice: the first counts
		{"Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30:00Z"}, // 23 and a half hours
		{"Australia/Lord_Howe", "2026-10-05", "2026-10-04T13:00:00Z"},
		{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"}, // there was no such day
		{"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"},
	} {
		got, err := DayStart(c.date, c.zone)
		if err != nil || got.Format(time.RFC3339) != c.want {
			t.Errorf("%s in %s begins %s (%v), want %s", c.date, c.zone, got.Format(time.RFC3339), err, c.want)
		}
	}
	if _, err := DayStart("2026-02-30", ""); !IsCode(err, "invalid_date") {
		t.Errorf("a date that is none: %v", err)
	}
	if _, err := DayStart("2026-02-20", "Mars/Base"); !IsCode(err, "unknown_time_zone") {
		t.Errorf("a zone that is none: %v", err)
	}
}
