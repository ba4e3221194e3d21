package httpjson_test

import (
	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

type snapshot = billwatch.Snapshot

func common() poller.Common { return poller.Common{Source: "sms"} }
