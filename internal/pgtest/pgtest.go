// Package pgtest gives each test an empty PostgreSQL database of its own.
//
// The server is the one that BILLWATCH_TEST_POSTGRES names; `make test` starts
// one for the time of the tests.
package pgtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const patience = 30 * time.Second

// URL returns the address of a fresh, empty database, which is dropped when the
// test ends. The test fails where there is no server: a store that was tried on
// one database only is not tested.
func URL(t testing.TB) string {
	t.Helper()
	server := os.Getenv("BILLWATCH_TEST_POSTGRES")
	if server == "" {
		t.Fatal("no PostgreSQL to test on: run `make test`, or set BILLWATCH_TEST_POSTGRES to a server's address")
	}
	address, err := url.Parse(server)
	if err != nil {
		t.Fatal("BILLWATCH_TEST_POSTGRES: is not a URL") // err would spell the password out
	}
	name := "test_" + strings.ToLower(rand.Text())
	command(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() { command(t, server, "DROP DATABASE "+name+" WITH (FORCE)") })
	address.Path = "/" + name
	return address.String()
}

func command(t testing.TB, server, sentence string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal("connect to BILLWATCH_TEST_POSTGRES: ", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sentence); err != nil {
		t.Fatalf("%s: %v", sentence, err)
	}
}
