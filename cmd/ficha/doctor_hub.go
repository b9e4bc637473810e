package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"ficha/api"
	"ficha/api/client"
)

// checkHub asks the running hub, if there is one.
func (a *app) checkHub(ctx context.Context) []finding {
	if a.url == "" && !hubRuns(ctx, a.data) {
		return []finding{{Check: "hub", OK: true, Note: true, Detail: "does not run on this directory"}}
	}
	c, err := a.client()
	if err != nil {
		return []finding{{Check: "hub", Detail: explain(err)}}
	}
	var away *client.Unreachable
	ready := finding{Check: "ready", OK: true, Detail: "yes"}
	if err := c.Do(ctx, http.MethodGet, "/readyz", nil, nil); errors.As(err, &away) {
		return []finding{{Check: "hub", Detail: explain(err)}}
	} else if err != nil {
		ready.OK, ready.Detail = false, explain(err)
	}
	out := []finding{ready, checkHubClock(ctx, c.BaseURL), checkOpenDoor(ctx, c)}
	var s api.Status
	if err := c.Do(ctx, http.MethodGet, "/v1/status", nil, &s); err != nil {
		return append(out, finding{Check: "status", Detail: explain(err), Remedy: "give a key with the role operator: FICHA_KEY=… ficha doctor"})
	}
	return append(out, statusFindings(s)...)
}

// checkHubClock compares this machine's clock with the hub's, as its answers date
// themselves.
func checkHubClock(ctx context.Context, url string) finding {
	f := finding{Check: "hub's clock", OK: true, Note: true, Detail: "not known"}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/livez", nil)
	if err != nil {
		return f
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return f
	}
	defer resp.Body.Close()
	at, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return f
	}
	apart := time.Since(at).Abs().Truncate(time.Second)
	f.OK, f.Note, f.Detail = apart <= clockSlack, false, fmt.Sprintf("%s apart from this machine's", apart)
	if !f.OK {
		f.Remedy = "set both clocks (NTP); times of events and of contact rules come from them"
	}
	return f
}

// checkOpenDoor asks without a key what nobody may ask without one.
func checkOpenDoor(ctx context.Context, c *client.Client) finding {
	stranger := &client.Client{BaseURL: c.BaseURL, HTTP: c.HTTP}
	f := finding{Check: "keys", OK: true, Detail: "are asked for"}
	if err := stranger.Do(ctx, http.MethodGet, "/v1/status", nil, nil); err == nil {
		f.OK, f.Detail = false, "the hub runs with --insecure: whoever reaches it may do everything"
		f.Remedy = "ficha key create admin --role admin, and start it without --insecure"
	}
	return f
}

func statusFindings(s api.Status) []finding {
	out := []finding{
		{Check: "durability", OK: s.Durability == "power-safe", Detail: s.Durability},
		{Check: "log", OK: s.Log.OK, Detail: strings.TrimSpace(fmt.Sprintf("position %d %s", s.Position, s.Log.Reason))},
		{Check: "equation", OK: s.Equation.Balanced, Detail: fmt.Sprintf("taken %d, folded %d, duplicate %d, dead %d, refused %d, pending %d",
			s.Equation.Taken, s.Equation.Folded, s.Equation.Duplicate, s.Equation.Dead, s.Equation.Refused, s.Equation.Pending)},
		{Check: "dead letters", OK: true, Note: s.Counts.DeadLetters > 0, Detail: fmt.Sprint(s.Counts.DeadLetters)},
	}
	for _, p := range s.Projections {
		out = append(out, finding{Check: p.Name, OK: p.Error == "" && p.LagSeconds < 10,
			Detail: strings.TrimSpace(fmt.Sprintf("position %d, %.1f s behind %s", p.Position, p.LagSeconds, p.Error))})
	}
	for _, w := range s.Warnings {
		out = append(out, finding{Check: "setting", OK: true, Note: true, Detail: w})
	}
	return out
}
