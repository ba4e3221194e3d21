package simulate

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// NewCudo returns the billing accounts of Cudo Compute, with eight customers
// who rent machines. In the first five hours after Start one recharges itself,
// one has its card declined, runs dry, is suspended and recovers, one comes near
// its hourly limit, one burns its credit in hours, and one is suspended for
// abuse; one pays by invoice, and one is deleted and will be gone on the second
// day.
func NewCudo(c Config) http.Handler {
	s := &cudo{Config: c}
	for i, t := range tenants() {
		s.rentals = append(s.rentals, newRental(t, c, i))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/billing-accounts", s.list)
	mux.HandleFunc("GET /v1/billing-accounts/{id}", s.detail)
	mux.HandleFunc("GET /v1/billing-accounts/{id}/credit-balance-transactions", s.transactions)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		gatewayError(w, http.StatusNotFound, 5, "Not Found")
	})
	return s.guard(mux)
}

const (
	mostAccounts = 3 // on a page, whatever is asked for, so that there are several
	someEntries  = 10
	mostEntries  = 100
)

type cudo struct {
	Config
	rentals []*rental
}

func (s *cudo) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.Token != "" && r.Header.Get("Authorization") != "Bearer "+s.Token {
			modelError(w, http.StatusUnauthorized, "UNAUTHENTICATED", "missing or invalid API key")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// list answers a page of the accounts that there are at this moment. A token
// names the place in the cast, so that an account that vanishes moves no other.
func (s *cudo) list(w http.ResponseWriter, r *http.Request) {
	size, sizeErr := pageSize(r, mostAccounts, mostAccounts)
	from, fromErr := s.place(r.URL.Query().Get("pageToken"))
	if sizeErr != nil || fromErr != nil {
		modelError(w, http.StatusBadRequest, "INVALID_ARGUMENT", "page token or page size is not valid")
		return
	}
	now := s.Now()
	rows, next := []accountJSON{}, ""
	for i := from; i < len(s.rentals); i++ {
		if s.rentals[i].purgedAt(now) {
			continue
		}
		if len(rows) == size {
			next = s.token(i)
			break
		}
		rows = append(rows, s.rentals[i].body(now))
	}
	answer(w, http.StatusOK, map[string]any{"billingAccounts": rows, "pageToken": next, "pageSize": size})
}

func (s *cudo) token(place int) string {
	text := fmt.Sprintf("%016x:%d", mix(s.Seed^mix(uint64(place))), place)
	return base64.URLEncoding.EncodeToString([]byte(text))
}

// place reads a token that this API has given out.
func (s *cudo) place(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	for i := range s.rentals {
		if s.token(i) == token {
			return i, nil
		}
	}
	return 0, fmt.Errorf("page token %q was never given out", token)
}

func pageSize(r *http.Request, otherwise, most int) (int, error) {
	text := r.URL.Query().Get("pageSize")
	if text == "" || text == "0" {
		return otherwise, nil
	}
	size, err := strconv.Atoi(text)
	if err != nil || size < 0 {
		return 0, fmt.Errorf("page size %q is none", text)
	}
	return min(size, most), nil
}

func (s *cudo) detail(w http.ResponseWriter, r *http.Request) {
	now := s.Now()
	a := s.find(r, now)
	if a == nil {
		gatewayError(w, http.StatusNotFound, 5, "billing account not found")
		return
	}
	answer(w, http.StatusOK, a.body(now))
}

// transactions answers a page of the ledger, newest first.
func (s *cudo) transactions(w http.ResponseWriter, r *http.Request) {
	now := s.Now()
	a := s.find(r, now)
	if a == nil {
		gatewayError(w, http.StatusNotFound, 5, "billing account not found")
		return
	}
	entries := a.ledger(now)
	size, err := pageSize(r, someEntries, mostEntries)
	until, known := a.position(r.URL.Query().Get("startingAfter"), len(entries))
	if err != nil || !known {
		gatewayError(w, http.StatusBadRequest, 3, "page size or starting point is not valid")
		return
	}
	rows := []transactionJSON{}
	for i := until - 1; i >= max(0, until-size); i-- {
		e := entries[i]
		rows = append(rows, transactionJSON{a.entryID(i), amount(e.amount), e.text, e.at})
	}
	answer(w, http.StatusOK, map[string]any{"creditBalanceTransactions": rows, "hasMore": until > size})
}

func (r *rental) entryID(i int) string { return fmt.Sprintf("cbtxn_SIMULATED_%s_%06d", r.slug, i+1) }

// position finds the entry after which, going back in time, a page starts.
func (r *rental) position(id string, n int) (place int, known bool) {
	if id == "" {
		return n, true
	}
	_, number, _ := strings.Cut(id, r.slug+"_")
	i, err := strconv.Atoi(number)
	if err != nil || i < 1 || i > n || r.entryID(i-1) != id {
		return 0, false
	}
	return i - 1, true
}

func (s *cudo) find(r *http.Request, now time.Time) *rental {
	i := slices.IndexFunc(s.rentals, func(a *rental) bool { return a.slug == r.PathValue("id") && !a.purgedAt(now) })
	if i < 0 {
		return nil
	}
	return s.rentals[i]
}

// purgedAt says whether the account is no more.
func (r *rental) purgedAt(now time.Time) bool { return r.purged > 0 && now.Sub(r.start) >= r.purged }

// modelError answers in Google's error model.
func modelError(w http.ResponseWriter, status int, name, message string) {
	answer(w, status, map[string]any{"code": status, "status": name, "message": message, "details": []any{}})
}

// gatewayError answers as a gateway does before gRPC, with gRPC's own code.
func gatewayError(w http.ResponseWriter, status, code int, message string) {
	answer(w, status, map[string]any{"code": code, "message": message, "details": []any{}})
}
