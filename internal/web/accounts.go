package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/billwatch/billwatch"
)

// AccountBook is what is asked of and done to accounts.
type AccountBook struct {
	List func(ctx context.Context) ([]Account, error)
	// Forget has an account that is gone forgotten, and says whether that is done
	// already. An error wraps billwatch.ErrNoAccount or billwatch.ErrNotGone.
	Forget func(ctx context.Context, k billwatch.AccountKey) (done bool, err error)
}

// Account is an account as it was read last. It names no person.
type Account struct {
	Source    string     `json:"source"`
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Provider  string     `json:"provider"`
	Kind      string     `json:"kind"`
	State     string     `json:"state"`   // active, suspended or what the provider says; missing, gone, deleted, excluded or unread
	Balance   *string    `json:"balance"` // a decimal number
	Unit      string     `json:"unit"`
	Suspended *bool      `json:"suspended"`
	ReadAt    *time.Time `json:"read_at"`
	Alerts    []string   `json:"alerts"` // the rules that fire
}

func (a API) accountRoutes(mux *http.ServeMux) {
	mux.Handle("GET /api/v1/accounts", a.reads(a.listAccounts))
	mux.Handle("POST /api/v1/accounts/{source}/{id}/forget", a.writes(a.forgetAccount))
}

func (a API) listAccounts(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), apiTimeout)
	defer cancel()
	all, err := a.Accounts.List(ctx)
	if err != nil {
		storeAway(w)
		return
	}
	answer(w, "application/json", http.StatusOK, struct {
		Version  string    `json:"version"`
		Accounts []Account `json:"accounts"`
	}{"1", orEmpty(all)})
}

func (a API) forgetAccount(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), apiTimeout)
	defer cancel()
	k := billwatch.AccountKey{Source: r.PathValue("source"), ID: r.PathValue("id")}
	done, err := a.Accounts.Forget(ctx, k)
	status, state := http.StatusOK, "forgotten"
	switch {
	case errors.Is(err, billwatch.ErrNoAccount):
		problem(w, http.StatusNotFound, "there is no account "+shortened(k.String()))
		return
	case errors.Is(err, billwatch.ErrNotGone):
		problem(w, http.StatusConflict, k.String()+" is not gone: its source lists it, and would bring it back")
		return
	case err != nil:
		storeAway(w)
		return
	case !done:
		status, state = http.StatusAccepted, "forgetting" // whoever holds its source does it within a minute
	}
	answer(w, "application/json", status, struct {
		Version string `json:"version"`
		Source  string `json:"source"`
		ID      string `json:"id"`
		State   string `json:"state"`
	}{"1", k.Source, k.ID, state})
}
