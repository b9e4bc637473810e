package gateway

import (
	"context"
	"errors"
	"fmt"

	"ficha/events"
	"ficha/internal/strictjson"
)

// InboxMessage is one message of a publisher that does not wait for an answer.
type InboxMessage struct {
	Source string // whose inbox it came by; the event's source must be the same
	Bytes  []byte // one CloudEvent in structured mode
}

// MoveInbox takes each message into the log, or buries it with the reason; a
// refused one that reads as a deny binds besides. It returns nil when nothing of
// the messages can be lost any more; after an error they must be given again,
// which is safe.
func (g *Gateway) MoveInbox(ctx context.Context, messages []InboxMessage) error {
	if g.cfg.Door == nil {
		return errors.New("move inbox: gateway config: Door is required")
	}
	if err := g.cfg.Health.Damage(); err != nil {
		return err
	}
	now := g.cfg.Clock().UTC()
	drafts := make([]*draft, len(messages))
	g.each(len(messages), func(r *strictjson.Reader, i int) {
		m := messages[i]
		item := strictjson.One(m.Bytes)[0]
		drafts[i] = g.draftOfItem(r, events.Principal{Name: "inbox", Sources: []string{m.Source}}, now, item)
		if d := drafts[i]; d.valid() && d.env.Source != m.Source {
			d.refuse(notAllowed("/source"))
			g.finish(d, now, nil)
		}
	})
	if _, err := g.take(ctx, drafts); err != nil {
		return fmt.Errorf("move inbox: %w", err)
	}
	var dead uint64
	for i, d := range drafts {
		if d.valid() {
			continue
		}
		d.raw = messages[i].Bytes
		if err := g.bury(ctx, events.WayInbox, messages[i].Source, d); err != nil {
			return fmt.Errorf("move inbox: bury message: %w", err)
		}
		dead++
	}
	if dead == 0 {
		return nil
	}
	if err := g.cfg.Door.CountDoor(ctx, 0, dead); err != nil {
		return fmt.Errorf("move inbox: count dead letters: %w", err)
	}
	return nil
}
