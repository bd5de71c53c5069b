package cli

import (
	"bytes"
	"context"
	"testing"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/config"
)

// TestServeEndsWellBeforeItBegan: a service manager may change its mind while the database is still being opened.
func TestServeEndsWellBeforeItBegan(t *testing.T) {
	t.Parallel()
	c := serveCommand{config.Config{
		Address:  config.Address{Listen: "127.0.0.1:8080"},
		Data:     config.Data{DataDir: t.TempDir(), StorageQuota: 1 << 30},
		TikTok:   config.TikTok{ClientKey: "aw1", ClientSecret: shippost.NewSecret("s"), APIURL: "https://open.tiktokapis.com", AuthorizeURL: "https://www.tiktok.com/v2/auth/authorize/"},
		People:   config.People{Signup: "invite"},
		Watching: config.Watching{LogLevel: "info", LogFormat: "text"},
	}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if err := c.Run(ctx, streams{out: &out, err: &out}); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}
