// Package email tells by e-mail, over SMTP.
//
// One notification is one message with a Message-ID of its own, the same on
// every attempt, in one transaction that names all recipients still open. Each
// recipient has an outcome: who was accepted or refused for good is not named
// again. The connection is encrypted unless that is switched off, and a
// password never travels over one that is not.
package email
