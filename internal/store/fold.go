package store

import (
	"database/sql/driver"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Fold returns text as it is searched and compared: without capitals, accents and other marks, and with the forms of one
// letter made equal. Neither engine can do so alike for all scripts, so folded text stands in columns of its own.
func Fold(text string) string {
	return norm.NFC.String(strings.ToLower(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, norm.NFKD.String(text))))
}

// folded maps a field to a column with its folded text. It is written along and never read back.
func folded(text *string) any { return foldedText{text} }

type foldedText struct{ text *string }

// Value implements driver.Valuer.
func (f foldedText) Value() (driver.Value, error) { return Fold(*f.text), nil }

// Scan implements sql.Scanner.
func (f foldedText) Scan(any) error { return nil }

// containing returns a pattern for LIKE … ESCAPE '\' that matches whatever contains the text.
func containing(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}
