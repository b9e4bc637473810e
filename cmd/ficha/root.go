package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"ficha/api"
)

// app is what every subcommand shares: the streams and the global flags.
type app struct {
	std  streams
	json bool
	url  string
	key  string
	data string
}

const rootLong = `Ficha is a customer-360 master-data hub: every interaction from every channel
goes in as an event, one deduplicated golden record a customer comes out, with
what that customer has said about being contacted.

  ficha demo     see it work on a town of customers, in a temporary directory
  ficha serve    run the hub

Data goes to standard output, talk to standard error; --json gives objects, one
a line. Exit codes: 0 ok, 1 error, 2 usage, 3 not found, 4 conflict or stale,
5 some rejected, 6 findings, 130 interrupted.`

func newRoot(std streams) *cobra.Command {
	a := &app{std: std}
	root := group(&cobra.Command{
		Use: "ficha", Short: "Customer-360 master-data hub", Long: rootLong,
		Example:      "  ficha demo\n  ficha customer show --phone +50255123456\n  source <(ficha completion bash)",
		SilenceUsage: true, SilenceErrors: true,
		Version: build().Version,
	})
	root.SetIn(std.in)
	root.SetOut(std.out) // before the completion command, which keeps it
	root.SetErr(std.err)
	f := root.PersistentFlags()
	f.BoolVar(&a.json, "json", false, "print objects, one a line")
	f.StringVar(&a.url, "url", os.Getenv("FICHA_URL"), "address of the running hub (FICHA_URL)")
	f.StringVar(&a.key, "key", "", "API key (FICHA_KEY or FICHA_KEY_FILE, so that it is in no process list)")
	f.StringVar(&a.data, "data", os.Getenv("FICHA_DATA"), "data directory (FICHA_DATA)")
	root.PersistentPreRun = func(cmd *cobra.Command, _ []string) {
		if flags := cmd.Flags(); flags.Changed("data") && !flags.Changed("url") {
			a.url = "" // a directory named here outranks an address that is in the environment
		}
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%w; see: %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(
		a.demoCommand(), a.serveCommand(), a.importCommand(), a.genCommand(), a.customerCommand(), a.insightCommand(),
		a.reviewsCommand(), a.jobsCommand(), a.changesCommand(), a.webhookCommand(), a.projectionsCommand(), a.deadlettersCommand(), a.verifyCommand(), a.doctorCommand(), a.keyCommand(), a.configCommand(), a.benchCommand(), a.versionCommand(),
	)
	addCompletion(root)
	refuseAsUsage(root)
	return root
}

// addCompletion adds cobra's own command, with examples and our way of refusing.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() != "completion" {
			continue
		}
		group(cmd)
		cmd.Short, cmd.Example = "scripts that complete commands and flags in your shell", "  source <(ficha completion bash)"
		for _, shell := range cmd.Commands() {
			shell.Example = "  ficha completion " + shell.Name()
		}
	}
}

// group makes a command that only holds others: alone it shows its help, and a
// word that is none of them is a mistake.
func group(cmd *cobra.Command, subs ...*cobra.Command) *cobra.Command {
	cmd.Args = cobra.ArbitraryArgs
	cmd.DisableFlagsInUseLine = true
	cmd.SuggestionsMinimumDistance = 2
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		near := ""
		if found := cmd.SuggestionsFor(args[0]); len(found) > 0 {
			near = "; did you mean " + strings.Join(found, " or ") + "?"
		}
		return usage("there is no command %q under %s%s", args[0], cmd.CommandPath(), near)
	}
	cmd.AddCommand(subs...)
	return cmd
}

// refuseAsUsage makes wrong numbers of arguments errors of usage, below cmd too.
func refuseAsUsage(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usage("%w; see: %s --help", err, cmd.CommandPath())
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		refuseAsUsage(sub)
	}
}

// completeWith has shells offer words for a flag.
func completeWith(cmd *cobra.Command, flag string, words ...string) {
	offer := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return words, cobra.ShellCompDirectiveNoFileComp
	}
	if err := cmd.RegisterFlagCompletionFunc(flag, offer); err != nil {
		panic("complete flag " + flag + ": " + err.Error()) // the flag is not there: a mistake in this program
	}
}

// print writes v as one line of JSON.
func (a *app) print(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode output: %w", err)
	}
	_, err = fmt.Fprintf(a.std.out, "%s\n", b)
	return err
}

// say writes a line of talk.
func (a *app) say(format string, args ...any) { fmt.Fprintf(a.std.err, format+"\n", args...) }

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "say which binary this is", Args: cobra.NoArgs,
		Example: "  ficha version --json",
		RunE: func(*cobra.Command, []string) error {
			b := build()
			if a.json {
				return a.print(b)
			}
			_, err := fmt.Fprintln(a.std.out, strings.Join(strings.Fields("ficha "+b.Version+" "+b.Commit+" "+b.Go), " "))
			return err
		},
	}
}

// build says what binary this is, from what the Go linker noted.
func build() api.Build {
	b := api.Build{Version: "0.1.0-dev"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Go = info.GoVersion
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			b.Commit = s.Value[:12]
		}
	}
	return b
}
