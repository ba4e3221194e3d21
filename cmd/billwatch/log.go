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
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: least}))
	}
	return slog.New(tint.NewTextHandler(w, &tint.Options{Level: least, NoColor: !colored(w)}))
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
