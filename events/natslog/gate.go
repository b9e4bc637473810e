package natslog

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// gate stands before the making of consumers: JetStream sends what a consumer is
// for wherever the consumer's settings say, so a client could have it write into
// the log. A key has one consumer of the change feed, named like the key, from
// which it pulls.
type gate struct {
	conn  *nats.Conn
	names names
}

// consumerRequest is a request to make or change a consumer, as JetStream reads it.
type consumerRequest struct {
	Stream string                   `json:"stream_name"`
	Config jetstream.ConsumerConfig `json:"config"`
	Action string                   `json:"action,omitempty"`
}

// gateTimeout is how long JetStream may take to make a consumer.
const gateTimeout = 5 * time.Second

// openGate answers requests until conn is closed.
func openGate(conn *nats.Conn, n names) error {
	g := &gate{conn: conn, names: n}
	for _, subject := range []string{n.gate("*"), n.gate("*") + ".>"} {
		if _, err := conn.Subscribe(subject, g.serve); err != nil {
			return fmt.Errorf("open gate: %w", err)
		}
	}
	return nil
}

func (g *gate) serve(m *nats.Msg) {
	id, _, _ := strings.Cut(strings.TrimPrefix(m.Subject, g.names.gate("")), ".")
	request, refused := g.inspect(id, m.Data)
	if refused != "" {
		_ = m.Respond(refusal(refused)) // the client may be gone
		return
	}
	answer, err := g.conn.Request(consumerAPI("CREATE", g.names.changesStream())+"."+id, request, gateTimeout)
	if err != nil {
		_ = m.Respond(refusal("the server did not answer; try again"))
		return
	}
	_ = m.Respond(answer.Data)
}

// inspect gives the request as it may go on, written anew so that it means to
// JetStream what it means here; or why it may not.
func (g *gate) inspect(id string, body []byte) (request []byte, refused string) {
	var r consumerRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, "the request cannot be read"
	}
	switch c := r.Config; {
	case r.Stream != g.names.changesStream():
		return nil, "the stream is another one than the subject names"
	case c.Name != id && c.Durable != id || c.Name != "" && c.Name != id || c.Durable != "" && c.Durable != id:
		return nil, "a key has one consumer, which has the key's id as its name: " + id
	case c.DeliverSubject != "" || c.DeliverGroup != "" || c.FlowControl || c.IdleHeartbeat != 0:
		return nil, "make a consumer that pulls: without deliver_subject"
	}
	request, err := json.Marshal(r)
	if err != nil {
		return nil, "the request cannot be written"
	}
	return request, ""
}

// refusal is an answer in the form of JetStream's own.
func refusal(why string) []byte {
	type problem struct {
		Code        int    `json:"code"`
		ErrCode     int    `json:"err_code"`
		Description string `json:"description"`
	}
	b, err := json.Marshal(struct {
		Type  string  `json:"type"`
		Error problem `json:"error"`
	}{"io.nats.jetstream.api.v1.consumer_create_response", problem{400, 10012, why}}) // 10012: consumer not created
	if err != nil { // two texts and two numbers: cannot be
		return nil
	}
	return b
}
