package imap_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	kimap "kaiwire/protocols/imap"
	"kaiwire/protocols/protocoltest/imapserver"
)

// oracle is go-imap's own client, logged in at the same server.
func oracle(t *testing.T, addr string) *imapclient.Client {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	noErr(t, err)
	c := imapclient.New(conn, nil)
	t.Cleanup(func() { c.Close(); <-c.Closed() })
	noErr(t, c.Login(asha.User, asha.Pass).Wait())
	return c
}

// The same commands at the same server give the same records as with go-imap's
// own client.
func TestLikeImapclient(t *testing.T) {
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("plain=%v", plain), func(t *testing.T) {
			_, addr := serve(t, imapserver.Options{Plain: plain})
			s := connect(t, to(addr), kimap.Options{})
			o := oracle(t, addr)
			ctx := within(t)

			m, err := s.Select(ctx, "INBOX")
			noErr(t, err)
			data, err := o.Select("INBOX", nil).Wait()
			noErr(t, err)
			same(t, "select", []any{m.Exists, m.UIDNext, m.UIDValidity, m.Flags, m.PermanentFlags},
				[]any{data.NumMessages, data.UIDNext, data.UIDValidity, data.Flags, data.PermanentFlags})

			var lo *imap.ListOptions
			if !plain {
				lo = &imap.ListOptions{ReturnSpecialUse: true}
			}
			list, err := s.ListExtended(ctx, "", []string{"*"}, lo)
			noErr(t, err)
			wantList, err := o.List("", "*", lo).Collect()
			noErr(t, err)
			same(t, "list", list, wantList)

			so := &imap.StatusOptions{NumMessages: true, NumUnseen: true, UIDNext: true, UIDValidity: true, Size: !plain}
			for _, name := range []string{"INBOX", "परिवार", "Trash"} {
				status, err := s.Status(ctx, name, so)
				noErr(t, err)
				want, err := o.Status(name, so).Wait()
				noErr(t, err)
				same(t, "status", status, want)
			}

			fo := everything()
			fo.BodySection = append(fo.BodySection,
				&imap.FetchItemBodySection{Peek: true},
				&imap.FetchItemBodySection{Part: []int{1}, Peek: true},
				&imap.FetchItemBodySection{Part: []int{1}, Specifier: imap.PartSpecifierMIME, Peek: true},
				&imap.FetchItemBodySection{Specifier: imap.PartSpecifierText, Partial: &imap.SectionPartial{Offset: 10, Size: 20}, Peek: true},
				&imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: []string{"Subject", "Date"}, Peek: true},
				&imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFieldsNot: []string{"Received"}, Peek: true})
			for _, set := range []imap.NumSet{imap.SeqSet{{Start: 1, Stop: 25}}, imap.UIDSetNum(3, 5, 16, 7), imap.UIDSet{{Start: 20}}} {
				for _, structure := range []bool{true, false} {
					fo.BodyStructure = &imap.FetchItemBodyStructure{Extended: structure}
					got := fetchAll(t, s, set, fo)
					fo.UID = true
					want, err := o.Fetch(set, fo).Collect()
					noErr(t, err)
					compareMessages(t, got, want)
				}
			}

			for _, c := range []imap.SearchCriteria{
				{}, {NotFlag: []imap.Flag{imap.FlagSeen}}, {Flag: []imap.Flag{"$Forwarded"}}, {Text: []string{"lake"}}, {Body: []string{"a \"b\" \\"}},
				{Since: imapserver.Reference.Add(-24 * time.Hour), Before: imapserver.Reference}, {SentSince: imapserver.Reference, Larger: 100, Smaller: 1000},
				{Not: []imap.SearchCriteria{{UID: []imap.UIDSet{imap.UIDSetNum(1, 2, 3)}}, {SeqNum: []imap.SeqSet{{{Start: 20}}}}}},
				{Or: [][2]imap.SearchCriteria{{{Header: []imap.SearchCriteriaHeaderField{{Key: "X-None", Value: ""}}}, {}}}},
				{Header: []imap.SearchCriteriaHeaderField{{Key: "subject", Value: "होली"}}},
			} {
				got, err := s.Search(ctx, &c, true)
				noErr(t, err)
				want, err := o.UIDSearch(&c, nil).Wait()
				noErr(t, err)
				uids := []uint32{}
				for _, uid := range want.AllUIDs() {
					uids = append(uids, uint32(uid))
				}
				if !slices.Equal(got, uids) {
					t.Errorf("search %+v: got %v, want %v", c, got, uids)
				}
			}

			copied, err := s.Copy(ctx, imap.UIDSetNum(1, 3), "Archive")
			noErr(t, err)
			wantCopy, err := o.Copy(imap.UIDSetNum(1, 3), "Archive").Wait()
			noErr(t, err)
			same(t, "copy", []any{copied.UIDValidity, copied.SourceUIDs.String()}, []any{wantCopy.UIDValidity, wantCopy.SourceUIDs.String()})

			_, err = s.Select(ctx, "No such")
			_, wantErr := o.Select("No such", nil).Wait()
			if err == nil || wantErr == nil || !strings.Contains(err.Error(), wantErr.Error()) {
				t.Errorf("got %v, want %v", err, wantErr)
			}
		})
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got\n%+v, want\n%+v", what, got, want)
	}
}

