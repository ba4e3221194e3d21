// Package web is what billwatch shows of itself over HTTP: probes, metrics and
// how its sources can be seen.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Health answers the probes. The zero Health is live and not ready.
type Health struct {
	mu      sync.Mutex
	reason  string // why it is not ready; empty when it is
	started bool
}

// SetReady says that the store can be used and the configuration is loaded.
func (h *Health) SetReady() { h.set("", true) }

// SetNotReady says why the process cannot do its work at present.
func (h *Health) SetNotReady(reason string) { h.set(reason, true) }

func (h *Health) set(reason string, started bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reason, h.started = reason, started
}

// Ready returns why the process is not ready, or nil.
func (h *Health) Ready() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case !h.started:
		return errors.New("starting")
	case h.reason != "":
		return errors.New(h.reason)
	}
	return nil
}

// Handler serves the probes, the metrics and the API. Healthy is that the process
// answers; whether it can do its work is ready's to say.
func Handler(health *Health, metrics *Metrics, api API) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /-/healthy", func(w http.ResponseWriter, _ *http.Request) { probe(w, nil) })
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) { probe(w, health.Ready()) })
	mux.HandleFunc("POST /-/reload", api.changes(api.reload))
	mux.Handle("GET /metrics", metrics.handler(api))
	mux.Handle("GET /api/v1/sources", api.reads(api.sources))
	mux.Handle("GET /api/v1/explain", api.reads(fewAtOnce(mostExplaining, api.explain)))
	mux.Handle("GET /api/v1/receivers", api.reads(api.receivers))
	mux.Handle("POST /api/v1/receivers/{name}/test", api.writes(api.testReceiver))
	mux.Handle("GET /api/v1/notifications", api.reads(api.notifications))
	mux.Handle("POST /api/v1/notifications/{id}/retry", api.writes(api.retryNotification))
	api.silenceRoutes(mux)
	api.alertRoutes(mux)
	api.accountRoutes(mux)
	api.pageRoutes(mux)
	return http.MaxBytesHandler(mux, mostBody)
}

func probe(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintln(w, "ok")
}

// Server answers on one address.
type Server struct {
	http     *http.Server
	listener net.Listener
}

// Listen takes the address, so that a port in use is known before anything
// else is begun.
func Listen(address string, handler http.Handler, log *slog.Logger) (*Server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return &Server{listener: listener, http: &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    1 << 16,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}, nil
}

// Address returns where it listens.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Run serves until ctx ends, then lets answers in hand end within a second.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, 1) // nobody may be there to take it
	go func() { failed <- s.http.Serve(s.listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", s.Address(), err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := s.http.Shutdown(ending); err != nil {
		return s.http.Close() // whoever still reads has had its second
	}
	return nil
}
