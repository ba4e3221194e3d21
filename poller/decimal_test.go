package poller_test

import (
	"strings"
	"testing"

	"github.com/billwatch/billwatch/poller"
)

func TestDecimalsComeInManyForms(t *testing.T) {
	for _, c := range []struct{ sent, want string }{
		{`{"value":"57.92"}`, "57.92"},
		{`{"value":57.92}`, "57.92"},
		{`"57.92"`, "57.92"},
		{`57.92`, "57.92"},
		{`{"value":"+2.50"}`, "+2.50"},
		{`{"value":"1.5e2"}`, "1.5e2"},
		{`"-.5"`, "-.5"},
		{`0`, "0"},
		{`"1234567890123456789"`, "1234567890123456789"},
		{`""`, "not sent"},
		{`{"value":""}`, "not sent"},
		{`{"value":null}`, "not sent"},
		{`{}`, "not sent"},
		{`null`, "not sent"},
		{`"12345678901234567890"`, "wrong"},
		{`12345678901234567890`, "wrong"},
		{`"1e999999999"`, "wrong"},
		{`"1,000.00"`, "wrong"},
		{`"NaN"`, "wrong"},
		{`"0x10"`, "wrong"},
		{`"1/3"`, "wrong"},
		{`" 1"`, "wrong"},
		{`true`, "wrong"},
		{`[]`, "wrong"},
		{`{"value":{"value":"1"}}`, "wrong"},
	} {
		o, err := poller.ParseObject([]byte(`{"n":` + c.sent + `}`))
		if err != nil {
			t.Fatal(err)
		}
		tried := o.TryDecimal("n")
		if o.Err() != nil {
			t.Errorf("%s: trying fails: %v", c.sent, o.Err())
		}
		value := o.Decimal("n")
		got := value.String()
		switch {
		case o.Err() != nil && strings.HasPrefix(o.Err().Error(), "n: "):
			got = "wrong"
		case value.IsZero() || tried != value:
			got = "something else"
		case !value.IsKnown():
			got = "not sent"
		}
		if got != c.want {
			t.Errorf("%s is %s, want %s", c.sent, got, c.want)
		}
		if c.want == "wrong" && (tried.IsKnown() || tried.IsZero()) {
			t.Errorf("%s: tried, it is %v, not unsent", c.sent, tried)
		}
	}
}
