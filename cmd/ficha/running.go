package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ficha/api/client"
)

// client gives a client of the running hub: --url, else the address file in the
// data directory, else the address that a hub has unless told otherwise.
func (a *app) client() (*client.Client, error) {
	key, err := a.apiKey()
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, usage("the key has blanks or characters that no key has; was more than the key copied?")
	}
	at := a.url
	if at == "" && a.data != "" {
		if at, err = readAddress(a.data); err != nil {
			return nil, err
		}
	}
	if at == "" {
		at = "http://" + defaultListen
	}
	if u, err := url.Parse(at); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usage("--url wants an address like http://%s", defaultListen)
	}
	return &client.Client{BaseURL: at, Key: key}, nil
}

// apiKey gives the key to show to the hub; "" when none was given.
func (a *app) apiKey() (string, error) {
	if a.key != "" {
		return a.key, nil
	}
	if k := os.Getenv("FICHA_KEY"); k != "" {
		return k, nil
	}
	if file := os.Getenv("FICHA_KEY_FILE"); file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return "", usage("read FICHA_KEY_FILE: %w", err)
		}
		return strings.TrimSpace(string(b)), nil
	}
	return "", nil
}

// addressFile is where a running hub leaves its address in the data directory.
const addressFile = "hub.json"

// address is what the address file holds; with --json also the first line of `ficha serve`.
type address struct {
	URL  string `json:"url"`
	PID  int    `json:"pid"`
	NATS string `json:"nats,omitempty"` // where NATS clients reach the hub; not in the file
}

func addressPath(data string) string { return filepath.Join(data, addressFile) }

func writeAddress(data, url string) error {
	b, err := json.Marshal(address{URL: url, PID: os.Getpid()})
	if err != nil {
		return fmt.Errorf("encode address: %w", err)
	}
	return writeDurably(addressPath(data), b, 0o600)
}

func readAddress(data string) (string, error) {
	b, err := os.ReadFile(addressPath(data))
	if os.IsNotExist(err) {
		return "", fmt.Errorf("no hub runs on %s; start one with: ficha serve --data %s", data, data)
	}
	if err != nil {
		return "", fmt.Errorf("read hub address: %w", err)
	}
	var at address
	if err := json.Unmarshal(b, &at); err != nil || at.URL == "" {
		return "", fmt.Errorf("read hub address: %s is damaged; remove it or give --url", addressFile)
	}
	return at.URL, nil
}

// hubRuns says whether the hub whose address a data directory holds answers. A
// hub that was killed leaves its address behind.
func hubRuns(ctx context.Context, data string) bool {
	at, err := readAddress(data)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at+"/livez", nil)
	if err != nil {
		return false
	}
	// Whether somebody is there does not depend on whose certificate it is, and
	// nothing secret is sent.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// needData says that a directory holds no hub, to commands that only look: they
// must not make one.
func needData(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, dirLog)); os.IsNotExist(err) {
		return missing("there is no hub in %s; ficha serve or ficha key create makes one", dir)
	} else if err != nil {
		return fmt.Errorf("look into data directory: %w", err)
	}
	return nil
}
