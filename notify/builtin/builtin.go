// Package builtin lists the notifiers that billwatch comes with. A new one is
// one folder and one line here.
package builtin

import (
	"github.com/billwatch/billwatch/notify"
	"github.com/billwatch/billwatch/notify/alertmanager"
	"github.com/billwatch/billwatch/notify/email"
	"github.com/billwatch/billwatch/notify/slack"
	"github.com/billwatch/billwatch/notify/webhook"
)

// Types returns the notifiers by their names in the configuration.
func Types() []notify.Type {
	return []notify.Type{
		{Name: "alertmanager", Settings: func() notify.Settings { c := alertmanager.Defaults(); return &c }},
		{Name: "email", Digests: true, Settings: func() notify.Settings { c := email.Defaults(); return &c }},
		{Name: "slack", Digests: true, Settings: func() notify.Settings { c := slack.Defaults(); return &c }},
		{Name: "webhook", Settings: func() notify.Settings { c := webhook.Defaults(); return &c }},
	}
}
