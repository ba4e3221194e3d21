package simulate

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Slow lets the API answer after a while of real time, unless nobody waits for
// it any more.
func Slow(wait time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if pause(r, wait) {
			next.ServeHTTP(w, r)
		}
	}
}

// Refuse answers with a status, and with a Retry-After where it is not empty:
// seconds or a date.
func Refuse(status int, retryAfter string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		refuse(w, status, []any{})
	}
}

// RefuseInBody answers with a status and says in the body, as Google's error
// model does, when to come back.
func RefuseInBody(status int, wait time.Duration) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		refuse(w, status, []any{map[string]string{
			"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": fmt.Sprintf("%gs", wait.Seconds()),
		}})
	}
}

// refuse answers in a shape in which both APIs are understood.
func refuse(w http.ResponseWriter, status int, details []any) {
	text := "simulated: " + strings.ToLower(http.StatusText(status))
	answer(w, status, map[string]any{"code": status, "err": text, "message": text, "details": details})
}

// Page answers with a page for people, as proxies and firewalls do.
func Page(status int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<!DOCTYPE html><html><body><h1>%d %s</h1></body></html>", status, http.StatusText(status))
	}
}

// CutJSON ends the answer in the middle, as if it were whole.
func CutJSON() Fault {
	return rewrite(func(a *recorded) { a.body.Truncate(a.body.Len() / 2) })
}

// CutShort sends half of the bytes that it announces.
func CutShort() Fault {
	return rewrite(func(a *recorded) {
		a.header.Set("Content-Length", strconv.Itoa(a.body.Len()))
		a.body.Truncate(a.body.Len() / 2)
	})
}

// EmptyList leaves out what the answer lists.
func EmptyList() Fault { return lists(func([]json.RawMessage) int { return 0 }) }

// HalfList leaves out the second half of what the answer lists.
func HalfList() Fault { return lists(func(rows []json.RawMessage) int { return len(rows) / 2 }) }

// lists keeps of each list in the answer as many rows as keep says.
func lists(keep func([]json.RawMessage) int) Fault {
	return rewrite(func(a *recorded) {
		var fields map[string]json.RawMessage
		if json.Unmarshal(a.body.Bytes(), &fields) != nil {
			return
		}
		for name, raw := range fields {
			var rows []json.RawMessage
			if json.Unmarshal(raw, &rows) != nil || rows == nil {
				continue
			}
			fields[name] = jsonOf(rows[:keep(rows)])
		}
		a.body.Reset()
		a.body.Write(jsonOf(fields))
	})
}

func jsonOf(v any) json.RawMessage {
	raw, _ := json.Marshal(v) // it was read from JSON
	return raw
}

// ContentType says of the answer that it is something else.
func ContentType(text string) Fault {
	return rewrite(func(a *recorded) { a.header.Set("Content-Type", text) })
}

// Redirect sends whoever asks to another address.
func Redirect(to string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, to+r.URL.RequestURI(), http.StatusFound)
	}
}

// Bomb answers with a few bytes that unpack to this many.
func Bomb(size int64) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		packed := gzip.NewWriter(w)
		defer packed.Close()
		_, _ = io.WriteString(packed, `{"uid":"`)
		spaces := bytes.Repeat([]byte(" "), 32<<10)
		for ; size > 0; size -= int64(len(spaces)) {
			if _, err := packed.Write(spaces); err != nil {
				return // whoever asked has had enough
			}
		}
	}
}

// Drip sends a byte at a time, and blanks when there are no more, until nobody
// waits for it any more.
func Drip(wait time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		a := record(r, next)
		a.begin(w)
		for flush := http.NewResponseController(w); pause(r, wait); {
			b, err := a.body.ReadByte()
			if err != nil {
				b = ' '
			}
			if _, err := w.Write([]byte{b}); err != nil || flush.Flush() != nil {
				return
			}
		}
	}
}

// Reset ends the connection without an answer.
func Reset() Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { reset(w, nil) }
}

// ResetInBody ends the connection in the middle of the answer.
func ResetInBody() Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		a := record(r, next)
		var head bytes.Buffer
		fmt.Fprintf(&head, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
			a.status, http.StatusText(a.status), a.body.Len())
		head.Write(a.body.Next(a.body.Len() / 2))
		reset(w, head.Bytes())
	}
}

// reset takes the connection over, sends these bytes and breaks it off.
func reset(w http.ResponseWriter, first []byte) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "this connection cannot be reset", http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	_, _ = conn.Write(first)
	if tcp, ok := conn.(*net.TCPConn); ok && first == nil {
		_ = tcp.SetLinger(0) // a reset would take back what was sent
	}
}

// pause waits, and says whether somebody still waits for the answer.
func pause(r *http.Request, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// recorded is an answer that is kept to be changed.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func record(r *http.Request, api http.Handler) *recorded {
	a := &recorded{header: http.Header{}, status: http.StatusOK}
	api.ServeHTTP(a, r)
	return a
}

// Header returns the header that is kept.
func (a *recorded) Header() http.Header { return a.header }

// WriteHeader keeps the status.
func (a *recorded) WriteHeader(status int) { a.status = status }

// Write keeps a part of the body.
func (a *recorded) Write(p []byte) (int, error) { return a.body.Write(p) }

func (a *recorded) begin(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
}

// rewrite sends the API's answer with a change.
func rewrite(change func(*recorded)) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		a := record(r, next)
		change(a)
		a.begin(w)
		_, _ = w.Write(a.body.Bytes())
	}
}
