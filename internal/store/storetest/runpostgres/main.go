// Command runpostgres starts a throw-away PostgreSQL server, runs a command with its address in
// SHIPPOST_TEST_POSTGRES_URL, and stops the server: runpostgres go test ./...
// Its files are in memory where there is room; "runpostgres -in FOLDER command" puts them on the disk of that folder.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"ship-post.com/shippost/internal/store/storetest/postgres"
)

func main() {
	code, err := run(context.Background(), os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "runpostgres:", err)
	}
	os.Exit(code)
}

// run returns the exit code of the command, or 1 and why it did not run.
func run(ctx context.Context, command []string) (int, error) {
	start := postgres.Start
	if len(command) > 1 && command[0] == "-in" {
		folder := command[1]
		start = func(ctx context.Context) (*postgres.Server, error) { return postgres.StartIn(ctx, folder) }
		command = command[2:]
	}
	if len(command) == 0 {
		return 2, errors.New("name a command to run")
	}
	server, err := start(ctx)
	if err != nil {
		return 1, err
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "SHIPPOST_TEST_POSTGRES_URL="+server.URL)
	err = cmd.Run()
	stopped := server.Stop()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), stopped
	}
	if err = errors.Join(err, stopped); err != nil {
		return 1, err
	}
	return 0, nil
}
