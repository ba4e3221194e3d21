package cudo_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/cudo"
)

// shown writes a value so that its three states differ.
func shown[T any](v billwatch.Value[T]) string {
	switch {
	case v.IsKnown():
		return v.String()
	case v.IsZero():
		return "not applicable"
	}
	return "not sent"
}

// TestValues says what one field alone becomes.
func TestValues(t *testing.T) {
	balance := func(s billwatch.Snapshot) string { return shown(s.Balance) }
	monthly := func(s billwatch.Snapshot) string { return shown(s.Spend.Monthly) }
	state := func(s billwatch.Snapshot) string { return shown(s.State) + ", suspended " + shown(s.Suspended) }
	terms := func(s billwatch.Snapshot) string { return shown(s.PaymentTerms) + ", " + shown(s.Balance) }
	auto := func(s billwatch.Snapshot) string {
		return strings.Join([]string{shown(s.Recharge.Auto), shown(s.Recharge.Low), shown(s.Recharge.High)}, ", ")
	}
	last := func(s billwatch.Snapshot) string {
		return strings.Join([]string{shown(s.Recharge.LastStatus), shown(s.Recharge.LastSucceeded), shown(s.Recharge.LastFailure)}, ", ")
	}
	deleted := func(s billwatch.Snapshot) string { return shown(s.DeletedAt) }
	recharge := func(transaction string) string { return `"creditBalanceRecharge":{"transaction":` + transaction + `}` }
	const silent = "not sent, not sent, not sent"
	for _, c := range []struct {
		fields string
		of     func(billwatch.Snapshot) string
		want   string // or "!" and the error
	}{
		{`"creditBalance":{"value":"57.92"}`, balance, "57.92"},
		{`"creditBalance":{"value":57.92}`, balance, "57.92"},
		{`"creditBalance":"57.92"`, balance, "57.92"},
		{`"creditBalance":57.92`, balance, "57.92"},
		{`"creditBalance":{"value":"-0.31"}`, balance, "-0.31"},
		{`"creditBalance":{"value":"2.5E8"}`, balance, "2.5E8"},
		{`"creditBalance":{"value":".5"}`, balance, ".5"},
		{`"creditBalance":{"value":"+2.50"}`, balance, "+2.50"},
		{`"creditBalance":{"value":"0.00031"}`, balance, "0.00031"},
		{`"creditBalance":{"value":"9007199254740993"}`, balance, "9007199254740993"},
		{`"creditBalance":{"value":"0"}`, balance, "0"},
		{`"creditBalance":{"value":""}`, balance, "not sent"},
		{`"creditBalance":{"value":null}`, balance, "not sent"},
		{`"creditBalance":{}`, balance, "not sent"},
		{`"creditBalance":null`, balance, "not sent"},
		{`"creditBalance":""`, balance, "not sent"},
		{`"other":1`, balance, "not sent"},
		{`"CREDITBALANCE":"5"`, balance, "not sent"},
		{`"creditBalance":{"value":"1,000.00"}`, balance, "!creditBalance: "},
		{`"creditBalance":{"value":"NaN"}`, balance, "!creditBalance: "},
		{`"creditBalance":{"value":"0x10"}`, balance, "!creditBalance: "},
		{`"creditBalance":{"value":"1/3"}`, balance, "!creditBalance: "},
		{`"creditBalance":{"value":" 5"}`, balance, "!creditBalance: "},
		{`"creditBalance":{"value":"1e999999999"}`, balance, "!creditBalance: "},
		{`"creditBalance":{"value":"` + strings.Repeat("9", 400) + `"}`, balance, "!creditBalance: number is longer"},
		{`"creditBalance":true`, balance, "!creditBalance: is a boolean, not a decimal number"},
		{`"creditBalance":[5]`, balance, "!creditBalance: is an array, not a decimal number"},
		{`"creditBalance":{"value":{"value":"5"}}`, balance, "!creditBalance: is an object, not a decimal number"},

		{`"monthlySpend":"412.73"`, monthly, "412.73"},
		{`"monthlySpend":""`, monthly, "not sent"},
		{`"monthlySpend":"$412.73"`, monthly, "not sent"},
		{`"monthlySpend":"1,412.73"`, monthly, "not sent"},
		{`"monthlySpend":false`, monthly, "not sent"},
		{`"monthlySpend":[]`, monthly, "not sent"},
		{`"hourlySpendRate":"$2"`, monthly, "!hourlySpendRate: "},
		{`"monthlySpendLimit":true`, monthly, "!monthlySpendLimit: "},
		{`"hourlySpendLimit":true`, monthly, "!hourlySpendLimit: "},
		{`"nextInvoiceTotal":true`, monthly, "!nextInvoiceTotal: "},

		{`"paymentTerms":"PAYMENT_TERMS_INVOICE","creditBalance":{"value":"0"}`, terms, "invoice, not applicable"},
		{`"paymentTerms":"PAYMENT_TERMS_INVOICE","creditBalance":{"value":"0.00"}`, terms, "invoice, not applicable"},
		{`"paymentTerms":"PAYMENT_TERMS_INVOICE","creditBalance":{"value":"-5"}`, terms, "invoice, -5"},
		{`"paymentTerms":"PAYMENT_TERMS_INVOICE","creditBalance":{"value":"0.01"}`, terms, "invoice, 0.01"},
		{`"paymentTerms":"PAYMENT_TERMS_INVOICE"`, terms, "invoice, not sent"},
		{`"paymentTerms":"PAYMENT_TERMS_PREPAID","creditBalance":{"value":"0"}`, terms, "prepaid, 0"},
		{`"paymentTerms":"PAYMENT_TERMS_UNSPECIFIED","creditBalance":{"value":"0"}`, terms, "not sent, 0"},
		{`"paymentTerms":"PAYMENT_TERMS_CRYPTO","creditBalance":{"value":"0"}`, terms, "crypto, 0"},
		{`"creditBalance":{"value":"0"}`, terms, "not sent, 0"},
		{`"paymentTerms":2`, terms, "!paymentTerms: is a number, not a string"},

		{`"state":"STATE_ACTIVE"`, state, "active, suspended false"},
		{`"state":"STATE_SUSPENDED_ABUSE"`, state, "suspended_abuse, suspended true"},
		{`"state":"STATE_SUSPENDED_PAYMENT"`, state, "suspended_payment, suspended true"},
		{`"state":"STATE_SUSPENDED_X"`, state, "suspended_x, suspended true"},
		{`"state":"STATE_SUSPENDED"`, state, "suspended, suspended true"},
		{`"state":"STATE_UNSPECIFIED"`, state, "not sent, suspended not sent"},
		{`"state":""`, state, "not sent, suspended not sent"},
		{`"state":null`, state, "not sent, suspended not sent"},
		{`"state":"STATE_ON_HOLD"`, state, "on_hold, suspended not sent"},
		{`"billingAddress":{"state":"STATE_SUSPENDED_ABUSE"}`, state, "not sent, suspended not sent"},
		{`"state":"STATE_ACTIVE","billingAddress":{"state":"Dorset"}`, state, "active, suspended false"},
		{`"billingAddress":7,"taxId":"x","stripeRef":[]`, state, "not sent, suspended not sent"},
		{`"state":1`, state, "!state: is a number, not a string"},

		{`"creditBalanceRecharge":{"low":{"value":"25"},"high":{"value":"100"},"autoRecharge":true}`, auto, "true, 25, 100"},
		{`"creditBalanceRecharge":{"low":{"value":"25"},"high":{"value":"100"},"autoRecharge":false}`, auto, "false, 25, 100"},
		{`"creditBalanceRecharge":{"low":{"value":"25"},"high":{"value":"100"}}`, auto, "not sent, 25, 100"}, // false may be left out: still nobody said it
		{`"creditBalanceRecharge":null`, auto, silent},
		{`"creditBalanceRecharge":{}`, auto, silent},
		{`"creditBalanceRecharge":{"autoRecharge":"true"}`, auto, "!creditBalanceRecharge.autoRecharge: is a string, not true or false"},
		{`"creditBalanceRecharge":[]`, auto, "!creditBalanceRecharge: is an array, not an object"},
		{`"creditBalanceRecharge":{"low":"x"}`, auto, "!creditBalanceRecharge.low: "},

		{recharge(`null`), last, silent},
		{recharge(`{}`), last, silent},
		{recharge(`{"status":"succeeded","succeeded":true,"lastPaymentError":null}`), last, "succeeded, true, not sent"},
		{recharge(`{"status":"Requires_Action","succeeded":false}`), last, "requires_action, false, not sent"},
		{recharge(`{"lastPaymentError":{"code":"card_declined","declineCode":"insufficient_funds"}}`), last, "not sent, not sent, card_declined: insufficient_funds"},
		{recharge(`{"lastPaymentError":{"code":"expired_card","declineCode":""}}`), last, "not sent, not sent, expired_card"},
		{recharge(`{"lastPaymentError":{"declineCode":"lost_card"}}`), last, "not sent, not sent, lost_card"},
		{recharge(`{"status":"","succeeded":false,"lastPaymentError":{"code":"","declineCode":""}}`), last, "not sent, false, not sent"},
		{recharge(`{"succeeded":0}`), last, "!creditBalanceRecharge.transaction.succeeded: is a number, not true or false"},
		{recharge(`{"lastPaymentError":"card_declined"}`), last, "!creditBalanceRecharge.transaction.lastPaymentError: is a string, not an object"},

		{`"deleteTime":null`, deleted, "not sent"},
		{`"deleteTime":""`, deleted, "not sent"},
		{`"deleteTime":"0001-01-01T00:00:00Z"`, deleted, "not sent"},
		{`"deleteTime":"2026-11-10T12:00:00.25+02:00"`, deleted, "2026-11-10 10:00:00.25 +0000 UTC"},
		{`"deleteTime":"soon"`, deleted, `!deleteTime: "soon" is not a date`},
		{`"deleteTime":1762776000`, deleted, "!deleteTime: is a number, not a string"},
	} {
		s, err := cudo.DecodeDetail([]byte(`{"id":"a",`+c.fields+`}`), "a")
		if says, bad := strings.CutPrefix(c.want, "!"); bad {
			if err == nil || !strings.HasPrefix(err.Error(), says) || len(err.Error()) > 150 {
				t.Errorf("%.80s: got %v, want %q", c.fields, err, says)
			}
			continue
		}
		if got := c.of(s); err != nil || got != c.want {
			t.Errorf("%.80s: got %s, %v, want %s", c.fields, got, err, c.want)
		}
	}
}

