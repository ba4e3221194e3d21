package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
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
