package imap_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	kimap "kaiwire/protocols/imap"
	"kaiwire/protocols/protocoltest"
	"kaiwire/protocols/protocoltest/imapserver"
	"kaiwire/protocols/sasl"
)

var asha = sasl.Credentials{User: "asha", Pass: "kaiwire"}

func within(t testing.TB) context.Context { return protocoltest.Within(t) }

func noLeaks(t *testing.T) { t.Helper(); protocoltest.NoLeaks(t) }

func serve(t *testing.T, o imapserver.Options) (*imapserver.Server, string) {
	t.Helper()
	noLeaks(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := imapserver.New(o)
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(l) }()
	t.Cleanup(func() { s.Close(); l.Close(); <-done })
	return s, l.Addr().String()
}

type to string // the address, whatever was asked for

func (a to) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", string(a))
}

func connect(t *testing.T, d dial.Dialer, o kimap.Options) *kimap.Session {
	t.Helper()
	s, err := try(t, d, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func try(t *testing.T, d dial.Dialer, o kimap.Options) (*kimap.Session, error) {
	t.Helper()
	if o.Host == "" {
		o.Host = "mail.kaiwire.example"
	}
	if o.Security == "" {
		o.Security = dial.None
	}
	if o.Auth == (sasl.Credentials{}) {
		o.Auth = asha
	}
	s, err := kimap.Connect(within(t), d, o)
	if err == nil {
		t.Cleanup(func() {
			s.Close()
			select {
			case <-s.Done():
			case <-time.After(protocoltest.Patience):
				t.Error("the session doesn't end")
			}
		})
	}
	return s, err
}

func wantCode(t testing.TB, err error, code coded.Code) *coded.Error {
	t.Helper()
	return protocoltest.WantCode(t, err, "imap", code)
}

func noErr(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func everything() *imap.FetchOptions {
	return &imap.FetchOptions{
		Envelope: true, Flags: true, InternalDate: true, RFC822Size: true,
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
		BodySection:   []*imap.FetchItemBodySection{{Specifier: imap.PartSpecifierHeader, Peek: true}},
	}
}

func fetchAll(t testing.TB, s *kimap.Session, set imap.NumSet, o *imap.FetchOptions) []*kimap.Message {
	t.Helper()
	var l []*kimap.Message
	noErr(t, s.Fetch(within(t), set, o, 0, func(m *kimap.Message) error { l = append(l, m); return nil }))
	return l
}

func whole() imap.SeqSet { return imap.SeqSet{{Start: 1}} }

func TestMailbox(t *testing.T) {
	_, addr := serve(t, imapserver.Options{})
	s := connect(t, to(addr), kimap.Options{})
	ctx := within(t)

	if caps := s.Capabilities(); !slices.Contains(caps, "MOVE") || !slices.Contains(caps, "IDLE") {
		t.Errorf("capabilities: %q", caps)
	}
	list, err := s.List(ctx, "", "*")
	noErr(t, err)
	uses := map[string]string{}
	for _, m := range list {
		uses[m.Mailbox] = fmt.Sprint(m.Attrs)
	}
	if len(list) != 6 || uses["Sent"] != `[\Sent]` || uses["परिवार"] != "[]" {
		t.Errorf("list: %v", uses)
	}
	status, err := s.Status(ctx, "inbox", nil)
	noErr(t, err)
	if *status.NumMessages != 25 || *status.NumUnseen != 6 || status.UIDNext != 26 || status.UIDValidity == 0 {
		t.Errorf("status: %+v", status)
	}
	m, err := s.Examine(ctx, "inbox")
	noErr(t, err)
	if m.Name != "INBOX" || !m.ReadOnly || m.Exists != 25 || m.UIDNext != 26 || m.UIDValidity == 0 || len(m.Flags) == 0 || len(m.PermanentFlags) == 0 {
		t.Errorf("examine: %+v", m)
	}
	m, err = s.Select(ctx, "INBOX")
	noErr(t, err)
	if m.ReadOnly || !reflect.DeepEqual(s.Mailbox(), m) {
		t.Errorf("select: %+v; Mailbox: %+v", m, s.Mailbox())
	}
	_, err = s.Select(ctx, "No such")
	if e := wantCode(t, err, coded.EREJECTED); e.Response != "NONEXISTENT" || e.Message != "No such mailbox" {
		t.Errorf("got %+v", e)
	}
	if s.Mailbox() != nil {
		t.Error("a mailbox is selected after a failed SELECT")
	}
	if m, err = s.Select(ctx, "परिवार"); err != nil || m.Exists != 1 {
		t.Errorf("a name beyond ASCII: %+v, %v", m, err)
	}
	noErr(t, s.Noop(ctx))
	noErr(t, s.Logout(ctx))
	wantCode(t, s.Noop(ctx), coded.ECLOSED)
}

func TestFetch(t *testing.T) {
	_, addr := serve(t, imapserver.Options{})
	s := connect(t, to(addr), kimap.Options{})
	_, err := s.Select(within(t), "INBOX")
	noErr(t, err)

	l := fetchAll(t, s, whole(), everything())
	if len(l) != 25 {
		t.Fatalf("%d messages", len(l))
	}
	for i, m := range l {
		if m.Seq != uint32(i+1) || m.UID != imap.UID(i+1) || m.Size == 0 || m.InternalDate.IsZero() || m.Envelope == nil || m.BodyStructure == nil {
			t.Fatalf("message %d: %+v", i+1, m)
		}
		if len(m.Sections) != 1 || !bytes.HasSuffix(m.Sections[0].Bytes, []byte("\r\n\r\n")) || !m.Sections[0].Spec.Peek {
			t.Fatalf("header of message %d: %+v", i+1, m.Sections)
		}
	}
	for seq, subject := range map[int]string{
		2: "होली की छुट्टियाँ: कब आ रही हो?", 6: "Tack för senast! Väskan är hittad", 13: "موعد الاجتماع يوم الخميس",
		15: "照片已收到,谢谢!", 19: "=?koi8-r?q?=F0=D2=C9=D7=C5=D4_=C9=DA_=ED=CF=D3=CB=D7=D9?=", 22: "🎂 Farid turns thirty 🎉",
	} {
		if got := l[seq-1].Envelope.Subject; got != subject {
			t.Errorf("subject of %d: %q, want %q", seq, got, subject)
		}
	}
	if from := l[4].Envelope.From[0]; from.Name != "João Araújo" || from.Addr() != "joao@correio.example" {
		t.Errorf("from: %+v", from)
	}
	if irt := l[7].Envelope.InReplyTo; !slices.Equal(irt, []string{"trip-1@kaiwire.example"}) {
		t.Errorf("in reply to: %q", irt)
	}
	if got := l[15].BodyStructure.MediaType(); got != "multipart/mixed" {
		t.Errorf("body structure: %s", got)
	}
	photo := &imap.FetchItemBodySection{Part: []int{2}, Peek: true}
	got := fetchAll(t, s, imap.UIDSetNum(16), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{photo}})
	if len(got) != 1 || got[0].Sections[0].Spec != photo || len(got[0].Sections[0].Bytes) < 100 {
		t.Errorf("part 2 of message 16: %+v", got)
	}
	for name, set := range map[string]imap.NumSet{
		"*": imap.SeqSet{{}}, "UID *": imap.UIDSet{{}}, "30:*": imap.SeqSet{{Start: 30}},
	} {
		if got := fetchAll(t, s, set, nil); len(got) == 0 || got[0].Seq != 25 && name != "30:*" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := fetchAll(t, s, imap.UIDSet{{Start: 24}}, &imap.FetchOptions{Flags: true}); len(got) != 2 {
		t.Errorf("UID 24:*: %+v", got)
	}

	// Stopping early leaves the session usable.
	stop := errors.New("enough")
	calls := 0
	err = s.Fetch(within(t), whole(), everything(), 0, func(*kimap.Message) error { calls++; return stop })
	if err != stop || calls != 1 {
		t.Errorf("got %v after %d calls", err, calls)
	}
	calls = 0
	err = s.Fetch(within(t), whole(), nil, 3, func(*kimap.Message) error { calls++; return nil })
	if wantCode(t, err, coded.ELIMIT); calls != 3 {
		t.Errorf("%d calls", calls)
	}
	noErr(t, s.Noop(within(t)))
}

func TestWordDecoder(t *testing.T) {
	_, addr := serve(t, imapserver.Options{})
	s := connect(t, to(addr), kimap.Options{WordDecoder: func(charset string, r io.Reader) (io.Reader, error) {
		if charset != "koi8-r" {
			return nil, fmt.Errorf("unknown charset %s", charset)
		}
		return strings.NewReader("привет"), nil
	}})
	_, err := s.Select(within(t), "INBOX")
	noErr(t, err)
	if got := fetchAll(t, s, imap.SeqSetNum(19), &imap.FetchOptions{Envelope: true})[0].Envelope.Subject; got != "привет" {
		t.Errorf("got %q", got)
	}
}

func TestDownload(t *testing.T) {
	_, addr := serve(t, imapserver.Options{})
	text := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierText, Peek: true}
	s := connect(t, to(addr), kimap.Options{})
	ctx := within(t)
	_, err := s.Select(ctx, "INBOX")
	noErr(t, err)

	lit, err := s.Download(ctx, imap.UIDSetNum(21), text)
	noErr(t, err)
	if lit.Size() != imapserver.Large {
		t.Fatalf("size %d, want %d", lit.Size(), imapserver.Large)
	}
	// Others wait for their turn, and a wait that is given up harms nobody.
	short, cancel := context.WithCancel(ctx)
	waiting := make(chan error)
	go func() { waiting <- s.Noop(short) }()
	cancel()
	wantCode(t, <-waiting, coded.ABORT_ERR)
	queued := make(chan error, 1)
	go func() { queued <- s.Noop(ctx) }()
	n, err := io.Copy(io.Discard, lit)
	if err != nil || n != imapserver.Large {
		t.Fatalf("%d bytes, %v", n, err)
	}
	noErr(t, <-queued)
	noErr(t, lit.Close())

	_, err = s.Download(ctx, imap.UIDSetNum(999), text)
	wantCode(t, err, coded.ENOTFOUND)
	_, err = s.Download(ctx, imap.UIDSetNum(1, 2), text)
	wantCode(t, err, coded.EINVAL)

	// A small rest is drained.
	lit, err = s.Download(ctx, imap.UIDSetNum(1), text)
	noErr(t, err)
	noErr(t, lit.Close())
	noErr(t, lit.Close())
	if _, err := lit.Read(make([]byte, 1)); err == nil {
		t.Error("Read after Close gives bytes")
	}
	noErr(t, s.Noop(ctx))

	// A large one ends the session.
	lit, err = s.Download(ctx, imap.UIDSetNum(21), text)
	noErr(t, err)
	_, err = lit.Read(make([]byte, 10))
	noErr(t, err)
	noErr(t, lit.Close())
	wantCode(t, s.Noop(ctx), coded.ECLOSED)
}

func TestAbandonedDownload(t *testing.T) {
	_, addr := serve(t, imapserver.Options{})
	s := connect(t, to(addr), kimap.Options{})
	_, err := s.Select(within(t), "INBOX")
	noErr(t, err)
	lit, err := s.Download(within(t), imap.UIDSetNum(21), &imap.FetchItemBodySection{Peek: true})
	noErr(t, err)
	s.Close()
	<-s.Done()
	_, err = io.Copy(io.Discard, lit)
	wantCode(t, err, coded.ECLOSED)
}

func TestSearch(t *testing.T) {
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("plain=%v", plain), func(t *testing.T) {
			_, addr := serve(t, imapserver.Options{Plain: plain})
			s := connect(t, to(addr), kimap.Options{})
			ctx := within(t)
			_, err := s.Select(ctx, "INBOX")
			noErr(t, err)
			for _, tc := range []struct {
				name string
				c    *imap.SearchCriteria
				want []uint32
			}{
				{"unseen", &imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}}, []uint32{18, 20, 22, 23, 24, 25}},
				{"subject", &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "lake"}}}, []uint32{7, 8, 9, 10, 11, 12, 16}},
				{"text beyond ASCII", &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "गुजिया"}}}, []uint32{23}},
				{"either", &imap.SearchCriteria{Or: [][2]imap.SearchCriteria{{{UID: []imap.UIDSet{imap.UIDSetNum(1)}}, {Larger: 1 << 20}}}}, []uint32{1, 21}},
				{"since", &imap.SearchCriteria{Since: imapserver.Reference}, []uint32{24, 25}},
				{"none", &imap.SearchCriteria{Body: []string{"xylophone"}}, nil},
			} {
				if got, err := s.Search(ctx, tc.c, true); err != nil || !slices.Equal(got, tc.want) {
					t.Errorf("%s: %v, %v; want %v", tc.name, got, err, tc.want)
				}
			}
			if got, err := s.Search(ctx, nil, false); err != nil || len(got) != 25 {
				t.Errorf("all: %v, %v", got, err)
			}
		})
	}
}

