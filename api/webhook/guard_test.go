package webhook

import (
	"errors"
	"net/netip"
	"testing"

	"ficha/events"
)

func TestPublicAddresses(t *testing.T) {
	for address, want := range map[string]bool{
		"8.8.8.8": true, "93.184.216.34": true, "2606:4700:4700::1111": true, "2a00:1450:4001:81b::200e": true,
		"127.0.0.1": false, "127.8.9.1": false, "10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false, "172.32.0.1": true,
		"192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false, "100.100.100.200": false, "100.128.0.1": true,
		"0.0.0.0": false, "0.1.2.3": false, "224.0.0.1": false, "239.255.255.250": false, "240.0.0.1": false, "255.255.255.255": false,
		"192.0.0.8": false, "192.0.2.1": false, "198.18.0.1": false, "198.51.100.7": false, "203.0.113.9": false, "192.88.99.1": false,
		"::": false, "::1": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false, "fc00::1": false, "fd00:ec2::254": false, "ff02::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false, "::ffff:8.8.8.8": true, "::127.0.0.1": false,
		"64:ff9b::7f00:1": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b::808:808": true, "64:ff9b:1::1": false,
		"2002:7f00:1::": false, "2002:a9fe:a9fe::1": false, "2002:c0a8:101::1": false, "2002:808:808::1": true,
		"2001::1": false, "2001:0:4136:e378:8000:63bf:3fff:fdd2": false, "2001:db8::1": false, "3fff::1": false, "4000::1": false, "100::1": false, "5f00::1": false,
	} {
		g := Guard{}
		if got := g.permits(netip.MustParseAddr(address), "https"); got != want {
			t.Errorf("%s over https: %v, want %v", address, got, want)
		}
		if g.permits(netip.MustParseAddr(address), "http") {
			t.Errorf("%s over http is allowed", address)
		}
	}
}

func TestNetworksOfOnesOwn(t *testing.T) {
	g, err := ParseGuard([]string{"10.1.0.0/16", "fd00:1::/32"})
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.2.0.1": false, "127.0.0.1": false, "fd00:1::5": true, "fd00:2::5": false} {
		for _, scheme := range []string{"http", "https"} {
			if got := g.permits(netip.MustParseAddr(address), scheme); got != want {
				t.Errorf("%s over %s: %v, want %v", address, scheme, got, want)
			}
		}
	}
	if g.permits(netip.MustParseAddr("8.8.8.8"), "http") {
		t.Error("http to somebody outside is allowed")
	}
	for _, bad := range []string{"10.1.0.0", "10.1.0.0/40", "inside", ""} {
		if _, err := ParseGuard([]string{bad}); !errors.Is(err, events.ErrInvalid) {
			t.Errorf("network %q: %v", bad, err)
		}
	}
}

func TestAddressesOfEndpoints(t *testing.T) {
	inside, err := ParseGuard([]string{"10.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		url   string
		guard Guard
		ok    bool
	}{
		{"https://example.com/hook?token=x", Guard{}, true},
		{"https://example.com:8443/", Guard{}, true},
		{"https://8.8.8.8/", Guard{}, true},
		{"http://example.com/", Guard{}, false},
		{"http://example.com/", inside, true}, // who that is, is seen when it is dialled
		{"http://10.0.0.7/", inside, true},
		{"http://8.8.8.8/", inside, false},
		{"https://127.0.0.1/", Guard{}, false},
		{"https://[::1]/", Guard{}, false},
		{"https://[::ffff:7f00:1]/", Guard{}, false},
		{"https://user:pw@example.com/", Guard{}, false},
		{"https://example.com/#part", Guard{}, false},
		{"https://example.com:0/", Guard{}, false},
		{"ftp://example.com/", Guard{}, false},
		{"file:///etc/passwd", Guard{}, false},
		{"https://", Guard{}, false},
		{"https://:443/", Guard{}, false},
		{"example.com", Guard{}, false},
		{"https://exa mple.com/", Guard{}, false},
		{"", Guard{}, false},
	} {
		if err := c.guard.CheckURL(c.url); (err == nil) != c.ok || err != nil && !errors.Is(err, events.ErrInvalid) {
			t.Errorf("%q: %v, want ok %v", c.url, err, c.ok)
		}
	}
}

// TestGuardLooksAtWhatIsDialled: a name says nothing; what it was resolved to does.
func TestGuardLooksAtWhatIsDialled(t *testing.T) {
	for address, want := range map[string]bool{"93.184.216.34:443": true, "127.0.0.1:443": false, "[fe80::1%lo]:443": false, "[::ffff:10.0.0.1]:443": false, "example.com:443": false, "nonsense": false} {
		if err := (Guard{}).control("https")("tcp", address, nil); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
}
