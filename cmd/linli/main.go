// Command linli carries community programmes through their activities in order. See README.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/linli/linli/internal/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	status := app.Main(ctx, os.Args[1:], app.Machine())
	stop()
	os.Exit(status)
}
