package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/billwatch/billwatch/internal/document"
	"github.com/billwatch/billwatch/notify"
)

const sendTestTimeout = 30 * time.Second

const sendTestHelp = `Send a message that is marked as a test to a receiver, through the same code as
any other, and print what the other side said.

With --url a running billwatch sends it, by the configuration that it has in
force: there a message that is accepted also ends ReceiverDown. User and
password are in the address, or in BILLWATCH_USER and BILLWATCH_PASSWORD.`

func newSendTest(g *globals) *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:     "send-test RECEIVER",
		Short:   "Send a test message to a receiver",
		Long:    sendTestHelp,
		Args:    oneArgument("a receiver's name"),
		Example: "  billwatch send-test ops",
		RunE: func(cmd *cobra.Command, args []string) error {
			if address != "" {
				return sendTestThere(cmd.Context(), g, address, args[0])
			}
			loaded, err := load(g)
			if err != nil {
				return err
			}
			return sendTest(cmd.Context(), g, loaded, args[0])
		},
	}
	cmd.Flags().StringVar(&address, "url", "", "let the billwatch at this `ADDRESS` send it")
	return cmd
}

// sendTestThere lets a running billwatch send.
func sendTestThere(ctx context.Context, g *globals, address, receiver string) error {
	asked, err := newClient(address)
	if err != nil {
		return err
	}
	var sent struct {
		Messages []struct {
			Integration string `json:"integration"`
			Accepted    bool   `json:"accepted"`
			Answer      string `json:"answer"`
			Error       string `json:"error"`
		} `json:"messages"`
	}
	err = asked.post(ctx, "api/v1/receivers/"+url.PathEscape(receiver)+"/test", nil, &sent)
	if refused, ok := errors.AsType[*refusedError](err); ok && refused.status == http.StatusNotFound {
		return misused(refused)
	}
	if err != nil {
		return err
	}
	failed := 0
	for _, m := range sent.Messages {
		said := cmp.Or(m.Answer, "accepted")
		if !m.Accepted {
			failed++
			said = m.Error
		}
		fmt.Fprintf(g.stdout, "%s: %s\n", plain(m.Integration), plain(said))
	}
	if failed > 0 {
		return found(errors.New(plural(failed, "message") + " not accepted"))
	}
	return nil
}

func sendTest(ctx context.Context, g *globals, l loaded, receiver string) error {
	sent, failed := 0, 0
	for _, in := range l.Router.Integrations() {
		if in.Receiver != receiver {
			continue
		}
		sent++
		if err := sendOne(ctx, g, l.Templates, in); err != nil {
			failed++
			fmt.Fprintf(g.stdout, "%s: %s\n", in.Name, plain(err.Error()))
		}
	}
	switch {
	case sent == 0:
		return misused(fmt.Errorf("no receiver %q in the configuration%s", receiver, near(receiver, l.Router.Integrations())))
	case failed > 0:
		return found(errors.New(plural(failed, "message") + " not accepted"))
	}
	return nil
}

// near is a hint at the receiver that may have been meant, or at all of them.
func near(receiver string, all []notify.Integration) string {
	var known []string
	for _, in := range all {
		if !slices.Contains(known, in.Receiver) {
			known = append(known, in.Receiver)
		}
	}
	if name := document.Suggest(receiver, known); name != "" {
		return "\n  hint: did you mean " + name + "?"
	}
	if len(known) == 0 {
		return ""
	}
	return "\n  hint: known: " + strings.Join(known, ", ")
}

func sendOne(ctx context.Context, g *globals, templates *notify.Templates, in notify.Integration) error {
	ctx, cancel := context.WithTimeout(ctx, sendTestTimeout)
	defer cancel()
	receipt, err := notify.SendTest(ctx, templates, in, time.Now().UTC())
	if err != nil {
		return err
	}
	fmt.Fprintf(g.stdout, "%s: %s\n", in.Name, plain(cmp.Or(receipt.Answer, "accepted")))
	return nil
}
