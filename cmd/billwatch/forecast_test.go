package main_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Ctrl-C ends a forecast that waits for more of its input; what came is said.
func TestForecastEndsWhileItWaits(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), binary(t), "forecast", "--each-day", "-")
	cmd.WaitDelay = 5 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(stdin, accounts(150)); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 64) // it runs, and has more to read than it will get
	if _, err := io.ReadFull(stdout, first); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(stdout)
	if err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 1 || stderr.String() != "interrupted\n" {
		t.Errorf("ended with %v, status %d, and said %q", err, code, stderr.String())
	}
	if !bytes.HasSuffix(rest, []byte("\n")) {
		t.Errorf("the last line is cut: %q", rest[max(0, len(rest)-40):])
	}
}

// accounts are the records of so many accounts, of 60 days each.
func accounts(n int) string {
	var b strings.Builder
	b.WriteString("series_id,day,period,remaining_event_capacity,total_event_capacity_used\n")
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for account := range n {
		for day := range 60 {
			fmt.Fprintf(&b, "a%d,%d,%s,%d,%d\n", account, day, start.AddDate(0, 0, day).Format(time.DateOnly), 9000-100*day, 100*day)
		}
	}
	return b.String()
}