// events collects what a session is told.
type events struct {
	mu   sync.Mutex
	log  []string
	more chan struct{}
}

func (e *events) add(format string, args ...any) {
	e.mu.Lock()
	e.log = append(e.log, fmt.Sprintf(format, args...))
	e.mu.Unlock()
	select {
	case e.more <- struct{}{}:
	default:
	}
}

func (e *events) handler() kimap.Handler {
	e.more = make(chan struct{}, 1)
	return kimap.Handler{
		Exists:  func(n uint32) { e.add("exists %d", n) },
		Expunge: func(seq uint32) { e.add("expunge %d", seq) },
		Flags:   func(seq uint32, uid imap.UID, flags []imap.Flag) { e.add("flags %d %d %v", seq, uid, flags) },
		Alert:   func(text string) { e.add("alert %s", text) },
		Unknown: func(r string) { e.add("unknown %s", r) },
		Closed:  func(err error) { e.add("closed %v", err) },
	}
}

// want waits until exactly the events of want have come.
func (e *events) want(t testing.TB, want ...string) {
	t.Helper()
	timeout := time.After(protocoltest.Patience)
	for {
		e.mu.Lock()
		got := slices.Clone(e.log)
		e.mu.Unlock()
		if slices.Equal(got, want) {
			return
		}
		select {
		case <-e.more:
		case <-timeout:
			t.Fatalf("events: %q, want %q", got, want)
		}
	}
}

