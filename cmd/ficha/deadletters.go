package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ficha/api"
	"ficha/api/client"
	"ficha/events"
	"ficha/projections/letters"
)

func (a *app) deadlettersCommand() *cobra.Command {
	return group(&cobra.Command{
		Use: "deadletters", Short: "events that could not be taken or folded: list, show, retry, discard",
		Long: `Dead letters are events that came by the inbox and are not valid, that were
rejected and may be a deny, or that a projection could not fold. Asks a running
hub; a publisher's key sees and retries its own sources.`,
		Example: "  ficha deadletters list\n  ficha deadletters retry --all --source /crm/bank --dry-run",
	}, a.lettersList(), a.lettersShow(), a.lettersRetry(), a.lettersDiscard())
}

// letterQuery says which dead letters a command is about.
type letterQuery struct {
	kind, source, code, since, settled string
}

func (q *letterQuery) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&q.source, "source", "", "only of this very source")
	f.StringVar(&q.code, "code", "", "only with this code in the reason, like schema")
	f.StringVar(&q.since, "since", "", "only those recorded then or later (RFC 3339)")
}

// values are the query's parameters.
func (q *letterQuery) values() (url.Values, error) {
	v := url.Values{}
	if q.since != "" {
		if _, err := time.Parse(time.RFC3339, q.since); err != nil {
			return nil, usage("--since wants a time like 2026-03-02T09:15:00Z (RFC 3339)")
		}
	}
	for name, value := range map[string]string{"kind": q.kind, "source": q.source, "reason": q.code, "since": q.since, "settled": q.settled} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v, nil
}

// eachLetter asks page by page.
func eachLetter(ctx context.Context, c *client.Client, q url.Values) iter.Seq2[api.LetterView, error] {
	return func(yield func(api.LetterView, error) bool) {
		for {
			var page api.LettersAnswer
			if err := c.Do(ctx, http.MethodGet, "/v1/deadletters?"+q.Encode(), nil, &page); err != nil {
				yield(api.LetterView{}, err)
				return
			}
			for _, l := range page.Data {
				if !yield(l, nil) {
					return
				}
			}
			if page.NextCursor == nil {
				return
			}
			q.Set("cursor", *page.NextCursor)
		}
	}
}

func (a *app) lettersList() *cobra.Command {
	var q letterQuery
	limit := 0
	cmd := &cobra.Command{
		Use: "list", Short: "list dead letters, without their content", Args: cobra.NoArgs,
		Long:    "Those that wait, unless --settled says otherwise; those of the inbox first, oldest first.",
		Example: "  ficha deadletters list\n  ficha deadletters list --source /crm/bank --code schema --json\n  ficha deadletters list --settled all --kind fold",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return usage("--limit is at least 1")
			}
			v, err := q.values()
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			return a.showLetters(eachLetter(cmd.Context(), c, v), limit)
		},
	}
	q.flags(cmd)
	cmd.Flags().StringVar(&q.kind, "kind", "", "inbox or fold (default: both)")
	cmd.Flags().StringVar(&q.settled, "settled", "no", "no, yes or all")
	cmd.Flags().IntVar(&limit, "limit", 0, "at most so many (default: all)")
	completeWith(cmd, "kind", string(letters.Inbox), string(letters.Folded))
	completeWith(cmd, "settled", "no", "yes", "all")
	return cmd
}

func (a *app) showLetters(all iter.Seq2[api.LetterView, error], limit int) error {
	tw := tabwriter.NewWriter(a.std.out, 0, 4, 2, ' ', 0)
	n := 0
	for l, err := range all {
		if err != nil {
			return err
		}
		if n++; a.json {
			if err := a.print(l); err != nil {
				return err
			}
		} else {
			if n == 1 {
				fmt.Fprintln(tw, "ID\tRECORDED\tSOURCE\tEVENT\tREASON\tBINDS\tSETTLED")
			}
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.RecordedAt.Format(time.RFC3339), onScreen(l.Source), onScreen(l.EventID), onScreen(l.Reason), l.Statement, settledWords(l.Settled))
		}
		if n == limit {
			break
		}
	}
	if n == 0 {
		a.say("there are none")
	}
	return tw.Flush()
}

func settledWords(s *letters.Settled) string {
	if s == nil {
		return ""
	}
	return words(string(s.Action), "by", onScreen(s.By))
}

func (a *app) lettersShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "one dead letter with its content, which may hold personal data", Args: cobra.ExactArgs(1),
		Example: "  ficha deadletters show inbox-17\n  ficha deadletters show fold-golden-812 --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var l api.LetterAnswer
			if err := c.Do(cmd.Context(), http.MethodGet, letterPath(args[0], ""), nil, &l); err != nil {
				return err
			}
			if a.json {
				return a.print(l)
			}
			return a.showLetter(l)
		},
	}
}

func letterPath(id, action string) string { return "/v1/deadletters/" + url.PathEscape(id) + action }

