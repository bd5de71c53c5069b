package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/feature/slot"
)

func (a *API) slots() {
	tags := []string{"slots"}
	add(a, huma.Operation{OperationID: "listSlots", Method: http.MethodGet, Path: "/slots", Tags: tags, Summary: "List the slots of queues",
		Description: "All on one page, in the order of the week."}, a.listSlots)
	add(a, huma.Operation{OperationID: "addSlot", Method: http.MethodPost, Path: "/slots", Tags: tags, DefaultStatus: http.StatusCreated,
		Summary: "Add a slot to an account's queue"}, a.addSlot)
	add(a, huma.Operation{OperationID: "removeSlot", Method: http.MethodDelete, Path: "/slots/{id}", Tags: tags, DefaultStatus: http.StatusNoContent,
		Summary: "Remove a slot", Description: "Posts that are planned for it stay."}, a.removeSlot)
	add(a, huma.Operation{OperationID: "listSlotTimes", Method: http.MethodGet, Path: "/slots/times", Tags: tags, Summary: "See when slots fall",
		Description: "Earliest first, with what goes out then. The first free one is the next time in the queue."}, a.listSlotTimes)
}

// Slot is a recurring time in an account's queue.
type Slot struct {
	ID      shippost.SlotID    `json:"id"`
	Account shippost.AccountID `json:"account_id"`
	Weekday int                `json:"weekday" minimum:"0" maximum:"6" doc:"0 is Sunday."`
	Clock   string             `json:"clock" example:"18:00" doc:"What the clocks of the zone show."`
	Zone    string             `json:"zone" example:"Europe/Zurich"`
}

func slotOf(s shippost.Slot) Slot { return Slot{s.ID, s.Account, int(s.Weekday), s.Clock, s.Zone} }

type listSlotsInput struct {
	Account string `query:"account_id" maxLength:"64" doc:"Only those of this account."`
}

func (a *API) listSlots(ctx context.Context, actor shippost.Actor, in *listSlotsInput) (*listed[Slot], error) {
	list, err := a.opt.Slots.List(ctx, actor, shippost.AccountID(in.Account))
	if err != nil {
		return nil, err
	}
	return &listed[Slot]{Body: page[Slot]{Items: convert(list, slotOf)}}, nil
}

type addSlotInput struct {
	Body struct {
		Account string `json:"account_id" maxLength:"64"`
		Weekday int    `json:"weekday" minimum:"0" maximum:"6" doc:"0 is Sunday."`
		Clock   string `json:"clock" maxLength:"5" example:"18:00"`
		Zone    string `json:"zone" maxLength:"64" example:"Europe/Zurich"`
	}
}

func (a *API) addSlot(ctx context.Context, actor shippost.Actor, in *addSlotInput) (*struct{ Body Slot }, error) {
	s, err := a.opt.Slots.Add(ctx, actor, shippost.Slot{Account: shippost.AccountID(in.Body.Account), Weekday: time.Weekday(in.Body.Weekday),
		Clock: in.Body.Clock, Zone: in.Body.Zone})
	return &struct{ Body Slot }{slotOf(s)}, err
}

type slotPath struct {
	ID string `path:"id" maxLength:"64"`
}

func (a *API) removeSlot(ctx context.Context, actor shippost.Actor, in *slotPath) (*struct{}, error) {
	return &struct{}{}, a.opt.Slots.Remove(ctx, actor, shippost.SlotID(in.ID))
}

type slotTimesInput struct {
	Account string    `query:"account_id" maxLength:"64" doc:"Only those of this account."`
	From    time.Time `query:"from" doc:"Not before this time; a minute from now when left out or passed."`
	To      time.Time `query:"to" doc:"Before this time; at most 92 days later. Eight weeks later when left out."`
	Free    bool      `query:"free" doc:"Only times at which nothing goes out."`
	Limit   int       `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many at most."`
}

// SlotTime is when a slot falls.
type SlotTime struct {
	Slot    shippost.SlotID    `json:"slot_id"`
	Account shippost.AccountID `json:"account_id"`
	DueAt   time.Time          `json:"due_at"`
	Due     Due                `json:"due"`
	Post    shippost.PostID    `json:"post_id,omitempty" doc:"What goes out then; absent when the time is free."`
}

func (a *API) listSlotTimes(ctx context.Context, actor shippost.Actor, in *slotTimesInput) (*listed[SlotTime], error) {
	times, err := a.opt.Slots.Times(ctx, actor, slot.Ask{Account: shippost.AccountID(in.Account), From: in.From, To: in.To, Free: in.Free, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	return &listed[SlotTime]{Body: page[SlotTime]{Items: convert(times, func(t slot.Time) SlotTime {
		return SlotTime{t.Slot.ID, t.Slot.Account, t.Due.At, *dueOf(t.Due), t.Post}
	})}}, nil
}
