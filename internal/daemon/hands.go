package daemon

import (
	"github.com/billwatch/billwatch/internal/web"
)

// silences is where silences are kept; nil while the store is not open.
func (d *Daemon) silences() web.SilenceBook {
	store := d.opened.Load()
	if store == nil {
		return nil // and not one that is nil inside
	}
	return store
}
