package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// SilenceBook keeps the silences. Errors that wrap billwatch.ErrNoSilence say
// that there is none of that id.
type SilenceBook interface {
	Silences(ctx context.Context) ([]billwatch.Silence, error)
	Silence(ctx context.Context, id string) (billwatch.Silence, error)
	PutSilence(ctx context.Context, wanted billwatch.Silence, now time.Time) (billwatch.Silence, error)
	ExpireSilence(ctx context.Context, id string, now time.Time) error
}

// errStarting says that there is no store to ask yet.
var errStarting = errors.New("the store is not open yet")

// shownSilence is a silence in Alertmanager's words, and whether it ends sooner,
// which its tools pass over.
type shownSilence struct {
	ID            string            `json:"id"`
	Status        silenceStatus     `json:"status"`
	UpdatedAt     time.Time         `json:"updatedAt"`
	Comment       string            `json:"comment"`
	CreatedBy     string            `json:"createdBy"`
	StartsAt      time.Time         `json:"startsAt"`
	EndsAt        time.Time         `json:"endsAt"`
	Matchers      []shownMatcher    `json:"matchers"`
	Annotations   map[string]string `json:"annotations"`
	UntilResolved bool              `json:"untilResolved,omitempty"`
}

type silenceStatus struct {
	State billwatch.SilenceState `json:"state"`
}

type shownMatcher struct {
	Name    string `json:"name"`
	Value   string `json:"value"`
	IsRegex bool   `json:"isRegex"`
	IsEqual bool   `json:"isEqual"`
}

// wantedSilence is a silence that somebody asks for. What must be there is a
// pointer, so that it is seen where it is not.
type wantedSilence struct {
	ID            string            `json:"id"`
	Matchers      *[]wantedMatcher  `json:"matchers"`
	StartsAt      *time.Time        `json:"startsAt"`
	EndsAt        *time.Time        `json:"endsAt"`
	CreatedBy     *string           `json:"createdBy"`
	Comment       *string           `json:"comment"`
	Annotations   map[string]string `json:"annotations"`
	UntilResolved bool              `json:"untilResolved"`
}

type wantedMatcher struct {
	Name    *string `json:"name"`
	Value   *string `json:"value"`
	IsRegex *bool   `json:"isRegex"`
	IsEqual *bool   `json:"isEqual"` // true where it is left out
}

// silenceRoutes serves Alertmanager's way of making silences, for its tools.
func (a API) silenceRoutes(mux *http.ServeMux) {
	mux.Handle("GET /api/v2/silences", a.reads(a.listSilences))
	mux.Handle("POST /api/v2/silences", a.writes(a.postSilence))
	mux.Handle("GET /api/v2/silence/{id}", a.reads(a.getSilence))
	mux.Handle("DELETE /api/v2/silence/{id}", a.writes(a.deleteSilence))
}

func (a API) listSilences(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	filter, err := notify.MatchersOf(query["filter"])
	if err != nil {
		answer(w, "application/json", http.StatusBadRequest, err.Error())
		return
	}
	wanted := map[billwatch.SilenceState]bool{}
	for _, state := range []billwatch.SilenceState{billwatch.SilenceActive, billwatch.SilencePending, billwatch.SilenceExpired} {
		text := cmp.Or(query.Get(string(state)), "true")
		if wanted[state], err = strconv.ParseBool(text); err != nil {
			refusal(w, http.StatusUnprocessableEntity, fmt.Sprintf("%s in query must be of type boolean: %q", state, text))
			return
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), apiTimeout)
	defer cancel()
	all, err := a.silences(ctx)
	if err != nil {
		storeAway(w)
		return
	}
	now, shown := a.now(), []shownSilence{}
	for _, s := range sortedSilences(all, now) {
		if wanted[s.State(now)] && asksAll(s, filter) {
			shown = append(shown, showSilence(s, now))
		}
	}
	answer(w, "application/json", http.StatusOK, shown)
}

