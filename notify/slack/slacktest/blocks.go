package slacktest

import (
	"encoding/json"
	"slices"
	"unicode/utf8"
)

// Block is one of Block Kit's, with the fields that are known here; Rest are
// the names of all others.
type Block struct {
	Type     string   `json:"type"`
	Text     *Object  `json:"text"`
	Elements []Object `json:"elements"`
	Fields   []Object `json:"fields"`
	BlockID  string   `json:"block_id"`
}

// Object is a text object, or an element of a context.
type Object struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Emoji    *bool  `json:"emoji"`
	Verbatim *bool  `json:"verbatim"`
}

// Frame is a secondary attachment, of which billwatch uses the colour.
type Frame struct {
	Color    string  `json:"color"`
	Fallback string  `json:"fallback"`
	Text     string  `json:"text"`
	Blocks   []Block `json:"blocks"`
}

// Metadata is what a message carries for programs.
type Metadata struct {
	EventType    string                     `json:"event_type"`
	EventPayload map[string]json.RawMessage `json:"event_payload"`
}

// all returns the blocks of the message and of its frames.
func (c *call) all() []Block {
	blocks := slices.Clone(c.blocks)
	for _, f := range c.frames {
		blocks = append(blocks, f.Blocks...)
	}
	return blocks
}

func (c *call) anyBlock(fits func(Block) bool) bool { return slices.ContainsFunc(c.all(), fits) }

// objects returns the texts of a block.
func (b Block) objects() []Object {
	all := append(slices.Clone(b.Elements), b.Fields...)
	if b.Text != nil {
		all = append(all, *b.Text)
	}
	return all
}

func (c *call) anyObject(fits func(Object) bool) bool {
	return c.anyBlock(func(b Block) bool { return slices.ContainsFunc(b.objects(), fits) })
}

func (c *call) characters() int {
	sum := 0
	for _, b := range c.all() {
		for _, o := range b.objects() {
			sum += utf8.RuneCountInString(o.Text)
		}
	}
	return sum
}

func length(o *Object) int {
	if o == nil {
		return 0
	}
	return utf8.RuneCountInString(o.Text)
}
