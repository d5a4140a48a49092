package lines

import (
	"encoding/base64"
	"errors"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/sasl"
)

const (
	// maxRounds bounds the questions of a server during the login.
	maxRounds = 10
	// longestCommand is what RFC 4954 and RFC 5034 leave for the AUTH command;
	// an initial response beyond it waits for the server's question.
	longestCommand = 255
)

// Authenticate makes the exchange of AUTH, which SMTP (RFC 4954) and POP3 (RFC
// 5034) have in common. ask sends a line and reads the answer: with more the
// server asks on, and question is what it asks, in base64.
func (c *Conn) Authenticate(mechanism string, client sasl.Client, ask func(line string) (question string, more bool, err error)) error {
	_, initial, err := client.Start()
	if err != nil {
		return c.Error(coded.EAUTH, "", err)
	}
	line := "AUTH " + mechanism
	if initial != nil {
		encoded := "="
		if len(initial) > 0 {
			encoded = base64.StdEncoding.EncodeToString(initial)
		}
		if len(line)+len(encoded)+3 <= longestCommand {
			line, initial = line+" "+encoded, nil
		}
	}
	for range maxRounds {
		question, more, err := ask(line)
		if err != nil {
			return err
		}
		if !more {
			return sasl.Verify(client)
		}
		answer := initial
		if initial = nil; answer == nil {
			var challenge []byte
			if challenge, err = base64.StdEncoding.DecodeString(question); err == nil {
				answer, err = client.Next(challenge)
			}
			if err != nil {
				return c.callOff(err, ask)
			}
		}
		line = base64.StdEncoding.EncodeToString(answer)
	}
	return c.TooMuch("too many questions during the login")
}

// callOff tells the server of a failure on this side, so that it doesn't wait in
// vain; what it says to that changes nothing.
func (c *Conn) callOff(err error, ask func(line string) (string, bool, error)) error {
	ask("*")
	if _, ok := errors.AsType[*coded.Error](err); ok {
		return coded.From(err, c.o.Protocol)
	}
	return c.Error(coded.EPROTO, "", err)
}
