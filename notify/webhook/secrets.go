package webhook

import (
	"errors"
	"net/url"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
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

// String hides them all.
func (s secrets) String() string { return billwatch.Secret(s.origin).String() }

// GoString hides them from %#v.
func (s secrets) GoString() string { return s.String() }

func (s secrets) equal(other secrets) bool { return s.origin == other.origin }

// readSecrets reads the secrets, from their files where they are given so.
func (c Config) readSecrets() (secrets, error) {
	var s secrets
	errs := []error{
		s.setURL(c),
		s.addKey("secret", c.Secret, c.SecretFile),
		s.addKey("previous_secret", c.PreviousSecret, c.PreviousSecretFile),
	}
	if len(s.keys) > 0 && c.Secret == "" && c.SecretFile == "" {
		errs = append(errs, notify.Wrong("previous_secret", "stands alone", "set secret too"))
	}
	if err := errors.Join(errs...); err != nil {
		return secrets{}, err
	}
	for _, text := range s.texts {
		s.origin += text.Reveal() + "\x00"
	}
	return s, nil
}

// setURL takes the name and the password out of the URL.
func (s *secrets) setURL(c Config) error {
	address, err := notify.ReadToken("url", c.URL, c.URLFile)
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
	secret, err := notify.ReadToken(field, text, file)
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