func TestIdentities(t *testing.T) {
	for body, says := range map[string]string{
		`{}`: "id: is missing", `{"id":null}`: "id: is missing", `{"id":""}`: "id: is missing", `{"id":7}`: "id: is a number, not a string",
		`{"id":"b"}`: "id: is another account's than the one asked for", `{"id":"a\u0000"}`: "id: is no usable identity",
		`{"billingAccount":{"id":"a"}}`: "id: is missing", `null`: "the answer is null", `[]`: "the answer is an array", ``: "the answer is empty",
	} {
		if s, err := cudo.DecodeDetail([]byte(body), "a"); err == nil || !strings.HasPrefix(err.Error(), says) || s.Account.ID != "" {
			t.Errorf("%s: got %+v, %v, want %q", body, s, err, says)
		}
	}
}

// TestWhatIsPrivateStaysThere: addresses, tax ids, references to payments and
// what they were for are in no snapshot, no listing, no record and no error.
func TestWhatIsPrivateStaysThere(t *testing.T) {
	const private = `"stripeRef":"cus_PRIVATE","taxId":{"id":"PRIVATE1","type":"gb_vat","value":"PRIVATE2"},` +
		`"billingAddress":{"name":"PRIVATE3","phone":"PRIVATE4","city":"PRIVATE5","line1":"PRIVATE6","line2":"PRIVATE7","state":"PRIVATE8","postalCode":"PRIVATE9","country":"PRIVATE0"},` +
		`"creditBalanceRecharge":{"transaction":{"id":"pi_PRIVATE","description":"PRIVATE","latestCharge":{"status":"PRIVATE"}}}`
	good := `{"id":"a","displayName":"A",` + private + `}`
	bad := []string{
		`{"id":"a",` + private + `,"creditBalance":"x"}`,
		`{"id":"a",` + private + `,"state":7}`,
		`{` + private + `}`,
		good[:len(good)-2],
		good + "x",
		strings.Replace(good, `"displayName":"A"`, `"displayName":{"PRIVATE":1}`, 1),
	}
	var said []string
	for _, body := range append(bad, good) {
		p := provider(t, serve(t, 200, []byte(body)), "snapshots")
		s, err := p.Fetch(t.Context(), billwatch.Account{ID: "a"})
		if (err == nil) != (body == good) {
			t.Fatalf("%s: got %v", body, err)
		}
		said = append(said, text(t, s), fmt.Sprintf("%v %+v %#v", s, err, err))
		page := []byte(`{"billingAccounts":[` + body + `],"pageToken":""}`)
		l, err := provider(t, serve(t, 200, page), "snapshots").List(t.Context())
		said = append(said, fmt.Sprintf("%+v %v", l.Problems, err))
		for _, row := range l.Rows {
			said = append(said, text(t, *row.Snapshot))
		}
		refusal := provider(t, serve(t, 500, []byte(body)), "snapshots")
		_, err = refusal.List(t.Context())
		said = append(said, fmt.Sprintf("%v %+v", err, err))
	}
	for _, what := range said {
		if strings.Contains(what, "PRIVATE") {
			t.Errorf("%s", what)
		}
	}
}

func TestAPaymentIsReadForItsOutcomeOnly(t *testing.T) {
	body := bytes.ReplaceAll(example(t, "billing-account.autorecharge-failing.200.json"), []byte(`"81.96"`), []byte(`"lots"`))
	s, err := cudo.DecodeDetail(body, "acme-prepaid") // the amount of a payment is not read
	if err != nil || shown(s.Recharge.LastFailure) != "card_declined: insufficient_funds" {
		t.Errorf("got %+v, %v", s, err)
	}
	if _, err := provider(t, serve(t, 200, body), "snapshots").Fetch(t.Context(), billwatch.Account{ID: "another"}); poller.KindOf(err) != poller.Unreadable {
		t.Errorf("got %v", err)
	}
}
