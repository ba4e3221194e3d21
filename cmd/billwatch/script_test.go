package main_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/billwatch/billwatch/internal/simulate"
)

// vendorToken is what the simulated APIs ask for.
const vendorToken = "t0ken-0123456789"

// vendors serves the simulated APIs, at the beginning of their story.
func vendors(t *testing.T) (notehub, cudo string) {
	start := time.Now().UTC().Truncate(time.Second)
	c := simulate.Config{Now: func() time.Time { return start }, Start: start, Token: vendorToken, Seed: 7}
	serve := func(h http.Handler) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL
	}
	return serve(simulate.NewNotehub(c)), serve(simulate.NewCudo(c))
}

// TestScript runs the program as a person would, one behaviour a file.
func TestScript(t *testing.T) {
	notehub, cudo := vendors(t)
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(binary(t))+string(os.PathListSeparator)+os.Getenv("PATH"))
			e.Setenv("NOTEHUB", notehub)
			e.Setenv("CUDO", cudo)
			return nil
		},
	})
}
