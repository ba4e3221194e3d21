package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// alertV2 is a firing alert in Alertmanager's words.
type alertV2 struct {
	Annotations map[string]string `json:"annotations"`
	EndsAt      time.Time         `json:"endsAt"`
	Fingerprint string            `json:"fingerprint"`
	Receivers   []receiverV2      `json:"receivers"`
	StartsAt    time.Time         `json:"startsAt"`
	Status      statusV2          `json:"status"`
	UpdatedAt   time.Time         `json:"updatedAt"`
	Labels      billwatch.Labels  `json:"labels"`
}

type receiverV2 struct {
	Name string `json:"name"`
}

type statusV2 struct {
	State       string   `json:"state"`
	SilencedBy  []string `json:"silencedBy"`
	InhibitedBy []string `json:"inhibitedBy"`
	MutedBy     []string `json:"mutedBy"`
}

// standsFor is how far ahead the end of an alert is said that has none: so long
// a tool may believe that it fires without asking again.
const standsFor = 5 * time.Minute

func (a API) listAlertsV2(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	filter, err := notify.MatchersOf(query["filter"])
	if err != nil {
		answer(w, "application/json", http.StatusBadRequest, err.Error())
		return
	}
	asked := map[string]bool{}
	for _, name := range []string{"active", "silenced", "inhibited"} {
		text := cmp.Or(query.Get(name), "true")
		if asked[name], err = strconv.ParseBool(text); err != nil {
			refusal(w, http.StatusUnprocessableEntity, fmt.Sprintf("%s in query must be of type boolean: %q", name, text))
			return
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), apiTimeout)
	defer cancel()
	all, err := a.Alerts.List(ctx)
	if err != nil {
		storeAway(w)
		return
	}
	shown := []alertV2{}
	for _, alert := range all {
		v2 := showAlertV2(alert, a.now())
		if alert.State == billwatch.Firing && v2.among(asked) && fits(filter, alert.Labels) {
			shown = append(shown, v2)
		}
	}
	slices.SortStableFunc(shown, func(a, b alertV2) int { return cmp.Compare(a.Fingerprint, b.Fingerprint) })
	answer(w, "application/json", http.StatusOK, shown)
}

// fits says whether an alert with these labels has all that is asked for.
func fits(filter []billwatch.Matcher, l billwatch.Labels) bool {
	return len(filter) == 0 || notify.SilenceMatches(billwatch.Silence{Matchers: filter}, l)
}

func (v alertV2) among(asked map[string]bool) bool {
	switch {
	case len(v.Status.SilencedBy) > 0:
		return asked["silenced"]
	case len(v.Status.InhibitedBy) > 0:
		return asked["inhibited"]
	}
	return asked["active"]
}

func showAlertV2(a Alert, now time.Time) alertV2 {
	v := alertV2{
		Annotations: map[string]string{}, Fingerprint: fingerprintOf(a.Alert), Labels: a.Labels, Receivers: []receiverV2{},
		StartsAt: a.StartsAt.UTC(), UpdatedAt: a.StartsAt.UTC(), EndsAt: now.Add(standsFor).UTC(),
		Status: statusV2{State: "active", SilencedBy: []string{}, InhibitedBy: []string{}, MutedBy: []string{}},
	}
	for name, text := range a.Annotations {
		v.Annotations[name] = text
	}
	if a.Snapshot != nil && a.Snapshot.At.After(a.StartsAt) {
		v.UpdatedAt = a.Snapshot.At.UTC()
	}
	for _, name := range a.Receivers {
		v.Receivers = append(v.Receivers, receiverV2{name})
	}
	by := []string{a.Mute.By}
	switch a.Mute.Why {
	case "":
		return v
	case billwatch.MutedSilenced:
		v.Status.SilencedBy = by
	case billwatch.MutedTime:
		v.Status.MutedBy = by
	default:
		v.Status.InhibitedBy = by
	}
	v.Status.State = "suppressed"
	return v
}
