// Command victim asks the vault for the token of one account, for tests that kill it on the way.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"ship-post.com/shippost"
	"ship-post.com/shippost/internal/chaos"
	"ship-post.com/shippost/internal/feature/vault"
	"ship-post.com/shippost/internal/outbound"
	"ship-post.com/shippost/internal/platform"
	"ship-post.com/shippost/internal/platform/tiktok"
	"ship-post.com/shippost/internal/seal"
	"ship-post.com/shippost/internal/store"
)

// usage: victim DATABASE KEYS API CLIENT-KEY CLIENT-SECRET ACCOUNT
func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6]); err != nil {
		fmt.Println(err)
	}
}

func run(database, keys, api, key, secret, account string) error {
	ctx := context.Background()
	db, err := store.Open(ctx, store.Options{URL: database, Now: chaos.Now})
	if err != nil {
		return err
	}
	sealer, err := seal.CreateOrLoad(ctx, keys)
	if err != nil {
		return err
	}
	clients, err := outbound.New(tiktok.Policy(api))
	if err != nil {
		return err
	}
	client, err := tiktok.New(tiktok.Options{APIURL: api, AuthorizeURL: api + "/", ClientKey: key, ClientSecret: shippost.NewSecret(secret),
		Clients: clients, Now: chaos.Now})
	if err != nil {
		return err
	}
	v := vault.New(vault.Options{DB: db, Sealer: sealer, Platforms: map[shippost.PlatformName]platform.Platform{shippost.TikTok: client},
		Node: shippost.NewNodeID(chaos.Now()), Now: chaos.Now, Log: slog.New(slog.DiscardHandler)})
	if _, err := v.For(shippost.AccountID(account)).Token(ctx); err != nil {
		return err
	}
	return db.Close()
}
