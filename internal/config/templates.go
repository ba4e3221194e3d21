package config

import (
	"errors"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v4"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/notify"
)

const maxTemplate = 1 << 20 // bytes of a file

// templates reads the template files. Where they are wrong the default ones
// stand in, so that the integrations can be checked nonetheless.
func (l *loader) templates(patterns []*yaml.Node) {
	c := notify.TemplatesConfig{Files: map[string]string{}, Timezone: l.config.Timezone, ExternalURL: l.settings.ExternalURL}
	for _, f := range l.files(patterns, "templates") {
		text, err := ReadTemplate(f.name)
		if err != nil {
			l.fail(f.node, "templates: "+err.Error(), "")
			continue
		}
		c.Files[f.name] = text // whole: two folders may have files of one name
		l.templateTexts = append(l.templateTexts, text)
	}
	var err error
	if l.config.Templates, err = notify.NewTemplates(c); err == nil {
		return
	}
	var problems billwatch.Problems
	if errors.As(err, &problems) {
		l.add(problems)
		c.Files = nil
		l.config.Templates, err = notify.NewTemplates(c)
	}
	if err != nil {
		l.fail(document.Get(l.doc.Root(), "templates"), err.Error(), "")
	}
}

// ReadTemplate returns what a template file says; one that is too large is refused.
func ReadTemplate(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxTemplate {
		return "", fmt.Errorf("%s: must be a file of at most 1 MiB", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTemplate))
	return string(data), err
}
