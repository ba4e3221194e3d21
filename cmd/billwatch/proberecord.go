package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/billwatch/billwatch/internal/shape"
	"github.com/billwatch/billwatch/poller"
)

// fixture is one answer as it is kept.
type fixture struct {
	Name    string            `json:"name"`           // of the call: "list", "detail", "history"
	File    string            `json:"file,omitempty"` // its body; empty where that was not kept
	Why     string            `json:"why,omitempty"`  // it was not kept
	Route   string            `json:"route"`
	Path    string            `json:"path"`
	Status  int               `json:"status"` // 0 where no answer came
	Headers map[string]string `json:"headers,omitempty"`
	Millis  int64             `json:"milliseconds"`

	body []byte
}

// fixtureIndex is what a directory of fixtures holds.
type fixtureIndex struct {
	Version  string    `json:"version"`
	Type     string    `json:"type"`
	Recorded time.Time `json:"recorded"`
	Replies  []fixture `json:"replies"`
}

const fixtureIndexFile = "index.json"

// record asks and keeps the answers.
func record(ctx context.Context, g *globals, source string, f *probeFlags) error {
	if f.redact == "" {
		return misused(errors.New("--redact DIR is missing: answers are kept redacted, or not at all\n  hint: billwatch probe record " + source + " --redact DIR"))
	}
	if err := writable(f.redact, f.force); err != nil {
		return misused(err)
	}
	seen, err := lookAt(ctx, g, source, f)
	if err != nil {
		return err
	}
	var seed [32]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return found(err)
	}
	index := redacted(seen, seed)
	if err := writeFixtures(f.redact, index); err != nil {
		return found(err)
	}
	kept := 0
	for _, r := range index.Replies {
		if r.File != "" {
			kept++
		}
	}
	if kept > 0 {
		fmt.Fprintf(g.stdout, "%s in %s, redacted. Look them through before you share them.\n", plural(kept, "answer"), f.redact)
	} else {
		fmt.Fprintf(g.stdout, "No answer to keep; %s says why.\n", filepath.Join(f.redact, fixtureIndexFile))
	}
	return seen.verdict()
}

// redacted makes fixtures of what was seen.
func redacted(l *look, seed [32]byte) fixtureIndex {
	r := shape.NewRedactor(seed)
	known := fieldsOf(l.source.Provider)
	for _, c := range l.calls {
		for _, e := range c.exchanges {
			if d, err := bodyOf(e); err == nil {
				r.Learn(d)
			}
		}
	}
	for _, c := range l.calls {
		for _, e := range c.exchanges {
			r.LearnRoute(e.Route)
		}
	}
	index := fixtureIndex{Version: "1", Type: l.of.Type, Recorded: l.began.UTC().Truncate(time.Second), Replies: []fixture{}}
	used := map[string]bool{}
	for _, c := range l.calls {
		for _, e := range c.exchanges {
			index.Replies = append(index.Replies, fixtureOf(r, c.name, e, known, used))
		}
	}
	return index
}

func fixtureOf(r *shape.Redactor, name string, e poller.Exchange, known []poller.Field, used map[string]bool) fixture {
	out := fixture{Name: name, Route: r.Route(e.Route), Path: r.Path(e.Path), Status: e.Status, Headers: limitsIn(e.Header), Millis: e.Took.Milliseconds()}
	if e.Status == 0 {
		out.Why = "no answer came"
		return out
	}
	d, err := bodyOf(e)
	if err != nil {
		out.Why = "the body " + err.Error()
		return out
	}
	out.body = r.Redact(d, shape.Terms{
		Known:  pathsOf(known, e.Route, false),
		Words:  pathsOf(known, e.Route, true),
		Error:  e.Status != http.StatusOK,
		Status: strconv.Itoa(e.Status),
	})
	for n := 1; out.File == "" || used[out.File]; n++ {
		number := ""
		if n > 1 {
			number = "-" + strconv.Itoa(n)
		}
		out.File = fmt.Sprintf("%s%s.%d.json", name, number, e.Status)
	}
	used[out.File] = true
	return out
}

// writable refuses a directory in which there is something.
func writable(dir string, force bool) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0 && !force:
		return fmt.Errorf("%s is not empty\n  hint: name another directory, or give --force", dir)
	}
	return nil
}

// writeFixtures writes the bodies and then the index, which names them: each
// file whole or not at all.
func writeFixtures(dir string, index fixtureIndex) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, r := range index.Replies {
		if r.File == "" {
			continue
		}
		if err := writeWhole(filepath.Join(dir, r.File), r.body); err != nil {
			return err
		}
	}
	var data bytes.Buffer
	if err := printJSON(&data, index); err != nil {
		return err
	}
	return writeWhole(filepath.Join(dir, fixtureIndexFile), data.Bytes())
}

// writeWhole puts a file in its place when all of it is written. Only its owner
// may read it.
func writeWhole(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".billwatch-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
