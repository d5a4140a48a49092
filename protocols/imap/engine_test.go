package imap_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	kimap "kaiwire/protocols/imap"
	. "kaiwire/protocols/protocoltest"
	"kaiwire/protocols/protocoltest/imapserver"
)

// Several calls are under way at once, and each gets its own answer.
func TestPipelining(t *testing.T) {
	first, second := make(chan struct{}), make(chan struct{})
	s := inbox(t, kimap.Options{},
		Want("{a} STATUS one (MESSAGES)"), Signal(first), Want("{b} STATUS two (MESSAGES)"), Signal(second), Want("{c} UID SEARCH ALL"),
		Line("* STATUS two (MESSAGES 2)"), Line("* SEARCH 5"), Line("{c} OK done"), Line("{b} OK done"),
		Line("* STATUS three (MESSAGES 3)"), Line("* STATUS one (MESSAGES 1)"), Line("{a} NO [X] sorry"), Hang())
	ctx := within(t)
	var all sync.WaitGroup
	o := &imap.StatusOptions{NumMessages: true}
	all.Go(func() {
		_, err := s.Status(ctx, "one", o)
		wantCode(t, err, coded.EREJECTED)
	})
	all.Go(func() {
		<-first
		if data, err := s.Status(ctx, "two", o); err != nil || *data.NumMessages != 2 {
			t.Errorf("got %+v, %v", data, err)
		}
	})
	all.Go(func() {
		<-second
		if got, err := s.Search(ctx, nil, true); err != nil || !slices.Equal(got, []uint32{5}) {
			t.Errorf("got %v, %v", got, err)
		}
	})
	all.Wait()
}

// While the server is to ask for a literal, nobody else writes.
func TestLiteralKeepsItsTurn(t *testing.T) {
	waiting := make(chan struct{})
	conn := Transcript(t, Line("* PREAUTH [CAPABILITY IMAP4rev1] hi"),
		Want("{a} APPEND Drafts {5000}"), Signal(waiting), Line("* 4 EXISTS"), Line("+ go"), Want("*"), Want(""), Line("{a} OK [APPENDUID 7 9] done"),
		Want("{b} NOOP"), Line("{b} OK done"), Hang())
	s := connect(t, Dial(conn), kimap.Options{})
	var all sync.WaitGroup
	all.Go(func() {
		data, err := s.Append(within(t), "Drafts", strings.NewReader(strings.Repeat("x", 4998)+"\r\n"), 5000, nil)
		if err != nil || data.UID != 9 || data.UIDValidity != 7 {
			t.Errorf("got %+v, %v", data, err)
		}
	})
	<-waiting
	noErr(t, s.Noop(within(t)))
	all.Wait()
}

