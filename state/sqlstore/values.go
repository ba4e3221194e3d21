package sqlstore

import (
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// bind turns our types into those that both databases take alike: times into
// microseconds, durations too, truth into 0 and 1. PostgreSQL refuses a text
// with NUL or broken UTF-8 and with it the whole batch, so both are replaced.
func bind(args []any) []any {
	bound := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case time.Time:
			bound[i] = micros(v)
		case time.Duration:
			bound[i] = v.Microseconds()
		case bool:
			bound[i] = int64(0)
			if v {
				bound[i] = int64(1)
			}
		case string:
			bound[i] = clean(v)
		default:
			bound[i] = arg
		}
	}
	return bound
}

func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// micros is a time as it is stored: 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// scanner reads one column by a function.
type scanner func(src any) error

// Scan calls the function.
func (s scanner) Scan(src any) error { return s(src) }

// stamp reads a time.
func stamp(into *time.Time) sql.Scanner {
	return scanner(func(src any) error {
		us, ok := src.(int64)
		if !ok {
			return fmt.Errorf("a time is stored as %T", src)
		}
		*into = moment(us)
		return nil
	})
}

// document reads a JSON text; NULL leaves the value as it is.
func document(into any) sql.Scanner {
	return scanner(func(src any) error {
		switch text := src.(type) {
		case nil:
			return nil
		case string:
			return json.Unmarshal([]byte(text), into)
		case []byte:
			return json.Unmarshal(text, into)
		default:
			return fmt.Errorf("a document is stored as %T", src)
		}
	})
}

// picture reads bytes that are kept as base64; an empty text is none.
func picture(into *[]byte) sql.Scanner {
	return scanner(func(src any) error {
		var text string
		switch src := src.(type) {
		case string:
			text = src
		case []byte:
			text = string(src)
		default:
			return fmt.Errorf("a picture is stored as %T", src)
		}
		if *into = nil; text == "" {
			return nil
		}
		var err error
		*into, err = base64.StdEncoding.DecodeString(text)
		return err
	})
}

// text writes a value as JSON. Our words always encode.
func text(v any) (string, error) {
	encoded, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode %T: %w", v, err)
	}
	return string(encoded), nil
}
