package natslog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// makeConsumer makes a key's consumer of the change feed, with changes to the
// usual settings.
func makeConsumer(t *testing.T, conn *nats.Conn, name string, change func(*jetstream.ConsumerConfig)) (jetstream.Consumer, error) {
	t.Helper()
	js, err := jetstream.New(conn, jetstream.WithDefaultTimeout(2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	cfg := jetstream.ConsumerConfig{Durable: name, AckPolicy: jetstream.AckExplicitPolicy}
	if change != nil {
		change(&cfg)
	}
	return js.CreateOrUpdateConsumer(t.Context(), "FICHA_CHANGES", cfg)
}

// TestFollowersConsumeTheChangeFeed pulls, acknowledges, breaks off and goes on,
// through the account of the key.
func TestFollowersConsumeTheChangeFeed(t *testing.T) {
	d := newOpenDoor(t)
	js, err := jetstream.New(d.server.Conn())
	if err != nil {
		t.Fatal(err)
	}
	publish := func(subject, body string) {
		if _, err := js.Publish(t.Context(), subject, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	publish("ficha.changes.created", "1")
	publish("ficha.changes.merged", "2")
	take := func(c jetstream.Consumer, want ...string) {
		t.Helper()
		batch, err := c.Fetch(len(want), jetstream.FetchMaxWait(5*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for m := range batch.Messages() {
			got = append(got, m.Subject()+" "+string(m.Data()))
			if err := m.DoubleAck(t.Context()); err != nil {
				t.Errorf("acknowledge: %v", err)
			}
		}
		if strings.Join(got, ", ") != strings.Join(want, ", ") {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	first, _ := d.client(t, "system")
	c, err := makeConsumer(t, first, "system", nil)
	if err != nil {
		t.Fatal(err)
	}
	live, err := first.SubscribeSync("ficha.changes.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Flush(); err != nil {
		t.Fatal(err)
	}
	take(c, "ficha.changes.created 1", "ficha.changes.merged 2")
	publish("ficha.changes.created", "3")
	if m, err := live.NextMsg(time.Second); err != nil || string(m.Data) != "3" {
		t.Errorf("live: %v, %v", m, err)
	}
	first.Close()
	again, _ := d.client(t, "system")
	resumed, err := jetstream.New(again)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = resumed.Consumer(t.Context(), "FICHA_CHANGES", "system"); err != nil {
		t.Fatal(err)
	}
	take(c, "ficha.changes.created 3")
	followed(t, c, func() { publish("ficha.changes.split", "4") }, "4")
	filtered, _ := d.client(t, "other")
	c, err = makeConsumer(t, filtered, "other", func(cfg *jetstream.ConsumerConfig) { cfg.FilterSubject = "ficha.changes.merged" })
	if err != nil {
		t.Fatal(err)
	}
	take(c, "ficha.changes.merged 2")
	if err := resumed.DeleteConsumer(t.Context(), "FICHA_CHANGES", "system"); err != nil {
		t.Errorf("delete own consumer: %v", err)
	}
}

// followed waits for messages as subscribers do, with pulls that wait.
func followed(t *testing.T, c jetstream.Consumer, publish func(), want string) {
	t.Helper()
	messages, err := c.Messages(jetstream.PullExpiry(2*time.Second), jetstream.PullHeartbeat(500*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	time.AfterFunc(700*time.Millisecond, publish) // after a heartbeat
	m, err := messages.Next(jetstream.NextMaxWait(5 * time.Second))
	if err != nil || string(m.Data()) != want {
		t.Fatalf("waiting gives %v, %v", m, err)
	}
	if err := m.DoubleAck(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestConsumersAreOfTheKeyAndPull(t *testing.T) {
	d := newOpenDoor(t)
	system, _ := d.client(t, "system")
	for name, change := range map[string]func(*jetstream.ConsumerConfig){
		"delivers into the log": func(c *jetstream.ConsumerConfig) { c.DeliverSubject = "ficha.log.contact.contact.stated.00" },
		"delivers to an inbox":  func(c *jetstream.ConsumerConfig) { c.DeliverSubject = "_INBOX.x" },
		"another name":          func(c *jetstream.ConsumerConfig) { c.Durable, c.Name = "", "system"; c.Durable = "other" },
	} {
		js, err := jetstream.New(system, jetstream.WithDefaultTimeout(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		cfg := jetstream.ConsumerConfig{Durable: "system"}
		change(&cfg)
		if _, err := js.CreateOrUpdatePushConsumer(t.Context(), "FICHA_CHANGES", cfg); err == nil {
			t.Errorf("%s: it was made", name)
		}
	}
	// As a client would that writes its requests by hand.
	for name, body := range map[string]string{
		"letter case":  `{"stream_name":"FICHA_CHANGES","config":{"durable_name":"system","Deliver_Subject":"ficha.log.x"}}`,
		"twice":        `{"stream_name":"FICHA_CHANGES","config":{"durable_name":"system"},"config":{"deliver_subject":"ficha.log.x"}}`,
		"other stream": `{"stream_name":"FICHA_LOG","config":{"durable_name":"system"}}`,
		"no name":      `{"stream_name":"FICHA_CHANGES","config":{}}`,
		"no JSON":      `{`,
	} {
		m, err := system.Request("$JS.API.CONSUMER.CREATE.FICHA_CHANGES.system", []byte(body), time.Second)
		if err != nil || !strings.Contains(string(m.Data), `"error"`) {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
}
