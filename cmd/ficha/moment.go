package main

import (
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// momentFlags ask for an answer as of the past.
type momentFlags struct {
	at, knownAt string
}

func (m *momentFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&m.at, "at", "", "as it was at that time at the sources (RFC 3339)")
	f.StringVar(&m.knownAt, "known-at", "", "as far as the hub knew at that time (RFC 3339; default: the earlier of --at and now)")
}

// check says what cannot be read as a time.
func (m *momentFlags) check() error {
	for _, f := range []struct{ name, value string }{{"--at", m.at}, {"--known-at", m.knownAt}} {
		if _, err := time.Parse(time.RFC3339, f.value); f.value != "" && err != nil {
			return usage("%s wants a time with offset, such as 2026-03-02T09:15:00Z", f.name)
		}
	}
	return nil
}

// query gives the flags as a query string, with its question mark; "" for now.
func (m *momentFlags) query() string {
	q := url.Values{}
	if m.at != "" {
		q.Set("at", m.at)
	}
	if m.knownAt != "" {
		q.Set("known_at", m.knownAt)
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}
