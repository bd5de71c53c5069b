package config

import (
	"os"
	"reflect"
	"strings"

	"ship-post.com/shippost"
)

// fileSuffix ends the name of the variable that holds the path of a file instead of a secret.
const fileSuffix = "_FILE"

// readSecrets fills the fields with a tag "secret". They have no flag, because everyone on the machine can read the
// flags of a process. Each may stand in a file instead.
func (c *Config) readSecrets(lookup func(string) (string, bool), found *problems) {
	for field, value := range fields(reflect.ValueOf(c).Elem()) {
		variable := field.Tag.Get("secret")
		if variable == "" {
			continue
		}
		text, given := lookup(variable)
		path, inFile := lookup(variable + fileSuffix)
		switch {
		case given && inFile:
			found.add(variable, "is set, and so is %s. Keep one of them", variable+fileSuffix)
			continue
		case inFile:
			raw, err := os.ReadFile(path)
			if err != nil {
				found.add(variable+fileSuffix, "the file cannot be read: %v", err)
				continue
			}
			if text = strings.TrimSpace(string(raw)); text == "" {
				found.add(variable+fileSuffix, "the file %s is empty", path)
				continue
			}
		case !given:
			continue // what the program set stays
		}
		value.Set(reflect.ValueOf(shippost.NewSecret(strings.TrimSpace(text))))
	}
}

// fields walks the settings in order, into the groups.
func fields(v reflect.Value) func(yield func(reflect.StructField, reflect.Value) bool) {
	return func(yield func(reflect.StructField, reflect.Value) bool) {
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if field.Anonymous {
				for f, value := range fields(v.Field(i)) {
					if !yield(f, value) {
						return
					}
				}
				continue
			}
			if !yield(field, v.Field(i)) {
				return
			}
		}
	}
}
