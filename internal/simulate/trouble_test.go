package simulate_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/billwatch/billwatch/internal/simulate"
)

func TestTroubleComesWhenAndWhereItShould(t *testing.T) {
	const list, one, other = "/v1/billing-accounts", "/v1/billing-accounts/quarry-vision", "/v1/billing-accounts/nightjar-speech"
	w := newGPUs(starts()[0])
	faults := simulate.NewFaults(w.api, w.clock)
	w.api = faults
	asked := func(uris ...string) string {
		var statuses []string
		for _, uri := range uris {
			statuses = append(statuses, fmt.Sprint(w.get(t, uri, nil)))
		}
		return strings.Join(statuses, " ")
	}
	expect := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: got %s, want %s", what, got, want)
		}
	}
	faults.Add(
		simulate.Trouble{Fault: simulate.Refuse(500, ""), Path: "/v1/billing-accounts/*", Times: 2},
		simulate.Trouble{Fault: simulate.Refuse(429, ""), Path: one},
		simulate.Trouble{Fault: simulate.Refuse(503, ""), From: w.start.Add(time.Hour), To: w.start.Add(2 * time.Hour)},
	)
	expect("the first two below the path, then the next trouble", asked(list, one, other, other, one, one), "200 500 500 200 429 429")
	w.turn(time.Hour)
	expect("by the clock, after what was added before", asked(list, one), "503 429")
	w.turn(2 * time.Hour)
	expect("its end is no part of it", asked(list, one), "200 429")
	faults.Clear()
	w.turn(time.Hour)
	expect("cleared", asked(list, one), "200 200")
	expect("all are counted", fmt.Sprint(faults.Requests(""), faults.Requests(list), faults.Requests("/v1/billing-accounts/*"), faults.Requests(one), faults.Requests("/v1/*")), "12 4 8 6 4")
}

func TestOneFaultIsHealedByTheRoundsOneRetry(t *testing.T) {
	for _, a := range apis() {
		r := newRig(t, a, patient)
		r.faults.Add(simulate.Trouble{Fault: simulate.Refuse(500, ""), Times: 1})
		if got := r.poll(t.Context(), 0, nil); got.round.Err != nil || len(got.good) != a.accounts || len(got.failed) > 0 {
			t.Errorf("%s: %d good, %d failed, %v", a.name, len(got.good), len(got.failed), got.round.Err)
		}
	}
}

func TestAFaultIsWhatItsNameSays(t *testing.T) {
	w := newGPUs(starts()[0])
	answer := func(fault simulate.Fault, uri string) *http.Response {
		faults := simulate.NewFaults(w.api, w.clock)
		faults.Add(simulate.Trouble{Fault: fault})
		r := httptest.NewRequest(http.MethodGet, uri, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		rec := httptest.NewRecorder()
		faults.ServeHTTP(rec, r)
		return rec.Result()
	}
	const list = "/v1/billing-accounts?pageSize=2"
	for _, c := range []struct {
		what  string
		fault simulate.Fault
		holds func(*http.Response, string) bool
	}{
		{"seconds", simulate.Refuse(429, "30"), func(r *http.Response, _ string) bool { return r.Header.Get("Retry-After") == "30" }},
		{"a delay in the body", simulate.RefuseInBody(429, 90*time.Second), func(_ *http.Response, b string) bool {
			return strings.Contains(b, `"retryDelay":"90s"`) && strings.Contains(b, `"code":429`)
		}},
		{"an empty list keeps its token", simulate.EmptyList(), func(_ *http.Response, b string) bool {
			return strings.Contains(b, `"billingAccounts":[]`) && !strings.Contains(b, `"pageToken":""`)
		}},
		{"half of two is one", simulate.HalfList(), func(_ *http.Response, b string) bool { return strings.Count(b, `"displayName"`) == 1 }},
		{"a redirect keeps the path", simulate.Redirect("https://elsewhere.example"), func(r *http.Response, _ string) bool {
			return r.StatusCode == 302 && r.Header.Get("Location") == "https://elsewhere.example"+list
		}},
		{"a bomb is small on the wire", simulate.Bomb(1 << 20), func(r *http.Response, b string) bool {
			return r.Header.Get("Content-Encoding") == "gzip" && len(b) < 4096
		}},
		{"a connection that cannot be reset", simulate.Reset(), func(r *http.Response, _ string) bool { return r.StatusCode == 500 }},
	} {
		resp := answer(c.fault, list)
		body, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			t.Fatal(err)
		}
		if !c.holds(resp, string(body)) {
			t.Errorf("%s: it is not so: %d %v %s", c.what, resp.StatusCode, resp.Header, body)
		}
	}
}