func (a *app) showLetter(l api.LetterAnswer) error {
	tw := tabwriter.NewWriter(a.std.out, 0, 4, 2, ' ', 0)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(tw, "%s\t%s\n", name, onScreen(value))
		}
	}
	line("id", l.ID)
	line("recorded", l.RecordedAt.Format(time.RFC3339))
	line("source", l.Source)
	line("event", words(l.EventID, string(l.Type)))
	line("came by", string(l.Via))
	line("projection", l.Projection)
	line("reason", l.Reason)
	line("binds as", l.Statement)
	line("settled", settledWords(l.Settled))
	if err := tw.Flush(); err != nil {
		return err
	}
	if len(l.Bytes) > 0 {
		_, err := fmt.Fprintf(a.std.out, "\n%q\n", l.Bytes)
		return err
	}
	_, err := fmt.Fprintf(a.std.out, "\n%s\n", onScreen(l.Original))
	return err
}

func (a *app) lettersRetry() *cobra.Command {
	var q letterQuery
	var all bool
	var how api.RetryRequest
	cmd := &cobra.Command{
		Use: "retry [ID…] [--all]", Short: "send dead letters again, as of their source", Args: cobra.ArbitraryArgs,
		Long: `The original bytes go through the gateway once more. What is valid by now is
appended, and a deny that bound in its place gives way to it; what is not stays as
it is. Exit code 5 when some stay. With --dry-run it only says what would happen.`,
		Example: "  ficha deadletters retry inbox-17\n  ficha deadletters retry --all --source /crm/bank --dry-run",
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return usage("name the dead letters, or give --all")
			}
			if !all && q != (letterQuery{}) {
				return usage("--source, --code and --since go with --all")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if all {
				if args, err = waitingIDs(cmd.Context(), c, q); err != nil {
					return err
				}
			}
			return a.retryLetters(cmd.Context(), c, args, how)
		},
	}
	q.flags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "all of the inbox that wait, as far as --source, --code and --since say")
	cmd.Flags().BoolVar(&how.DryRun, "dry-run", false, "say what would become of them, and change nothing")
	cmd.Flags().StringVar(&how.Reason, "reason", "", "why, for those who read it later")
	return cmd
}

// waitingIDs are the letters that can be sent again at all.
func waitingIDs(ctx context.Context, c *client.Client, q letterQuery) ([]string, error) {
	q.kind = string(letters.Inbox)
	v, err := q.values()
	if err != nil {
		return nil, err
	}
	var ids []string
	for l, err := range eachLetter(ctx, c, v) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, l.ID)
	}
	return ids, nil
}

// retried is what is said of one letter.
type retried struct {
	api.SettledAnswer
	Errors []string `json:"errors,omitempty"` // it is not valid: codes and pointers
}

func (a *app) retryLetters(ctx context.Context, c *client.Client, ids []string, how api.RetryRequest) error {
	if len(ids) == 0 {
		a.say("there are none")
	}
	stayed := 0
	for _, id := range ids {
		r := retried{SettledAnswer: api.SettledAnswer{ID: id}}
		err := c.Do(ctx, http.MethodPost, letterPath(id, ":retry"), how, &r.SettledAnswer)
		var p *client.Problem
		switch {
		case errors.As(err, &p) && p.Status == http.StatusUnprocessableEntity && len(p.Errors) > 0:
			stayed++
			r.Errors = problemsOf(p)
		case err != nil:
			return fmt.Errorf("%s: %w", id, err)
		}
		if err := a.showRetried(r, how.DryRun); err != nil {
			return err
		}
	}
	if stayed > 0 {
		return &exitWith{exitPartial, fmt.Errorf("%d of %d are not valid and stay as they are", stayed, len(ids))}
	}
	return nil
}

func problemsOf(p *client.Problem) []string {
	var all []string
	for _, e := range p.Errors {
		all = append(all, words(e.Pointer, e.Detail))
	}
	return all
}

func (a *app) showRetried(r retried, dry bool) error {
	if a.json {
		return a.print(r)
	}
	said := "retried, at position " + r.Position.String()
	switch {
	case len(r.Errors) > 0:
		said = "not valid: " + strings.Join(r.Errors, "; ")
	case dry && r.Status == events.StatusValid:
		said = "valid now; would be taken"
	case r.Status == events.StatusDuplicate:
		said = "was in the log; settled at position " + r.Position.String()
	}
	_, err := fmt.Fprintf(a.std.out, "%s  %s\n", r.ID, onScreen(said))
	return err
}

func (a *app) lettersDiscard() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "discard ID… --reason TEXT", Short: "give dead letters up", Args: cobra.MinimumNArgs(1),
		Long: `They wait no longer; their bytes stay. A deny that was read out of one and binds is
withdrawn with it: make sure that nobody meant it.`,
		Example: "  ficha deadletters discard inbox-17 --reason tests",
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return usage("say why: --reason TEXT")
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			for _, id := range args {
				var done api.SettledAnswer
				if err := c.Do(cmd.Context(), http.MethodPost, letterPath(id, ":discard"), api.DiscardRequest{Reason: reason}, &done); err != nil {
					return fmt.Errorf("%s: %w", id, err)
				}
				if err := a.showDiscarded(done); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; required")
	return cmd
}

func (a *app) showDiscarded(done api.SettledAnswer) error {
	if a.json {
		return a.print(done)
	}
	said := "discarded"
	if done.Released != "" {
		said += "; the deny " + done.Released + " was withdrawn with it"
	}
	_, err := fmt.Fprintf(a.std.out, "%s  %s\n", done.ID, said)
	return err
}
