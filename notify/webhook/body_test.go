package webhook_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/notify/notifytest"
	"github.com/billwatch/billwatch/notify/webhook"
)

// sent returns the body that the settings make of a notification, read with its
// numbers as they were written.
func sent(t *testing.T, change func(*webhook.Config), n billwatch.Notification) (body map[string]any, raw string) {
	t.Helper()
	sink := newSink(t, nil)
	c := local(sink.URL)
	if change != nil {
		change(&c)
	}
	notifier, err := webhook.New(c, notify.Common{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := notifytest.Send(t, notifier, n); err != nil {
		t.Fatal(err)
	}
	raw = sink.requests()[0].body
	decoder := json.NewDecoder(strings.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&body); err != nil {
		t.Fatal(err)
	}
	return body, raw
}

func TestBodiesAreAsDocumented(t *testing.T) {
	cases := []struct {
		name, format string
		notification billwatch.Notification
	}{
		{"firing", webhook.FormatBillwatch, notifytest.Notification()},
		{"resolved", webhook.FormatBillwatch, notifytest.Resolved()},
		{"firing", webhook.FormatAlertmanager, notifytest.Notification()},
		{"resolved", webhook.FormatAlertmanager, notifytest.Resolved()},
	}
	for _, c := range cases {
		t.Run(c.format+" "+c.name, func(t *testing.T) {
			got, _ := sent(t, func(w *webhook.Config) { w.Format = c.format }, c.notification)
			data, err := os.ReadFile(filepath.Join("testdata", c.format+"-"+c.name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var want map[string]any
			decoder := json.NewDecoder(strings.NewReader(string(data)))
			decoder.UseNumber()
			if err := decoder.Decode(&want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPersonalDataStaysHere(t *testing.T) {
	_, raw := sent(t, nil, notifytest.Notification())
	for _, personal := range []string{"Ada Owner", "ada@example.org"} {
		if strings.Contains(raw, personal) {
			t.Errorf("body holds %q", personal)
		}
	}
}

func TestNumbersAreExact(t *testing.T) {
	decimal := func(text string) billwatch.Decimal {
		d, err := billwatch.ParseDecimal(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	cases := []struct {
		name          string
		balance       string
		value         float64
		wantBalance   any
		wantValue     any
		wantValueUnit string
	}{
		{"beyond what a float holds", "9007199254740993", 9007199254740992, json.Number("9007199254740993"), json.Number("9007199254740993"), "events"},
		{"money keeps its cents", "57.90", 57.9, json.Number("57.90"), json.Number("57.90"), "events"},
		{"no JSON number", "+2.5", 2.5, "+2.5", json.Number("2.5"), ""},
		{"another value than the balance", "812", 6.7, json.Number("812"), json.Number("6.7"), ""},
		{"infinite", "812", math.Inf(1), json.Number("812"), nil, ""},
		{"not a number", "812", math.NaN(), json.Number("812"), nil, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			n := notifytest.Notification()
			a := &n.Alerts[0]
			a.Value, a.Snapshot.Balance = &c.value, billwatch.Known(decimal(c.balance))
			body, _ := sent(t, nil, n)
			alert := body["alerts"].([]any)[0].(map[string]any)
			got := []any{alert["snapshot"].(map[string]any)["balance"], alert["value"], alert["unit"]}
			if diff := cmp.Diff([]any{c.wantBalance, c.wantValue, c.wantValueUnit}, got); diff != "" {
				t.Errorf("balance, value, unit (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsUnknownIsNull(t *testing.T) {
	n := notifytest.Notification()
	n.Alerts = []billwatch.Alert{{
		Key: billwatch.AlertKey{Rule: "ReceiverDown"}, State: billwatch.Firing, Fingerprint: "0123456789abcdef",
	}}
	body, _ := sent(t, nil, n)
	alert := body["alerts"].([]any)[0].(map[string]any)
	want := map[string]any{
		"fingerprint": "0123456789abcdef", "status": "firing", "starts_at": nil, "ends_at": nil,
		"labels": map[string]any{}, "annotations": map[string]any{}, "value": nil, "unit": "",
		"account": nil, "snapshot": nil, "forecast": nil,
	}
	if diff := cmp.Diff(want, alert); diff != "" {
		t.Errorf("alert (-want +got):\n%s", diff)
	}
}

func TestNeverIsNull(t *testing.T) {
	n := notifytest.Notification()
	never := math.Inf(1)
	n.Alerts[0].Forecast = &billwatch.Forecast{BurnRate: 0, Runway: billwatch.Quantiles{P10: 40, P50: never, P90: never}}
	body, _ := sent(t, nil, n)
	got := body["alerts"].([]any)[0].(map[string]any)["forecast"]
	want := map[string]any{
		"burn_rate_per_day": json.Number("0"), "exhausts_at": nil,
		"runway_days": map[string]any{"p10": json.Number("40"), "p50": nil, "p90": nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("forecast (-want +got):\n%s", diff)
	}
}

func TestMaxAlertsCountsTheRest(t *testing.T) {
	n := notifytest.Many(10)
	n.Truncated = 5
	body, _ := sent(t, func(c *webhook.Config) { c.MaxAlerts = 3 }, n)
	if got := len(body["alerts"].([]any)); got != 3 {
		t.Errorf("body has %d alerts, want 3", got)
	}
	if got := body["truncated"]; got != json.Number("12") {
		t.Errorf("truncated = %v, want 12", got)
	}
	body, _ = sent(t, func(c *webhook.Config) { c.MaxAlerts, c.Format = 3, webhook.FormatAlertmanager }, n)
	if got := body["truncatedAlerts"]; got != json.Number("12") {
		t.Errorf("truncatedAlerts = %v, want 12", got)
	}
}
