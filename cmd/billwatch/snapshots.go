package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

// snapshotFile is one account in a file of snapshots. What says which account it
// is may stand beside the fields, or under account as in our own snapshots.
type snapshotFile struct {
	billwatch.Snapshot
	Source   string              `json:"source"`
	ID       string              `json:"id"`
	Name     string              `json:"name"`
	Kind     string              `json:"kind"`
	Provider string              `json:"provider"`
	History  []billwatch.Record  `json:"history"`
	Records  []billwatch.Record  `json:"records"` // as history
	Previous *billwatch.Snapshot `json:"previous"`
}

// account is whose snapshot it is.
func (s snapshotFile) account() billwatch.Account {
	a := s.Account
	for field, flat := range map[*string]string{&a.Source: s.Source, &a.ID: s.ID, &a.Name: s.Name, &a.Kind: s.Kind, &a.Provider: s.Provider} {
		*field = cmp.Or(*field, flat)
	}
	return a
}

// snapshots are those before, of the accounts in a file.
type snapshots = map[billwatch.AccountKey]*billwatch.Snapshot

// readSnapshots reads files of snapshots: one or a list of them as billwatch
// writes them, the result of a dry-run, or a provider's answer about an account
// where a configured source can read it.
func readSnapshots(paths []string, sources []*poller.Source, now time.Time) ([]billwatch.Poll, snapshots, error) {
	previous := snapshots{}
	seen := map[billwatch.AccountKey]bool{}
	var polls []billwatch.Poll
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, nil, err
		}
		items, err := splitSnapshots(data)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		for i, item := range items {
			poll, err := readSnapshot(item, sources, previous, now)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: snapshot %d: %w", path, i+1, err)
			}
			if key := poll.Account.Key(); seen[key] {
				return nil, nil, fmt.Errorf("%s: snapshot %d: account %s/%s came before\n  hint: what it was at the poll before stands under its key previous", path, i+1, key.Source, key.ID)
			}
			seen[poll.Account.Key()] = true
			polls = append(polls, poll)
		}
	}
	return polls, previous, nil
}

// splitSnapshots returns the accounts in a file, each as it stands there.
func splitSnapshots(data []byte) ([]json.RawMessage, error) {
	trimmed := bytes.TrimSpace(data)
	if bytes.HasPrefix(trimmed, []byte("[")) {
		var items []json.RawMessage
		return items, json.Unmarshal(trimmed, &items)
	}
	var run struct {
		Accounts []struct {
			Snapshot json.RawMessage `json:"snapshot"`
		} `json:"accounts"`
	}
	if err := json.Unmarshal(trimmed, &run); err != nil {
		return nil, err
	}
	if run.Accounts == nil {
		return []json.RawMessage{trimmed}, nil
	}
	var items []json.RawMessage
	for _, account := range run.Accounts {
		if len(account.Snapshot) > 0 && string(account.Snapshot) != "null" {
			items = append(items, account.Snapshot)
		}
	}
	return items, nil
}

// claimsToBeOwn says whether an account is written as billwatch writes it, by
// the keys that say which one it is.
func claimsToBeOwn(item json.RawMessage) bool {
	type keys struct {
		Source json.RawMessage `json:"source"`
		ID     json.RawMessage `json:"id"`
	}
	var outer struct {
		keys
		Account keys `json:"account"`
	}
	if json.Unmarshal(item, &outer) != nil {
		return false
	}
	return outer.Source != nil && outer.ID != nil || outer.Account.Source != nil && outer.Account.ID != nil
}

// mistakeIn says what is wrong with a snapshot of ours, without Go's names.
func mistakeIn(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s: a %s cannot stand here", strings.TrimPrefix(wrong.Field, "Snapshot."), wrong.Value)
	}
	if wrong, ok := errors.AsType[*time.ParseError](err); ok {
		return fmt.Errorf("%q is not a time such as 2026-03-01T00:00:00Z", wrong.Value)
	}
	return err
}

func readSnapshot(item json.RawMessage, sources []*poller.Source, previous snapshots, now time.Time) (billwatch.Poll, error) {
	var own snapshotFile
	ownErr := json.Unmarshal(item, &own)
	if ownErr == nil && (own.Account.ID != "" || own.ID != "" && own.Source != "") {
		if own.At.IsZero() {
			own.At = now
		}
		own.Account = own.account()
		if own.Previous != nil {
			own.Previous.Account = own.Account
			previous[own.Account.Key()] = own.Previous
		}
		return billwatch.Poll{Account: own.Account, At: own.At, Snapshot: &own.Snapshot, Records: append(own.Records, own.History...)}, nil
	}
	failed := ownErr
	if ownErr != nil && claimsToBeOwn(item) {
		return billwatch.Poll{}, mistakeIn(ownErr) // no provider would say it better
	}
	for _, source := range sources {
		decoder, ok := source.Provider.(poller.Decoder)
		if !ok {
			continue
		}
		snapshot, err := decoder.Decode(item)
		if err != nil {
			failed = err
			continue
		}
		snapshot.At = now
		snapshot.Account.Source, snapshot.Account.Labels = source.Name, source.Labels
		return billwatch.Poll{Account: snapshot.Account, At: now, Snapshot: &snapshot}, nil
	}
	if failed == nil {
		failed = errors.New("account.id is missing")
	}
	return billwatch.Poll{}, failed
}
