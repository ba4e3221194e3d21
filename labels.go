package billwatch

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
)

// Labels name an alert and decide who is told of it.
type Labels map[string]string

// Names of the labels that billwatch itself sets.
const (
	LabelAlert       = "alertname"
	LabelSource      = "source"
	LabelProvider    = "provider"
	LabelAccount     = "account"
	LabelAccountName = "account_name"
	LabelSeverity    = "severity"
	LabelRule        = "rule"        // of RuleBroken only
	LabelReceiver    = "receiver"    // of ReceiverDown only
	LabelIntegration = "integration" // of ReceiverDown only
)

// Fingerprint returns 16 hex digits that identify the label set, computed as
// Alertmanager's: FNV-1a of 64 bits over the sorted names and values, each
// followed by 0xFF. The account's name is left out, so a rename keeps it.
func (l Labels) Fingerprint() string {
	sum := fnv.New64a()
	for _, name := range slices.Sorted(maps.Keys(l)) {
		if name == LabelAccountName {
			continue
		}
		sum.Write([]byte(name))
		sum.Write([]byte{0xFF})
		sum.Write([]byte(l[name]))
		sum.Write([]byte{0xFF})
	}
	return fmt.Sprintf("%016x", sum.Sum64())
}
