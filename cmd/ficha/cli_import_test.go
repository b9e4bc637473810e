package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"ficha/api/apikey"
)

const goodRows = `customer id,first name,last name,birth date,phone,favourite colour
1,María José,Núñez,1980-02-11,+502 5512 3456,red
2,Pedro,Pérez,1975-05-05,+502 5512 3457,blue
`

const badRows = `customer id,first name,last name,birth date,phone
10,Ana,López,1999-13-45,+502 5512 3458
11,Luis,"broken quote,1980-01-01,5512
`

// TestImportFromTheShell imports good and bad files as a publisher does.
func TestImportFromTheShell(t *testing.T) {
	atShell(t)
	d := newKeyedHub(t)
	t.Setenv("FICHA_URL", d.url)
	t.Setenv("FICHA_KEY", d.keys[apikey.Publisher])
	write(t, "good.csv", goodRows)
	write(t, "bad.csv", badRows)

	wantExit(t, exitOK, "2 appended", "import", "good.csv", "--source", "/crm/bank")
	if _, err := os.Stat("good.csv.rejects.csv"); !os.IsNotExist(err) {
		t.Error("a good file left a rejects file")
	}
	_, _, said := runMain(t, "import", "good.csv", "--source", "/crm/bank")
	if !strings.Contains(said, "0 appended, 2 unchanged") || !strings.Contains(said, "ignored columns: favourite colour") {
		t.Errorf("the same file again: %s", said)
	}
	wantExit(t, exitPartial, "1 rejected", "import", "bad.csv", "--source", "/crm/bank")
	b, err := os.ReadFile("bad.csv.rejects.csv")
	if err != nil || strings.Count(string(b), "\n") != 3 || !strings.Contains(string(b), "unclosed_quote") {
		t.Errorf("rejects: %v\n%s", err, b)
	}
	all := objects(t, wantExit(t, exitPartial, "", "import", "good.csv", "bad.csv", "--source", "/crm/bank", "--json"))
	if len(all) != 2 || all[0]["file"] != "good.csv" || all[0]["unchanged"] != 2.0 || all[1]["rejects_file"] != "bad.csv.rejects.csv" || all[1]["rejected"] != 1.0 {
		t.Errorf("--json says %v", all)
	}
	write(t, "bad.csv", goodRows) // mended: its old rejects would be taken for new ones
	wantExit(t, exitOK, "", "import", "bad.csv", "--source", "/crm/bank")
	if _, err := os.Stat("bad.csv.rejects.csv"); !os.IsNotExist(err) {
		t.Error("the mended file's old rejects are still there")
	}

	wantExit(t, exitUsage, "import good.csv: this key may not publish for the source\n", "import", "good.csv", "--source", "/other")
	wantExit(t, exitNotFound, "no such file", "import", "none.csv", "--source", "/crm/bank")
	write(t, "empty.csv", "")
	wantExit(t, exitError, "no column names", "import", "empty.csv", "--source", "/crm/bank")
	t.Setenv("FICHA_KEY", d.keys[apikey.Agent])
	wantExit(t, exitError, "needs one of the roles publisher, admin", "import", "good.csv", "--source", "/crm/bank")
	t.Setenv("FICHA_URL", "http://127.0.0.1:1") // a dry run asks no hub
	if events := objects(t, wantExit(t, exitOK, "", "import", "good.csv", "--source", "/crm/bank", "--dry-run")); len(events) != 2 || events[0]["type"] != "customer.recorded.v1" {
		t.Errorf("dry run: %v", events)
	}
}

// manyRows makes a file of several batches; row 2 and every 700th after it have a
// date that cannot be read.
func manyRows(n int) string {
	var b strings.Builder
	b.WriteString("customer id,first name,last name,birth date\n")
	for i := range n {
		born := "1980-01-01"
		if i%700 == 1 {
			born = "1980-13-45"
		}
		fmt.Fprintf(&b, "%d,Ana,Lo%dpez,%s\n", i, i, born)
	}
	return b.String()
}

