package notify

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/billwatch/billwatch"
)

const maxSecret = 64 << 10 // bytes of a file that are read

// ReadPassword returns a secret as it is set, or from its file where it is given
// as one. A wrong file is reported at the field with "_file" behind it.
func ReadPassword(field string, text billwatch.Secret, file string) (billwatch.Secret, error) {
	return readSecret(field, text, file, "")
}

// ReadToken does the same for what travels in headers: a file may hold it with
// the word "Bearer " in front, which is left out.
func ReadToken(field string, text billwatch.Secret, file string) (billwatch.Secret, error) {
	return readSecret(field, text, file, "Bearer ")
}

func readSecret(field string, text billwatch.Secret, file, prefix string) (billwatch.Secret, error) {
	if file == "" {
		return text, nil
	}
	field += "_file"
	if text != "" {
		return "", Wrong(field, "the secret is given twice", "keep one of the two")
	}
	f, err := os.Open(file)
	if err != nil {
		return "", &billwatch.FieldError{Field: field, Err: err}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret))
	if err != nil {
		return "", &billwatch.FieldError{Field: field, Err: err}
	}
	secret := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(string(data)), prefix))
	if secret == "" {
		return "", Wrong(field, fmt.Sprintf("%s is empty", file), "")
	}
	if strings.ContainsFunc(secret, unicode.IsControl) {
		return "", Wrong(field, fmt.Sprintf("%s has control characters", file), "")
	}
	return billwatch.Secret(secret), nil
}
