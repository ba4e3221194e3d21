package webhook_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/notify/notifytest"
	"github.com/billwatch/billwatch/notify/webhook"
)

func TestPrivateAddressesAreRefused(t *testing.T) {
	inside := newSink(t, nil)
	_, port, _ := strings.Cut(strings.TrimPrefix(inside.URL, "http://"), ":")
	hosts := []string{
		"127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "198.18.0.1",
		"192.0.0.8", "240.0.0.1", "224.0.0.1", "255.255.255.255", "169.254.169.254",
		"[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:0:127.0.0.1]", "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]",
		"[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[2001:0::1]", "[5f00::1]", "localhost",
	}
	for _, host := range hosts {
		c := webhook.Defaults()
		c.URL = billwatch.Secret("http://" + host + ":" + port + "/")
		notifier, err := webhook.New(c, notify.Common{})
		if err != nil {
			t.Errorf("%s: New = %v; addresses are judged at delivery", host, err)
			continue
		}
		if _, err := notifytest.Send(t, notifier, notifytest.Notification()); class(err) != "permanent" {
			t.Errorf("%s: %s, want permanent (%v)", host, class(err), err)
		}
	}
	// Spellings that only some resolvers read as addresses.
	for _, host := range []string{"127.1", "localhost.", "a.localhost", "0", "2130706433", "0x7f000001", "017700000001"} {
		c := webhook.Defaults()
		c.URL = billwatch.Secret("http://" + host + ":" + port + "/")
		notifier, err := webhook.New(c, notify.Common{})
		if err != nil {
			continue
		}
		if _, err := notifytest.Send(t, notifier, notifytest.Notification()); err == nil {
			t.Errorf("%s: delivered, want a refusal", host)
		}
	}
	if got := len(inside.requests()); got != 0 {
		t.Errorf("the inside was sent %d requests, want none", got)
	}
}

func TestMetadataServicesAreRefusedEvenWhenPrivateIsAllowed(t *testing.T) {
	for _, host := range []string{"169.254.169.254", "169.254.0.1", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]",
		"[::169.254.169.254]", "[::ffff:0:a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "[fd20:ce::254]", "100.100.100.200", "192.0.0.192", "168.63.129.16",
		"[64:ff9b::6464:64c8]"} {
		notifier, err := webhook.New(local("http://"+host+"/latest"), notify.Common{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := notifytest.Send(t, notifier, notifytest.Notification()); class(err) != "permanent" || !strings.Contains(err.Error(), "metadata") {
			t.Errorf("%s: %s, want permanent (%v)", host, class(err), err)
		}
	}
}

func TestProxyVariablesAreIgnored(t *testing.T) {
	proxy := newSink(t, nil)
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	target := newSink(t, nil)
	notifier, err := webhook.New(local(target.URL), notify.Common{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := notifytest.Send(t, notifier, notifytest.Notification()); err != nil {
		t.Fatal(err)
	}
	if len(proxy.requests()) != 0 || len(target.requests()) != 1 {
		t.Error("the request went by a proxy that nobody configured")
	}
}

func TestAConfiguredProxyIsUsed(t *testing.T) {
	proxy := newSink(t, nil)
	send := func(url string) error {
		t.Helper()
		c := webhook.Defaults()
		c.URL, c.ProxyURL = billwatch.Secret(url), billwatch.Secret(proxy.URL)
		notifier, err := webhook.New(c, notify.Common{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = notifytest.Send(t, notifier, notifytest.Notification())
		return err
	}
	if err := send("http://receiver.example.com/hook"); err != nil {
		t.Errorf("by a proxy: Notify = %v, want nil", err)
	}
	for _, inside := range []string{"http://10.0.0.1/", "http://localhost/", "http://a.localhost./", "http://[::1]/", "http://169.254.169.254/"} {
		if err := send(inside); class(err) != "permanent" {
			t.Errorf("%s by a proxy: %s, want permanent", inside, class(err))
		}
	}
	if got := len(proxy.requests()); got != 1 {
		t.Errorf("the proxy was asked %d times, want once", got)
	}
}

func TestANameAndPasswordInTheURLBecomeAHeader(t *testing.T) {
	sink := newSink(t, func(w http.ResponseWriter, r *http.Request) {
		name, password, _ := r.BasicAuth()
		http.Error(w, name+" "+password, http.StatusBadRequest)
	})
	notifier, err := webhook.New(local(strings.Replace(sink.URL, "http://", "http://ada:pa55word-x@", 1)), notify.Common{})
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := notifytest.Send(t, notifier, notifytest.Notification())
	if got := receipt.Answer; !strings.Contains(got, "ada <secret>") {
		t.Errorf("answer = %q, want the name, and the password hidden", got)
	}
	if strings.Contains(err.Error(), "pa55word") {
		t.Errorf("error spells the password out: %v", err)
	}
}

func TestCertificatesAreChecked(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	notifier, err := webhook.New(local(server.URL), notify.Common{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = notifytest.Send(t, notifier, notifytest.Notification())
	if class(err) != "refused" || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("unknown certificate: %s (%v), want refused, and why", class(err), err)
	}
}