func compareMessages(t *testing.T, got []*kimap.Message, want []*imapclient.FetchMessageBuffer) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d messages, want %d", len(got), len(want))
	}
	for i, m := range got {
		w := want[i]
		if m.Envelope != nil && m.Envelope.Date.Equal(w.Envelope.Date) {
			m.Envelope.Date = w.Envelope.Date
		}
		if m.InternalDate.Equal(w.InternalDate) {
			m.InternalDate = w.InternalDate
		}
		same(t, "message", []any{m.Seq, m.UID, m.Size, m.InternalDate, m.Envelope, m.BodyStructure, len(m.Flags)},
			[]any{w.SeqNum, w.UID, w.RFC822Size, w.InternalDate, w.Envelope, w.BodyStructure, len(w.Flags)})
		for _, section := range m.Sections {
			if bytes := w.FindBodySection(section.Spec); string(bytes) != string(section.Bytes) {
				t.Errorf("section %+v of %d: got %.60q, want %.60q", section.Spec, m.Seq, section.Bytes, bytes)
			}
		}
		if len(m.Sections) != len(w.BodySection) {
			t.Errorf("%d sections, want %d", len(m.Sections), len(w.BodySection))
		}
	}
}

// envelopes serves FETCH with count envelopes, again and again.
func envelopes(tb testing.TB, count int) *kimap.Session {
	client, server := net.Pipe()
	tb.Cleanup(func() { client.Close(); server.Close() })
	var answer strings.Builder
	for i := range count {
		fmt.Fprintf(&answer, "* %d FETCH (UID %d FLAGS (\\Seen) ENVELOPE (\"Fri, 21 Nov 1997 09:55:%02d -0600\" \"Weekly report, number %d\" ((\"Asha Rao\" NIL \"asha\" \"mail.example\")) ((\"Asha Rao\" NIL \"asha\" \"mail.example\")) ((\"Asha Rao\" NIL \"asha\" \"mail.example\")) ((NIL NIL \"joao\" \"correio.example\")(\"Li\" NIL \"li\" \"post.example\")) NIL NIL NIL \"<%d.report@mail.example>\"))\r\n", i+1, i+1, i%60, i, i)
	}
	go func() {
		io.WriteString(server, "* PREAUTH [CAPABILITY IMAP4rev1] hi\r\n")
		buf := make([]byte, 200)
		for tag := 1; ; tag++ {
			if _, err := server.Read(buf); err != nil {
				return
			}
			fmt.Fprintf(server, "%sT%d OK done\r\n", answer.String(), tag)
		}
	}()
	s, err := kimap.Connect(context.Background(), dialer{client}, kimap.Options{Host: "h", Security: "none"})
	noErr(tb, err)
	tb.Cleanup(func() { s.Close(); <-s.Done() })
	return s
}

type dialer struct{ net.Conn }

func (d dialer) DialContext(context.Context, string, string) (net.Conn, error) { return d.Conn, nil }

// What an envelope costs is what a phone waits for: go-imap's client makes 239
// allocations of it.
func TestEnvelopeBudget(t *testing.T) {
	const count, budget = 1000, 6
	s := envelopes(t, count)
	options := &imap.FetchOptions{Envelope: true, Flags: true}
	n := testing.AllocsPerRun(3, func() {
		got := 0
		noErr(t, s.Fetch(context.Background(), imap.SeqSet{{Start: 1, Stop: count}}, options, 0, func(m *kimap.Message) error {
			if m.Envelope.From[0].Mailbox != "asha" || len(m.Envelope.To) != 2 || m.Envelope.MessageID == "" {
				t.Errorf("got %+v", m.Envelope)
			}
			got++
			return nil
		}))
		if got != count {
			t.Errorf("%d messages", got)
		}
	})
	if n /= count; n > budget {
		t.Errorf("%.1f allocations an envelope", n)
	}
}

func BenchmarkEnvelope(b *testing.B) {
	const count = 1000
	s := envelopes(b, count)
	options := &imap.FetchOptions{Envelope: true, Flags: true}
	b.ReportAllocs()
	for b.Loop() {
		noErr(b, s.Fetch(context.Background(), imap.SeqSet{{Start: 1, Stop: count}}, options, 0, func(*kimap.Message) error { return nil }))
	}
}