func TestChanges(t *testing.T) {
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("plain=%v", plain), func(t *testing.T) {
			_, addr := serve(t, imapserver.Options{Plain: plain})
			var e events
			s := connect(t, to(addr), kimap.Options{Handler: e.handler()})
			ctx := within(t)
			_, err := s.Select(ctx, "INBOX")
			noErr(t, err)

			noErr(t, s.Store(ctx, imap.SeqSetNum(1), imap.StoreFlagsAdd, []imap.Flag{imap.FlagFlagged, "$Later"}))
			noErr(t, s.Store(ctx, imap.UIDSetNum(1), imap.StoreFlagsDel, []imap.Flag{imap.FlagSeen}))
			flags := fetchAll(t, s, imap.SeqSetNum(1), &imap.FetchOptions{Flags: true})[0].Flags
			slices.Sort(flags)
			if fmt.Sprint(flags) != `[$later \Flagged]` && fmt.Sprint(flags) != `[$Later \Flagged]` {
				t.Errorf("flags: %v", flags)
			}
			e.want(t)

			data, err := s.Copy(ctx, imap.UIDSetNum(1, 2), "Archive")
			noErr(t, err)
			if data.SourceUIDs.String() != "1:2" || data.DestUIDs.String() != "3:4" || data.UIDValidity == 0 {
				t.Errorf("copy: %+v", data)
			}
			_, err = s.Copy(ctx, imap.UIDSetNum(1), "No such")
			if got := wantCode(t, err, coded.EREJECTED); got.Response != "TRYCREATE" {
				t.Errorf("got %+v", got)
			}

			_, err = s.Move(ctx, imap.SeqSetNum(1, 3), "Trash")
			noErr(t, err)
			if plain {
				// The originals stay, marked, for Expunge.
				e.want(t)
				noErr(t, s.Expunge(ctx))
			}
			e.want(t, "expunge 3", "expunge 1")
			if got := s.Mailbox().Exists; got != 23 {
				t.Errorf("%d messages left", got)
			}
			_, err = s.Move(ctx, imap.SeqSetNum(1), "No such")
			wantCode(t, err, coded.EREJECTED)
			noErr(t, s.Expunge(ctx))
			if got := s.Mailbox().Exists; got != 23 {
				t.Errorf("%d messages left after a move that failed", got)
			}
			status, err := s.Status(ctx, "Trash", nil)
			if err != nil || *status.NumMessages != 3 {
				t.Errorf("trash: %+v, %v", status, err)
			}
		})
	}
}

