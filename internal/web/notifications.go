package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
)

// Notifications is what is asked of and done to the delivery log.
type Notifications struct {
	List  func(ctx context.Context, q billwatch.OutboxQuery) ([]Notification, error)
	Retry func(ctx context.Context, id string) error // a *billwatch.RetryError where it is not to be tried again
}

// Notification is one message of the delivery log, with what became of it.
type Notification struct {
	ID          string               `json:"id"`
	Receiver    string               `json:"receiver"`
	Integration string               `json:"integration"`
	GroupKey    string               `json:"group_key"`
	GroupLabels billwatch.Labels     `json:"group_labels"`
	Reason      string               `json:"reason"`
	Status      billwatch.AlertState `json:"status"` // what it tells: firing or resolved
	State       string               `json:"state"`  // what became of it: pending, delivered, failed, superseded, dropped
	Title       string               `json:"title"`
	Alerts      int                  `json:"alerts"`
	At          time.Time            `json:"at"`
	Attempts    int                  `json:"attempts"`
	Sending     bool                 `json:"sending,omitempty"`   // an attempt is under way
	Ambiguous   bool                 `json:"ambiguous,omitempty"` // it may have arrived, though nobody said so
	NextAt      *time.Time           `json:"next_at"`             // when a pending one is tried again
	Answer      string               `json:"answer,omitempty"`
	Error       string               `json:"error,omitempty"`
	Took        float64              `json:"took_seconds"`
	Cursor      string               `json:"-"` // asks for what comes after it
}

// How many notifications one answer has.
const (
	someNotifications = 100
	mostNotifications = 1000
)

func (a API) notifications(w http.ResponseWriter, r *http.Request) {
	query, problemText := outboxQuery(r)
	if problemText != "" {
		problem(w, http.StatusBadRequest, problemText)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), apiTimeout)
	defer cancel()
	limit := query.Limit
	query.Limit++ // whether there are more
	found, err := a.Outbox.List(ctx, query)
	if errors.Is(err, billwatch.ErrCursor) {
		problem(w, http.StatusBadRequest, "cursor: not one that this service gave")
		return
	}
	if err != nil {
		problem(w, http.StatusServiceUnavailable, "the store cannot be asked at present")
		return
	}
	next := ""
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].Cursor
	}
	answer(w, "application/json", http.StatusOK, struct {
		Version       string         `json:"version"`
		Notifications []Notification `json:"notifications"`
		Next          string         `json:"next_cursor,omitempty"`
	}{"1", orEmpty(found), next})
}

// orEmpty lets a list without anything be written as one.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func outboxQuery(r *http.Request) (q billwatch.OutboxQuery, wrong string) {
	v := r.URL.Query()
	q = billwatch.OutboxQuery{State: v.Get("state"), Receiver: v.Get("receiver"), Cursor: v.Get("cursor"), Limit: someNotifications}
	states := billwatch.OutboxStates()
	if q.State != "" && !slices.Contains(states, q.State) {
		return q, "state: must be one of " + strings.Join(states, ", ")
	}
	if text := v.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostNotifications {
			return q, "limit: must be a number from 1 to " + strconv.Itoa(mostNotifications)
		}
		q.Limit = n
	}
	return q, ""
}

func (a API) retryNotification(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), apiTimeout)
	defer cancel()
	err := a.Outbox.Retry(ctx, r.PathValue("id"))
	if refused, ok := errors.AsType[*billwatch.RetryError](err); ok {
		status := http.StatusConflict
		if refused.Unknown {
			status = http.StatusNotFound
		}
		problem(w, status, refused.Error())
		return
	}
	if err != nil {
		problem(w, http.StatusServiceUnavailable, "the store cannot be asked at present")
		return
	}
	answer(w, "application/json", http.StatusOK, struct {
		Version string `json:"version"`
		ID      string `json:"id"`
		State   string `json:"state"`
	}{"1", r.PathValue("id"), billwatch.OutboxPending})
}
