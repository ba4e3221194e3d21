package httpjson_test

import (
	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/notify/builtin"
	"github.com/billwatch/billwatch/poller"
)

type snapshot = billwatch.Snapshot

func common() poller.Common { return poller.Common{Source: "sms"} }

func receivers() []notify.Type { return builtin.Types() }
