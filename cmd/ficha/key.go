package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ficha/api/apikey"
)

func (a *app) keyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "API keys: create, list, revoke",
		Long: `Keys are kept in the data directory, hashed; the secret is shown once, at its
creation. While a hub runs on the directory the command asks it (an admin's key
is needed), else it works on the files directly, before the first start too.`}
	cmd.AddCommand(a.keyCreate(), a.keyList(), a.keyRevoke())
	return cmd
}

func (a *app) keyCreate() *cobra.Command {
	var roles, sources []string
	cmd := &cobra.Command{
		Use: "create NAME --role ROLE [--source /crm/bank]", Short: "make a key and print it, once", Args: cobra.ExactArgs(1),
		Example: "  ficha key create bank-crm --role publisher --source /crm/bank --data ./ficha-data",
		RunE: func(cmd *cobra.Command, args []string) error {
			want, err := parseRoles(roles)
			if err != nil {
				return err
			}
			return a.withKeys(cmd.Context(), func(ctx context.Context, k keyDesk) error {
				made, err := k.create(ctx, args[0], want, sources)
				if err != nil {
					return err
				}
				if a.json {
					return a.print(made)
				}
				a.say("key %s for %s (%s); it is shown this once:", made.ID, made.Name, strings.Join(roles, ", "))
				_, err = fmt.Fprintln(a.std.out, made.Key)
				return err
			})
		},
	}
	cmd.Flags().StringSliceVar(&roles, "role", nil, "publisher, agent, steward, operator, system or admin; repeatable")
	cmd.Flags().StringSliceVar(&sources, "source", nil, "source that a publisher may publish for, with everything below it; repeatable; * means all")
	return cmd
}

func parseRoles(names []string) ([]apikey.Role, error) {
	if len(names) == 0 {
		return nil, usage("say what the key may do: --role publisher|agent|steward|operator|system|admin")
	}
	var out []apikey.Role
	for _, n := range names {
		out = append(out, apikey.Role(n))
	}
	return out, nil
}

func (a *app) keyList() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "list keys (never their secrets)", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withKeys(cmd.Context(), func(ctx context.Context, k keyDesk) error {
				keys, err := k.list(ctx)
				if err != nil {
					return err
				}
				if a.json {
					for _, key := range keys {
						if err := a.print(key); err != nil {
							return err
						}
					}
					return nil
				}
				return a.printKeys(keys)
			})
		}}
}

func (a *app) printKeys(keys []keyInfo) error {
	tw := tabwriter.NewWriter(a.std.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "ID\tNAME\tROLES\tSOURCES\tCREATED")
	for _, k := range keys {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, strings.Join(k.Roles, ","), strings.Join(k.Sources, ","), k.CreatedAt.Format(time.RFC3339))
	}
	return tw.Flush()
}

func (a *app) keyRevoke() *cobra.Command {
	return &cobra.Command{Use: "revoke ID", Short: "end a key; it stops working within a second", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withKeys(cmd.Context(), func(ctx context.Context, k keyDesk) error {
				if err := k.revoke(ctx, args[0]); err != nil {
					return err
				}
				a.say("key %s revoked", args[0])
				return nil
			})
		}}
}

// keyInfo is what is shown of a key; Key is set at its creation alone.
type keyInfo struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Roles     []string  `json:"roles"`
	Sources   []string  `json:"sources,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	Key       string    `json:"key,omitempty"`
}

// keyDesk is where keys are kept: files, or a running hub.
type keyDesk interface {
	create(ctx context.Context, name string, roles []apikey.Role, sources []string) (keyInfo, error)
	list(ctx context.Context) ([]keyInfo, error)
	revoke(ctx context.Context, id string) error
}

// withKeys opens whichever desk is there. A hub that runs has the files.
func (a *app) withKeys(ctx context.Context, do func(context.Context, keyDesk) error) error {
	if a.url != "" {
		return a.withRemoteKeys(ctx, do)
	}
	if a.data == "" {
		return usage("say which hub: --data DIR, or --url of a running one")
	}
	if hubRuns(ctx, a.data) {
		return a.withRemoteKeys(ctx, do)
	}
	return a.withLocalKeys(ctx, do)
}
