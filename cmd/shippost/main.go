// Command shippost schedules videos and photos and publishes them to social platforms.
package main

import (
	"os"

	"ship-post.com/shippost/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
