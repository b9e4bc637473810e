package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ficha/api/apikey"
	"ficha/events"
)

func (a *app) keyCommand() *cobra.Command {
	return group(&cobra.Command{Use: "key", Short: "API keys: create, list, revoke",
		Example: "  ficha key create admin --role admin --data ./ficha-data\n  FICHA_KEY=… ficha key list --url https://hub.example",
		Long: `Keys are kept in the data directory, hashed; the secret is shown once, at its
creation. While a hub runs on the directory the command asks it (an admin's key
is needed), else it works on the files directly, before the first start too.`,
	}, a.keyCreate(), a.keyList(), a.keyRevoke())
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
			return a.withKeys(cmd.Context(), mayMake, func(ctx context.Context, k keyDesk) error {
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
	cmd.Flags().StringSliceVar(&roles, "role", nil, roleList()+"; repeatable")
	cmd.Flags().StringSliceVar(&sources, "source", nil, "source that a publisher may publish for, with everything below it; repeatable; * means all")
	completeWith(cmd, "role", strings.Split(roleList(), ", ")...)
	return cmd
}

func roleList() string {
	var names []string
	for _, r := range apikey.Roles() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

// parseRoles reads --role as both desks take it, so that a mistake is told alike.
func parseRoles(names []string) ([]apikey.Role, error) {
	if len(names) == 0 {
		return nil, usage("say what the key may do: --role, one or several of %s", roleList())
	}
	var out []apikey.Role
	for _, n := range names {
		if !slices.Contains(apikey.Roles(), apikey.Role(n)) {
			return nil, usage("there is no role %q; there are %s", n, roleList())
		}
		out = append(out, apikey.Role(n))
	}
	return out, nil
}

func (a *app) keyList() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "list keys (never their secrets)", Args: cobra.NoArgs,
		Example: "  ficha key list --data ./ficha-data",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withKeys(cmd.Context(), mustExist, func(ctx context.Context, k keyDesk) error {
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
	if len(keys) == 0 {
		a.say("there are no keys yet; make one with: ficha key create NAME --role ROLE")
		return nil
	}
	tw := tabwriter.NewWriter(a.std.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(tw, "ID\tNAME\tROLES\tCREATED\tSOURCES")
	for _, k := range keys {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", k.ID, onScreen(k.Name), strings.Join(k.Roles, ","), k.CreatedAt.Format(time.RFC3339), strings.Join(k.Sources, ","))
	}
	return tw.Flush()
}

func (a *app) keyRevoke() *cobra.Command {
	return &cobra.Command{Use: "revoke ID", Short: "end a key; it stops working within a second", Args: cobra.ExactArgs(1),
		Example: "  ficha key revoke t325o7wn --data ./ficha-data",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withKeys(cmd.Context(), mustExist, func(ctx context.Context, k keyDesk) error {
				err := k.revoke(ctx, args[0])
				if errors.Is(err, events.ErrNotFound) {
					return missing("there is no key %q; ficha key list shows the ids", args[0])
				}
				if err == nil {
					a.say("key %s revoked", args[0])
				}
				return err
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

// Whether a command may make a data directory that is not there.
const (
	mayMake   = true
	mustExist = false
)

// withKeys opens whichever desk is there. A hub that runs has the files.
func (a *app) withKeys(ctx context.Context, mayBeMade bool, do func(context.Context, keyDesk) error) error {
	if a.url != "" {
		return a.withRemoteKeys(ctx, do)
	}
	if a.data == "" {
		return usage("say which hub: --data DIR, or --url of a running one")
	}
	if hubRuns(ctx, a.data) {
		return a.withRemoteKeys(ctx, do)
	}
	if !mayBeMade {
		if err := needData(a.data); err != nil {
			return err
		}
	}
	return a.withLocalKeys(ctx, do)
}
