package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ficha/api"
	"ficha/projections/changes"
)

func (a *app) webhookCommand() *cobra.Command {
	return group(&cobra.Command{
		Use: "webhook", Short: "addresses that changes are sent to: add, list, show, test, retry, remove",
		Long: `Each change of the feed is posted to each webhook, in order and at least once,
signed as Standard Webhooks says. What fails is tried again after 5 s, 30 s, 2 m,
10 m, 30 m, 1 h and 3 h, and then given up. Asks a running hub.`,
		Example: "  ficha webhook add https://shop.example/hooks/ficha --kinds merged,split,redirected\n  ficha webhook list",
	}, a.webhookAdd(), a.webhookList(), a.webhookShow(), a.webhookTest(), a.webhookRetry(), a.webhookRemove())
}

func (a *app) webhookAdd() *cobra.Command {
	var req api.WebhookRequest
	var kinds []string
	cmd := &cobra.Command{
		Use: "add URL", Short: "have changes sent to an address; prints the secret, once", Args: cobra.ExactArgs(1),
		Example: "  ficha webhook add https://shop.example/hooks/ficha\n  ficha webhook add https://dialler.example/in --kinds contact_flip,redirected --after 0",
		RunE: func(cmd *cobra.Command, args []string) error {
			req.URL = args[0]
			for _, k := range kinds {
				if !slices.Contains(kindNames(), k) {
					return usage("--kinds: there is no kind %q; there are %s", k, strings.Join(kindNames(), ", "))
				}
				req.Kinds = append(req.Kinds, changes.Kind(k))
			}
			var made api.WebhookCreated
			if err := a.ask(cmd.Context(), http.MethodPost, "/v1/webhooks", req, &made); err != nil {
				return err
			}
			if a.json {
				return a.print(made)
			}
			a.say("webhook %s to %s; requests are signed with this secret, shown this once:", made.ID, onScreen(made.URL))
			_, err := fmt.Fprintln(a.std.out, made.Secret)
			return err
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&kinds, "kinds", nil, "only these: "+strings.Join(kindNames(), ", "))
	f.StringVar(&req.Description, "description", "", "for people")
	f.StringVar(&req.After, "after", "", "begin behind this id of the feed; 0: the oldest change that is kept (default: now)")
	completeWith(cmd, "kinds", kindNames()...)
	return cmd
}

// ask calls the running hub.
func (a *app) ask(ctx context.Context, method, path string, body, out any) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	return c.Do(ctx, method, path, body, out)
}

func (a *app) webhookList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "list webhooks and how far each is", Args: cobra.NoArgs, Example: "  ficha webhook list --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var all api.WebhooksAnswer
			if err := a.ask(cmd.Context(), http.MethodGet, "/v1/webhooks", nil, &all); err != nil {
				return err
			}
			if a.json {
				for _, w := range all.Data {
					if err := a.print(w); err != nil {
						return err
					}
				}
				return nil
			}
			if len(all.Data) == 0 {
				a.say("there are no webhooks; add one with: ficha webhook add URL")
				return nil
			}
			tw := tabwriter.NewWriter(a.std.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(tw, "ID\tURL\tKINDS\tPENDING\tDEAD\tSTATE")
			for _, w := range all.Data {
				fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%d\t%s\n", w.ID, onScreen(w.URL), kindsText(w.Kinds), w.State.Pending, w.State.Dead, webhookState(&w))
			}
			return tw.Flush()
		},
	}
}

func kindsText(kinds []changes.Kind) string {
	if len(kinds) == 0 {
		return "all"
	}
	var names []string
	for _, k := range kinds {
		names = append(names, string(k))
	}
	return strings.Join(names, ",")
}

// webhookState says in a word or two how a webhook is.
func webhookState(w *api.Webhook) string {
	switch s := &w.State; {
	case !w.Active:
		return "ended by its receiver"
	case s.Attempts > 0 && s.NextAttemptAt != nil:
		return fmt.Sprintf("failing (%s), next at %s", s.LastError, s.NextAttemptAt.UTC().Format(time.RFC3339))
	case s.Attempts > 0:
		return fmt.Sprintf("failing (%s)", s.LastError)
	}
	return "ok"
}

