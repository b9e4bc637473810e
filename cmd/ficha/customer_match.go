package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"ficha/api"
)

// maxRecordFile bounds a record on standard input or in a file, in bytes.
const maxRecordFile = 1 << 20

func (a *app) customerMatch() *cobra.Command {
	var language string
	var limit int
	cmd := &cobra.Command{
		Use: "match FILE", Short: "would this record be somebody we know? nothing is stored", Args: cobra.ExactArgs(1),
		Long: `Reads one record as a JSON object, the data of a customer.recorded.v1 event (its
"record" may be left out), from a file or, with -, from standard input. Says with
whom it would be one customer and whom it resembles, with the evidence. Nothing
is stored. Exit code 3: it resembles nobody.`,
		Example: "  ficha customer match record.json\n  cat record.json | ficha customer match - --language es",
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 || limit > 20 {
				return usage("--limit is from 1 to 20")
			}
			record, err := a.readRecord(args[0])
			if err != nil {
				return err
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			var body []byte
			q := map[string]any{"record": record, "limit": limit}
			if err := c.In(language).Do(cmd.Context(), http.MethodPost, "/v1/customers:match", q, &body); err != nil {
				return err
			}
			return a.showMatch(body)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 10, "at most so many candidates")
	cmd.Flags().StringVar(&language, "language", "en", "of the texts: es or en")
	return cmd
}

// readRecord reads a JSON object from a file or standard input.
func (a *app) readRecord(name string) (json.RawMessage, error) {
	from := a.std.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, usage("the record: %w", err)
		}
		defer f.Close()
		from = f
	}
	raw, err := io.ReadAll(io.LimitReader(from, maxRecordFile+1))
	if err != nil {
		return nil, fmt.Errorf("read record: %w", err)
	}
	var object map[string]json.RawMessage
	if len(raw) > maxRecordFile || json.Unmarshal(raw, &object) != nil || object == nil {
		return nil, usage("the record is to be one JSON object of at most 1 MiB, such as {\"kind\":\"person\",\"names\":[{\"full\":\"Ana Xol\"}]}")
	}
	return raw, nil
}

// showMatch prints the hub's answer about one record.
func (a *app) showMatch(body []byte) error {
	var m api.MatchAnswer
	if err := json.Unmarshal(body, &m); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	if a.json {
		if _, err := fmt.Fprintf(a.std.out, "%s\n", strings.TrimSpace(string(body))); err != nil {
			return err
		}
	}
	if len(m.Joins)+len(m.Candidates) == 0 {
		return missing("it resembles nobody that the hub knows")
	}
	if a.json {
		return nil
	}
	fmt.Fprintln(a.std.out, joinsText(m))
	for _, c := range m.Candidates {
		record := ""
		if c.Record != nil {
			record = "  " + shortKey(*c.Record)
		}
		fmt.Fprintf(a.std.out, "\n%s  %s%s\n", c.CustomerID, onScreen(c.DisplayName), record)
		fmt.Fprintf(a.std.out, "  %s, %.1f bits, %s probable\n", c.Band, float64(c.Weight)/1000, percentText(c.Probability))
		for _, e := range c.Evidence {
			fmt.Fprintf(a.std.out, "    %s\n", onScreen(e.Text))
		}
	}
	return nil
}

// percentText writes a probability; evidence never makes certain.
func percentText(p float64) string {
	if p > 0.999 {
		return "> 99.9 %"
	}
	return fmt.Sprintf("%.1f %%", 100*p)
}

// joinsText says with whom the record would be one customer.
func joinsText(m api.MatchAnswer) string {
	about := "it would be a customer of its own"
	if m.Known {
		about = "it would stay by itself: the hub knows this record, and the answer is about a change of it"
	}
	switch len(m.Joins) {
	case 0:
		return about
	case 1:
		return "it would be one customer with " + m.Joins[0].String()
	}
	ids := make([]string, len(m.Joins))
	for i, id := range m.Joins {
		ids[i] = id.String()
	}
	return "it would bring together " + strings.Join(ids, " ")
}
