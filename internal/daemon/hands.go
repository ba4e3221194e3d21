package daemon

import (
	"context"
	"slices"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
	"github.com/billwatch/billwatch/state/sqlstore"
)

// silences is where silences are kept; nil while the store is not open.
func (d *Daemon) silences() web.SilenceBook {
	store := d.opened.Load()
	if store == nil {
		return nil // and not one that is nil inside
	}
	return store
}

// alerts shows the alerts that stand, and those that stood.
func (d *Daemon) alerts() web.Alerts {
	return web.Alerts{
		List: func(ctx context.Context) ([]web.Alert, error) {
			store := d.opened.Load()
			if store == nil {
				return nil, errNoStore
			}
			standing, err := store.Alerts(ctx)
			if err != nil {
				return nil, err
			}
			return d.shownAlerts(ctx, store, standing)
		},
		Find: func(ctx context.Context, fingerprint string) (web.Alert, []billwatch.Transition, bool, error) {
			store := d.opened.Load()
			if store == nil {
				return web.Alert{}, nil, false, errNoStore
			}
			alert, moves, err := store.History(ctx, fingerprint, shownMoves)
			if err != nil || alert.Key.Rule == "" {
				return web.Alert{}, nil, false, err
			}
			shown, err := d.shownAlerts(ctx, store, []billwatch.Alert{alert})
			if err != nil {
				return web.Alert{}, nil, false, err
			}
			return shown[0], moves, true, nil
		},
	}
}

// shownMoves is how much of an alert's history is shown.
const shownMoves = 200

// shownAlerts says of each alert why it is not told at present, and who would be.
func (d *Daemon) shownAlerts(ctx context.Context, store *sqlstore.Store, alerts []billwatch.Alert) ([]web.Alert, error) {
	now, router := d.Clock.Now(), d.plan().Router
	quiet, err := store.Quiet(ctx, -1, now)
	if err != nil {
		return nil, err
	}
	quieting := router.Inhibition().Quieting(quiet)
	shown := make([]web.Alert, 0, len(alerts))
	for _, a := range alerts {
		out := web.Alert{Alert: a}
		if a.State == billwatch.Firing {
			out.Mute = quieting.Why(a, now)
		}
		held := billwatch.Mute{}
		everywhere := true
		for _, due := range router.Due(a, now) {
			if !slices.Contains(out.Receivers, due.Receiver) {
				out.Receivers = append(out.Receivers, due.Receiver)
			}
			out.Integrations = append(out.Integrations, due.Integration)
			hold := router.Hold(billwatch.Group{Key: due.Key, Receiver: due.Receiver, Labels: due.Labels}, now)
			everywhere = everywhere && hold.By != ""
			held = billwatch.Mute{Why: billwatch.MutedTime, By: hold.By, Until: hold.Until}
		}
		if out.Mute.Why == "" && a.State == billwatch.Firing && everywhere && held.By != "" {
			out.Mute = held
		}
		shown = append(shown, out)
	}
	return shown, nil
}

// accountBook shows accounts, and has those forgotten that are gone.
func (d *Daemon) accountBook() web.AccountBook {
	return web.AccountBook{List: d.accounts, Forget: d.forget}
}

func (d *Daemon) accounts(ctx context.Context) ([]web.Account, error) {
	store := d.opened.Load()
	if store == nil {
		return nil, errNoStore
	}
	standing, err := store.Alerts(ctx)
	if err != nil {
		return nil, err
	}
	firing := map[billwatch.AccountKey][]string{}
	for _, a := range standing {
		if a.State == billwatch.Firing {
			firing[a.Key.Account] = append(firing[a.Key.Account], a.Key.Rule)
		}
	}
	var all []web.Account
	for _, source := range d.plan().Sources {
		known, err := store.Accounts(ctx, source.Name)
		if err != nil {
			return nil, err
		}
		for _, k := range known {
			if k.Forgotten {
				continue
			}
			shown := shownAccount(source.Name, k)
			shown.Alerts = append(shown.Alerts, firing[billwatch.AccountKey{Source: source.Name, ID: k.Account.ID}]...)
			all = append(all, shown)
		}
	}
	return all, nil
}

func shownAccount(source string, k billwatch.Remembered) web.Account {
	out := web.Account{Source: source, ID: k.Account.ID, Name: k.Account.Name, Provider: k.Account.Provider, Kind: k.Account.Kind,
		State: "unread", Alerts: []string{}}
	deleted := false
	if last := k.Last; last != nil {
		out.State, out.Unit, out.ReadAt, deleted = "active", last.Unit, shownTime(last.At), last.DeletedAt.IsKnown()
		if state, ok := last.State.Get(); ok {
			out.State = state
		}
		if balance, ok := last.Balance.Get(); ok {
			text := balance.String()
			out.Balance = &text
		}
		if suspended, ok := last.Suspended.Get(); ok {
			out.Suspended = &suspended
			if suspended {
				out.State = "suspended"
			}
		}
	}
	switch {
	case k.Gone:
		out.State = "gone"
	case deleted:
		out.State = "deleted"
	case k.Excluded:
		out.State = "excluded"
	case k.Missing > 0:
		out.State = "missing"
	}
	return out
}

// How long it is waited until an account is forgotten, and how often it is
// looked.
const (
	forgetPatience = 5 * time.Second
	forgetAgain    = 50 * time.Millisecond
)

// forget notes that an account is to be forgotten and has this replica look at
// once. Where another one holds the source, that one does it at its next look.
func (d *Daemon) forget(ctx context.Context, k billwatch.AccountKey) (bool, error) {
	store := d.opened.Load()
	if store == nil {
		return false, errNoStore
	}
	if err := store.ForgetAccount(ctx, k); err != nil {
		return false, err
	}
	d.Log.Info("account is to be forgotten", "source", k.Source, "account", k.ID)
	select {
	case d.look <- struct{}{}:
	default: // it is about to look anyway
	}
	for end := time.Now().Add(forgetPatience); time.Now().Before(end); {
		wanted, err := store.Forgetting(ctx, k)
		if err != nil || !wanted {
			return err == nil, err
		}
		select {
		case <-ctx.Done():
			return false, nil
		case <-time.After(forgetAgain):
		}
	}
	return false, nil
}