func (a *app) webhookShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "one webhook, with what it could not be delivered", Args: cobra.ExactArgs(1), Example: "  ficha webhook show mfrggzdfmztwq2lk",
		RunE: func(cmd *cobra.Command, args []string) error {
			var w api.WebhookAnswer
			if err := a.ask(cmd.Context(), http.MethodGet, webhookPath(args[0], ""), nil, &w); err != nil {
				return err
			}
			if a.json {
				return a.print(w)
			}
			return a.showWebhook(&w)
		},
	}
}

func webhookPath(id, action string) string { return "/v1/webhooks/" + url.PathEscape(id) + action }

func (a *app) showWebhook(w *api.WebhookAnswer) error {
	tw := tabwriter.NewWriter(a.std.out, 0, 4, 2, ' ', 0)
	for _, line := range [][2]string{
		{"id", w.ID}, {"url", onScreen(w.URL)}, {"kinds", kindsText(w.Kinds)}, {"description", onScreen(w.Description)},
		{"state", webhookState(&w.Webhook)}, {"delivered", fmt.Sprint(w.State.Delivered)}, {"pending", fmt.Sprint(w.State.Pending)},
		{"through", w.State.Cursor}, {"dead", fmt.Sprint(w.State.Dead)},
	} {
		if line[1] != "" {
			fmt.Fprintf(tw, "%s\t%s\n", line[0], line[1])
		}
	}
	for _, d := range w.DeadDeliveries {
		fmt.Fprintf(tw, "  dead\t%s\t%s\t%s %s\n", d.Change, d.At.UTC().Format(time.RFC3339), d.Outcome, statusText(d.Status))
	}
	return tw.Flush()
}

func statusText(status int) string {
	if status == 0 {
		return ""
	}
	return fmt.Sprint(status)
}

func (a *app) webhookTest() *cobra.Command {
	return &cobra.Command{
		Use: "test ID", Short: "send a test message and say how it went", Args: cobra.ExactArgs(1), Example: "  ficha webhook test mfrggzdfmztwq2lk",
		Long: "Sends one signed message of type test. Exit code 6 when it is not delivered.",
		RunE: func(cmd *cobra.Command, args []string) error {
			var tried api.WebhookTried
			if err := a.ask(cmd.Context(), http.MethodPost, webhookPath(args[0], ":test"), nil, &tried); err != nil {
				return err
			}
			if a.json {
				if err := a.print(tried); err != nil {
					return err
				}
			} else if _, err := fmt.Fprintln(a.std.out, strings.TrimSpace(fmt.Sprintf("%s %s", tried.Outcome, statusText(tried.Status))), fmt.Sprintf("in %d ms", tried.TookMS)); err != nil {
				return err
			}
			if !tried.OK {
				return &exitWith{code: exitFindings}
			}
			return nil
		},
	}
}

func (a *app) webhookRetry() *cobra.Command {
	return &cobra.Command{
		Use: "retry ID", Short: "try again at once what failed", Args: cobra.ExactArgs(1), Example: "  ficha webhook retry mfrggzdfmztwq2lk",
		Long: "Ends a pause, wakes a webhook that its receiver had ended, and sends what was\ngiven up, oldest first, until one fails.",
		RunE: func(cmd *cobra.Command, args []string) error {
			var r api.WebhookRetried
			if err := a.ask(cmd.Context(), http.MethodPost, webhookPath(args[0], ":retry"), nil, &r); err != nil {
				return err
			}
			if a.json {
				return a.print(r)
			}
			a.say("webhook %s: %d dead deliveries are sent again", r.ID, r.Dead)
			return nil
		},
	}
}

func (a *app) webhookRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove ID", Short: "end a webhook", Args: cobra.ExactArgs(1), Example: "  ficha webhook remove mfrggzdfmztwq2lk",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.ask(cmd.Context(), http.MethodDelete, webhookPath(args[0], ""), nil, nil); err != nil {
				return err
			}
			a.say("webhook %s removed", args[0])
			return nil
		},
	}
}
