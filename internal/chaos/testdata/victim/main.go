// Command victim passes one fault point of each kind, for the tests of package chaos.
package main

import (
	"fmt"
	"time"

	"ship-post.com/shippost/internal/chaos"
)

func main() {
	fmt.Println("started")
	if err := chaos.Err("chaos.victim.err"); err != nil {
		fmt.Println("failed:", err)
	}
	chaos.Point("chaos.victim.point")
	fmt.Println("clock", chaos.Now().UTC().Format(time.RFC3339))
	fmt.Println("chunk", chaos.ChunkSize())
	fmt.Println("done")
}
