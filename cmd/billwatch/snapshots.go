package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/poller"
)

// snapshotFile is one account in a file of snapshots.
type snapshotFile struct {
	billwatch.Snapshot
	Records []billwatch.Record `json:"records"`
}

// readSnapshots reads files of snapshots: one or a list of them as billwatch
// writes them, the result of a dry-run, or a provider's answer about an account
// where a configured source can read it.
func readSnapshots(paths []string, sources []*poller.Source, now time.Time) ([]billwatch.Poll, error) {
	var polls []billwatch.Poll
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		items, err := splitSnapshots(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for i, item := range items {
			poll, err := readSnapshot(item, sources, now)
			if err != nil {
				return nil, fmt.Errorf("%s: snapshot %d: %w", path, i+1, err)
			}
			polls = append(polls, poll)
		}
	}
	return polls, nil
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

func readSnapshot(item json.RawMessage, sources []*poller.Source, now time.Time) (billwatch.Poll, error) {
	var own snapshotFile
	ownErr := json.Unmarshal(item, &own)
	if ownErr == nil && own.Account.ID != "" {
		if own.At.IsZero() {
			own.At = now
		}
		return billwatch.Poll{Account: own.Account, At: own.At, Snapshot: &own.Snapshot, Records: own.Records}, nil
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