func (a API) silences(ctx context.Context) ([]billwatch.Silence, error) {
	book := a.Silences()
	if book == nil {
		return nil, errStarting
	}
	return book.Silences(ctx)
}

// asksAll says whether each of these matchers is one of the silence's, as
// Alertmanager filters silences.
func asksAll(s billwatch.Silence, filter []billwatch.Matcher) bool {
	return !slices.ContainsFunc(filter, func(m billwatch.Matcher) bool { return !slices.Contains(s.Matchers, m) })
}

// sortedSilences puts those first that are active, the one that ends first
// before the others; then those that begin, and then those that ended.
func sortedSilences(all []billwatch.Silence, now time.Time) []billwatch.Silence {
	order := map[billwatch.SilenceState]int{billwatch.SilenceActive: 1, billwatch.SilencePending: 2, billwatch.SilenceExpired: 3}
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b billwatch.Silence) int {
		state := a.State(now)
		by := 0
		switch {
		case state != b.State(now):
			by = cmp.Compare(order[state], order[b.State(now)])
		case state == billwatch.SilencePending:
			by = a.StartsAt.Compare(b.StartsAt)
		case state == billwatch.SilenceExpired:
			by = b.EndsAt.Compare(a.EndsAt)
		default:
			by = a.EndsAt.Compare(b.EndsAt)
		}
		return cmp.Or(by, cmp.Compare(a.ID, b.ID))
	})
	return sorted
}

func showSilence(s billwatch.Silence, now time.Time) shownSilence {
	shown := shownSilence{
		ID: s.ID, Status: silenceStatus{s.State(now)}, UpdatedAt: s.UpdatedAt.UTC(), StartsAt: s.StartsAt.UTC(), EndsAt: s.EndsAt.UTC(),
		Comment: s.Comment, CreatedBy: s.CreatedBy, Matchers: []shownMatcher{}, Annotations: s.Annotations, UntilResolved: s.UntilResolved,
	}
	if shown.Annotations == nil {
		shown.Annotations = map[string]string{}
	}
	for _, m := range s.Matchers {
		shown.Matchers = append(shown.Matchers, shownMatcher(m))
	}
	return shown
}

func (a API) getSilence(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !isUUID(w, id) {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), apiTimeout)
	defer cancel()
	book := a.Silences()
	if book == nil {
		storeAway(w)
		return
	}
	found, err := book.Silence(ctx, id)
	switch {
	case errors.Is(err, billwatch.ErrNoSilence):
		w.WriteHeader(http.StatusNotFound)
	case err != nil:
		storeAway(w)
	default:
		answer(w, "application/json", http.StatusOK, showSilence(found, a.now()))
	}
}

func (a API) deleteSilence(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if !isUUID(w, id) {
		return
	}
	err := a.expireSilence(r.Context(), id)
	switch {
	case errors.Is(err, billwatch.ErrNoSilence):
		w.WriteHeader(http.StatusNotFound)
	case err != nil:
		storeAway(w)
	default:
		w.WriteHeader(http.StatusOK)
	}
}

func (a API) expireSilence(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	book := a.Silences()
	if book == nil {
		return errStarting
	}
	return book.ExpireSilence(ctx, id, a.now())
}

func (a API) postSilence(w http.ResponseWriter, r *http.Request) {
	wanted, ok := readSilence(w, r)
	if !ok {
		return
	}
	kept, err := a.putSilence(r.Context(), wanted)
	var wrong *wrongSilenceError
	switch {
	case errors.As(err, &wrong):
		answer(w, "application/json", http.StatusBadRequest, wrong.Error())
	case errors.Is(err, billwatch.ErrNoSilence):
		answer(w, "application/json", http.StatusNotFound, "silence not found")
	case err != nil:
		storeAway(w)
	default:
		answer(w, "application/json", http.StatusOK, struct {
			ID string `json:"silenceID"`
		}{kept.ID})
	}
}

// wrongSilenceError is what is wrong with a silence that somebody wants.
type wrongSilenceError struct{ error }

