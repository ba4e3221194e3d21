// Command testrun runs the tests as `make test` does: it brings up what they
// need, streams what fails, and ends with what was counted. A PostgreSQL server
// comes from BILLWATCH_TEST_POSTGRES, or is a throw-away one of its own.
//
//	go run ./internal/testrun                    # every test
//	go run ./internal/testrun -run Lease ./state/...
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/billwatch/billwatch/internal/pgserver"
)

// serverVariable names the PostgreSQL server on which tests create databases.
const serverVariable = "BILLWATCH_TEST_POSTGRES"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "testrun:", err)
		os.Exit(1)
	}
}

// run brings up the server, runs the tests and stops the server again, however
// the tests ended.
func run(ctx context.Context, args []string, out io.Writer) (err error) {
	url := os.Getenv(serverVariable)
	if url == "" {
		s, err := pgserver.Start(ctx, out)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Stop()) }()
		url = s.URL
	}
	if err := pgserver.Answers(ctx, url, 30*time.Second); err != nil {
		return fmt.Errorf("PostgreSQL of the tests: %w", err)
	}
	count, err := goTest(ctx, args, url, out)
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	count.summary(out)
	return errors.Join(err, count.verdict(whole(args)))
}

// goTest runs go test and counts what it says. Its error is what go test itself
// could not do; failed tests are in the count.
func goTest(ctx context.Context, args []string, url string, out io.Writer) (*count, error) {
	cmd := exec.CommandContext(ctx, "go", arguments(args)...)
	cmd.Env = append(os.Environ(), serverVariable+"="+url)
	// A group of its own, so that an interrupt reaches the test binaries too,
	// and the server only after them.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stderr = out
	c := newCount(out)
	events, err := cmd.StdoutPipe()
	if err != nil {
		return c, err
	}
	if err := cmd.Start(); err != nil {
		return c, fmt.Errorf("go test: %w", err)
	}
	readErr := c.read(events)
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && c.failed() > 0 {
		err = nil // the count says it better
	}
	return c, errors.Join(readErr, err)
}

// arguments are those of go: ours first, so that the caller's win. Parallelism
// is bounded for the sake of tests with deadlines and of the server's
// connections.
func arguments(args []string) []string {
	n := min(runtime.NumCPU(), 4)
	ours := []string{
		"test", "-json", "-timeout=10m",
		fmt.Sprintf("-p=%d", n), fmt.Sprintf("-parallel=%d", n),
	}
	if len(args) == 0 {
		args = []string{"./..."}
	}
	return append(ours, args...)
}

// whole says whether these arguments run every test.
func whole(args []string) bool {
	narrowed := slices.ContainsFunc(args, func(a string) bool {
		name, _, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		return strings.HasPrefix(a, "-") && (name == "run" || name == "skip" || name == "list")
	})
	return !narrowed && (len(args) == 0 || slices.Contains(args, "./..."))
}
