package app

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/config"
	"ship-post.com/shippost/internal/feature/legal"
	"ship-post.com/shippost/internal/store/storetest"
)

// P22: the policy names a database beyond this machine without telling where it is, and each platform by the names that may be
// reached.
func TestPromise_P22_ThePolicyNamesTheDatabaseAndThePlatforms(t *testing.T) {
	t.Parallel()
	for engine, address := range map[string]string{"sqlite": "", "postgres": storetest.PostgresURL(t)} {
		c := config.Config{
			Address: config.Address{Listen: "127.0.0.1:0", PublicURL: "https://posts.example.com", PullURL: "https://photos.example.com", TrustedProxies: []string{"127.0.0.1/32"}},
			Data:    config.Data{DataDir: t.TempDir(), StorageQuota: 1 << 30, DatabaseURL: shippost.NewSecret(address)},
			TikTok: config.TikTok{ClientKey: "awkey", ClientSecret: shippost.NewSecret("secret"), APIURL: "https://open.tiktokapis.com",
				AuthorizeURL: "https://www.tiktok.com/v2/auth/authorize/"},
			People: config.People{Signup: "open"}, Watching: config.Watching{LogLevel: "info", LogFormat: "text"},
		}
		if err := c.CompleteAlone(); err != nil {
			t.Fatal(err)
		}
		a, err := Open(t.Context(), c, Options{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		_, blocks, err := a.legal.Read(legal.Policy, "")
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		var names []string
		for _, b := range blocks {
			for _, item := range b.Items {
				name, _, _ := strings.Cut(item, ": ")
				names = append(names, name)
			}
		}
		slices.Sort(names)
		want := []string{"names below tiktokapis.com", "names below tiktokcdn-eu.com", "names below tiktokcdn-us.com", "names below tiktokcdn.com", "photos.example.com"}
		if engine == "postgres" {
			want = append(want, "the database of this server")
		}
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("%s: the policy names %q, want %q (%v)", engine, names, want, err)
		}
	}
}
