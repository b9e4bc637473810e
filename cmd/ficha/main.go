// Command ficha is the hub and everything to work with it: `ficha demo` shows
// it, `ficha serve` runs it, and the other subcommands talk to a running one.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal asks to end, a second one ends
	code := Main(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}

// streams are the three standard streams: data goes out, talk goes to err.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// Main runs the command line and gives the exit code; tests call it without a process.
func Main(ctx context.Context, args []string, std streams) int {
	root := newRoot(std)
	root.SetArgs(args)
	return report(std.err, root.ExecuteContext(ctx))
}
