package email

import (
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/billwatch/billwatch"
)

// readPassword returns the password, from its file where it is given as one.
func (c Config) readPassword() (billwatch.Secret, error) {
	const field = "password_file"
	if c.PasswordFile == "" {
		return c.Password, nil
	}
	if c.Password != "" {
		return "", wrong(field, "the secret is given twice", "keep one of the two")
	}
	f, err := os.Open(c.PasswordFile)
	if err != nil {
		return "", &billwatch.FieldError{Field: field, Err: err}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return "", &billwatch.FieldError{Field: field, Err: err}
	}
	password := strings.TrimSpace(string(data))
	if password == "" {
		return "", wrong(field, fmt.Sprintf("%s is empty", c.PasswordFile), "")
	}
	if strings.ContainsFunc(password, unicode.IsControl) {
		return "", wrong(field, fmt.Sprintf("%s has control characters", c.PasswordFile), "")
	}
	return billwatch.Secret(password), nil
}

// spellings returns the ways in which a server may echo the password.
func (c Config) spellings(password billwatch.Secret) []billwatch.Secret {
	if password == "" {
		return nil
	}
	encode := base64.StdEncoding.EncodeToString
	plain := "\x00" + c.Username + "\x00" + password.Reveal()
	return []billwatch.Secret{
		password,
		billwatch.Secret(encode([]byte(password.Reveal()))),
		billwatch.Secret(strings.TrimRight(encode([]byte(plain)), "=")),
	}
}

// reread reads the password again where it is given as a file, and says whether
// it has changed.
func (n *Notifier) reread(present *billwatch.Secret) bool {
	read, err := n.config.readPassword()
	if err != nil || read == *present {
		return n.password.Load() != present
	}
	n.password.Store(&read)
	return true
}
