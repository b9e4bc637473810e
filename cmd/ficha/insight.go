package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	_ "time/tzdata" // zones by name on machines that have no table of them

	"github.com/spf13/cobra"

	"ficha/api"
	"ficha/api/client"
	"ficha/projections/insight"
)

func (a *app) insightCommand() *cobra.Command {
	return group(&cobra.Command{
		Use: "insight", Short: "counts: contacts, survey scores, cases",
		Long: `Counts for campaign owners and operators. Each interaction, answer and case
counts once, as its source states it now. Days begin at midnight of --zone (UTC);
--from is the first day, --to the day after the last. --json prints the hub's
answer as it is.`,
		Example: "  ficha insight contacts --from 2026-03-01 --to 2026-04-01 --by channel,hour --zone America/Guatemala\n  ficha insight nps --by month,segment\n  ficha insight cases --by kind",
	}, a.insightContacts(), a.insightNPS(), a.insightCases())
}

// figureFlags are the flags that all figures take, and filters of one of them.
type figureFlags struct {
	from, to, zone string
	by             []string
	filters        map[string]*[]string
}

func (f *figureFlags) add(cmd *cobra.Command, by, usual string, filters ...string) {
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "", "first day, such as 2026-03-01")
	flags.StringVar(&f.to, "to", "", "the day after the last one; default tomorrow")
	flags.StringVar(&f.zone, "zone", "", "IANA time zone; default UTC")
	flags.StringSliceVar(&f.by, "by", nil, "what rows are told apart by: "+by+"; default "+usual)
	f.filters = map[string]*[]string{}
	for _, name := range filters {
		f.filters[name] = flags.StringSlice(name, nil, "only this "+name+"; several: separated by commas")
	}
}

func (f *figureFlags) query() url.Values {
	q := url.Values{}
	for name, v := range map[string]string{"from": f.from, "to": f.to, "zone": f.zone, "by": strings.Join(f.by, ",")} {
		if v != "" {
			q.Set(name, v)
		}
	}
	for name, values := range f.filters {
		if len(*values) > 0 {
			q.Set(name, strings.Join(*values, ","))
		}
	}
	return q
}

// figures asks for figures and shows them: as they came, or as a table.
func (a *app) figures(ctx context.Context, path string, q url.Values, show func(body []byte) error) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	var body []byte
	if err := c.Do(ctx, http.MethodGet, path+"?"+q.Encode(), nil, &body); err != nil {
		return err
	}
	if a.json {
		_, err := fmt.Fprintf(a.std.out, "%s\n", strings.TrimSpace(string(body)))
		return err
	}
	return show(body)
}

func (a *app) insightContacts() *cobra.Command {
	var f figureFlags
	cmd := &cobra.Command{
		Use: "contacts", Short: "how many contacts, when and how", Args: cobra.NoArgs,
		Example: "  ficha insight contacts --by day,channel\n  ficha insight contacts --from 2026-03-01 --to 2026-03-08 --by hour --channel voice --zone America/Guatemala",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.figures(cmd.Context(), "/v1/insights/contacts", f.query(), func(body []byte) error {
				var out api.ContactFigures
				if err := json.Unmarshal(body, &out); err != nil {
					return fmt.Errorf("decode figures: %w", err)
				}
				t := a.table(out.By, "contacts")
				for _, r := range append(out.Rows, out.Totals) {
					t.row(r.Labels, count(r.Contacts))
				}
				return t.end(out.FiguresOf)
			})
		},
	}
	f.add(cmd, "month, day, hour, channel, direction, source, outcome", "day", "channel", "direction", "source", "outcome")
	return cmd
}

func (a *app) insightNPS() *cobra.Command {
	var f figureFlags
	var kind string
	cmd := &cobra.Command{
		Use: "nps", Short: "survey scores: NPS, or averages of other kinds", Args: cobra.NoArgs,
		Example: "  ficha insight nps --by month,segment\n  ficha insight nps --kind csat --by survey --from 2026-01-01",
		RunE: func(cmd *cobra.Command, _ []string) error {
			q := f.query()
			if kind != "" {
				q.Set("kind", kind)
			}
			return a.figures(cmd.Context(), "/v1/insights/nps", q, func(body []byte) error {
				var out api.SurveyFigures
				if err := json.Unmarshal(body, &out); err != nil {
					return fmt.Errorf("decode figures: %w", err)
				}
				t := a.table(out.By, "responses", "scored", "promoters", "passives", "detractors", "nps", "average")
				for _, r := range append(out.Rows, out.Totals) {
					t.row(r.Labels, count(r.Responses), count(r.Scored), count(r.Promoters), count(r.Passives), count(r.Detractors), share(r.NPS), share(r.Average))
				}
				return t.end(out.FiguresOf)
			})
		},
	}
	f.add(cmd, "month, day, survey, segment, scale", "month", "survey", "segment")
	cmd.Flags().StringVar(&kind, "kind", "", "nps, csat, ces or other; default nps")
	return cmd
}

