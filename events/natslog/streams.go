package natslog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"ficha/events"
)

// streamConfigs says what the hub's streams have to be.
func streamConfigs(n names, replicas int) []jetstream.StreamConfig {
	return []jetstream.StreamConfig{{
		Name:               n.logStream(),
		Description:        "the one log; only the appender writes",
		Subjects:           []string{n.logSubjects()},
		Retention:          jetstream.LimitsPolicy,
		Discard:            jetstream.DiscardNew,
		Storage:            jetstream.FileStorage,
		Duplicates:         2 * time.Minute,
		AllowDirect:        true,
		AllowAtomicPublish: true,
		Replicas:           replicas,
	}, {
		Name:        n.inboxStream(),
		Description: "events that were left here to be taken; kept until they are",
		Subjects:    []string{n.inboxSubjects()},
		Retention:   jetstream.WorkQueuePolicy,
		Discard:     jetstream.DiscardNew,
		Storage:     jetstream.FileStorage,
		Duplicates:  2 * time.Minute,
		Replicas:    replicas,
	}, {
		Name:        n.deadStream(),
		Description: "what could not be taken: original bytes and the reason",
		Subjects:    []string{n.deadSubjects()},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		Storage:     jetstream.FileStorage,
		Duplicates:  2 * time.Minute,
		AllowDirect: true,
		Replicas:    replicas,
	}}
}

// ensureStreams makes the streams that are missing, checks those that are there,
// and gives that of the log.
func ensureStreams(ctx context.Context, js jetstream.JetStream, n names, replicas int) (jetstream.Stream, error) {
	var log jetstream.Stream
	for _, want := range streamConfigs(n, replicas) {
		s, err := js.Stream(ctx, want.Name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			s, err = js.CreateStream(ctx, want)
		}
		if err != nil {
			return nil, unavailable("open stream "+want.Name, err)
		}
		if wrong := differences(s.CachedInfo().Config, want); len(wrong) > 0 {
			return nil, fmt.Errorf("open stream %s: it is not as the hub needs it: %s: %w", want.Name, strings.Join(wrong, ", "), events.ErrConflict)
		}
		if want.Name == n.logStream() {
			log = s
		}
	}
	return log, nil
}

// differences lists what of a stream could lose events or keep them out.
func differences(have, want jetstream.StreamConfig) []string {
	var wrong []string
	check := func(ok bool, what string) {
		if !ok {
			wrong = append(wrong, what)
		}
	}
	check(slices.Equal(have.Subjects, want.Subjects), "its subjects differ")
	check(have.Storage == jetstream.FileStorage, "it is not kept in files")
	check(have.Retention == want.Retention, "another retention")
	check(have.Discard == jetstream.DiscardNew, "it discards old messages")
	check(have.MaxMsgs < 1 && have.MaxBytes < 1 && have.MaxMsgsPerSubject < 1 && have.MaxAge == 0, "it has limits")
	check(have.PersistMode == jetstream.DefaultPersistMode, "it acknowledges before it writes")
	check(have.AllowAtomicPublish == want.AllowAtomicPublish, "atomic batches are not set as needed")
	check(!want.AllowDirect || have.AllowDirect, "no direct reads")
	check(!have.NoAck, "it does not acknowledge")
	check(!have.Sealed, "it is sealed")
	check(have.SubjectTransform == nil && have.RePublish == nil && have.Mirror == nil && len(have.Sources) == 0, "it is transformed, copied or a copy")
	return wrong
}
