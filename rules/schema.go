package rules

import "github.com/billwatch/billwatch/internal/document"

// Keys returns the keys that a rule may have.
func Keys() []string { return document.Keys(entry{}) }

// Fields returns the names of a snapshot's fields, as conditions name them.
func Fields() []string { return fieldNames() }

// Reserved returns the labels that a rule may not set.
func Reserved() []string { return append([]string(nil), ownLabels...) }
