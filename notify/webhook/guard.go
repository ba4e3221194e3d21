package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"code.dny.dev/ssrf"
)

// errForbidden marks an address that must not be connected to.
var errForbidden = errors.New("address is forbidden")

// A guard decides which addresses may be connected to. It sees the address
// after the name was resolved, for each connection anew.
type guard struct {
	allowPrivate bool
	public       *ssrf.Guardian
}

func newGuard(allowPrivate bool) *guard {
	return &guard{allowPrivate: allowPrivate, public: ssrf.New(ssrf.WithAnyPort())}
}

// control is the guard as net.Dialer.Control.
func (g *guard) control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %q is no address", errForbidden, address)
	}
	return g.check(to.Addr())
}

// check refuses addresses of metadata services, and private ones unless they
// are allowed.
func (g *guard) check(address netip.Addr) error {
	address = address.WithZone("").Unmap()
	if isMetadata(address) {
		return fmt.Errorf("%w: %s may be a cloud's metadata service", errForbidden, address)
	}
	if g.allowPrivate || g.public.SafeAddr(address) == nil {
		return nil
	}
	return fmt.Errorf("%w: %s is private, and allow_private is not set", errForbidden, address)
}

// isMetadata says whether credentials of the machine may be had at an address,
// written as such or for a translator between IPv6 and IPv4.
func isMetadata(address netip.Addr) bool {
	for _, service := range []string{
		"169.254.0.0/16", "fd00:ec2::/32", // AWS, and what most others copied
		"fd20:ce::254/128", "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32", // Google, Alibaba, Oracle, Azure
	} {
		if netip.MustParsePrefix(service).Contains(address) {
			return true
		}
	}
	for prefix, at := range map[string]int{"64:ff9b::/96": 12, "::/96": 12, "::ffff:0:0:0/96": 12, "2002::/16": 2} {
		if b := address.As16(); address.Is6() && netip.MustParsePrefix(prefix).Contains(address) {
			return isMetadata(netip.AddrFrom4([4]byte(b[at : at+4])))
		}
	}
	return false
}
