package web

import (
	"fmt"
	"net/http"
)

// reload reads the configuration again: 200 where it checks out, else 500 and
// its problems, as check prints them.
func (a API) reload(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if err := a.Reload(); err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintln(w, "ok")
}
