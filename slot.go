package shippost

import "time"

// Slot is a recurring time in an account's queue: each week on a day, when the clocks of its zone show a time.
type Slot struct {
	ID        SlotID
	Workspace WorkspaceID
	Account   AccountID
	Weekday   time.Weekday
	Clock     string // "18:00"
	Zone      string // IANA name
	CreatedAt time.Time
}

// Check returns what is wrong with a slot as somebody wrote it; nil for nothing.
func (s Slot) Check() error {
	if s.Weekday < time.Sunday || s.Weekday > time.Saturday {
		return Errorf(Invalid, "invalid_weekday", "A slot is on one of the seven days of the week.").At("weekday").With(RemedyEdit)
	}
	if t, err := time.Parse("15:04", s.Clock); err != nil || t.Format("15:04") != s.Clock {
		return Errorf(Invalid, "invalid_clock", "A time of day is written like 18:00.").At("clock").With(RemedyEdit)
	}
	if s.Zone == "" {
		return Errorf(Invalid, "zone_required", "Say in which time zone the time is meant, such as \"Europe/Zurich\".").At("zone").With(RemedyEdit)
	}
	if _, err := loadZone(s.Zone); err != nil {
		return AsError(err).At("zone")
	}
	return nil
}

// On returns when the slot falls on a date ("2006-01-02") of its zone. A time that is skipped on that date goes forward by
// the hole; of one that comes twice it is the earlier, as for posts whose zone changed its rules.
func (s Slot) On(date string) (Due, error) {
	loc, err := loadZone(s.Zone)
	if err != nil {
		return Due{}, err
	}
	local := date + "T" + s.Clock + ":00"
	naive, err := time.Parse(LocalLayout, local)
	if err != nil {
		return Due{}, Errorf(Invalid, "invalid_date", "A date is written like 2006-01-02.").At("date")
	}
	return Due{Local: local, Zone: loc.String(), Fold: FoldEarlier, At: naive}.Reckon()
}
