package config

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
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

// Fingerprints returns what each setting comes to under a key, by variable. Without the key nobody can try out what a setting, a secret among them,
// may be.
func (c Config) Fingerprints(key []byte) map[string]string {
	prints := map[string]string{}
	for field, value := range fields(reflect.ValueOf(c)) {
		variable := field.Tag.Get("env") + field.Tag.Get("secret")
		text := fmt.Sprintf("%#v", value.Interface())
		if secret, ok := value.Interface().(shippost.Secret); ok {
			text = secret.Reveal()
		}
		h := hmac.New(sha256.New, key)
		_, _ = h.Write([]byte(variable + "=" + text)) // a hash takes everything
		prints[variable] = base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12])
	}
	return prints
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