func TestAppend(t *testing.T) {
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("plain=%v", plain), func(t *testing.T) {
			_, addr := serve(t, imapserver.Options{Empty: true, Plain: plain})
			s := connect(t, to(addr), kimap.Options{})
			ctx := within(t)
			text := "Subject: long\r\n\r\n" + strings.Repeat("a line of the long message\r\n", 40_000)
			when := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
			data, err := s.Append(ctx, "Drafts", strings.NewReader(text), int64(len(text)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagDraft}, Time: when})
			noErr(t, err)
			if data.UID != 1 {
				t.Errorf("append: %+v", data)
			}
			// A refusal, before or after the bytes, leaves the session usable.
			for _, size := range []int{len(text), 100} {
				_, err = s.Append(ctx, "No such", strings.NewReader(text), int64(size), nil)
				if e := wantCode(t, err, coded.EREJECTED); e.Response != "TRYCREATE" {
					t.Errorf("got %+v", e)
				}
			}
			_, err = s.Select(ctx, "Drafts")
			noErr(t, err)
			m := fetchAll(t, s, whole(), everything())[0]
			if m.Size != int64(len(text)) || !m.InternalDate.Equal(when) || !slices.Equal(m.Flags, []imap.Flag{imap.FlagDraft}) {
				t.Errorf("got %+v", m)
			}
			lit, err := s.Download(ctx, imap.SeqSetNum(1), &imap.FetchItemBodySection{Peek: true})
			noErr(t, err)
			if b, err := io.ReadAll(lit); err != nil || string(b) != text {
				t.Errorf("%d bytes came back, %v", len(b), err)
			}
			broken := errors.New("the card was pulled out")
			_, err = s.Append(ctx, "Drafts", io.MultiReader(strings.NewReader("abc"), errReader{broken}), 10, nil)
			if wantCode(t, err, coded.EINVAL); !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
			wantCode(t, s.Noop(ctx), coded.ECLOSED)
		})
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestIdle(t *testing.T) {
	server, addr := serve(t, imapserver.Options{})
	var e events
	s := connect(t, to(addr), kimap.Options{Handler: e.handler()})
	other := connect(t, to(addr), kimap.Options{})
	ctx := within(t)
	for _, s := range []*kimap.Session{s, other} {
		_, err := s.Select(ctx, "INBOX")
		noErr(t, err)
	}
	idle, err := s.Idle(ctx)
	noErr(t, err)
	_, err = s.Idle(ctx)
	wantCode(t, err, coded.EINVAL)

	text := "Subject: new\r\n\r\nnews\r\n"
	_, err = other.Append(ctx, "INBOX", strings.NewReader(text), int64(len(text)), nil)
	noErr(t, err)
	e.want(t, "exists 26")
	noErr(t, other.Store(ctx, imap.SeqSetNum(2), imap.StoreFlagsSet, []imap.Flag{imap.FlagDeleted}))
	noErr(t, other.Expunge(ctx))
	e.want(t, "exists 26", `flags 2 2 [\Deleted]`, "expunge 2")

	// Commands get through, from several goroutines, and IDLE goes on.
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := s.Search(ctx, nil, true); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	noErr(t, server.Deliver("INBOX", []byte(text)))
	e.want(t, "exists 26", `flags 2 2 [\Deleted]`, "expunge 2", "exists 26")

	noErr(t, idle.Stop(ctx))
	noErr(t, idle.Stop(ctx))
	noErr(t, s.Noop(ctx))
	idle, err = s.Idle(ctx)
	noErr(t, err)
	s.Close()
	wantCode(t, idle.Stop(ctx), coded.ECLOSED)
}

