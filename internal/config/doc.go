// Package config reads billwatch.yaml: strictly, every problem at once, each
// with its place. What it returns is ready: durations, URLs, compiled rules, a
// routing tree, integrations that were checked. Nobody parses again.
//
// Layers, the later wins: defaults (in the structs that are decoded into), the
// file, the environment. They are laid over each other as YAML nodes, so that a
// value keeps its place whatever layer it came from; a library that merges
// plain maps would lose it.
//
// The package knows no provider and no notifier: it is handed their Types, and
// decodes a source or an integration into the settings of its type.
package config
