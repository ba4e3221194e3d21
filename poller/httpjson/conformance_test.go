package httpjson_test

import (
	"testing"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
	"github.com/billwatch/billwatch/poller/httpjson"
	"github.com/billwatch/billwatch/poller/pollertest"
)

func TestConformance(t *testing.T) {
	list := httpjson.List{Path: "/v2/accounts?per_page=2", Items: "response.data", ID: "item.uid", Name: "item.title"}
	rows := `{"data":[{"uid":"a","title":"A","credits":57.92},{"uid":"b","title":"B","credits":null}]}`
	for what, c := range map[string]struct {
		change  func(*httpjson.Config)
		answers map[string]string
	}{
		"a list that carries all": {
			func(c *httpjson.Config) { c.Fields.Balance = "item.credits" },
			map[string]string{"/v2/accounts?per_page=2": rows},
		},
		"pages by token": {
			func(c *httpjson.Config) {
				c.Fields.Balance = "item.credits"
				c.List.Next, c.List.NextParameter = "response.meta.next", "cursor"
			},
			map[string]string{
				"/v2/accounts?per_page=2":            `{"meta":{"next":"p 2"},` + rows[1:],
				"/v2/accounts?cursor=p+2&per_page=2": `{"data":[{"uid":"c","credits":1}],"meta":{"next":null}}`,
			},
		},
		"pages by link, read as a whole": {
			func(c *httpjson.Config) {
				c.Fields.Balance = "float(item.credits)"
				c.List.Items, c.List.Next = "response.x.data", "response.links.next"
			},
			map[string]string{
				"/v2/accounts?per_page=2": `{"links":{"next":"accounts?page=2"},"x":` + rows + `}`,
				"/v2/accounts?page=2":     `{"x":{"data":[{"uid":"c","credits":"5e2"}]}}`,
			},
		},
		"detail and history": {
			func(c *httpjson.Config) {
				c.Fields.Balance, c.Fields.Suspended = "response.account.left", "item.blocked"
				c.Detail = &httpjson.Detail{Path: "/v2/accounts/{id}?full=1", ID: "response.account.uid"}
				c.History = &httpjson.History{
					Path: "/v2/accounts/{id}/days?from={since}", Items: "response", Period: "item.day", Remaining: "item.left", Used: "item.used",
				}
			},
			map[string]string{
				"/v2/accounts?per_page=2": rows,
				"/v2/accounts/a?full=1":   `{"account":{"uid":"a","left":"57.92"}}`,
				"/v2/accounts/b?full=1":   `{"account":{"uid":"b"}}`,
				"/v2/accounts/a/days":     `[{"day":"2026-11-01","left":5,"used":"1.25"}]`,
			},
		},
	} {
		t.Run(what, func(t *testing.T) {
			pollertest.Run(t, pollertest.Case{
				New: func(url string, timeout time.Duration) (poller.Provider, error) {
					config := httpjson.HTTPJSON().Settings().(*httpjson.Config)
					config.BaseURL, config.Token, config.Unit, config.List = url, pollertest.Secret, "SMS", list
					config.Headers = map[string]billwatch.Secret{"Accept-Language": "en"}
					c.change(config)
					return config.New(poller.Common{Source: "sms", Timeout: timeout})
				},
				Answers: c.answers,
			})
		})
	}
}
