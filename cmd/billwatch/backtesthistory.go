package main

import (
	"context"
	"errors"
	"os"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/daemon"
)

// historySource is what accounts out of a file have for their source.
const historySource = "history"

// pastsOf reads the pasts of accounts from files of balance records.
func pastsOf(ctx context.Context, o backtestOptions) ([]daemon.Past, error) {
	var pasts []daemon.Past
	reader := &balanceReader{ctx: ctx, stdin: os.Stdin, daily: o.daily, seen: map[string]string{}, each: func(b *balances) error {
		account := billwatch.Account{Source: historySource, ID: b.id, Name: b.id, Provider: historySource, Kind: "account"}
		today := billwatch.Snapshot{Account: account, Unit: o.unit}
		if len(b.records) > 0 {
			pasts = append(pasts, daemon.FromRecords(today, b.records))
			return nil
		}
		past, err := daemon.FromReadings(today, b.readings)
		pasts = append(pasts, past)
		return err
	}}
	for _, path := range o.history {
		if err := reader.read(path); err != nil {
			return nil, err
		}
	}
	if len(pasts) == 0 {
		return nil, errors.New("--history: holds no account")
	}
	return pasts, nil
}
