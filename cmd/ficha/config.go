package main

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func (a *app) configCommand() *cobra.Command {
	return group(&cobra.Command{
		Use: "config", Short: "the settings of ficha serve: check, print",
		Long: `Settings come from defaults, then a YAML file (--config or FICHA_CONFIG), then
FICHA_* environment variables, then flags, each under the same name: listen,
FICHA_LISTEN, --listen.`,
		Example: "  ficha config check --config ficha.yaml",
	}, a.configCheck(), a.configPrint())
}

func (a *app) configCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use: "check", Short: "say what is wrong with the settings, without starting anything", Args: cobra.NoArgs,
		Long:    "Takes the flags of ficha serve. Exit code 6 when something is found.",
		Example: "  ficha config check --config ficha.yaml\n  FICHA_LISTEN=:443 ficha config check --data /var/lib/ficha --tls-cert c.pem --tls-key k.pem",
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := loadSettings(cmd)
			problems := []string{}
			if err != nil {
				problems = append(problems, explain(err))
			} else {
				problems = append(problems, l.problems()...)
			}
			return a.showConfigCheck(problems, l.warnings())
		},
	}
	settingFlags(cmd)
	return cmd
}

// warnings are what a hub with these settings would start with all the same.
func (l *loadedSettings) warnings() []string {
	out := []string{}
	if len(l.ignored) > 0 {
		out = append(out, "environment variables that name no setting are ignored: "+strings.Join(l.ignored, ", "))
	}
	if l.Insecure {
		out = append(out, "--insecure: whoever reaches "+l.Listen+" may do everything")
	}
	if l.NATSURL != "" && !l.Waive {
		out = append(out, "without --nats-power-safe the hub promises less than the external NATS server may keep")
	}
	return out
}

func (a *app) showConfigCheck(problems, warnings []string) error {
	if a.json {
		if err := a.print(map[string]any{"ok": len(problems) == 0, "problems": problems, "warnings": warnings}); err != nil {
			return err
		}
	} else {
		for _, p := range problems {
			fmt.Fprintln(a.std.out, "FOUND  ", p)
		}
		for _, w := range warnings {
			fmt.Fprintln(a.std.out, "note   ", w)
		}
	}
	if len(problems) > 0 {
		return &exitWith{code: exitFindings}
	}
	a.say("the settings are good")
	return nil
}

func (a *app) configPrint() *cobra.Command {
	cmd := &cobra.Command{
		Use: "print", Short: "print the settings in force and where each comes from, secrets left out", Args: cobra.NoArgs,
		Long:    "Takes the flags of ficha serve and prints YAML that --config takes, or an object with --json.",
		Example: "  ficha config print --config ficha.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := loadSettings(cmd)
			if err != nil {
				return err
			}
			return a.showSettings(l)
		},
	}
	settingFlags(cmd)
	return cmd
}

// shownSetting is a setting as it may be shown to anybody.
type shownSetting struct {
	Name  string `json:"-"`
	Value any    `json:"value"`
	From  origin `json:"from"`
}

// shown lists the settings without secrets: a password in the address of a NATS
// server is the only one that is not kept in a file of its own.
func (l *loadedSettings) shown() []shownSetting {
	v := reflect.ValueOf(l.settings)
	out := make([]shownSetting, 0, v.NumField())
	for i, name := range settingNames() {
		s := shownSetting{Name: name, Value: v.Field(i).Interface(), From: l.origins[name]}
		if name == "nats-url" {
			s.Value = redactURL(l.NATSURL)
		}
		out = append(out, s)
	}
	return out
}

// redactURL leaves user and password out. What cannot be read is not shown.
func redactURL(s string) string {
	if s == "" {
		return ""
	}
	parts := strings.Split(s, ",") // NATS takes several servers
	for i, p := range parts {
		u, err := url.Parse(strings.TrimSpace(p))
		if err != nil || u.Host == "" {
			parts[i] = "‹…›"
			continue
		}
		if u.User != nil {
			u.User = url.UserPassword("xxxxx", "xxxxx")
		}
		parts[i] = u.String()
	}
	return strings.Join(parts, ",")
}

func (a *app) showSettings(l loadedSettings) error {
	if a.json {
		out := map[string]shownSetting{}
		for _, s := range l.shown() {
			out[s.Name] = s
		}
		return a.print(out)
	}
	tw := tabwriter.NewWriter(a.std.out, 0, 4, 2, ' ', 0)
	for _, s := range l.shown() {
		value := fmt.Sprint(s.Value)
		if _, text := s.Value.(string); text {
			value = fmt.Sprintf("%q", value)
		}
		fmt.Fprintf(tw, "%s: %s\t# %s\n", s.Name, value, s.From)
	}
	return tw.Flush()
}
