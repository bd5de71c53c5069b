package config

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"

	"ship-post.com/shippost"
)

// Setting is one value of a Config as it may be shown to anyone who may see the logs.
type Setting struct {
	Variable string // its environment variable
	Value    string // "" when not set; "[redacted]" for a secret
}

// Settings returns all settings in the order of the fields, without secrets.
func (c Config) Settings() []Setting {
	var list []Setting
	for field, value := range fields(reflect.ValueOf(c)) {
		s := Setting{Variable: field.Tag.Get("env") + field.Tag.Get("secret")}
		switch v := value.Interface().(type) {
		case shippost.Secret:
			if !v.IsZero() {
				s.Value = v.String()
			}
		case []string:
			s.Value = strings.Join(v, ",")
		default:
			s.Value = fmt.Sprint(v)
		}
		list = append(list, s)
	}
	return list
}

// String returns the settings that have a value, one per line, without secrets.
func (c Config) String() string {
	var b strings.Builder
	for _, s := range c.Settings() {
		if s.Value != "" {
			fmt.Fprintf(&b, "%s=%s\n", s.Variable, s.Value)
		}
	}
	return b.String()
}

// LogValue returns the settings without secrets, for slog.
func (c Config) LogValue() slog.Value {
	var attrs []slog.Attr
	for _, s := range c.Settings() {
		if s.Value != "" {
			attrs = append(attrs, slog.String(s.Variable, s.Value))
		}
	}
	return slog.GroupValue(attrs...)
}
