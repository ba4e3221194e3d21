package notifytest

import (
	"crypto/tls"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// NothingAfterTheLease checks a notifier that speaks HTTP: its lease ends when
// the connection is there and nothing was sent, and nothing may be sent then.
func NothingAfterTheLease(t *testing.T, build func(url, caFile string) (notify.Notifier, error)) {
	t.Helper()
	ctx := NewStopped(t.Context())
	posts := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err == nil {
			posts++
		}
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		ctx.Stop()
		return nil, nil
	}}
	server.StartTLS()
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := build(server.URL, file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = n.Notify(ctx, Notification(), billwatch.Receipt{})
	server.Close()
	if got := Class(err); got != "refused" || posts != 0 {
		t.Errorf("%s after %d posts (%v), want refused after none", got, posts, err)
	}
}
