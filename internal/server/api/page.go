package api

import (
	"encoding/base64"
	"encoding/json"

	"ship-post.com/shippost"
)

// page is the part of a list that was asked for.
type page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Give it as cursor to get the next page. Absent on the last one."`
}

// listed is the answer of a list.
type listed[T any] struct{ Body page[T] }

// Paging is what every list takes.
type Paging struct {
	Cursor string `query:"cursor" maxLength:"300" doc:"Where the page before ended."`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many items at most."`
}

// encodeCursor hides a place in a list, so that nobody builds on its form.
func encodeCursor(place any) string {
	text, err := json.Marshal(place)
	if err != nil {
		panic("a cursor cannot be written: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// decodeCursor reads a place back. A cursor that was not given by this list is Invalid.
func decodeCursor(cursor string, place any) error {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(text, place)
	}
	if err != nil {
		return badCursor()
	}
	return nil
}

func badCursor() error {
	return shippost.Errorf(shippost.Invalid, "invalid_cursor", "This cursor was not given by this list. Begin without one.").At("cursor")
}

// convert turns each of a list into its JSON form; never nil.
func convert[A, B any](from []A, to func(A) B) []B {
	all := make([]B, len(from))
	for i, a := range from {
		all[i] = to(a)
	}
	return all
}