func (a *app) insightCases() *cobra.Command {
	var f figureFlags
	cmd := &cobra.Command{
		Use: "cases", Short: "how many cases, how many are open, how long they took", Args: cobra.NoArgs,
		Long: `Cases by when they were opened. Minutes: half, and nine of ten, took no longer to
the first answer and to the end.`,
		Example: "  ficha insight cases --by kind\n  ficha insight cases --by month --kind complaint --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.figures(cmd.Context(), "/v1/insights/cases", f.query(), func(body []byte) error {
				var out api.CaseFigures
				if err := json.Unmarshal(body, &out); err != nil {
					return fmt.Errorf("decode figures: %w", err)
				}
				t := a.table(out.By, "cases", "open", "overdue", "escalated", "resolved", "answer p50", "p90", "end p50", "p90")
				for _, r := range append(out.Rows, out.Totals) {
					t.row(r.Labels, count(r.Cases), count(r.Open), count(r.Overdue), count(r.Escalated), count(r.Resolved),
						minutes(r.FirstAnswerMinutes.P50), minutes(r.FirstAnswerMinutes.P90), minutes(r.ResolutionMinutes.P50), minutes(r.ResolutionMinutes.P90))
				}
				a.say("backlog: %d open, %d overdue, %d escalated", out.Backlog.Open, out.Backlog.Overdue, out.Backlog.Escalated)
				return t.end(out.FiguresOf)
			})
		},
	}
	f.add(cmd, "month, day, kind, status, channel, source", "month", "kind", "status", "channel", "source")
	return cmd
}

// figureTable prints figures in columns: labels on the left, numbers on the right.
type figureTable struct {
	app *app
	w   *tabwriter.Writer
	by  []string
}

func (a *app) table(by []string, columns ...string) *figureTable {
	t := &figureTable{app: a, w: tabwriter.NewWriter(a.std.out, 0, 4, 2, ' ', 0), by: by}
	var head []string
	for _, c := range append(append([]string{}, by...), columns...) {
		head = append(head, strings.ToUpper(c))
	}
	writeRow(t.w, head...)
	return t
}

// row prints a row; one without labels is the total.
func (t *figureTable) row(l insight.Labels, numbers ...string) {
	labels := make([]string, len(t.by))
	for i, d := range t.by {
		labels[i] = labelOf(&l, insight.Dimension(d))
	}
	if l == (insight.Labels{}) && len(labels) > 0 {
		labels[0] = "total"
	}
	writeRow(t.w, append(labels, numbers...)...)
}

func labelOf(l *insight.Labels, d insight.Dimension) string {
	if d == insight.ByHour && l.Hour != nil {
		return fmt.Sprintf("%02d", *l.Hour)
	}
	text := map[insight.Dimension]*string{
		insight.ByMonth: l.Month, insight.ByDay: l.Day, insight.ByChannel: l.Channel, insight.ByDirection: l.Direction, insight.BySource: l.Source,
		insight.ByOutcome: l.Outcome, insight.BySegment: l.Segment, insight.BySurvey: l.Survey, insight.ByScale: l.Scale, insight.ByKind: l.Kind, insight.ByStatus: l.Status,
	}[d]
	if text == nil {
		return ""
	}
	return cmp.Or(*text, "–")
}

// end writes the table and says what it is of.
func (t *figureTable) end(of api.FiguresOf) error {
	t.app.say("from %s to %s (not included), %s; up to position %d", of.From, of.To, of.Zone, of.Position)
	return t.w.Flush()
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

func share(x *float64) string {
	if x == nil {
		return "–"
	}
	return strconv.FormatFloat(*x, 'f', -1, 64)
}

func minutes(n *int64) string {
	if n == nil {
		return "–"
	}
	return count(*n)
}

// addFigures asks the hub for what the demo tells of cases and surveys.
func (s *summary) addFigures(ctx context.Context, c *client.Client) error {
	var cases api.CaseFigures
	var surveys api.SurveyFigures
	if err := c.Do(ctx, http.MethodGet, "/v1/insights/cases", nil, &cases); err != nil {
		return err
	}
	if err := c.Do(ctx, http.MethodGet, "/v1/insights/nps", nil, &surveys); err != nil {
		return err
	}
	s.Cases, s.OpenCases, s.OverdueCases = cases.Totals.Cases, cases.Backlog.Open, cases.Backlog.Overdue
	s.NPS = surveys.Totals.NPS
	return nil
}
