package webhook

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"syscall"

	"ficha/events"
)

// errForbidden: the guard does not let that address be dialled.
var errForbidden = errors.New("address not allowed")

// Guard says which addresses webhooks may be sent to. The zero Guard lets public
// ones be, over https.
type Guard struct {
	// Allow are networks of one's own that may be dialled all the same, over http
	// too.
	Allow []netip.Prefix
}

// ParseGuard reads networks such as 10.1.0.0/16, separated by commas. ErrInvalid:
// one cannot be read.
func ParseGuard(list []string) (Guard, error) {
	var g Guard
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return Guard{}, fmt.Errorf("read network %q: want one like 10.1.0.0/16: %w", s, events.ErrInvalid)
		}
		g.Allow = append(g.Allow, p.Masked())
	}
	return g, nil
}

// allowed says whether an address is in one of the networks of one's own.
func (g Guard) allowed(a netip.Addr) bool {
	return slices.ContainsFunc(g.Allow, func(p netip.Prefix) bool { return p.Contains(a) })
}

// CheckURL says with an ErrInvalid what is wrong with the address of an endpoint,
// as far as can be seen without asking who is there.
func (g Guard) CheckURL(s string) error {
	wrong := func(what string) error { return fmt.Errorf("check webhook address: %s: %w", what, events.ErrInvalid) }
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return wrong("it is no URL with a host")
	case u.Scheme != "https" && u.Scheme != "http":
		return wrong("only https is spoken, and http in networks of one's own")
	case u.User != nil:
		return wrong("leave user and password out; requests are signed")
	case u.Fragment != "":
		return wrong("leave the part behind # out")
	case u.Scheme == "http" && len(g.Allow) == 0:
		return wrong("https only; --webhook-allow names networks in which http is spoken")
	case u.Port() == "0":
		return wrong("there is no port 0")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !g.permits(a, u.Scheme) {
		return wrong("that address is inside; --webhook-allow names networks that may be reached")
	}
	return nil
}

// permits says whether an address may be dialled.
func (g Guard) permits(a netip.Addr, scheme string) bool {
	a = a.WithZone("").Unmap()
	if g.allowed(a) {
		return true
	}
	return scheme == "https" && public(a)
}

// control is called by the dialler with the address that a name was resolved to,
// just before it connects: a name cannot lead elsewhere meanwhile.
func (g Guard) control(scheme string) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return errForbidden
		}
		a, err := netip.ParseAddr(host)
		if err != nil || !g.permits(a, scheme) {
			return errForbidden
		}
		return nil
	}
}

// public says whether an address is one of the internet's, and of nobody in
// particular: registries of special-purpose addresses, RFC 6890 and its followers.
func public(a netip.Addr) bool {
	if !a.IsValid() || a.IsMulticast() || a.IsUnspecified() || a.IsLoopback() {
		return false
	}
	if a.Is4() {
		return !inside(a, special4())
	}
	if !netip.MustParsePrefix("2000::/3").Contains(a) {
		return embedsPublic(a, "64:ff9b::/96", 12) // NAT64 of somebody public
	}
	if netip.MustParsePrefix("2002::/16").Contains(a) {
		return embedsPublic(a, "2002::/16", 2) // 6to4
	}
	return !inside(a, special6())
}

// embedsPublic says whether a is in prefix and the IPv4 address in it, which
// begins at a byte, is a public one.
func embedsPublic(a netip.Addr, prefix string, at int) bool {
	if !netip.MustParsePrefix(prefix).Contains(a) {
		return false
	}
	b := a.As16()
	v4, ok := netip.AddrFromSlice(b[at : at+4])
	return ok && public(v4)
}

func inside(a netip.Addr, networks []string) bool {
	return slices.ContainsFunc(networks, func(s string) bool { return netip.MustParsePrefix(s).Contains(a) })
}

func special4() []string {
	return []string{
		"0.0.0.0/8",       // this network
		"10.0.0.0/8",      // private
		"100.64.0.0/10",   // behind a provider's NAT; metadata of one cloud
		"127.0.0.0/8",     // loopback
		"169.254.0.0/16",  // link-local; metadata of the other clouds
		"172.16.0.0/12",   // private
		"192.0.0.0/24",    // protocol assignments
		"192.0.2.0/24",    // documentation
		"192.88.99.0/24",  // 6to4 relays
		"192.168.0.0/16",  // private
		"198.18.0.0/15",   // benchmarking
		"198.51.100.0/24", // documentation
		"203.0.113.0/24",  // documentation
		"240.0.0.0/4",     // reserved, broadcast
	}
}

func special6() []string {
	return []string{
		"2001::/23",     // protocol assignments, Teredo
		"2001:db8::/32", // documentation
		"3fff::/20",     // documentation
	}
}
