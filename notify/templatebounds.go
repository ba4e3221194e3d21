package notify

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
)

// What writing one message may come to at most.
const (
	maxRounds = 50_000          // of loops, and of templates that call templates
	maxTime   = 2 * time.Second // of its own templates together
	maxCall   = maxText         // bytes that one call of a function gives
	maxPieces = 64              // verbs or arguments of one call
)

var (
	errRounds = errors.New("the template goes on for too long")
	errLong   = errors.New("the text becomes too long")
	tooWide   = regexp.MustCompile(`%[^a-zA-Z%]*([0-9]{4}|\*)`)
)

// bounded keeps the beginning of what is written to it, and then ends the
// template. Loops write nothing at each round, so that they are counted.
type bounded struct {
	strings.Builder
	room   int
	full   bool
	rounds int
	until  time.Time // by the process's own clock; zero for no end
}

// Write keeps what there is room for.
func (b *bounded) Write(p []byte) (int, error) {
	if len(p) == 0 {
		b.rounds++
	}
	if b.rounds > maxRounds || !b.until.IsZero() && time.Now().After(b.until) {
		return 0, errRounds
	}
	if len(p) <= b.room {
		b.room -= len(p)
		return b.Builder.Write(p)
	}
	b.full = true
	n, _ := b.Builder.Write(p[:b.room])
	b.room = 0
	return n, io.ErrShortWrite
}

// boundedFunctions stand for those of text/template that make long texts of
// short ones.
func boundedFunctions() template.FuncMap {
	return template.FuncMap{
		"print":   func(args ...any) (string, error) { return shortly(args, fmt.Sprint) },
		"println": func(args ...any) (string, error) { return shortly(args, fmt.Sprintln) },
		"js":      func(args ...any) (string, error) { return shortly(args, template.JSEscaper) },
		"printf": func(format string, args ...any) (string, error) {
			if strings.Count(format, "%") > maxPieces || tooWide.MatchString(format) {
				return "", errLong
			}
			return shortly(args, func(args ...any) string { return fmt.Sprintf(format, args...) })
		},
	}
}

// plainFunctions are those that html/template has to know for its own.
func plainFunctions() template.FuncMap {
	return template.FuncMap{
		"html":     func(args ...any) (string, error) { return shortly(args, template.HTMLEscaper) },
		"urlquery": func(args ...any) (string, error) { return shortly(args, template.URLQueryEscaper) },
	}
}

func shortly(args []any, join func(...any) string) (string, error) {
	if len(args) > maxPieces {
		return "", errLong
	}
	return notLong(join(args...))
}

func notLong(text string) (string, error) {
	if len(text) > maxCall {
		return "", errLong
	}
	return text, nil
}

// countRounds makes every loop, and every template that others may call, write
// at each round.
func countRounds(list *parse.ListNode) {
	if list == nil {
		return
	}
	for _, n := range list.Nodes {
		switch n := n.(type) {
		case *parse.IfNode:
			countRounds(n.List)
			countRounds(n.ElseList)
		case *parse.WithNode:
			countRounds(n.List)
			countRounds(n.ElseList)
		case *parse.RangeNode:
			countRounds(n.List)
			countRounds(n.ElseList)
			countsItself(n.List)
		}
	}
}

// countsItself puts an empty text before all else, once.
func countsItself(list *parse.ListNode) {
	if len(list.Nodes) > 0 {
		if first, ok := list.Nodes[0].(*parse.TextNode); ok && len(first.Text) == 0 {
			return
		}
	}
	round := &parse.TextNode{NodeType: parse.NodeText, Pos: list.Pos}
	list.Nodes = append([]parse.Node{round}, list.Nodes...)
}

// countTree does it for a template.
func countTree(t *parse.Tree) {
	if t == nil || t.Root == nil {
		return
	}
	countRounds(t.Root)
	countsItself(t.Root)
}
