package main

import (
	"net/url"

	"github.com/spf13/cobra"

	"ficha/api"
)

func (a *app) customerSplit() *cobra.Command {
	var q api.SplitRequest
	var seen string
	var records []string
	cmd := &cobra.Command{
		Use: "split ID", Short: "say that records are somebody else's", Args: cobra.ExactArgs(1),
		Long: `Parts records from the rest of their customer, and keeps them apart until it is
undone. Refusals that bound them go on binding them until somebody confirms that
they need not ("ficha reviews list --kind hold").`,
		Example: "  ficha customer split \"$ID\" --record /crm/bank:2 --dry-run\n  ficha customer split \"$ID\" --record /crm/bank:2 --record /shop:77 --reason relatives",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(records) == 0 {
				return usage("say which records with --record source:id")
			}
			for _, text := range records {
				key, err := recordIn(text)
				if err != nil {
					return err
				}
				q.Records = append(q.Records, api.NamedRecord{Source: key.Source, Stream: key.Stream, ID: key.ID})
			}
			return a.act(cmd.Context(), "/v1/customers/"+url.PathEscape(args[0])+":split", seen, q)
		},
	}
	cmd.Flags().StringArrayVar(&records, "record", nil, "a record that is somebody else's: source:id or source:stream:id; may be repeated")
	cmd.Flags().StringVar(&q.Reason, "reason", "", "why; kept with the verdict")
	cmd.Flags().BoolVar(&q.DryRun, "dry-run", false, "say what would come of it, and do nothing")
	cmd.Flags().StringVar(&seen, "if-match", "", "only if the customer still has this ETag")
	return cmd
}
