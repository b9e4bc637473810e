package natslog_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ficha/events/natslog"
)

// selfSigned makes a certificate for loopback and the authority that trusts it.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// TestClientsOverTLS: with a certificate nobody is let in without TLS, and the
// hub's own connections inside the process work as before.
func TestClientsOverTLS(t *testing.T) {
	cert, pool := selfSigned(t)
	keys := &keyring{keys: map[string]natslog.Rights{"agent": {ID: "agent", Ask: true}}}
	// Everywhere is allowed with TLS; the test stays on loopback.
	server, err := natslog.StartServer(natslog.ServerConfig{Dir: t.TempDir(), Listen: &natslog.ListenConfig{
		Addr: "127.0.0.1:0", TLS: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}, Authenticate: keys.authenticate,
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	if !strings.HasPrefix(server.URL(), "tls://127.0.0.1:") {
		t.Errorf("URL %s", server.URL())
	}
	service, err := server.ServiceConn()
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	if _, err := service.Subscribe("ficha.contact.check", func(m *nats.Msg) { _ = m.Respond(m.Data) }); err != nil {
		t.Fatal(err)
	}
	if err := service.Flush(); err != nil {
		t.Fatal(err)
	}
	conn, err := nats.Connect(server.URL(), nats.Token("agent"), nats.Secure(&tls.Config{RootCAs: pool}))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if m, err := conn.Request("ficha.contact.check", []byte("x"), 5*time.Second); err != nil || string(m.Data) != "x" {
		t.Errorf("over TLS: %v, %v", m, err)
	}
	plain, err := net.Dial("tcp", strings.TrimPrefix(server.URL(), "tls://"))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if err := plain.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := plain.Write([]byte("CONNECT {\"auth_token\":\"agent\",\"verbose\":true}\r\nPING\r\n")); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := plain.Read(buf)
		said.Write(buf[:n])
		if err != nil {
			break
		}
	}
	if strings.Contains(said.String(), "PONG") || strings.Contains(said.String(), "+OK") {
		t.Errorf("let in without TLS: %s", said.String())
	}
}
