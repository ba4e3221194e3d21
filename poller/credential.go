package poller

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unicode"

	"github.com/billwatch/billwatch"
)

const maxTokenFile = 64 << 10

// Token is a credential as it stands in the settings: a value or a file.
type Token struct {
	Field string // the value's key, "token"; the file's is Field + "_file"
	Value billwatch.Secret
	File  string
}

// credential is a Token that was read, and can be read again.
type credential struct {
	token  Token
	header string
	prefix string

	mu     sync.Mutex
	secret string
}

func newCredential(t Token, dir, header, prefix string) (*credential, error) {
	file := t.Field + "_file"
	switch {
	case t.Value != "" && t.File != "":
		return nil, &billwatch.FieldError{Field: file, Err: fmt.Errorf("%s is given too", t.Field), Hint: "keep one of them"}
	case t.Value == "" && t.File == "":
		return nil, &billwatch.FieldError{Field: t.Field, Err: errors.New("is missing"), Hint: "give " + t.Field + " or " + file}
	}
	t.File = resolve(dir, t.File)
	c := &credential{token: t, header: header, prefix: prefix}
	secret, err := c.read()
	if err != nil {
		field := t.Field
		if t.File != "" {
			field = file
		}
		return nil, &billwatch.FieldError{Field: field, Err: err}
	}
	c.secret = secret
	return c, nil
}

// resolve returns path, below dir where it is relative.
func resolve(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func (c *credential) read() (string, error) {
	if c.token.File == "" {
		return cleanToken(c.token.Value.Reveal())
	}
	f, err := os.Open(c.token.File)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTokenFile+1))
	if err != nil {
		return "", err
	}
	if len(data) > maxTokenFile {
		return "", fmt.Errorf("%s is longer than %d bytes", c.token.File, maxTokenFile)
	}
	return cleanToken(string(data))
}

// cleanToken takes off what a person or an editor adds to a token.
func cleanToken(text string) (string, error) {
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	if scheme, rest, found := strings.Cut(text, " "); found && strings.EqualFold(scheme, "Bearer") {
		text = strings.TrimSpace(rest)
	}
	if text == "" || strings.EqualFold(text, "Bearer") {
		return "", errors.New("is empty")
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return "", errors.New("holds a control character")
	}
	return text, nil
}

// reading is a credential as it stands at one moment: what the header holds,
// and what must be hidden.
type reading struct{ value, secret string }

func (c *credential) current() reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	return reading{c.prefix + c.secret, c.secret}
}

// refresh reads the file again. A file that cannot be read leaves the old
// secret in place: it may be in the middle of being replaced.
func (c *credential) refresh() (changed bool, err error) {
	if c.token.File == "" {
		return false, nil
	}
	secret, err := c.read()
	if err != nil {
		return false, fmt.Errorf("read %s_file again: %w", c.token.Field, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	changed = secret != c.secret
	c.secret = secret
	return changed, nil
}
