package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// mostBody bounds what may be sent with a request.
const mostBody = 1 << 20

// reads answers only under names that are this service's: a page elsewhere may
// have its own name point here, and would read what is shown.
func (a API) reads(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !a.mine(r.Host) {
			problem(w, http.StatusMisdirectedRequest, "this service is not known under that name: see allowed_hosts")
			return
		}
		next(w, r)
	})
}

// writes is reads for what changes something.
func (a API) writes(next http.HandlerFunc) http.Handler { return a.reads(a.changes(next)) }

// changes lets nothing be changed on behalf of a page elsewhere that a person
// has open, nor where anybody could ask.
func (a API) changes(next http.HandlerFunc) http.HandlerFunc {
	return a.changesBy("application/json", next)
}

// forms is writes for the forms of our own pages.
func (a API) forms(next http.HandlerFunc) http.Handler {
	return a.reads(a.changesBy("application/x-www-form-urlencoded", next))
}

func (a API) changesBy(media string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewCrossOriginProtection().Check(r); err != nil {
			problem(w, http.StatusForbidden, "a page of another site may not ask for this")
			return
		}
		if a.Refused != "" {
			problem(w, http.StatusForbidden, a.Refused)
			return
		}
		if r.ContentLength > mostBody {
			problem(w, http.StatusRequestEntityTooLarge, "the body is over 1 MiB")
			return
		}
		if sent, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); r.ContentLength != 0 && (err != nil || sent != media) {
			problem(w, http.StatusUnsupportedMediaType, "the body must be "+media)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, mostBody)
		next(w, r)
	}
}

// decoded reads the body, one JSON value without unknown fields, or answers why
// it cannot be read.
func decoded(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the value")
		}
	}
	if _, long := errors.AsType[*http.MaxBytesError](err); long {
		problem(w, http.StatusRequestEntityTooLarge, "the body is over 1 MiB")
		return false
	}
	if err != nil {
		problem(w, http.StatusBadRequest, fmt.Sprintf("the body cannot be read: %v", err))
		return false
	}
	return true
}

func (a API) mine(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	name = strings.TrimSuffix(name, ".")
	own := []string{"localhost"}
	if a.Hosts != nil {
		own = append(own, a.Hosts()...)
	}
	return name != "" && slices.ContainsFunc(own, func(own string) bool {
		return strings.EqualFold(own, name)
	})
}

// OpenToAll says why nothing may be changed through an address that others than
// this machine reach; empty where only this machine does.
func OpenToAll(listen string) string {
	host, _, err := net.SplitHostPort(listen)
	if addr, bad := netip.ParseAddr(host); err == nil && (host == "localhost" || bad == nil && addr.Unmap().IsLoopback()) {
		return ""
	}
	return "nothing may be changed from here: listen: is an address that others reach; ask on the machine itself, with listen: 127.0.0.1:9595"
}
