package natslog

import (
	"github.com/nats-io/nats-server/v2/server"
)

func (n names) gate(id string) string        { return n.prefix + ".gate." + id }
func (n names) ask(what string) string       { return n.prefix + "." + what }
func consumerAPI(verb, stream string) string { return "$JS.API.CONSUMER." + verb + "." + stream }

// route is what a client publishes to, and where that leads in the hub's account.
type route struct{ from, to string }

// straight are routes that keep their subject.
func straight(subjects ...string) []route {
	var all []route
	for _, s := range subjects {
		all = append(all, route{s, s})
	}
	return all
}

// discovery are the verbs by which clients find micro services.
func discovery() []string {
	var all []string
	for _, verb := range [...]string{"PING", "INFO", "STATS"} {
		all = append(all, "$SRV."+verb, "$SRV."+verb+".>")
	}
	return all
}

// routes are all that a client may publish to.
func (n names) routes(r Rights) []route {
	all := straight(discovery()...)
	if r.Append {
		all = append(all, straight(n.ask("append"))...)
	}
	for _, source := range r.Inboxes {
		if source == "*" {
			all = append(all, straight(n.prefix+".inbox.*")...)
			continue
		}
		all = append(all, straight(n.inbox(source))...)
	}
	if r.Ask {
		all = append(all, straight(n.ask("contact.*"), n.ask("customer.*"))...)
	}
	if r.Follow {
		all = append(all, n.followRoutes(r.ID)...)
	}
	return all
}

// followRoutes lead to the change feed by the one consumer of a key. What is to
// make the consumer goes through the [gate].
func (n names) followRoutes(id string) []route {
	stream := n.changesStream()
	create := consumerAPI("CREATE", stream) + "." + id
	return append(straight(
		"$JS.API.STREAM.INFO."+stream,
		consumerAPI("INFO", stream)+"."+id,
		consumerAPI("DELETE", stream)+"."+id,
		consumerAPI("MSG.NEXT", stream)+"."+id,
		"$JS.ACK."+stream+"."+id+".>",
	), route{create, n.gate(id)}, route{create + ".>", n.gate(id) + ".>"})
}

// export is what the hub's account lets those of clients import; streamed: one
// request may have many answers.
type export struct {
	subject  string
	streamed bool
}

func (n names) exports() []export {
	stream := n.changesStream()
	all := []export{
		{subject: n.ask("append")}, {subject: n.ask("contact.*")}, {subject: n.ask("customer.*")}, {subject: n.prefix + ".inbox.*"},
		{subject: n.gate("*")}, {subject: n.gate("*") + ".>"},
		{subject: "$JS.API.STREAM.INFO." + stream},
		{subject: consumerAPI("INFO", stream) + ".*"},
		{subject: consumerAPI("DELETE", stream) + ".*"},
		{subject: consumerAPI("MSG.NEXT", stream) + ".*", streamed: true},
		{subject: "$JS.ACK." + stream + ".>"},
	}
	for _, s := range discovery() {
		all = append(all, export{s, true})
	}
	return all
}

// permissions of a client within its own account: so that it is told what it may
// not do.
func (n names) permissions(r Rights) *server.Permissions {
	p := &server.Permissions{Publish: &server.SubjectPermission{}, Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}}}
	for _, route := range n.routes(r) {
		p.Publish.Allow = append(p.Publish.Allow, route.from)
	}
	if r.Follow {
		p.Subscribe.Allow = append(p.Subscribe.Allow, n.changesSubjects())
	}
	return p
}

// servicePermissions are those of the connection that answers clients: it writes
// to nobody but whoever asked.
func (n names) servicePermissions() *server.Permissions {
	listen := []string{n.ask("append"), n.ask("contact.*"), n.ask("customer.*"), "$SRV.>", "_INBOX.>"}
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: []string{"_INBOX.>", "_R_.>"}},
		Subscribe: &server.SubjectPermission{Allow: listen},
	}
}
