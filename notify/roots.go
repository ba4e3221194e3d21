package notify

import (
	"crypto/x509"
	"os"

	"github.com/billwatch/billwatch"
)

// ReadRoots returns the system's certificates and those of a `ca_file` (PEM);
// nil, which stands for the system's, where there is none.
func ReadRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, &billwatch.FieldError{Field: "ca_file", Err: err}
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, Wrong("ca_file", "holds no certificate", "PEM is expected")
	}
	return pool, nil
}
