package webhook_test

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
	"github.com/billwatch/billwatch/notify/notifytest"
	"github.com/billwatch/billwatch/notify/webhook"
)

func TestNothingIsSentAfterTheLease(t *testing.T) {
	ctx := notifytest.NewStopped(t.Context())
	posts := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err == nil {
			posts++
		}
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		ctx.Stop() // the connection is there, and nothing was sent
		return nil, nil
	}}
	server.StartTLS()
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	c := local(server.URL)
	c.CAFile = file
	notifier, err := webhook.New(c, notify.Common{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = notifier.Notify(ctx, notifytest.Notification(), billwatch.Receipt{})
	server.Close()
	if class(err) != "refused" || posts != 0 {
		t.Errorf("%s after %d posts (%v), want refused after none", class(err), posts, err)
	}
}
