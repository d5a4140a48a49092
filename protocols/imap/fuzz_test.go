package imap_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	kimap "kaiwire/protocols/imap"
	. "kaiwire/protocols/protocoltest"
)

// Whatever the server says, a call ends, with a coded error or a result, and
// so does the session.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"* 1 FETCH (UID 1 FLAGS (\\Seen) ENVELOPE (NIL \"=?utf-8?q?a?=\" NIL NIL NIL NIL NIL NIL NIL NIL))\r\nT1 OK done\r\n",
		"* 1 FETCH (UID 1 BODY[] {5}\r\nhello BODYSTRUCTURE (\"text\" \"plain\" NIL NIL NIL \"7bit\" 5 1))\r\nT1 OK done\r\n",
		"* 1 FETCH (UID 1 BODY[] \"hello\" BODY[HEADER.FIELDS (DATE)]<3> NIL)\r\n* 2 EXPUNGE\r\nT1 NO [X y] done\r\n",
		"* OK [COPYUID 1 2 3:4] x\r\n* 1 FETCH (FLAGS (\\Seen) UID 3 MODSEQ (4))\r\nT1 OK [APPENDUID 1 2] done\r\n",
		"* BYE\r\n", "+ \r\n", "T1 BAD\r\n", "* SEARCH 1 2 (MODSEQ 3)\r\n* ESEARCH (TAG \"T1\") ALL 4:2\r\n* LIST (\\Sent) \"/\" {3}\r\nabc\r\n* STATUS a (MESSAGES 1)\r\nT1 OK\r\n",
	} {
		f.Add([]byte(s), byte(0))
		f.Add([]byte(s), byte(1))
	}
	f.Fuzz(func(t *testing.T, answer []byte, which byte) {
		client, server := net.Pipe()
		go io.Copy(io.Discard, server)
		go func() {
			io.WriteString(server, "* PREAUTH [CAPABILITY IMAP4rev1 MOVE IDLE LITERAL+] hi\r\n")
			server.Write(answer)
			server.Close()
		}()
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		s, err := kimap.Connect(ctx, Dial(client), kimap.Options{Host: "h", Security: dial.None, Limits: kimap.Limits{Line: 4096, Literal: 8192, Message: 4096}})
		if err != nil {
			t.Fatal(err)
		}
		set := imap.SeqSetNum(1, 2)
		o := everything()
		o.BodySection = append(o.BodySection, &imap.FetchItemBodySection{Peek: true})
		switch which % 8 {
		case 0:
			err = s.Fetch(ctx, set, o, 3, func(*kimap.Message) error { return nil })
		case 1:
			var lit *kimap.Literal
			if lit, err = s.Download(ctx, imap.SeqSetNum(1), &imap.FetchItemBodySection{Peek: true}); err == nil {
				_, err = io.Copy(io.Discard, lit)
			}
		case 2:
			_, err = s.Search(ctx, nil, false)
		case 3:
			_, err = s.List(ctx, "", "*")
		case 4:
			_, err = s.Status(ctx, "a", nil)
		case 5:
			_, err = s.Move(ctx, set, "a")
		case 6:
			_, err = s.Select(ctx, "a")
		case 7:
			_, err = s.Idle(ctx)
		}
		var e *coded.Error
		if err != nil && (!errors.As(err, &e) || e.Code == coded.UNKNOWN || e.Code == coded.ETIMEDOUT) {
			t.Errorf("got %v", err)
		}
		s.Close()
		select {
		case <-s.Done():
		case <-time.After(Patience):
			t.Fatal("the session doesn't end")
		}
	})
}
