package email

import (
	"context"
	"errors"
	"fmt"
	"net/textproto"

	"github.com/billwatch/billwatch"
	"github.com/billwatch/billwatch/notify"
)

// outcomes are what became of the recipients of one transaction.
type outcomes struct {
	accepted []string
	refused  map[string]error // for good
	open     map[string]error // to be tried again
	unclear  error            // set where the server may have taken the message for the open ones
	answer   string           // of the server that took the message
	secrets  []billwatch.Secret
}

// String tells how many there are of each; among the fields are secrets.
func (o outcomes) String() string {
	return fmt.Sprintf("%d accepted, %d refused, %d open", len(o.accepted), len(o.refused), len(o.open))
}

// GoString does the same for %#v.
func (o outcomes) GoString() string { return o.String() }

func newOutcomes() *outcomes {
	return &outcomes{refused: map[string]error{}, open: map[string]error{}}
}

// settle gives recipients the outcome of an error.
func (o *outcomes) settle(recipients []string, err error) {
	for _, recipient := range recipients {
		if isFinal(err) {
			o.refused[recipient] = err
		} else {
			o.open[recipient] = err
		}
	}
}

// isFinal says whether the server answered that it never will.
func isFinal(err error) bool {
	var reply *textproto.Error
	return errors.As(err, &reply) && reply.Code >= 500 && reply.Code < 600
}

// isReply says whether the server answered at all.
func isReply(err error) bool {
	var reply *textproto.Error
	return errors.As(err, &reply)
}

// transact sends the message to all recipients at once.
func (s *session) transact(ctx context.Context, from string, recipients []string, message []byte) *outcomes {
	o := newOutcomes()
	if err := s.client.Mail("<" + from + ">"); err != nil {
		o.settle(recipients, fmt.Errorf("sender: %w", err))
		return o
	}
	taken := s.name(o, recipients)
	if len(taken) == 0 {
		return o
	}
	if err := notify.LeaseHolds(ctx); err != nil {
		o.settle(taken, err)
		return o
	}
	writer, err := s.client.Data()
	if err != nil {
		o.settle(taken, fmt.Errorf("data: %w", err))
		return o
	}
	if _, err := writer.Write(message); err != nil {
		s.conn.Close() // closing the writer would end the message, and half of it would be taken
		o.settle(taken, fmt.Errorf("message: %w", err))
		return o
	}
	err = writer.Close()
	if err == nil {
		o.accepted = taken
		if said, ok := writer.(interface{ ServerResponse() string }); ok {
			o.answer = said.ServerResponse()
		}
		return o
	}
	err = fmt.Errorf("end of message: %w", err)
	o.settle(taken, err)
	if !isReply(err) {
		o.unclear = err
	}
	return o
}

// name names the recipients and returns those whom the server takes. A broken
// connection leaves all open that were not refused.
func (s *session) name(o *outcomes, recipients []string) (taken []string) {
	for i, recipient := range recipients {
		err := s.client.Rcpt("<" + recipient + ">")
		if err == nil {
			taken = append(taken, recipient)
			continue
		}
		if !isReply(err) {
			o.settle(append(taken, recipients[i:]...), fmt.Errorf("recipient: %w", err))
			return nil
		}
		o.settle([]string{recipient}, err)
	}
	return taken
}
