package poller

import (
	"errors"
	"fmt"
)

// follow returns the address of a link, which is relative to the base URL's
// host. One that leads to another origin is refused: the credential would go
// with it.
func (c *Client) follow(link string) (string, error) {
	u, err := c.base.Parse(link)
	switch {
	case err != nil:
		return "", errors.New("link is not a valid address")
	case u.User != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "":
		return "", errors.New("link is not an address of this API")
	case origin(u) != origin(c.base):
		return "", fmt.Errorf("link to %s refused: the credential stays where it belongs", origin(u))
	}
	u.Fragment, u.RawFragment = "", ""
	return u.String(), nil
}
