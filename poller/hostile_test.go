package poller_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

// repeated writes a head, a piece again and again, and a tail.
func repeated(head, piece string, times int, tail string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, head)
		block := strings.Repeat(piece, min(times, 4096))
		for left := times; left > 0; left -= 4096 {
			if _, err := io.WriteString(w, block[:min(left, 4096)*len(piece)]); err != nil {
				return
			}
		}
		_, _ = io.WriteString(w, tail)
	}
}

// TestHostileAnswersAreBounded reads answers that are far too much of
// something, as a list and as a detail, and looks at the memory meanwhile.
func TestHostileAnswersAreBounded(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		what         string
		answer       http.HandlerFunc
		list, detail string // what the errors say; "" for none
	}{
		{"100 MiB of accounts", repeated(`{"rows":[{}`, `,{"uid":"`+strings.Repeat("0123456789", 40)+`"}`, 100*mib/411, `]}`), "", "longer than it may be"},
		{"one text of 50 MiB", repeated(`{"rows":["`, "a", 50*mib, `"]}`), "one element is longer", "longer than it may be"},
		{"50 MiB of white space", repeated(`{"rows":[`, " ", 50*mib, `]}`), "one element is longer", "longer than it may be"},
		{"a depth of 100,000", repeated(`{"rows":[`, `[`, 100_000, strings.Repeat("]", 100_000)+"]}"), "not valid JSON", "not valid JSON"},
		{"a depth of 100,000 beside the list", repeated(`{"a":`, `{"a":`, 100_000, `1`+strings.Repeat("}", 100_000)+`,"rows":[]}`), "not valid JSON", "not valid JSON"},
		{"1,000,000 keys in one account", repeated(`{"rows":[{"a":1`, `,"abc":1`, 1_000_000, `}]}`), "one element is longer", "longer than it may be"},
		{"1,000,000 keys beside the list", repeated(`{"rows":[]`, `,"abc":1`, 1_000_000, `}`), "beside rows are longer", "longer than it may be"},
		{"1,000,000 wrong rows", repeated(`{"rows":[1`, `,1`, 1_000_000, `]}`), "", "longer than it may be"},
		{"digits without end", repeated(`{"rows":[`, `9`, 10*mib, `]}`), "one element is longer", "longer than it may be"},
	} {
		t.Run(c.what, func(t *testing.T) {
			server := httptest.NewServer(c.answer)
			defer server.Close()
			api := client(t, server.URL, func(c *poller.ClientConfig) { c.Common.Timeout = time.Minute })
			runtime.GC()
			var before, now runtime.MemStats
			runtime.ReadMemStats(&before)
			listing, rows, peak := poller.Listing{Complete: true}, 0, uint64(0)
			err := api.Stream(t.Context(), poller.Request{Route: "/v1/things", Path: []string{"v1"}, Limit: poller.MaxList}, func(body io.Reader) error {
				_, err := poller.ReadList(body, "rows", func(raw json.RawMessage) {
					if rows++; rows%200_000 == 0 {
						runtime.ReadMemStats(&now)
						peak = max(peak, now.HeapInuse)
					}
					if raw[0] != '{' {
						listing.Fail(fmt.Errorf("row %d", rows))
						return
					}
					listing.Add(poller.Row{Account: billwatch.Account{ID: fmt.Sprint(rows)}})
				})
				return err
			})
			refusedWith(t, "list", err, c.list)
			if listing.Complete == (rows > 100_000) || len(listing.Rows) > 100_000 || len(listing.Problems) > 102 {
				t.Errorf("%d rows: kept %d and %d problems, complete %v", rows, len(listing.Rows), len(listing.Problems), listing.Complete)
			}
			body, err := api.Get(t.Context(), detail())
			if err == nil {
				_, err = poller.ParseObject(body)
			}
			if err == nil || !strings.Contains(err.Error(), c.detail) || len(err.Error()) > 300 {
				t.Errorf("detail: got %v, want %q", err, c.detail)
			}
			runtime.ReadMemStats(&now)
			if peak = max(peak, now.HeapInuse); peak > before.HeapInuse+150*mib {
				t.Errorf("%d MiB in use, %d before", peak/mib, before.HeapInuse/mib)
			}
		})
	}
}

