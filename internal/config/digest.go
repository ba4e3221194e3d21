package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch/internal/document"
)

// ownAffairs are the keys of the first level that replicas may have each their
// own way: they change nothing of what is judged, and whom it is told.
func ownAffairs() []string {
	return []string{
		"state", "listen", "external_url", "allowed_hosts", "log", "retention", "web_config_file", "heartbeat",
		"rule_files", "templates", // what these hold counts, not where it lies
	}
}

// digest writes what a document says, however it is written: without comments,
// in the order of its keys. What an alias stands for is in its place already.
type digest struct {
	io.Writer
	reveal bool // secrets count by what they are, else by that they are there
}

func (d digest) node(n *yaml.Node, secret bool) {
	switch {
	case n == nil:
	case n.Kind == yaml.AliasNode:
		d.node(n.Alias, secret)
	case n.Kind == yaml.MappingNode:
		d.mapping(n, secret)
	case n.Kind == yaml.ScalarNode:
		if secret && !d.reveal {
			fmt.Fprint(d, "secret ")
			return
		}
		fmt.Fprintf(d, "%s %q ", n.ShortTag(), n.Value)
	default:
		fmt.Fprint(d, "[ ")
		for _, c := range n.Content {
			d.node(c, secret)
		}
		fmt.Fprint(d, "] ")
	}
}

func (d digest) mapping(n *yaml.Node, secret bool) {
	type pair struct{ k, v *yaml.Node }
	var pairs []pair
	for k, v := range document.Pairs(n) {
		pairs = append(pairs, pair{k, v})
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(a.k.Value, b.k.Value) })
	fmt.Fprint(d, "{ ")
	for _, p := range pairs {
		fmt.Fprintf(d, "%q ", p.k.Value)
		d.node(p.v, secret || document.IsSecretKey(p.k.Value))
	}
	fmt.Fprint(d, "} ")
}

// hash returns what replicas compare: whether they judge alike and tell alike.
func (l *loader) hash() string {
	sum := sha256.New()
	d := digest{Writer: sum}
	root := *l.doc.Root()
	root.Content = nil
	for k, v := range document.Pairs(l.doc.Root()) {
		if !slices.Contains(ownAffairs(), k.Value) {
			root.Content = append(root.Content, k, v)
		}
	}
	d.node(&root, false)
	for _, doc := range l.ruleDocs {
		d.node(doc.Root(), false)
	}
	for _, text := range l.templateTexts {
		fmt.Fprintf(d, "%q ", text)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// digestOf returns what tells settings from the same ones changed, secrets and
// what their files hold included.
func digestOf(n *yaml.Node, common ...any) string {
	sum := sha256.New()
	digest{sum, true}.node(n, false)
	walkFiles(n, map[*yaml.Node]bool{}, func(name string) { sumFile(sum, name) })
	fmt.Fprintf(sum, "%q", common)
	return hex.EncodeToString(sum.Sum(nil))
}