// What is odd is skipped and reported, and harms nothing.
func TestOdd(t *testing.T) {
	var e events
	s := inbox(t, kimap.Options{Handler: e.handler()},
		Want(`{a} LIST "" %`), Line(`* LIST (\noselect) nil R&D`), Line(`* list (\Sent) "/" "Gel&APY-scht"`), Line(`* LIST () "/" {8}`), Raw("Entw\xfcrfe \r\n"),
		Line(`* LIST () "/"`), Line(`* LIST (\X "/" broken`), Line("* LIST () NIL INbox (X (1 (2)) \"CHILDINFO\" (\"SUBSCRIBED\"))"), Line("{a} OK done"),
		Want("{b} STATUS R&D (MESSAGES)"), Line("* STATUS R&D (MESSAGES 4 X-FOO (1 2) UNSEEN 1)"), Line("{b} OK done"),
		Want("{c} UID FETCH 5 (UID ENVELOPE BODY.PEEK[1])"), Line("+ who asked?"), Line("* 2 FETCH (BODY[1] {5}"),
		Raw("hello X-GM-FOO (1 (2 \"3\")) body[2] \"no\" ENVELOPE (nil nil () Nil ((nil nil \"a\")) NIL nil NIL nil \"odd id\" extra) UID 5)\r\n"),
		Line("* 99999999999 EXISTS"), Line("* X 1"), Line("* OK [X-CODE {5}"), Line("* FLAGS 7"), Line("{c} OK done"), Hang())
	ctx := within(t)
	list, err := s.List(ctx, "", "%")
	noErr(t, err)
	got := []string{}
	for _, m := range list {
		got = append(got, fmt.Sprintf("%s %v %d %v", m.Mailbox, m.Attrs, m.Delim, m.ChildInfo != nil && m.ChildInfo.Subscribed))
	}
	want := []string{`R&D [\Noselect] 0 false`, `Gelöscht [\Sent] 47 false`, "Entw\uFFFDrfe [] 47 false", `INBOX [] 0 true`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	status, err := s.Status(ctx, "R&D", &imap.StatusOptions{NumMessages: true})
	if err != nil || *status.NumMessages != 4 {
		t.Errorf("got %+v, %v", status, err)
	}
	section := &imap.FetchItemBodySection{Part: []int{1}, Peek: true}
	l := fetchAll(t, s, imap.UIDSetNum(5), &imap.FetchOptions{Envelope: true, BodySection: []*imap.FetchItemBodySection{section}})
	if len(l) != 1 || l[0].UID != 5 || string(l[0].Sections[0].Bytes) != "hello" || l[0].Envelope.MessageID != "odd id" || l[0].Envelope.ReplyTo[0].Mailbox != "a" {
		t.Errorf("got %+v", l)
	}
	e.want(t, "unknown * LIST (\\noselect) nil R&D", "unknown * LIST () \"/\" {8}", "unknown * LIST () \"/\"", "unknown * LIST (\\X \"/\" broken",
		"unknown + who asked?", "unknown FETCH X-GM-FOO", "unknown * 99999999999 EXISTS", "unknown * X 1")
}

// A server may break its words anywhere.
func TestHalfFrames(t *testing.T) {
	_, addr := serve(t, imapserver.Options{})
	conn, err := net.Dial("tcp", addr)
	noErr(t, err)
	s := connect(t, dialer{byteByByte{conn}}, kimap.Options{})
	_, err = s.Select(within(t), "INBOX")
	noErr(t, err)
	if l := fetchAll(t, s, whole(), everything()); len(l) != 25 || l[22].Envelope.Subject == "" {
		t.Errorf("%d messages", len(l))
	}
}

type byteByByte struct{ net.Conn }

func (c byteByByte) Read(p []byte) (int, error) { return c.Conn.Read(p[:1]) }

// A server that falls silent is found out without a bound of the app's; one
// that is merely slow, or has nothing to say, is not.
func TestSilence(t *testing.T) {
	const patience = 200 * time.Millisecond
	// On the bubble's clock, as a busy machine is slow as well.
	inBubble := func(name string, f func(t *testing.T)) {
		t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
	}
	t.Run("after a command", func(t *testing.T) {
		var e events
		s := inbox(t, kimap.Options{Timeout: patience, Handler: e.handler()}, Want("{a} NOOP"), Line("* 4 EXISTS"), Hang())
		err := wantCode(t, s.Noop(context.Background()), coded.ETIMEDOUT)
		e.want(t, "exists 4", "closed "+err.Error())
	})
	t.Run("after DONE", func(t *testing.T) {
		s := inbox(t, kimap.Options{Timeout: patience}, Want("{a} IDLE"), Line("+ go"), Want("DONE"), Hang())
		idle, err := s.Idle(within(t))
		noErr(t, err)
		wantCode(t, idle.Stop(context.Background()), coded.ETIMEDOUT)
	})
	inBubble("slow", func(t *testing.T) {
		s := pausing(t, patience*2/3, "", "* OK wait\r\n", "* OK wait\r\n", "* OK wait\r\n", "T1 OK done\r\n")
		noErr(t, s.Noop(context.Background()))
	})
	inBubble("idle", func(t *testing.T) {
		s := pausing(t, 2*patience, "+ go\r\n", "* 4 EXISTS\r\n")
		_, err := s.Idle(within(t))
		noErr(t, err)
		select {
		case <-s.Done():
			t.Error("the session has ended")
		case <-time.After(3 * patience):
		}
	})
	inBubble("the app takes its time", func(t *testing.T) {
		s := pausing(t, 0, "* 1 FETCH (UID 1 BODY[] {6}\r\nhello!", ")\r\nT1 OK done\r\n")
		lit, err := s.Download(within(t), imap.SeqSetNum(1), &imap.FetchItemBodySection{Peek: true})
		noErr(t, err)
		select {
		case <-s.Done():
			t.Error("the session has ended")
		case <-time.After(3 * patience):
		}
		if b, err := io.ReadAll(lit); err != nil || string(b) != "hello!" {
			t.Errorf("got %q, %v", b, err)
		}
	})
}

// pausing connects to a server that answers the first command piece by piece,
// with a pause before each but the first.
func pausing(t *testing.T, pause time.Duration, pieces ...string) *kimap.Session {
	t.Helper()
	noLeaks(t)
	client, server := net.Pipe()
	t.Cleanup(func() { server.Close() })
	go func() {
		io.WriteString(server, "* PREAUTH [CAPABILITY IMAP4rev1 IDLE] hi\r\n")
		server.Read(make([]byte, 100))
		for i, piece := range pieces {
			if i > 0 {
				time.Sleep(pause)
			}
			io.WriteString(server, piece)
		}
		io.Copy(io.Discard, server)
	}()
	return connect(t, dialer{client}, kimap.Options{Timeout: 200 * time.Millisecond})
}

// An IDLE that the server ends by itself is begun again, and a DONE that
// crosses its end does no harm.
func TestIdleEndedByServer(t *testing.T) {
	ended, again := make(chan struct{}), make(chan struct{})
	var e events
	s := inbox(t, kimap.Options{Handler: e.handler()}, Want("{a} IDLE"), Line("+ go"), Line("{a} OK enough"),
		Want("{b} IDLE"), Signal(again), Line("+ go"), Line("* 4 EXISTS"), Await(ended), Want("DONE"), Line("{b} OK done"), Line("DONE BAD what?"),
		Want("{c} NOOP"), Line("{c} OK done"), Hang())
	idle, err := s.Idle(within(t))
	noErr(t, err)
	<-again
	e.want(t, "exists 4")
	close(ended)
	noErr(t, idle.Stop(within(t)))
	noErr(t, s.Noop(within(t)))
}

func TestIdleRefusedLater(t *testing.T) {
	var e events
	polled := make(chan struct{})
	s := inbox(t, kimap.Options{Handler: e.handler(), Poll: 10 * time.Millisecond}, Want("{a} IDLE"), Line("+ go"), Line("{a} OK enough"),
		Want("{b} IDLE"), Line("{b} NO not any more"), Want("{c} NOOP"), Line("* 4 EXISTS"), Line("{c} OK done"), Want("{d} NOOP"), Signal(polled), Hang())
	_, err := s.Idle(within(t))
	noErr(t, err)
	<-polled
	e.want(t, "exists 4")
}

// Where there is no IDLE, the server is asked.
func TestPolling(t *testing.T) {
	var e events
	noLeaks(t)
	conn := Transcript(t, Line("* PREAUTH [CAPABILITY IMAP4rev1] hi"), Want("{a} NOOP"), Line("* 4 EXISTS"), Line("{a} OK done"),
		Want("{b} NOOP"), Line("* 5 EXISTS"), Line("{b} OK done"), Want("{c} LIST \"\" *"), Line("{c} OK done"), Hang())
	s := connect(t, Dial(conn), kimap.Options{Handler: e.handler(), Poll: 50 * time.Millisecond})
	idle, err := s.Idle(within(t))
	noErr(t, err)
	e.want(t, "exists 4", "exists 5")
	noErr(t, idle.Stop(within(t)))
	_, err = s.List(within(t), "", "*")
	noErr(t, err)
}

// The reason that a server gives is not lost to the failure of a write.
func TestByeBeforeBrokenPipe(t *testing.T) {
	client, server := net.Pipe()
	t.Cleanup(func() { server.Close() })
	go io.WriteString(server, "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n")
	broken := make(chan struct{})
	s := connect(t, dialer{deaf{client, broken}}, kimap.Options{})
	go func() {
		<-broken
		io.WriteString(server, "* BYE [UNAVAILABLE] Restarting\r\n")
	}()
	if e := wantCode(t, s.Noop(within(t)), coded.ECONNRESET); e.Message != "Restarting" || e.Response != "UNAVAILABLE" {
		t.Errorf("got %+v", e)
	}
}

// deaf is a connection that can't be written to.
type deaf struct {
	net.Conn
	broken chan struct{}
}

func (d deaf) Write([]byte) (int, error) {
	close(d.broken)
	return 0, io.ErrClosedPipe
}

func TestEncodedWords(t *testing.T) {
	decode := func(charset string, r io.Reader) (io.Reader, error) {
		if charset != "koi8-r" {
			return nil, fmt.Errorf("unknown charset %s", charset)
		}
		return strings.NewReader("привет"), nil
	}
	for subject, want := range map[string]string{
		"plain":                                             "plain",
		"=?utf-8?q?a_b=21?=":                                "a b!",
		"=?UTF-8?B?w7w=?= =?utf-8*de?b?w7w?=":               "üü",
		"=?utf-8?q?=C3?= =?utf-8?q?=BC?=":                   "ü",
		"a =?iso-8859-1?q?=FC?= b =?us-ascii?q?c?=":         "a ü b c",
		"=?koi8-r?q?=F0?= =?koi8-r?q?=D2?=":                 "привет",
		"=?x-odd?q?=F0?=  =?x-odd?q?=D2?= =?utf-8?q?x?=":    "=?x-odd?q?=F0?=  =?x-odd?q?=D2?=x",
		"=?utf-8?q?=F?= =?utf-8?x?a?= =?utf-8?b?!?= =? =?a": "=?utf-8?q?=F?= =?utf-8?x?a?= =?utf-8?b?!?= =? =?a",
		"=?utf-8?q?=FF?=":                                   "\uFFFD",
		"x=?utf-8?q?a?=y":                                   "xay",
	} {
		s := inbox(t, kimap.Options{WordDecoder: decode}, Want("{a} FETCH 1 (UID ENVELOPE)"),
			Line(`* 1 FETCH (UID 5 ENVELOPE (NIL "`+subject+`" NIL NIL NIL NIL NIL NIL NIL NIL))`), Line("{a} OK done"), Hang())
		if got := fetchAll(t, s, imap.SeqSetNum(1), &imap.FetchOptions{Envelope: true})[0].Envelope.Subject; got != want {
			t.Errorf("%q: got %q, want %q", subject, got, want)
		}
	}
}

// An answer that never ends is not kept.
func TestEndlessAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		caps, line string
		call       func(context.Context, *kimap.Session) error
	}{
		"namespace": {"NAMESPACE", `* NAMESPACE (("a" "/")("b" "/")) NIL NIL`, func(ctx context.Context, s *kimap.Session) error { _, err := s.Namespace(ctx); return err }},
		"metadata": {"METADATA", `* METADATA a (/private/x "` + strings.Repeat("y", 1000) + `")`, func(ctx context.Context, s *kimap.Session) error {
			_, err := s.Metadata(ctx, "a", []string{"/private/x"}, nil)
			return err
		}},
		"quota": {"QUOTA", `* QUOTA "" (STORAGE 1 2 MESSAGE 3 4)`, func(ctx context.Context, s *kimap.Session) error { _, err := s.Quota(ctx, ""); return err }},
		"acl":   {"ACL", "* ACL a asha lrs li lr", func(ctx context.Context, s *kimap.Session) error { _, err := s.ACL(ctx, "a"); return err }},
		"enabled": {"ENABLE X", "* ENABLED " + strings.Repeat("a ", 1000), func(ctx context.Context, s *kimap.Session) error {
			defer s.Close() // as they are kept only up to a number
			return s.Enable(ctx, "X")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			steps := []Step{Want("{a} *"), Flood(tc.line+"\r\n", 2<<20/len(tc.line))}
			code := coded.ELIMIT
			if name == "enabled" {
				steps, code = append(steps, Line("{a} OK done")), coded.ENOTSUP
			}
			s := with(t, tc.caps, kimap.Options{Limits: kimap.Limits{Message: 1 << 20}}, steps...)
			wantCode(t, tc.call(within(t), s), code)
		})
	}
}

// The limits hold for what nobody has asked for, or knows, as well.
func TestLimitsOfTheUnknown(t *testing.T) {
	for name, line := range map[string]string{
		"literal": "* X-FOO {10000000000}", "nesting": "* 1 FETCH (X-FOO " + strings.Repeat("(", 300_000), "line": "* X-FOO " + strings.Repeat("x", 2<<20),
	} {
		t.Run(name, func(t *testing.T) {
			s := inbox(t, kimap.Options{}, Want("{a} NOOP"), Line(line), Hang())
			wantCode(t, s.Noop(within(t)), coded.ELIMIT)
		})
	}
}
