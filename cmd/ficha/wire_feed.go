package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"ficha/api"
	changefeed "ficha/api/feed"
	"ficha/api/webhook"
	"ficha/events/natslog"
)

// feedSide is what tells other systems what changed.
type feedSide struct {
	publisher *changefeed.Publisher
	webhooks  *webhook.Desk
}

// openFeed publishes the change feed to the stream beside the log, and sends it to
// webhooks. How far each is stands in the stream and in a bucket, so that a rebuild
// of the rows tells nobody anything twice.
func (h *hub) openFeed(ctx context.Context) error {
	reader, err := changefeed.NewReader(changefeed.ReaderConfig{Store: h.store, Runner: mainRunner, Wait: h.main.Wait, End: h.log.End})
	if err != nil {
		return err
	}
	stream, err := h.log.Changes(ctx)
	if err != nil {
		return err
	}
	if h.feed.publisher, err = changefeed.NewPublisher(changefeed.PublisherConfig{Reader: reader, Stream: changeStream{stream}, Logger: h.cfg.Logger}); err != nil {
		return err
	}
	h.run(func() { h.feed.publisher.Run(ctx) })
	return h.openWebhooks(ctx, reader)
}

func (h *hub) openWebhooks(ctx context.Context, reader *changefeed.Reader) error {
	bucket, err := h.log.Bucket(ctx, "webhooks")
	if err != nil {
		return err
	}
	key, err := h.secrets.key(forWebhooks)
	if err != nil {
		return err
	}
	guard, err := webhook.ParseGuard(h.cfg.WebhookAllow)
	if err != nil {
		return err
	}
	h.feed.webhooks, err = webhook.New(webhook.Config{
		Bucket: bucket, Reader: reader, Secret: key, Guard: guard, Agent: "ficha/" + build().Version, Clock: time.Now, Logger: h.cfg.Logger,
	})
	if err != nil {
		return err
	}
	return h.feed.webhooks.Start(ctx)
}

// stop ends what sends; the publisher ends with the hub's tasks.
func (f *feedSide) stop() {
	if f.webhooks != nil {
		f.webhooks.Stop()
	}
}

// status says how far the stream of the change feed is; none before it is known.
func (h *hub) feedStatus() []api.ProjectionStatus {
	if h.feed.publisher == nil || h.feed.publisher.Position() == 0 {
		return nil
	}
	s := api.ProjectionStatus{Name: "changes_stream", Position: h.feed.publisher.Position()}
	if s.Position < h.main.Position() {
		s.LagSeconds = h.age(s.Position + 1)
	}
	return []api.ProjectionStatus{s}
}

// changeStream gives the stream the shape that the publisher needs.
type changeStream struct{ *natslog.Changes }

// End says where the stream ends.
func (s changeStream) End(ctx context.Context) (changefeed.End, error) {
	end, err := s.Changes.End(ctx)
	return changefeed.End(end), err
}

// Publish writes behind a sequence.
func (s changeStream) Publish(ctx context.Context, after uint64, batch []changefeed.Message) (uint64, error) {
	messages := make([]natslog.FeedMessage, len(batch))
	for i, m := range batch {
		messages[i] = natslog.FeedMessage(m)
	}
	return s.Changes.Publish(ctx, after, messages)
}

// networks takes a list of networks apart.
func networks(list string) []string {
	return slices.DeleteFunc(strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' }), func(s string) bool { return s == "" })
}

// webhookProblems says what is wrong with --webhook-allow.
func (s *settings) webhookProblems() []string {
	if _, err := webhook.ParseGuard(networks(s.WebhookAllow)); err != nil {
		return []string{"--webhook-allow wants networks like 10.1.0.0/16, separated by commas"}
	}
	return nil
}
