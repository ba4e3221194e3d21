package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// Alerts is what is asked of the alerts that stand and stood.
type Alerts struct {
	List func(ctx context.Context) ([]Alert, error) // those that are pending or fire
	// Find returns an alert with its moves, newest first; false where there was
	// none of that fingerprint, as far as is remembered.
	Find func(ctx context.Context, fingerprint string) (Alert, []billwatch.Transition, bool, error)
}

// Alert is an alert with why it is not told at present, and who would be.
type Alert struct {
	billwatch.Alert
	Mute         billwatch.Mute
	Receivers    []string // by name
	Integrations []string
}

// shownAlert is an alert as it is shown. It names no person.
type shownAlert struct {
	Fingerprint string               `json:"fingerprint"`
	Rule        string               `json:"rule"`
	Source      string               `json:"source"`
	Account     string               `json:"account"`
	Name        string               `json:"account_name"`
	State       billwatch.AlertState `json:"state"`
	PendingFrom *time.Time           `json:"pending_from"`
	StartsAt    *time.Time           `json:"starts_at"`
	EndsAt      *time.Time           `json:"ends_at"`
	Reason      string               `json:"reason"` // of the last move
	Value       *float64             `json:"value"`
	Labels      billwatch.Labels     `json:"labels"`
	Annotations map[string]string    `json:"annotations"`
	RunbookURL  string               `json:"runbook_url,omitempty"`
	Muted       *billwatch.Mute      `json:"muted"` // null where nothing keeps it from being told
	Receivers   []string             `json:"receivers"`
}

// shownMove is one move of an alert, with what was known of the account.
type shownMove struct {
	At       time.Time            `json:"at"`
	From     billwatch.AlertState `json:"from"`
	To       billwatch.AlertState `json:"to"`
	Reason   string               `json:"reason"`
	Value    *float64             `json:"value"`
	Snapshot *billwatch.Snapshot  `json:"snapshot"`
}

func (a API) alertRoutes(mux *http.ServeMux) {
	mux.Handle("GET /api/v1/alerts", a.reads(a.listAlerts))
	mux.Handle("GET /api/v1/alerts/{fingerprint}", a.reads(a.getAlert))
	mux.Handle("POST /api/v1/alerts/{fingerprint}/acknowledge", a.writes(a.acknowledge))
	mux.Handle("POST /api/v1/alerts/{fingerprint}/silence", a.writes(a.silenceAlert))
	mux.Handle("GET /api/v2/alerts", a.reads(a.listAlertsV2))
	mux.Handle("POST /api/v2/alerts", a.reads(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", "GET")
		problem(w, http.StatusMethodNotAllowed, "alerts come from billwatch's own rules, and from nowhere else")
	}))
}

// fingerprintOf is the alert's, or the one that it will have: that of a pending
// one is not fixed yet.
func fingerprintOf(a billwatch.Alert) string {
	if a.Fingerprint == "" {
		return a.Labels.Fingerprint()
	}
	return a.Fingerprint
}

func showAlert(a Alert) shownAlert {
	shown := shownAlert{
		Fingerprint: fingerprintOf(a.Alert), Rule: a.Key.Rule, Source: a.Key.Account.Source, Account: a.Key.Account.ID,
		Name: a.Labels[billwatch.LabelAccountName], State: a.State, Reason: a.Reason, Value: a.Value, Labels: a.Labels,
		Annotations: a.Annotations, RunbookURL: a.RunbookURL, Receivers: orEmpty(a.Receivers),
		PendingFrom: momentOrNull(a.PendingFrom), StartsAt: momentOrNull(a.StartsAt), EndsAt: momentOrNull(a.EndsAt),
	}
	if a.Mute.Why != "" {
		shown.Muted = &a.Mute
	}
	if shown.Annotations == nil {
		shown.Annotations = map[string]string{}
	}
	return shown
}

func momentOrNull(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}

func (a API) listAlerts(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), apiTimeout)
	defer cancel()
	all, err := a.Alerts.List(ctx)
	if err != nil {
		storeAway(w)
		return
	}
	shown := []shownAlert{}
	for _, alert := range all {
		shown = append(shown, showAlert(alert))
	}
	answer(w, "application/json", http.StatusOK, struct {
		Version string       `json:"version"`
		Alerts  []shownAlert `json:"alerts"`
	}{"1", shown})
}