// putSilence checks and stores a silence.
func (a API) putSilence(ctx context.Context, wanted billwatch.Silence) (billwatch.Silence, error) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	now := a.now()
	if err := notify.CheckSilence(wanted); err != nil {
		return wanted, &wrongSilenceError{fmt.Errorf("invalid silence: %w", err)}
	}
	if wanted.EndsAt.Before(now) {
		return wanted, &wrongSilenceError{errors.New("invalid silence: endsAt: must not be in the past")}
	}
	book := a.Silences()
	if book == nil {
		return wanted, errStarting
	}
	return book.PutSilence(ctx, wanted, now)
}

// readSilence reads what was posted as Alertmanager does: fields that it does
// not know are passed over, since its tools may be newer than this.
func readSilence(w http.ResponseWriter, r *http.Request) (billwatch.Silence, bool) {
	text, err := io.ReadAll(r.Body)
	if _, long := errors.AsType[*http.MaxBytesError](err); long {
		problem(w, http.StatusRequestEntityTooLarge, "the body is over 1 MiB")
		return billwatch.Silence{}, false
	}
	var posted wantedSilence
	if err == nil {
		err = json.Unmarshal(text, &posted)
	}
	if err != nil {
		refusal(w, http.StatusBadRequest, fmt.Sprintf("parsing silence body from %q failed, because %v", "", err))
		return billwatch.Silence{}, false
	}
	wanted, missing := posted.silence()
	if len(missing) > 0 {
		refusal(w, http.StatusUnprocessableEntity, "validation failure list:\n"+strings.Join(missing, "\n"))
		return billwatch.Silence{}, false
	}
	return wanted, true
}

// silence returns what is wanted, and what of it is missing.
func (p wantedSilence) silence() (s billwatch.Silence, missing []string) {
	lacks := func(field string, is bool) {
		if is {
			missing = append(missing, field+" in body is required")
		}
	}
	lacks("comment", p.Comment == nil)
	lacks("createdBy", p.CreatedBy == nil)
	lacks("endsAt", p.EndsAt == nil)
	lacks("matchers", p.Matchers == nil)
	lacks("startsAt", p.StartsAt == nil)
	if p.Matchers != nil {
		for i, m := range *p.Matchers {
			lacks(fmt.Sprintf("matchers.%d.isRegex", i), m.IsRegex == nil)
			lacks(fmt.Sprintf("matchers.%d.name", i), m.Name == nil)
			lacks(fmt.Sprintf("matchers.%d.value", i), m.Value == nil)
		}
		if len(*p.Matchers) == 0 {
			missing = append(missing, "matchers in body should have at least 1 items")
		}
	}
	if len(missing) > 0 {
		return s, missing[:min(len(missing), 10)]
	}
	s = billwatch.Silence{
		ID: p.ID, StartsAt: p.StartsAt.UTC(), EndsAt: p.EndsAt.UTC(), CreatedBy: *p.CreatedBy, Comment: *p.Comment,
		Annotations: p.Annotations, UntilResolved: p.UntilResolved,
	}
	for _, m := range *p.Matchers {
		s.Matchers = append(s.Matchers, billwatch.Matcher{
			Name: *m.Name, Value: *m.Value, IsRegex: *m.IsRegex, IsEqual: m.IsEqual == nil || *m.IsEqual,
		})
	}
	return s, nil
}

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$`)

// isUUID answers where an id is none that a silence may have.
func isUUID(w http.ResponseWriter, id string) bool {
	if !uuid.MatchString(id) {
		refusal(w, http.StatusUnprocessableEntity, fmt.Sprintf("silenceID in path must be of type uuid: %q", id))
		return false
	}
	return true
}

// refusal is how Alertmanager says that a request is not one of its.
func refusal(w http.ResponseWriter, status int, message string) {
	answer(w, "application/json", status, struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{status, message})
}

func storeAway(w http.ResponseWriter) {
	problem(w, http.StatusServiceUnavailable, "the store cannot be asked at present")
}
