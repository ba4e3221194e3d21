package builtin_test

import (
	"errors"
	"testing"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/builtin"
	"github.com/billwatch/billwatch/poller/httpjson"
)

func TestEveryTypeHasANameAndSettingsOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, typ := range builtin.Types() {
		if typ.Name == "" || seen[typ.Name] {
			t.Errorf("name %q is empty or there twice", typ.Name)
		}
		seen[typ.Name] = true
		if typ.Settings() == typ.Settings() {
			t.Errorf("%s: settings are shared", typ.Name)
		}
		_, err := typ.Settings().New(poller.Common{Source: "blues"})
		anyones := typ.Name == httpjson.HTTPJSON().Name // no vendor's, and so without an address of its own
		if wrong, ok := errors.AsType[*billwatch.FieldError](err); !ok || (wrong.Field == "base_url") != anyones {
			t.Errorf("%s: got %v, want only the credential to be missing", typ.Name, err)
		}
	}
}