func refusedWith(t *testing.T, what string, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	if poller.KindOf(err) != poller.Unreadable || !strings.Contains(fmt.Sprint(err), want) || len(err.Error()) > 300 {
		t.Errorf("%s: got %v, want %q", what, err, want)
	}
}

func TestAListingKeepsAPagesFailure(t *testing.T) {
	l := poller.Listing{Complete: true}
	for i := range 200_000 {
		l.Add(poller.Row{Account: billwatch.Account{ID: fmt.Sprint(i)}})
	}
	if l.Complete || len(l.Rows) != 100_000 || len(l.Problems) != 1 || l.Problems[0].Error() != "there are more than 100000 accounts" {
		t.Errorf("%d rows, complete %v, %v", len(l.Rows), l.Complete, l.Problems)
	}
	for i := range 1000 {
		l.Fail(fmt.Errorf("row %d", i))
	}
	l.Fail(fmt.Errorf("page 2: %w", &poller.Error{Kind: poller.RateLimited, Status: 429, RetryAfter: time.Minute}))
	if n := len(l.Problems); n != 102 || l.Problems[100].Error() != "there are more problems" || poller.KindOf(l.Problems[101]) != poller.RateLimited {
		t.Errorf("%d problems, the last %v", n, l.Problems[n-2:])
	}
}

// TestExpiredCertificates: it is told which it was, and never tried without.
func TestExpiredCertificates(t *testing.T) {
	for what, c := range map[string]struct {
		from, until time.Duration
		says        string
	}{
		"an expired one":            {-48 * time.Hour, -24 * time.Hour, "certificate has expired"},
		"one that is not valid yet": {24 * time.Hour, 48 * time.Hour, "not yet valid"},
		"a good one":                {-24 * time.Hour, 24 * time.Hour, ""},
	} {
		certificate, authority := selfSigned(t, time.Now().Add(c.from), time.Now().Add(c.until))
		asked := 0
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked++; _, _ = io.WriteString(w, "{}") }))
		server.Config.ErrorLog = nil
		server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
		server.StartTLS()
		_, err := client(t, server.URL, func(c *poller.ClientConfig) { c.Connection.CAFile = authority }).Get(t.Context(), detail())
		server.Close()
		if c.says == "" && (err != nil || asked != 1) {
			t.Errorf("%s: got %v", what, err)
		}
		if c.says != "" && (poller.KindOf(err) != poller.Failed || !strings.Contains(err.Error(), c.says) || asked != 0) {
			t.Errorf("%s: got %v, want %q", what, err, c.says)
		}
	}
}

func selfSigned(t *testing.T, from, until time.Time) (tls.Certificate, string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: from, NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err2 := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	file := filepath.Join(t.TempDir(), "ca.pem")
	err3 := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, file
}

// TestBrokenJSONOfAnErrorIsNotShown: it may be half an account.
func TestBrokenJSONOfAnErrorIsNotShown(t *testing.T) {
	for body, want := range map[string]string{
		`{"message":"no","owner":"jane@example.com"`:  "broken JSON",
		`[{"owner":"jane@example.com"`:                "broken JSON",
		`{"message":"no","owner":"jane@example.com"}`: "no",
		`{"owner":"jane@example.com"}`:                "",
		`upstream connect error`:                      "upstream connect error",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, body)
		}))
		_, err := client(t, server.URL).Get(t.Context(), detail())
		server.Close()
		if e, ok := errors.AsType[*poller.Error](err); !ok || e.Excerpt != want {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
	}
}

func TestNobodyThereIsAFailure(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	base := server.URL
	server.Close()
	if _, err := client(t, base).Get(t.Context(), detail()); poller.KindOf(err) != poller.Failed || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
}
