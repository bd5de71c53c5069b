package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
)

// Rows of what the settings came to at the last start: the key of the fingerprints, sealed, and the fingerprints by variable.
const (
	settingsKey  = "settings_key"
	settingsMeta = "settings"
)

// noteSettings notes in the audit log which settings are not those of the start before: by name, never what they are. The first start
// only remembers them. Servers that share a database are held against whichever started before.
func (a *App) noteSettings(ctx context.Context) error {
	row := seal.Row{Table: "meta", Column: "value", ID: settingsKey}
	err := a.db.Update(ctx, func(tx *store.Tx) error {
		sealed, err := tx.Meta(ctx, settingsKey)
		if err != nil {
			return err
		}
		if sealed == "" {
			if sealed, err = a.sealer.Seal(shippost.NewSecret(rand.Text()+rand.Text()), row); err != nil {
				return err
			}
			if _, err := tx.SwapMeta(ctx, settingsKey, "", sealed); err != nil {
				return err
			}
			// Another server may have been faster; on PostgreSQL it is the one waited for that counts.
			if sealed, err = tx.Meta(ctx, settingsKey); err != nil {
				return err
			}
		}
		key, err := a.sealer.Open(sealed, row)
		if err != nil {
			return err
		}
		now := a.config.Fingerprints([]byte(key.Reveal()))
		text, err := tx.Meta(ctx, settingsMeta)
		if err != nil {
			return err
		}
		before := map[string]string{}
		if text != "" {
			if err := json.Unmarshal([]byte(text), &before); err != nil {
				return fmt.Errorf("read the settings of the last start: %w", err)
			}
		}
		if maps.Equal(before, now) {
			return nil
		}
		fresh, err := json.Marshal(now)
		if err != nil {
			return err
		}
		if err := tx.SetMeta(ctx, settingsMeta, string(fresh)); err != nil || text == "" {
			return err
		}
		data := map[string]any{}
		for _, name := range slices.Sorted(maps.Keys(now)) {
			// One that a later version has new differs only when it is set to something that matters: that it is new says the version.
			if old, known := before[name]; known && old != now[name] {
				data[name] = now[name]
			}
		}
		if len(data) == 0 {
			return nil
		}
		return tx.Record(ctx, shippost.Entry{Kind: shippost.EntrySettingsChanged, Actor: shippost.Actor{Kind: shippost.ActorSystem}, Data: data})
	})
	if err != nil {
		return fmt.Errorf("note which settings have changed: %w", err)
	}
	return nil
}