func (a API) getAlert(w http.ResponseWriter, r *http.Request) {
	alert, moves, ok := a.findAlert(w, r)
	if !ok {
		return
	}
	shown := []shownMove{}
	for _, m := range moves {
		shown = append(shown, shownMove{At: m.At.UTC(), From: m.From, To: m.To, Reason: m.Reason, Value: m.Alert.Value, Snapshot: impersonal(m.Alert.Snapshot)})
	}
	answer(w, "application/json", http.StatusOK, struct {
		Version string `json:"version"`
		shownAlert
		Snapshot    *billwatch.Snapshot `json:"snapshot"`
		Forecast    *billwatch.Forecast `json:"forecast"`
		Transitions []shownMove         `json:"transitions"`
	}{"1", showAlert(alert), impersonal(alert.Snapshot), alert.Forecast, shown})
}

// impersonal is the snapshot without who owns the account.
func impersonal(s *billwatch.Snapshot) *billwatch.Snapshot {
	if s == nil {
		return nil
	}
	shown := *s
	shown.Account.Owner, shown.Account.Email = "", ""
	return &shown
}

// findAlert returns the alert that is asked for, or answers that there is none.
func (a API) findAlert(w http.ResponseWriter, r *http.Request) (Alert, []billwatch.Transition, bool) {
	ctx, cancel := context.WithTimeout(r.Context(), apiTimeout)
	defer cancel()
	fingerprint := r.PathValue("fingerprint")
	alert, moves, found, err := a.Alerts.Find(ctx, fingerprint)
	switch {
	case err != nil:
		storeAway(w)
	case !found:
		problem(w, http.StatusNotFound, fmt.Sprintf("there is no alert %q, nor was there one that is remembered", shortened(fingerprint)))
	}
	return alert, moves, err == nil && found
}

// shortened is what of a text may stand in a message.
func shortened(text string) string {
	const most = 64
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}

// handled is what somebody says who takes care of an alert.
type handled struct {
	Author   string `json:"author"`
	Comment  string `json:"comment"`
	Duration string `json:"duration"`
}

// acknowledge silences an alert until it resolves, in somebody's name.
func (a API) acknowledge(w http.ResponseWriter, r *http.Request) {
	a.handle(w, r, func(h handled) (billwatch.Silence, error) { return acknowledgement(h, a.now()) })
}

// silenceAlert silences an alert for a while.
func (a API) silenceAlert(w http.ResponseWriter, r *http.Request) {
	a.handle(w, r, func(h handled) (billwatch.Silence, error) { return pause(h, a.now()) })
}

func (a API) handle(w http.ResponseWriter, r *http.Request, wanted func(handled) (billwatch.Silence, error)) {
	var h handled
	if !decoded(w, r, &h) {
		return
	}
	alert, _, ok := a.findAlert(w, r)
	if !ok {
		return
	}
	kept, err := a.silenceOf(r.Context(), alert, func() (billwatch.Silence, error) { return wanted(h) })
	if status, text := silenceProblem(err); err != nil {
		problem(w, status, text)
		return
	}
	answer(w, "application/json", http.StatusOK, struct {
		Version string `json:"version"`
		ID      string `json:"silence_id"`
	}{"1", kept.ID})
}

// errNotFiring says that there is nothing to silence.
var errNotFiring = errors.New("the alert does not fire: there is nothing to silence")

// silenceOf makes a silence of one alert: of all that it is, its severity
// included, so that it never hides another.
func (a API) silenceOf(ctx context.Context, alert Alert, wanting func() (billwatch.Silence, error)) (billwatch.Silence, error) {
	if alert.State != billwatch.Firing {
		return billwatch.Silence{}, errNotFiring
	}
	wanted, err := wanting()
	if err != nil {
		return wanted, &wrongSilenceError{err}
	}
	wanted.Matchers = notify.SilenceOf(alert.Alert)
	return a.putSilence(ctx, wanted)
}

// silenceProblem says why a silence was not made.
func silenceProblem(err error) (status int, text string) {
	var wrong *wrongSilenceError
	switch {
	case errors.Is(err, errNotFiring):
		return http.StatusConflict, err.Error()
	case errors.As(err, &wrong):
		return http.StatusBadRequest, wrong.Error()
	}
	return http.StatusServiceUnavailable, "the store cannot be asked at present"
}
