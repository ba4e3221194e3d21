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
	translated := netip.MustParsePrefix("64:ff9b::/96")
	if translated.Contains(address) {
		b := address.As16()
		address = netip.AddrFrom4([4]byte(b[12:]))
	}
	return netip.MustParsePrefix("169.254.0.0/16").Contains(address) ||
		netip.MustParsePrefix("fd00:ec2::/32").Contains(address)
}