// through puts a stage between the command line and a hub, which is told of each
// batch of events before it goes on, and may refuse to.
func through(t *testing.T, hub string, batch func(n int64) (pass bool)) string {
	t.Helper()
	at, err := url.Parse(hub)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(at)
	var n atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/events" && !batch(n.Add(1)) {
			panic(http.ErrAbortHandler) // the connection breaks, as with a hub that is killed
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestInterruptedImportGoesOn interrupts an import in its midst and calls it again.
func TestInterruptedImportGoesOn(t *testing.T) {
	atShell(t)
	h, c := hubInProcess(t)
	const rows = 14_000
	write(t, "many.csv", manyRows(rows))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	hub := through(t, c.BaseURL, func(n int64) bool {
		if n == 9 { // the first is the import's own event; a checkpoint comes every 5,000 rows
			cancel()
		}
		return true
	})
	var said bytes.Buffer
	code := Main(ctx, []string{"import", "many.csv", "--source", "/crm/bank", "--url", hub}, streams{in: strings.NewReader(""), out: &said, err: &said})
	if code != exitInterrupt || !strings.Contains(said.String(), "the same command goes on where it stopped") {
		t.Fatalf("exit %d: %s", code, said.String())
	}
	answer := objects(t, wantExit(t, exitOK, "", "import", "many.csv", "--source", "/crm/bank", "--url", hub, "--json"))[0]
	if answer["resumed"] != true || answer["rows"] != float64(rows) || answer["appended"].(float64)+answer["unchanged"].(float64) != rows {
		t.Errorf("the second part says %v", answer)
	}
	checkRejected(t, "many.csv.rejects.csv", rows/700)
	if err := h.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := h.status(t.Context()); err != nil || s.Counts.SourceRecords != rows {
		t.Errorf("the hub has %d source records, want %d (%v)", s.Counts.SourceRecords, rows, err)
	}
}

// checkRejected wants each odd row of manyRows in the rejects file, once.
func checkRejected(t *testing.T, path string, n int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil || len(lines) != n+1 {
		t.Fatalf("%d lines of rejects, want a header and %d (%v)", len(lines), n, err)
	}
	for i, line := range lines[1:] {
		if want := fmt.Sprint(700*i + 2); line[0] != want || line[2] != "unreadable_date" {
			t.Errorf("line %d of the rejects is about row %s (%s), want row %s", i+1, line[0], line[2], want)
		}
	}
}

// TestImportWaitsForItsHub breaks the connection time and again.
func TestImportWaitsForItsHub(t *testing.T) {
	atShell(t)
	_, c := hubInProcess(t)
	write(t, "many.csv", manyRows(3000))
	hub := through(t, c.BaseURL, func(n int64) bool { return n%3 == 0 })
	answer := objects(t, wantExit(t, exitOK, "", "import", "many.csv", "--source", "/crm/bank", "--url", hub, "--json"))[0]
	if answer["rows"] != 3000.0 || answer["appended"] != 3000.0 {
		t.Errorf("import says %v", answer)
	}
}

// TestRejectsFileGoesOn holds the file of rejected rows to what a part of an
// import that was killed may have left of it.
func TestRejectsFileGoesOn(t *testing.T) {
	const head = "row,result,code,pointer,detail,name\n"
	for _, c := range []struct {
		name, left string
		writes     []string
		want       string // "": no file
	}{
		{"nothing rejected", "", []string{head}, ""},
		{"nothing rejected, as the time before last was", head + "9,rejected,c,,,x\n", []string{head}, ""},
		{"nothing rejected, and a file of somebody else", "my notes\n", []string{head}, "my notes\n"},
		{"a new import replaces", head + "9,rejected,c,,,x\n", []string{head, "3,rejected,c,,,y\n"}, head + "3,rejected,c,,,y\n"},
		{"header and rows at once", "", []string{head + "3,rejected,c,,,y\n4,rejected,c,,,z\n"}, head + "3,rejected,c,,,y\n4,rejected,c,,,z\n"},
		{"a header of two lines", "", []string{"row,result,code,pointer,detail,\"a\nb\"\n"}, ""},
		{"goes on", head + "3,rejected,c,,,y\n", []string{"8,rejected,c,,,z\n", "9,rejected,c,,,q\n"}, head + "3,rejected,c,,,y\n8,rejected,c,,,z\n9,rejected,c,,,q\n"},
		{"rows are judged again", head + "3,rejected,c,,,y\n8,rejected,c,,,z\n9,kept,c,,,q\n", []string{"8,rejected,c,,,z\n"}, head + "3,rejected,c,,,y\n8,rejected,c,,,z\n"},
		{"cut in the midst of a row", head + "3,rejected,c,,,\"y\ny\"\n8,rejected,c,,,\"z", []string{"8,rejected,c,,,\"z\nz\"\n"}, head + "3,rejected,c,,,\"y\ny\"\n8,rejected,c,,,\"z\nz\"\n"},
		{"goes on, and nothing more", head + "3,rejected,c,,,y\n", nil, head + "3,rejected,c,,,y\n"},
		{"goes on without a file", "", []string{"8,rejected,c,,,z\n"}, "8,rejected,c,,,z\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if c.left != "" {
				write(t, "r.csv", c.left)
			}
			r := &rejectsFile{path: "r.csv"}
			for _, w := range c.writes {
				if n, err := r.Write([]byte(w)); err != nil || n != len(w) {
					t.Fatalf("write: %d, %v", n, err)
				}
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile("r.csv")
			if string(b) != c.want || (c.want == "") != os.IsNotExist(err) || (c.want == "") != (r.name() == "") {
				t.Errorf("the file has %q (%v), want %q", b, err, c.want)
			}
		})
	}
}
