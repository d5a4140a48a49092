package imap_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	kimap "kaiwire/protocols/imap"
	. "kaiwire/protocols/protocoltest"
)

const (
	fuzzCalls = 24
	fuzzCaps  = "IMAP4rev1 MOVE IDLE LITERAL+ ENABLE QRESYNC ESEARCH PARTIAL THREAD=ORDEREDSUBJECT LIST-EXTENDED LIST-STATUS " +
		"METADATA QUOTA ACL ID NAMESPACE NOTIFY OBJECTID PREVIEW X-GM-EXT-1"
)

// Whatever the server says, a call ends, with a coded error or a result, and
// so does the session.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"* 1 FETCH (UID 1 FLAGS (\\Seen) ENVELOPE (NIL \"=?utf-8?q?a?=\" NIL NIL NIL NIL NIL NIL NIL NIL))\r\nT1 OK done\r\n",
		"* 1 FETCH (UID 1 BODY[] {5}\r\nhello BODYSTRUCTURE (\"text\" \"plain\" NIL NIL NIL \"7bit\" 5 1))\r\nT1 OK done\r\n",
		"* 1 FETCH (UID 1 BODY[] \"hello\" BODY[HEADER.FIELDS (DATE)]<3> NIL)\r\n* 2 EXPUNGE\r\nT1 NO [X y] done\r\n",
		"* OK [COPYUID 1 2 3:4] x\r\n* 1 FETCH (FLAGS (\\Seen) UID 3 MODSEQ (4))\r\nT1 OK [APPENDUID 1 2] done\r\n",
		"* THREAD (1 2 (3)(4))\r\n* ID (\"name\" \"x\")\r\n* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n* QUOTA \"\" (STORAGE 1 2)\r\n* ACL a b lr\r\nT1 OK\r\n",
		"* ENABLED QRESYNC\r\nT1 OK\r\n* VANISHED (EARLIER) 1:3,5\r\n* METADATA a (/private/x \"y\")\r\n* STATUS a (MESSAGES 1)\r\nT2 OK [MODIFIED 1:2] x\r\n",
		"* 1 FETCH (UID 1 EMAILID (M1) PREVIEW \"p\" X-GM-LABELS (\\Inbox a) BINARY[1] ~{1}\r\n\x00)\r\n* LIST () \"/\" a (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n",
		"* ESEARCH (TAG \"T1\") UID MIN 1 COUNT 2 PARTIAL (1:5 1:3)\r\nT1 OK\r\n+ \r\nT1 OK [APPENDUID 1 2]\r\n",
		"* SEARCH 1 2\r\nT1 OK\r\n* 1 FETCH (UID 1 INTERNALDATE \"01-Feb-2026 00:00:00 +0000\" BODY[HEADER.FIELDS (REFERENCES)] {19}\r\nReferences: <2@x>\r\n " +
			"ENVELOPE (NIL \"Re: [x] a (fwd)\" NIL NIL NIL NIL NIL NIL NIL \"<1@x>\"))\r\n* 2 FETCH (UID 2 ENVELOPE (NIL \"[fwd: a]\" NIL NIL NIL NIL NIL NIL \"<1@x>\" \"<2@x>\"))\r\nT2 OK\r\n",
		"* LIST () \"/\" a\r\n* STATUS a (MESSAGES 1)\r\nT1 OK\r\nT2 OK\r\n",
		"* BYE\r\n", " x\r\n", "+ \r\n", "T1 BAD\r\n", "* SEARCH 1 2 (MODSEQ 3)\r\n* ESEARCH (TAG \"T1\") ALL 4:2\r\n* LIST (\\Sent) \"/\" {3}\r\nabc\r\n* STATUS a (MESSAGES 1)\r\nT1 OK\r\n",
	} {
		for which := range byte(fuzzCalls) {
			f.Add([]byte(s), which)
		}
	}
	f.Fuzz(func(t *testing.T, answer []byte, which byte) {
		client, server := net.Pipe()
		go io.Copy(io.Discard, server)
		go func() {
			io.WriteString(server, "* PREAUTH [CAPABILITY "+fuzzCaps+"] hi\r\n")
			server.Write(answer)
			server.Close()
		}()
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		s, err := kimap.Connect(ctx, Dial(client), kimap.Options{Host: "h", Security: dial.None, Enable: []imap.Cap{}, NoCompress: true, Limits: kimap.Limits{Line: 4096, Literal: 8192, Message: 4096}})
		if err != nil {
			t.Fatal(err)
		}
		set := imap.SeqSetNum(1, 2)
		o := everything()
		o.BodySection = append(o.BodySection, &imap.FetchItemBodySection{Peek: true})
		switch which % fuzzCalls {
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
		case 8:
			_, err = s.ListExtended(ctx, "", []string{"*"}, &imap.ListOptions{ReturnStatus: &imap.StatusOptions{NumMessages: true}})
		case 9:
			_, err = s.SearchData(ctx, nil, true, kimap.SearchOptions{Min: true, Count: true, From: 1, To: 5})
		case 10:
			_, err = s.Threads(ctx, imap.ThreadReferences, nil, true)
		case 11:
			_, err = s.Open(ctx, "a", &kimap.OpenOptions{QResync: &kimap.QResync{UIDValidity: 1, ModSeq: 1}})
		case 12:
			_, err = s.Metadata(ctx, "a", []string{"/private/x"}, nil)
		case 13:
			_, err = s.MailboxQuota(ctx, "a")
		case 14:
			_, err = s.ACL(ctx, "a")
		case 15:
			_, err = s.ID(ctx, nil)
		case 16:
			_, err = s.Namespace(ctx)
		case 17:
			err = s.Notify(ctx, true, kimap.NotifyGroup{Filter: kimap.NotifySelected})
		case 18:
			var p *kimap.Part
			if p, err = s.Part(1, &imap.FetchItemBodySection{Peek: true}, kimap.PartOptions{Window: 5, Encoding: "base64"}); err == nil {
				_, err = io.Copy(io.Discard, p)
			}
		case 19:
			_, err = s.Append(ctx, "a", strings.NewReader("abc"), 3, nil)
		case 20:
			err = s.Fetch(ctx, imap.UIDSetNum(1, 2), nil, 0, func(*kimap.Message) error { return nil }, kimap.ItemEmailID, kimap.ItemPreview, kimap.ItemGmailTags)
		case 21:
			_, err = s.Sort(ctx, []kimap.SortCriterion{{Key: kimap.SortSubject}, {Key: kimap.SortDate}}, nil, false, kimap.SearchOptions{All: true})
		case 22:
			_, err = s.Threads(ctx, imap.ThreadOrderedSubject, nil, false)
		case 23:
			_, err = s.Sync(ctx, "a", string(answer), true)
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
