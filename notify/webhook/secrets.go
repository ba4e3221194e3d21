package webhook

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"unicode"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/billwatch/billwatch"
)

// secrets are the settings that may change while the program runs: those that
// are given as files.
type secrets struct {
	url    *url.URL // without name and password
	user   *url.Userinfo
	keys   []*standardwebhooks.Webhook // the present one first
	texts  []billwatch.Secret          // what must be hidden in answers
	origin string                      // all texts, to see whether something changed
}

// readSecrets reads the secrets, from their files where they are given so.
func (c Config) readSecrets() (*secrets, error) {
	s := &secrets{}
	errs := []error{
		s.setURL(c),
		s.addKey("secret", c.Secret, c.SecretFile),
		s.addKey("previous_secret", c.PreviousSecret, c.PreviousSecretFile),
	}
	if len(s.keys) > 0 && c.Secret == "" && c.SecretFile == "" {
		errs = append(errs, &billwatch.FieldError{
			Field: "previous_secret", Err: errors.New("stands alone"), Hint: "set secret too",
		})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, text := range s.texts {
		s.origin += text.Reveal() + "\x00"
	}
	return s, nil
}

// setURL takes the name and the password out of the URL.
func (s *secrets) setURL(c Config) error {
	address, err := read("url", c.URL, c.URLFile)
	if err != nil {
		return err
	}
	u, err := parseURL(address)
	if err != nil {
		return err
	}
	s.user, u.User = u.User, nil
	s.url = u
	s.texts = append(s.texts, address)
	return nil
}

// addKey adds a key that signs, where it is given.
func (s *secrets) addKey(field string, text billwatch.Secret, file string) error {
	if text == "" && file == "" {
		return nil
	}
	secret, err := read(field, text, file)
	if err != nil {
		return err
	}
	key, err := parseKey(field, secret)
	if err != nil {
		return err
	}
	signer, err := standardwebhooks.NewWebhookRaw(key)
	if err != nil {
		return &billwatch.FieldError{Field: field, Err: err}
	}
	s.keys = append(s.keys, signer)
	s.texts = append(s.texts, secret)
	return nil
}

// read returns a secret, from its file where it is given as one.
func read(field string, text billwatch.Secret, file string) (billwatch.Secret, error) {
	if file == "" {
		return text, nil
	}
	field += "_file"
	if text != "" {
		return "", &billwatch.FieldError{Field: field, Err: errors.New("the secret is given twice"), Hint: "keep one of the two"}
	}
	f, err := os.Open(file)
	if err != nil {
		return "", &billwatch.FieldError{Field: field, Err: err}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return "", &billwatch.FieldError{Field: field, Err: err}
	}
	secret := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(string(data)), "Bearer "))
	if secret == "" {
		return "", &billwatch.FieldError{Field: field, Err: fmt.Errorf("%s is empty", file)}
	}
	if strings.ContainsFunc(secret, unicode.IsControl) {
		return "", &billwatch.FieldError{Field: field, Err: fmt.Errorf("%s has control characters", file)}
	}
	return billwatch.Secret(secret), nil
}
