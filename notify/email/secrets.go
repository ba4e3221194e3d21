package email

import (
	"encoding/base64"
	"strings"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// readPassword returns the password, from its file where it is given as one.
func (c Config) readPassword() (billwatch.Secret, error) {
	return notify.ReadPassword("password", c.Password, c.PasswordFile)
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