func TestIdleRestart(t *testing.T) {
	noLeaks(t)
	again := make(chan struct{})
	conn := protocoltest.Transcript(t, append(login(),
		protocoltest.Want("{a} IDLE"), protocoltest.Line("+ go"), protocoltest.Want("DONE"), protocoltest.Line("{a} OK done"),
		protocoltest.Want("{b} IDLE"), protocoltest.Line("+ go"), protocoltest.Signal(again), protocoltest.Want("DONE"), protocoltest.Line("{b} OK done"),
		protocoltest.Hang())...)
	s := connect(t, protocoltest.Dial(conn), kimap.Options{IdleRestart: 200 * time.Millisecond})
	idle, err := s.Idle(within(t))
	noErr(t, err)
	<-again
	noErr(t, idle.Stop(within(t)))
}

func TestWrongPassword(t *testing.T) {
	_, addr := serve(t, imapserver.Options{})
	_, err := try(t, to(addr), kimap.Options{Auth: sasl.Credentials{User: "asha", Pass: "wrong"}})
	if e := wantCode(t, err, coded.EAUTH); e.Response != "AUTHENTICATIONFAILED" || e.Message != "Authentication failed" {
		t.Errorf("got %+v", e)
	}
}

func TestInvalidArguments(t *testing.T) {
	_, addr := serve(t, imapserver.Options{})
	s := connect(t, to(addr), kimap.Options{})
	ctx := within(t)
	_, err := s.Select(ctx, "INBOX")
	noErr(t, err)
	section := func(f imap.FetchItemBodySection) error {
		return s.Fetch(ctx, whole(), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{&f}}, 0, nil)
	}
	search := func(c imap.SearchCriteria) error { _, err := s.Search(ctx, &c, false); return err }
	_, selectErr := s.Select(ctx, "a\r\nb")
	_, listErr := s.List(ctx, "", "a\x00")
	_, appendErr := s.Append(ctx, "INBOX", strings.NewReader(""), 0, nil)
	_, copyErr := s.Copy(ctx, imap.UIDSet{}, "Trash")
	_, moveErr := s.Move(ctx, nil, "Trash")
	for name, err := range map[string]error{
		"name with a line end": selectErr,
		"pattern with NUL":     listErr,
		"empty message":        appendErr,
		"empty set":            copyErr,
		"no set":               moveErr,
		"flag of two words":    s.Store(ctx, whole(), imap.StoreFlagsAdd, []imap.Flag{"two words"}),
		"unknown operation":    s.Store(ctx, whole(), 9, nil),
		"part 0":               section(imap.FetchItemBodySection{Part: []int{0}}),
		"odd specifier":        section(imap.FetchItemBodySection{Specifier: "X] Y"}),
		"odd header field":     section(imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"a b"}}),
		"negative range":       section(imap.FetchItemBodySection{Partial: &imap.SectionPartial{Offset: -1, Size: 1}}),
		"search by odd flag":   search(imap.SearchCriteria{Not: []imap.SearchCriteria{{Flag: []imap.Flag{"("}}}}),
		"search by odd field":  search(imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "a:b"}}}),
	} {
		t.Run(name, func(t *testing.T) { wantCode(t, err, coded.EINVAL) })
	}
	noErr(t, s.Noop(ctx))
}
