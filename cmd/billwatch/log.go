package main

import (
	"io"
	"log/slog"
	"os"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
)

// newLog returns a log to w: text on a terminal and JSON otherwise, unless the
// format says which.
func newLog(w io.Writer, least slog.Level, format string) *slog.Logger {
	if format == "json" || format != "text" && !isTerminal(w) {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: least, ReplaceAttr: readable}))
	}
	return slog.New(tint.NewTextHandler(w, &tint.Options{Level: least, NoColor: !colored(w)}))
}

// readable writes a length of time as people do, 1.5s, and not as nanoseconds.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// isTerminal says whether a person is looking.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// colored says whether colours are wanted: on a terminal, unless NO_COLOR is
// set.
func colored(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("NO_COLOR") == ""
}
