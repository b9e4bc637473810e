package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"ficha/api"
	"ficha/api/client"
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

  ficha demo     see it work: a town of customers, in memory of nothing but a
                 temporary directory
  ficha serve    run the hub

Data goes to standard output, talk to standard error; --json gives objects, one
a line. Exit codes: 0 ok, 1 error, 2 usage, 3 not found, 4 conflict or stale,
5 some rejected, 6 findings, 130 interrupted.`

func newRoot(std streams) *cobra.Command {
	a := &app{std: std}
	root := &cobra.Command{
		Use: "ficha", Short: "Customer-360 master-data hub", Long: rootLong,
		SilenceUsage: true, SilenceErrors: true,
		Version: build().Version,
	}
	f := root.PersistentFlags()
	f.BoolVar(&a.json, "json", false, "print objects, one a line")
	f.StringVar(&a.url, "url", os.Getenv("FICHA_URL"), "address of the running hub (FICHA_URL)")
	f.StringVar(&a.key, "key", "", "API key (FICHA_KEY or FICHA_KEY_FILE, so that it is in no process list)")
	f.StringVar(&a.data, "data", os.Getenv("FICHA_DATA"), "data directory (FICHA_DATA)")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &exitWith{exitUsage, err} })
	root.AddCommand(
		a.demoCommand(), a.serveCommand(), a.importCommand(), a.genCommand(), a.customerCommand(),
		a.verifyCommand(), a.doctorCommand(), a.keyCommand(), a.benchCommand(),
	)
	return root
}

// client gives a client of the running hub: --url, else the address file in the
// data directory.
func (a *app) client() (*client.Client, error) {
	key, err := a.apiKey()
	if err != nil {
		return nil, err
	}
	url := a.url
	if url == "" && a.data != "" {
		if url, err = readAddress(a.data); err != nil {
			return nil, err
		}
	}
	if url == "" {
		url = "http://" + defaultListen
	}
	return &client.Client{BaseURL: url, Key: key}, nil
}

func (a *app) apiKey() (string, error) {
	if a.key != "" {
		return a.key, nil
	}
	if k := os.Getenv("FICHA_KEY"); k != "" {
		return k, nil
	}
	if file := os.Getenv("FICHA_KEY_FILE"); file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("read key file: %w", err)
		}
		return strings.TrimSpace(string(b)), nil
	}
	return "", nil
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

// addressFile is where a running hub leaves its address in the data directory.
const addressFile = "hub.json"

type address struct {
	URL string `json:"url"`
	PID int    `json:"pid"`
}

func readAddress(data string) (string, error) {
	b, err := os.ReadFile(filepath.Join(data, addressFile))
	if os.IsNotExist(err) {
		return "", fmt.Errorf("no hub runs on %s; start one with: ficha serve --data %s", data, data)
	}
	if err != nil {
		return "", fmt.Errorf("read hub address: %w", err)
	}
	var at address
	if err := json.Unmarshal(b, &at); err != nil || at.URL == "" {
		return "", fmt.Errorf("read hub address: %s is damaged; remove it or give --url", addressFile)
	}
	return at.URL, nil
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
