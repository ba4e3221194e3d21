package daemon

import (
	"cmp"
	"context"
	"slices"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/web"
)

// Block is one thing because of which an alert is not told.
type Block struct {
	billwatch.Mute
	Silence      billwatch.Silence // where it is silenced
	Alert        billwatch.Alert   // the other alert, where one inhibits it or says that its account is gone
	Integrations []string          // where; all where it is empty
}

// blocks returns what keeps an alert, which fires now, from being told.
func (r *Replay) blocks(ctx context.Context, a billwatch.Alert) ([]Block, error) {
	now, router := r.clock.Now(), r.c.Plan.Router
	due, everywhere := router.Due(a, now), len(router.Fed(a.Labels)) == 0 // nothing holds back what is pushed
	if len(due) == 0 {
		return nil, nil
	}
	quiet, err := r.store.Quiet(ctx, -1, now)
	if err != nil {
		return nil, err
	}
	var all []Block
	if mute := router.Inhibition().Quieting(quiet).Why(a, now); mute.Why != "" {
		b := Block{Mute: mute}
		for _, s := range quiet.Silences {
			if mute.Why == billwatch.MutedSilenced && s.ID == mute.By {
				b.Silence = s
			}
		}
		for _, other := range quiet.Inhibitors {
			if other.Fingerprint == mute.By {
				b.Alert = other
			}
		}
		for _, d := range due {
			if !everywhere {
				b.Integrations = append(b.Integrations, d.Integration)
			}
		}
		all = append(all, b)
	}
	for _, d := range due {
		hold := router.Hold(billwatch.Group{Key: d.Key, Receiver: d.Receiver, Labels: d.Labels}, now)
		if hold.By == "" {
			continue
		}
		mute := billwatch.Mute{Why: billwatch.MutedTime, By: hold.By, Until: hold.Until}
		i := slices.IndexFunc(all, func(b Block) bool { return b.Mute == mute })
		if i < 0 {
			i, all = len(all), append(all, Block{Mute: mute})
		}
		all[i].Integrations = append(all[i].Integrations, d.Integration)
	}
	return all, nil
}

// shown is the block as it is shown to whoever asks.
func (b Block) shown() web.ExplainedBlock {
	out := web.ExplainedBlock{Why: b.Why, By: b.By, Until: shownTime(b.Until), Integrations: b.Integrations}
	if b.Silence.ID != "" {
		out.Author, out.Comment = b.Silence.CreatedBy, b.Silence.Comment
	}
	out.Text = b.text(out)
	return out
}

func (b Block) text(out web.ExplainedBlock) string {
	const minute = "2 Jan 15:04 MST"
	until := ""
	if !b.Until.IsZero() {
		until = " until " + b.Until.Format(minute)
	}
	switch b.Why {
	case billwatch.MutedSilenced:
		text := "silence " + b.By
		if out.Author != "" {
			text += " by " + out.Author
		}
		if b.Silence.UntilResolved {
			return text + ", until it resolves," + until + " at the latest"
		}
		return text + until
	case billwatch.MutedInhibited:
		return cmp.Or(b.Alert.Key.Rule, "another alert") + " fires on " + cmp.Or(b.Alert.Key.Account.ID, b.Alert.Key.Account.Source) + " and says enough"
	case billwatch.MutedGone:
		return "its account is gone, and nothing new is known of it"
	}
	return "time interval " + b.By + until
}
