package poller

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const (
	// maxRow bounds one element of a list, so that a list of any length is read
	// with little memory.
	maxRow = 1 << 20
	// maxAccounts bounds what is kept of a list of any length.
	maxAccounts = 100_000
	// maxProblems is how many wrong rows are told one by one.
	maxProblems = 100
)

// Add appends a row. Beyond 100,000 rows the listing is not complete, and they
// are dropped.
func (l *Listing) Add(row Row) {
	switch {
	case len(l.Rows) < maxAccounts:
		l.Rows = append(l.Rows, row)
	case !l.full:
		l.full = true
		l.Fail(fmt.Errorf("there are more than %d accounts", maxAccounts))
	}
}

// Fail notes a row or a page that could not be read: nothing is missing by this
// listing. Of very many rows the first hundred are told one by one.
func (l *Listing) Fail(problem error) {
	l.Complete = false
	_, request := errors.AsType[*Error](problem)
	switch n := len(l.Problems); {
	case n < maxProblems || request:
		l.Problems = append(l.Problems, problem)
	case n == maxProblems:
		l.Problems = append(l.Problems, errors.New("there are more problems"))
	}
}

// ReadList reads a JSON object of which one field is the list, and calls each
// for every element as it comes. It returns the object's other fields. The
// object must end cleanly, and nothing may follow it.
func ReadList(from io.Reader, field string, each func(row json.RawMessage)) (map[string]json.RawMessage, error) {
	l := &listReader{field: field, each: each, rest: map[string]json.RawMessage{}}
	buffered := bufio.NewReader(from)
	head, err := buffered.Peek(512)
	if len(head) == 0 && err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := mustBegin(head, '{', "a JSON object"); err != nil {
		return nil, err
	}
	l.window = window{from: buffered}
	l.decoder = json.NewDecoder(&l.window)
	if err := l.object(); err != nil {
		return nil, err
	}
	return l.rest, nil
}

// window is a reader that gives up when one value alone is too long.
type window struct {
	from io.Reader
	read int64
	end  int64
}

// Read reads no further than the window's end.
func (w *window) Read(p []byte) (int, error) {
	left := w.end - w.read
	if left <= 0 {
		return 0, fmt.Errorf("one element is longer than %d bytes", maxRow)
	}
	if int64(len(p)) > left {
		p = p[:left]
	}
	n, err := w.from.Read(p)
	w.read += int64(n)
	return n, err
}

type listReader struct {
	field   string
	each    func(json.RawMessage)
	rest    map[string]json.RawMessage
	window  window
	decoder *json.Decoder
	found   bool
	kept    int // bytes in rest
}

// token reads the next token, with a fresh window for it.
func (l *listReader) token() (json.Token, error) {
	l.window.end = l.decoder.InputOffset() + maxRow
	token, err := l.decoder.Token()
	return token, notValid(err)
}

// value reads the next whole value.
func (l *listReader) value() (raw json.RawMessage, err error) {
	l.window.end = l.decoder.InputOffset() + maxRow
	err = l.decoder.Decode(&raw)
	return raw, notValid(err)
}

func (l *listReader) more() bool {
	l.window.end = l.decoder.InputOffset() + maxRow
	return l.decoder.More()
}

func notValid(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("it ends too early")
	}
	return fmt.Errorf("the answer is not valid JSON: %w", err)
}

func (l *listReader) object() error {
	if _, err := l.token(); err != nil { // the opening brace
		return err
	}
	for l.more() {
		key, err := l.token()
		if err != nil {
			return err
		}
		if err := l.entry(fmt.Sprint(key)); err != nil {
			return err
		}
	}
	if _, err := l.token(); err != nil { // the closing brace
		return err
	}
	if !l.found {
		return fmt.Errorf("%s: is missing", l.field)
	}
	l.window.end = l.decoder.InputOffset() + maxRow
	if _, err := l.decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body goes on after its value")
	}
	return nil
}

func (l *listReader) entry(key string) error {
	if key != l.field {
		raw, err := l.value()
		if l.kept += len(key) + len(raw); l.kept > maxRow { // dropping one could drop the next page's token
			return fmt.Errorf("the fields beside %s are longer than %d bytes", l.field, maxRow)
		}
		l.rest[key] = raw
		return err
	}
	if l.found {
		return fmt.Errorf("%s: is there twice", l.field)
	}
	l.found = true
	opening, err := l.token()
	if err != nil {
		return err
	}
	if opening != json.Delim('[') {
		return fmt.Errorf("%s: is not an array", l.field)
	}
	for l.more() {
		raw, err := l.value()
		if err != nil {
			return err
		}
		l.each(raw)
	}
	_, err = l.token()
	return err
}
