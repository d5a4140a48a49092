package imap_test

import (
	"compress/flate"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	kimap "kaiwire/protocols/imap"
	. "kaiwire/protocols/protocoltest"
	"kaiwire/protocols/sasl"
)

// with connects to a server that has these capabilities besides IMAP4rev1, has
// INBOX with 3 messages selected, and goes on with steps.
func with(t *testing.T, caps string, o kimap.Options, steps ...Step) *kimap.Session {
	t.Helper()
	noLeaks(t)
	if o.Enable == nil {
		o.Enable = []imap.Cap{}
	}
	o.NoCompress = true
	all := append([]Step{Line("* PREAUTH [CAPABILITY IMAP4rev1 " + caps + "] hi"), Want("{sel} SELECT INBOX"), Line("* 3 EXISTS"), Line("{sel} OK done")}, steps...)
	s := connect(t, Dial(Transcript(t, append(all, Hang())...)), o)
	_, err := s.Select(within(t), "INBOX")
	noErr(t, err)
	return s
}

// answered checks a call that needs nothing but an OK.
func answered(t *testing.T, caps, line string, call func(context.Context, *kimap.Session) error) {
	t.Helper()
	s := with(t, caps, kimap.Options{}, Want("{a} "+line), Line("{a} OK done"))
	noErr(t, call(within(t), s))
}

func lacks(t *testing.T, call func(context.Context, *kimap.Session) error) {
	t.Helper()
	wantCode(t, call(within(t), with(t, "", kimap.Options{})), coded.ENOTSUP)
}

func equal(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestEnable(t *testing.T) {
	t.Run("by itself", func(t *testing.T) {
		conn := Transcript(t, Line("* PREAUTH [CAPABILITY IMAP4rev1 IMAP4rev2 ENABLE UTF8=ACCEPT] hi"),
			Want("{a} ENABLE IMAP4rev2 UTF8=ACCEPT"), Line("* ENABLED IMAP4rev2 UTF8=ACCEPT"), Line("{a} OK done"),
			Want(`{b} SELECT "Entwürfe"`), Line("{b} OK done"), Want(`{c} UID SEARCH RETURN (ALL) SUBJECT "ü"`), Line(`* ESEARCH (TAG "{c}") UID ALL 7`), Line("{c} OK done"),
			Want("{d} APPEND \"Entwürfe\" UTF8 (~{3+}"), Want("abc)"), Line("{d} OK done"), Want(`{e} LIST "" *`), Line(`* LIST () "/" "R&D Ü"`), Line("{e} OK done"), Hang())
		s := connect(t, Dial(conn), kimap.Options{})
		ctx := within(t)
		_, err := s.Select(ctx, "Entwürfe")
		noErr(t, err)
		found, err := s.Search(ctx, &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "ü"}}}, true)
		noErr(t, err)
		equal(t, found, []uint32{7})
		_, err = s.Append(ctx, "Entwürfe", strings.NewReader("abc"), 3, nil)
		noErr(t, err)
		list, err := s.ListExtended(ctx, "", []string{"*"}, nil)
		noErr(t, err)
		equal(t, list[0].Mailbox, "R&D Ü")
	})
	t.Run("refused", func(t *testing.T) {
		conn := Transcript(t, Line("* PREAUTH [CAPABILITY IMAP4rev1 ENABLE UTF8=ACCEPT] hi"), Want("{a} ENABLE UTF8=ACCEPT"), Line("{a} BAD what?"),
			Want("{b} SELECT Entw&APw-rfe"), Line("{b} OK done"), Hang())
		_, err := connect(t, Dial(conn), kimap.Options{}).Select(within(t), "Entwürfe")
		noErr(t, err)
	})
	t.Run("by the app", func(t *testing.T) {
		s := with(t, "ENABLE QRESYNC X-A", kimap.Options{}, Want("{a} ENABLE QRESYNC"), Line("* ENABLED qresync"), Line("{a} OK done"), Want("{b} ENABLE X-A"), Line("{b} OK done"))
		noErr(t, s.Enable(within(t), "QRESYNC"))
		noErr(t, s.Enable(within(t), "QRESYNC"))
		wantCode(t, s.Enable(within(t), "X-A"), coded.ENOTSUP)
		wantCode(t, s.Enable(within(t), "X-B"), coded.ENOTSUP)
		wantCode(t, s.Enable(within(t), "X C"), coded.EINVAL)
	})
	t.Run("IMAP4rev2 alone", func(t *testing.T) {
		conn := Transcript(t, Line("* PREAUTH [CAPABILITY IMAP4rev2] hi"), Want(`{b} SELECT "Entwürfe"`), Line("{b} OK done"), Want("{c} UNSELECT"), Line("{c} OK done"), Hang())
		s := connect(t, Dial(conn), kimap.Options{Enable: []imap.Cap{}})
		_, err := s.Select(within(t), "Entwürfe")
		noErr(t, err)
		noErr(t, s.Unselect(within(t)))
		equal(t, s.Mailbox(), (*kimap.Mailbox)(nil))
	})
}

func TestID(t *testing.T) {
	s := with(t, "ID", kimap.Options{}, Want(`{a} ID ("name" "kaiwire" "version" "1 \"x\"")`), Line(`* ID ("Name" "Dovecot" "x" "y" "os" NIL "vendor" {3}`), Raw("a\nb)\r\n"), Line("{a} OK done"),
		Want("{b} ID NIL"), Line("* ID NIL"), Line("{b} OK done"))
	got, err := s.ID(within(t), &imap.IDData{Name: "kaiwire", Version: `1 "x"`})
	noErr(t, err)
	equal(t, got, &imap.IDData{Name: "Dovecot", Vendor: "a b"})
	got, err = s.ID(within(t), nil)
	noErr(t, err)
	equal(t, got, &imap.IDData{})
	lacks(t, func(ctx context.Context, s *kimap.Session) error { _, err := s.ID(ctx, nil); return err })
}

func TestNamespace(t *testing.T) {
	s := with(t, "NAMESPACE", kimap.Options{}, Want("{a} NAMESPACE"), Line(`* NAMESPACE (("" "/")("Entw&APw-rfe/" NIL "X" ("a"))) nil (("#shared." "."))`), Line("{a} OK done"))
	got, err := s.Namespace(within(t))
	noErr(t, err)
	equal(t, got, &imap.NamespaceData{Personal: []imap.NamespaceDescriptor{{Delim: '/'}, {Prefix: "Entwürfe/"}}, Shared: []imap.NamespaceDescriptor{{Prefix: "#shared.", Delim: '.'}}})
	s = with(t, "", kimap.Options{}, Want(`{a} LIST "" ""`), Line(`* LIST (\Noselect) "." ""`), Line("{a} OK done"))
	got, err = s.Namespace(within(t))
	noErr(t, err)
	equal(t, got, &imap.NamespaceData{Personal: []imap.NamespaceDescriptor{{Delim: '.'}}})
}

func TestFolders(t *testing.T) {
	answered(t, "", "CREATE Entw&APw-rfe", func(ctx context.Context, s *kimap.Session) error {
		return s.Create(ctx, "Entwürfe", imap.MailboxAttrDrafts)
	})
	answered(t, "CREATE-SPECIAL-USE", `CREATE a (USE (\Drafts \Sent))`, func(ctx context.Context, s *kimap.Session) error {
		return s.Create(ctx, "a", imap.MailboxAttrDrafts, imap.MailboxAttrSent)
	})
	answered(t, "", `DELETE "a b"`, func(ctx context.Context, s *kimap.Session) error { return s.Delete(ctx, "a b") })
	answered(t, "", "RENAME a b", func(ctx context.Context, s *kimap.Session) error { return s.Rename(ctx, "a", "b") })
	answered(t, "", "SUBSCRIBE a", func(ctx context.Context, s *kimap.Session) error { return s.Subscribe(ctx, "a") })
	answered(t, "", "UNSUBSCRIBE a", func(ctx context.Context, s *kimap.Session) error { return s.Unsubscribe(ctx, "a") })
	answered(t, "", "CLOSE", func(ctx context.Context, s *kimap.Session) error {
		defer func() { equal(t, s.Mailbox(), (*kimap.Mailbox)(nil)) }()
		return s.CloseMailbox(ctx)
	})
	answered(t, "UNSELECT", "UNSELECT", func(ctx context.Context, s *kimap.Session) error { return s.Unselect(ctx) })
	s := with(t, "", kimap.Options{}, Want("{a} EXAMINE INBOX"), Line("{a} OK [READ-ONLY] done"), Want("{b} CLOSE"), Line("{b} OK done"))
	noErr(t, s.Unselect(within(t)))
	noErr(t, s.Unselect(within(t)))
	for _, err := range []error{s.Create(within(t), ""), s.Rename(within(t), "a", "b\n"), s.Create(within(t), "a", "b c")} {
		wantCode(t, err, coded.EINVAL)
	}
}

func names(list []*imap.ListData) string {
	all := []string{}
	for _, m := range list {
		text := m.Mailbox + fmt.Sprint(m.Attrs)
		if m.Status != nil && m.Status.NumUnseen != nil {
			text += fmt.Sprint(" ", *m.Status.NumUnseen)
		}
		if m.OldName != "" {
			text += " was " + m.OldName
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func TestListExtended(t *testing.T) {
	o := &imap.ListOptions{SelectSubscribed: true, SelectRecursiveMatch: true, ReturnChildren: true, ReturnSpecialUse: true, ReturnStatus: &imap.StatusOptions{NumUnseen: true}}
	s := with(t, "LIST-EXTENDED LIST-STATUS SPECIAL-USE", kimap.Options{},
		Want(`{a} LIST (SUBSCRIBED RECURSIVEMATCH) "" (a* %) RETURN (CHILDREN SPECIAL-USE STATUS (UNSEEN))`),
		Line(`* LIST (\HASCHILDREN \sent) "/" a`), Line("* STATUS a (UNSEEN 4)"), Line(`* LIST () "/" b ("OLDNAME" ("c") "CHILDINFO" ("SUBSCRIBED"))`), Line("* STATUS z (UNSEEN 1)"), Line("{a} OK done"))
	list, err := s.ListExtended(within(t), "", []string{"a*", "%"}, o)
	noErr(t, err)
	equal(t, names(list), `a[\HasChildren \Sent] 4, b[] was c`)

	// The same with nothing of it.
	o.SelectRecursiveMatch = false
	s = with(t, "", kimap.Options{}, Want(`{a} LSUB "" a*`), Line(`* LSUB () "." a.Gesendet`), Line(`* LSUB (\Noselect) "." a.x`), Line("{a} OK done"),
		Want(`{b} LSUB "" %`), Line("{b} OK done"), Want("{c} STATUS a.Gesendet (UNSEEN)"), Line("* STATUS a.Gesendet (UNSEEN 4)"), Line("{c} OK done"))
	list, err = s.ListExtended(within(t), "", []string{"a*", "%"}, o)
	noErr(t, err)
	equal(t, names(list), `a.Gesendet[\Subscribed \Sent] 4, a.x[\Noselect]`)

	s = with(t, "", kimap.Options{}, Want(`{a} LIST "" *`), Line("* LIST () NIL a"), Line("* LIST () NIL b"), Line("{a} OK done"), Want(`{b} LSUB "" *`), Line("* LSUB () NIL b"), Line("{b} OK done"),
		Want("{c} STATUS a (UNSEEN)"), Line("{c} NO gone"), Want("{d} STATUS b (UNSEEN)"), Line("* STATUS b (UNSEEN 1)"), Line("{d} OK done"))
	list, err = s.ListExtended(within(t), "", []string{"*"}, &imap.ListOptions{ReturnSubscribed: true, ReturnStatus: &imap.StatusOptions{NumUnseen: true}})
	noErr(t, err)
	equal(t, names(list), `a[], b[\Subscribed] 1`)
	lacks(t, func(ctx context.Context, s *kimap.Session) error {
		_, err := s.ListExtended(ctx, "", []string{"*"}, &imap.ListOptions{SelectRemote: true})
		return err
	})
}

// Mailboxes that no server says the use of are known by their names.
func TestUsesByName(t *testing.T) {
	s := with(t, "", kimap.Options{}, Want(`{a} LIST "" *`), Line("* LIST () \"/\" INBOX"), Line(`* LIST () "/" "INBOX/Gel&APY-scht"`), Line(`* LIST () "/" Trash`), Line(`* LIST () "/" &BCcENQRABD0EPgQyBDgEOgQ4-`),
		Line(`* LIST (\Noselect) "/" Sent`), Line(`* LIST () "/" "x|y"`), Line(`* LIST () "/" "SENT ITEMS"`), Line(`* LIST (\Junk) "/" odd`), Line(`* LIST () "/" Spam`), Line("{a} OK done"))
	list, err := s.List(within(t), "", "*")
	noErr(t, err)
	equal(t, names(list), `INBOX[], INBOX/Gelöscht[\Trash], Trash[], Черновики[\Drafts], Sent[\Noselect], x|y[], SENT ITEMS[\Sent], odd[\Junk], Spam[]`)
	s = with(t, "", kimap.Options{}, Want(`{a} LIST "" *`), Line("* LIST () \"/\" INBOX"), Line("* LIST () \"/\" Papelera"), Line("{a} OK done"))
	list, err = s.ListExtended(within(t), "", []string{"*"}, &imap.ListOptions{SelectSpecialUse: true})
	noErr(t, err)
	equal(t, names(list), `Papelera[\Trash]`)
}

func TestStatusItems(t *testing.T) {
	o := &imap.StatusOptions{NumMessages: true, Size: true, HighestModSeq: true, AppendLimit: true, DeletedStorage: true, NumDeleted: true}
	s := with(t, "STATUS=SIZE CONDSTORE APPENDLIMIT QUOTA=RES-STORAGE QUOTA=RES-MESSAGE", kimap.Options{},
		Want("{a} STATUS a (MESSAGES DELETED SIZE APPENDLIMIT DELETED-STORAGE HIGHESTMODSEQ)"),
		Line("* STATUS a (MESSAGES 1 DELETED 2 SIZE 9000000000 APPENDLIMIT NIL DELETED-STORAGE 5 HIGHESTMODSEQ 9223372036854775807)"), Line("{a} OK done"))
	got, err := s.Status(within(t), "a", o)
	noErr(t, err)
	if *got.NumMessages != 1 || *got.NumDeleted != 2 || *got.Size != 9_000_000_000 || *got.AppendLimit != 1<<32-1 || *got.DeletedStorage != 5 || got.HighestModSeq != 1<<63-1 {
		t.Errorf("got %+v", got)
	}
	for _, o := range []imap.StatusOptions{{Size: true}, {HighestModSeq: true}, {AppendLimit: true}, {DeletedStorage: true}, {NumDeleted: true}, {NumRecent: true}} {
		lacks(t, func(ctx context.Context, s *kimap.Session) error { _, err := s.Status(ctx, "a", &o); return err })
	}
}

func TestCondStore(t *testing.T) {
	s := with(t, "CONDSTORE", kimap.Options{},
		Want("{a} SELECT INBOX (CONDSTORE)"), Line("* 3 EXISTS"), Line("* OK [HIGHESTMODSEQ 715194045007] ok"), Line("* OK [MAILBOXID (F2212ea87-6097)] ok"), Line("{a} OK done"),
		Want("{b} UID FETCH 1:* (UID FLAGS MODSEQ) (CHANGEDSINCE 715194045006)"), Line("* 2 FETCH (UID 9 MODSEQ (715194045007) FLAGS (\\Seen))"), Line("{b} OK done"),
		Want("{c} UID STORE 7,9 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Seen)"), Line("* 2 FETCH (UID 9 MODSEQ (8))"), Line("{c} OK [MODIFIED 7] some failed"),
		Want("{d} SEARCH MODSEQ 6"), Line("* SEARCH 2 (MODSEQ 917162500)"), Line("{d} OK done"),
		Want("{e} STORE 1 (UNCHANGEDSINCE 5) FLAGS.SILENT ()"), Line("{e} NO [MODIFIED 1] all failed"))
	ctx := within(t)
	m, err := s.Open(ctx, "INBOX", &kimap.OpenOptions{CondStore: true})
	noErr(t, err)
	if m.HighestModSeq != 715194045007 || m.MailboxID != "F2212ea87-6097" {
		t.Errorf("got %+v", m)
	}
	l := fetchAll(t, s, imap.UIDSet{{Start: 1}}, &imap.FetchOptions{Flags: true, ModSeq: true, ChangedSince: 715194045006})
	if len(l) != 1 || l[0].ModSeq != 715194045007 {
		t.Errorf("got %+v", l)
	}
	failed, err := s.StoreUnchanged(ctx, imap.UIDSetNum(7, 9), imap.StoreFlagsAdd, []imap.Flag{imap.FlagSeen}, 5)
	noErr(t, err)
	equal(t, failed, imap.NumSet(imap.UIDSetNum(7)))
	data, err := s.SearchData(ctx, &imap.SearchCriteria{ModSeq: &imap.SearchCriteriaModSeq{ModSeq: 6}}, false, kimap.SearchOptions{All: true})
	noErr(t, err)
	equal(t, data, &kimap.SearchData{Numbers: []uint32{2}, ModSeq: 917162500})
	failed, err = s.StoreUnchanged(ctx, imap.SeqSetNum(1), imap.StoreFlagsSet, nil, 5)
	wantCode(t, err, coded.EREJECTED)
	equal(t, failed, imap.NumSet(imap.SeqSetNum(1)))
	lacks(t, func(ctx context.Context, s *kimap.Session) error {
		_, err := s.Open(ctx, "INBOX", &kimap.OpenOptions{CondStore: true})
		return err
	})
	lacks(t, func(ctx context.Context, s *kimap.Session) error {
		_, err := s.Search(ctx, &imap.SearchCriteria{Not: []imap.SearchCriteria{{ModSeq: &imap.SearchCriteriaModSeq{}}}}, true)
		return err
	})
}

func TestQResync(t *testing.T) {
	var e events
	h := e.handler()
	h.Vanished = func(uids imap.UIDSet, earlier bool) { e.add("vanished %v %v", uids, earlier) }
	s := with(t, "ENABLE CONDSTORE QRESYNC", kimap.Options{Handler: h},
		Want("{a} ENABLE QRESYNC"), Line("* ENABLED QRESYNC"), Line("{a} OK done"),
		Want("{b} SELECT a (QRESYNC (67890007 90060115194045000 41:211,214))"), Line("* OK [CLOSED] ok"), Line("* 100 EXISTS"), Line("* OK [UIDVALIDITY 67890007] ok"), Line("* OK [HIGHESTMODSEQ 90060115205545359] ok"),
		Line("* VANISHED (EARLIER) 41,43:116"), Line(`* 49 FETCH (UID 117 FLAGS (\Seen) MODSEQ (90060115194045001))`), Line("{b} OK done"),
		Want("{c} NOOP"), Line("* VANISHED 405,407:408"), Line("* VANISHED 7:5,x"), Line("{c} OK done"),
		Want("{d} UID FETCH 300:500 (UID FLAGS) (CHANGEDSINCE 12345 VANISHED)"), Line("* VANISHED (EARLIER) 300:310"), Line("* 1 FETCH (UID 404 MODSEQ (65402) FLAGS ())"), Line("{d} OK done"))
	ctx := within(t)
	var changed []uint32
	var gone imap.UIDSet
	m, err := s.Open(ctx, "a", &kimap.OpenOptions{QResync: &kimap.QResync{
		UIDValidity: 67890007, ModSeq: 90060115194045000, KnownUIDs: imap.UIDSet{{Start: 41, Stop: 211}, {Start: 214, Stop: 214}},
		Changed:  func(m *kimap.Message) { changed = append(changed, uint32(m.UID), m.Seq) },
		Vanished: func(uids imap.UIDSet) { gone = append(gone, uids...) },
	}})
	noErr(t, err)
	equal(t, []any{m.Exists, m.HighestModSeq, changed, gone.String()}, []any{uint32(100), uint64(90060115205545359), []uint32{117, 49}, "41,43:116"})
	noErr(t, s.Noop(ctx))
	e.want(t, "vanished 405,407:408 false", "unknown * VANISHED 7:5,x")
	equal(t, s.Mailbox().Exists, uint32(97))
	noErr(t, s.Fetch(ctx, imap.UIDSet{{Start: 300, Stop: 500}}, &imap.FetchOptions{Flags: true, ChangedSince: 12345}, 0, func(*kimap.Message) error { return nil }, kimap.ItemVanished))
	e.want(t, "vanished 405,407:408 false", "unknown * VANISHED 7:5,x", "vanished 300:310 true")
	lacks(t, func(ctx context.Context, s *kimap.Session) error {
		_, err := s.Open(ctx, "a", &kimap.OpenOptions{QResync: &kimap.QResync{UIDValidity: 1, ModSeq: 1}})
		return err
	})
}

func TestESearch(t *testing.T) {
	s := with(t, "ESEARCH SEARCHRES PARTIAL", kimap.Options{},
		Want("{a} UID SEARCH RETURN (MIN MAX COUNT) UNSEEN"), Line(`* ESEARCH (TAG "T999") UID COUNT 99`), Line(`* ESEARCH (TAG "{a}") UID MIN 2 COUNT 3 X-FOO (a) MAX 9`), Line("{a} OK done"),
		Want("{b} UID SEARCH RETURN (SAVE) FLAGGED"), Line(`* ESEARCH (TAG "{b}") UID`), Line("{b} OK done"),
		Want("{c} UID FETCH $ (UID FLAGS)"), Line("* 1 FETCH (UID 5 FLAGS ())"), Line("{c} OK done"),
		Want("{d} SEARCH RETURN (COUNT PARTIAL -1:-2) ALL"), Line(`* ESEARCH (TAG "{d}") COUNT 9 PARTIAL (-1:-2 8:9)`), Line("{d} OK done"),
		Want("{e} UID SEARCH RETURN (PARTIAL 1:5) ALL"), Line(`* ESEARCH (TAG "{e}") UID PARTIAL (1:5 NIL)`), Line("{e} OK done"))
	ctx := within(t)
	data, err := s.SearchData(ctx, &imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}}, true, kimap.SearchOptions{Min: true, Max: true, Count: true})
	noErr(t, err)
	equal(t, data, &kimap.SearchData{Min: 2, Max: 9, Count: 3})
	_, err = s.SearchData(ctx, &imap.SearchCriteria{Flag: []imap.Flag{imap.FlagFlagged}}, true, kimap.SearchOptions{Save: true})
	noErr(t, err)
	if l := fetchAll(t, s, imap.SearchRes(), &imap.FetchOptions{Flags: true}); len(l) != 1 || l[0].UID != 5 {
		t.Errorf("got %+v", l)
	}
	data, err = s.SearchData(ctx, nil, false, kimap.SearchOptions{Count: true, From: -1, To: -2})
	noErr(t, err)
	equal(t, data, &kimap.SearchData{Count: 9, Numbers: []uint32{8, 9}})
	data, err = s.SearchData(ctx, nil, true, kimap.SearchOptions{From: 1, To: 5})
	noErr(t, err)
	equal(t, data, &kimap.SearchData{})

	// The same of a server that sends all the numbers.
	for o, want := range map[kimap.SearchOptions]*kimap.SearchData{
		{Min: true, Max: true, Count: true}: {Min: 2, Max: 9, Count: 4},
		{Count: true, From: -1, To: -2}:     {Count: 4, Numbers: []uint32{7, 9}},
		{From: 2, To: 3}:                    {Numbers: []uint32{4, 7}},
		{From: 4, To: 9}:                    {Numbers: []uint32{9}},
		{From: 5, To: 9}:                    {},
		{All: true}:                         {Numbers: []uint32{2, 4, 7, 9}},
	} {
		s := with(t, "", kimap.Options{}, Want("{a} SEARCH ALL"), Line("* SEARCH 2 4 7"), Line("* SEARCH 9"), Line("{a} OK done"))
		data, err := s.SearchData(within(t), nil, false, o)
		noErr(t, err)
		equal(t, data, want)
	}
	s = with(t, "", kimap.Options{})
	_, err = s.SearchData(within(t), nil, false, kimap.SearchOptions{From: 1, To: -1})
	wantCode(t, err, coded.EINVAL)
	_, err = s.SearchData(within(t), nil, false, kimap.SearchOptions{Save: true})
	wantCode(t, err, coded.ENOTSUP)
}

func TestSearchKeys(t *testing.T) {
	day := time.Date(2024, 2, 9, 0, 0, 0, 0, time.UTC)
	s := with(t, "WITHIN SAVEDATE OBJECTID X-GM-EXT-1", kimap.Options{},
		Want(`{a} UID SEARCH UNSEEN YOUNGER 3600 OLDER 60 SAVEDSINCE 9-Feb-2024 SAVEDBEFORE 9-Feb-2024 EMAILID M1 THREADID T2 X-GM-RAW "has:attachment"`), Line("* SEARCH"), Line("{a} OK done"),
		Want(`{b} UID SEARCH CHARSET UTF-8 X-GM-RAW {2}`), Line("+ go"), Want("ü"), Line("* SEARCH"), Line("{b} OK done"))
	_, err := s.Search(within(t), &imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}}, true, kimap.Younger(time.Hour), kimap.Older(time.Minute),
		kimap.SavedSince(day), kimap.SavedBefore(day), kimap.HasEmailID("M1"), kimap.HasThreadID("T2"), kimap.GmailSearch("has:attachment"))
	noErr(t, err)
	_, err = s.Search(within(t), nil, true, kimap.GmailSearch("ü"))
	noErr(t, err)
	for _, key := range []kimap.SearchKey{kimap.Younger(0), kimap.HasEmailID("a b"), kimap.HasThreadID(""), kimap.GmailSearch("\x00")} {
		_, err := s.Search(within(t), nil, true, key)
		wantCode(t, err, coded.EINVAL)
	}
	for _, key := range []kimap.SearchKey{kimap.SavedSince(day), kimap.HasEmailID("a"), kimap.GmailSearch("a")} {
		lacks(t, func(ctx context.Context, s *kimap.Session) error { _, err := s.Search(ctx, nil, true, key); return err })
	}
	s = with(t, "", kimap.Options{}, Want("{a} UID SEARCH SINCE *"), Line("* SEARCH 1"), Line("{a} OK done"))
	found, err := s.Search(within(t), nil, true, kimap.Younger(time.Hour))
	noErr(t, err)
	equal(t, found, []uint32{1})
}

func TestSort(t *testing.T) {
	by := []kimap.SortCriterion{{Key: kimap.SortDate, Reverse: true}, {Key: kimap.SortSubject}}
	s := with(t, "SORT", kimap.Options{}, Want("{a} UID SORT (REVERSE DATE SUBJECT) UTF-8 UNSEEN"), Line("* SORT 5 3 4"), Line("{a} OK done"))
	data, err := s.Sort(within(t), by, &imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}}, true, kimap.SearchOptions{All: true, Count: true})
	noErr(t, err)
	equal(t, data, &kimap.SearchData{Numbers: []uint32{5, 3, 4}, Count: 3})
	s = with(t, "SORT ESORT", kimap.Options{}, Want("{a} SORT RETURN (MIN COUNT) (SUBJECT) UTF-8 ALL"), Line(`* ESEARCH (TAG "{a}") MIN 2 COUNT 5`), Line("{a} OK done"))
	data, err = s.Sort(within(t), by[1:], nil, false, kimap.SearchOptions{Min: true, Count: true})
	noErr(t, err)
	equal(t, data, &kimap.SearchData{Min: 2, Count: 5})
}

func TestThreads(t *testing.T) {
	s := with(t, "THREAD=REFERENCES", kimap.Options{}, Want("{a} UID THREAD REFERENCES UTF-8 ALL"), Line("* THREAD (2)(3 6 (4 23)(44 7 96))((1)(5))"), Line("{a} OK done"),
		Want("{b} UID THREAD REFERENCES UTF-8 ALL"), Line("* THREAD (1 "+strings.Repeat("(", 200)), Hang())
	got, err := s.Threads(within(t), imap.ThreadReferences, nil, true)
	noErr(t, err)
	equal(t, got, []kimap.Thread{{Chain: []uint32{2}}, {Chain: []uint32{3, 6}, SubThreads: []kimap.Thread{{Chain: []uint32{4, 23}}, {Chain: []uint32{44, 7, 96}}}},
		{SubThreads: []kimap.Thread{{Chain: []uint32{1}}, {Chain: []uint32{5}}}}})
	_, err = s.Threads(within(t), imap.ThreadReferences, nil, true)
	wantCode(t, err, coded.ELIMIT)
	lacks(t, func(ctx context.Context, s *kimap.Session) error {
		_, err := s.Threads(ctx, "REFS", nil, true)
		return err
	})
}

func TestFetchItems(t *testing.T) {
	items := []kimap.Item{kimap.ItemEmailID, kimap.ItemThreadID, kimap.ItemPreview, kimap.ItemLazy, kimap.ItemSaveDate, kimap.ItemGmailID, kimap.ItemGmailTID, kimap.ItemGmailTags}
	s := with(t, "OBJECTID PREVIEW SAVEDATE X-GM-EXT-1", kimap.Options{},
		Want("{a} FETCH 1 (UID EMAILID THREADID PREVIEW (LAZY) SAVEDATE X-GM-MSGID X-GM-THRID X-GM-LABELS)"),
		Line(`* 1 FETCH (UID 5 EMAILID (M6d) THREADID NIL PREVIEW "Hi \"you\"" SAVEDATE "01-Jan-2024 00:00:00 +0000" X-GM-MSGID 1278455344230334865 X-GM-THRID 1266894439832287888 X-GM-LABELS (\Inbox \Sent Important "Entw&APw-rfe")))`), Line("{a} OK done"),
		Want("{b} FETCH 1 (UID PREVIEW)"), Line("* 1 FETCH (UID 5 PREVIEW NIL)"), Line("{b} OK done"))
	var got *kimap.Extra
	each := func(m *kimap.Message) error { got = m.Extra; return nil }
	noErr(t, s.Fetch(within(t), imap.SeqSetNum(1), nil, 0, each, items...))
	equal(t, got, &kimap.Extra{EmailID: "M6d", Preview: `Hi "you"`, SaveDate: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		GmailID: 1278455344230334865, GmailThreadID: 1266894439832287888, GmailLabels: []string{`\Inbox`, `\Sent`, "Important", "Entwürfe"}})
	noErr(t, s.Fetch(within(t), imap.SeqSetNum(1), nil, 0, each, kimap.ItemPreview))
	equal(t, got, &kimap.Extra{})
	for _, item := range items {
		lacks(t, func(ctx context.Context, s *kimap.Session) error {
			return s.Fetch(ctx, imap.SeqSetNum(1), nil, 0, each, item)
		})
	}
	answered(t, "X-GM-EXT-1", `UID STORE 5 +X-GM-LABELS.SILENT (\Starred "a b" Entw&APw-rfe)`, func(ctx context.Context, s *kimap.Session) error {
		return s.StoreLabels(ctx, imap.UIDSetNum(5), imap.StoreFlagsAdd, []string{`\Starred`, "a b", "Entwürfe"})
	})
}

func TestBinary(t *testing.T) {
	part, size := &imap.FetchItemBinarySection{Part: []int{1, 2}, Peek: true}, &imap.FetchItemBinarySectionSize{Part: []int{1}}
	window := &imap.FetchItemBinarySection{Part: []int{2}, Partial: &imap.SectionPartial{Offset: 3, Size: 4}}
	o := &imap.FetchOptions{BinarySection: []*imap.FetchItemBinarySection{part, window}, BinarySectionSize: []*imap.FetchItemBinarySectionSize{size}}
	s := with(t, "BINARY LITERAL+", kimap.Options{}, Want("{a} FETCH 1 (UID BINARY.PEEK[1.2] BINARY[2]<3.4> BINARY.SIZE[1])"),
		Line("* 1 FETCH (UID 5 BINARY[1.2] ~{3}"), Raw("a\x00b BINARY[2]<3> \"abcd\" BINARY.SIZE[1] 99)\r\n"), Line("{a} OK done"),
		Want("{b} APPEND a ~{3+}"), Want("x\x00y"), Line("{b} OK done"))
	l := fetchAll(t, s, imap.SeqSetNum(1), o)
	if len(l) != 1 || len(l[0].Binary) != 2 || l[0].Binary[0].Spec != part || string(l[0].Binary[0].Bytes) != "a\x00b" || string(l[0].Binary[1].Bytes) != "abcd" || l[0].BinarySize[0] != (kimap.BinarySize{Spec: size, Size: 99}) {
		t.Errorf("got %+v", l)
	}
	_, err := s.AppendMessage(within(t), "a", kimap.AppendMessage{Message: strings.NewReader("x\x00y"), Size: 3, Binary: true})
	noErr(t, err)
	lacks(t, func(ctx context.Context, s *kimap.Session) error { return s.Fetch(ctx, imap.SeqSetNum(1), o, 0, nil) })
}

func message(text string) kimap.AppendMessage {
	return kimap.AppendMessage{Message: strings.NewReader(text), Size: int64(len(text))}
}

func TestAppendAll(t *testing.T) {
	flagged := message("abc")
	flagged.Flags, flagged.Time = []imap.Flag{imap.FlagSeen, "$x"}, time.Date(2024, 2, 9, 1, 2, 3, 0, time.UTC)
	s := with(t, "MULTIAPPEND LITERAL-", kimap.Options{}, Want(`{a} APPEND a (\Seen $x) "09-Feb-2024 01:02:03 +0000" {3+}`), Want("abc {2+}"), Want("de"), Line("{a} OK [APPENDUID 7 5:6] done"))
	got, err := s.AppendAll(within(t), "a", []kimap.AppendMessage{flagged, message("de")})
	noErr(t, err)
	equal(t, got, []imap.AppendData{{UID: 5, UIDValidity: 7}, {UID: 6, UIDValidity: 7}})
	s = with(t, "LITERAL-", kimap.Options{}, Want("{a} APPEND a {1+}"), Want("a"), Line("{a} OK [APPENDUID 7 5] done"), Want("{b} APPEND a {1+}"), Want("b"), Line("{b} NO [OVERQUOTA] full"))
	got, err = s.AppendAll(within(t), "a", []kimap.AppendMessage{message("a"), message("b")})
	wantCode(t, err, coded.EREJECTED)
	equal(t, got, []imap.AppendData{{UID: 5, UIDValidity: 7}})
}

func TestAppendLimit(t *testing.T) {
	s := with(t, "APPENDLIMIT=10", kimap.Options{})
	_, err := s.AppendMessage(within(t), "a", message("longer than ten"))
	if e := wantCode(t, err, coded.EREJECTED); e.Response != "TOOBIG" {
		t.Errorf("got %+v", e)
	}
	limit, ok, err := s.AppendLimit(within(t), "a")
	noErr(t, err)
	equal(t, []any{limit, ok}, []any{uint32(10), true})
	s = with(t, "APPENDLIMIT", kimap.Options{}, Want("{a} STATUS a (APPENDLIMIT)"), Line("* STATUS a (APPENDLIMIT 35)"), Line("{a} OK done"),
		Want("{b} STATUS b (APPENDLIMIT)"), Line("* STATUS b (APPENDLIMIT NIL)"), Line("{b} OK done"))
	limit, ok, err = s.AppendLimit(within(t), "a")
	noErr(t, err)
	equal(t, []any{limit, ok}, []any{uint32(35), true})
	_, ok, err = s.AppendLimit(within(t), "b")
	noErr(t, err)
	equal(t, ok, false)
}

func TestReplace(t *testing.T) {
	s := with(t, "REPLACE LITERAL-", kimap.Options{}, Want("{a} UID REPLACE 4 Drafts {3+}"), Want("abc"), Line("* OK [APPENDUID 7 9] ok"), Line("* 2 EXPUNGE"), Line("{a} OK done"))
	data, err := s.Replace(within(t), imap.UIDSetNum(4), "Drafts", message("abc"))
	noErr(t, err)
	equal(t, data, &imap.AppendData{UID: 9, UIDValidity: 7})
	s = with(t, "UIDPLUS LITERAL-", kimap.Options{}, Want("{a} FETCH 2 (UID)"), Line("* 2 FETCH (UID 4)"), Line("{a} OK done"), Want("{b} APPEND Drafts {3+}"), Want("abc"), Line("{b} OK [APPENDUID 7 9] done"),
		Want(`{c} UID STORE 4 +FLAGS.SILENT (\Deleted)`), Line("{c} OK done"), Want("{d} UID EXPUNGE 4"), Line("{d} OK done"))
	data, err = s.Replace(within(t), imap.SeqSetNum(2), "Drafts", message("abc"))
	noErr(t, err)
	equal(t, data, &imap.AppendData{UID: 9, UIDValidity: 7})
}

func TestQuota(t *testing.T) {
	s := with(t, "QUOTA", kimap.Options{}, Want("{a} GETQUOTAROOT a"), Line(`* QUOTAROOT a "" "#user"`), Line(`* QUOTA "" (STORAGE 10 512 MESSAGE 3 99)`), Line(`* QUOTA "#user" ()`), Line("{a} OK done"),
		Want(`{b} GETQUOTA ""`), Line(`* QUOTA "" (STORAGE 10 512)`), Line("{b} OK done"), Want(`{c} SETQUOTA "" (STORAGE 600)`), Line(`* QUOTA "" (STORAGE 10 600)`), Line("{c} OK done"))
	ctx := within(t)
	got, err := s.MailboxQuota(ctx, "a")
	noErr(t, err)
	equal(t, got, []kimap.Quota{{Resources: []kimap.QuotaResource{{Type: "STORAGE", Usage: 10, Limit: 512}, {Type: "MESSAGE", Usage: 3, Limit: 99}}}, {Root: "#user"}})
	_, err = s.Quota(ctx, "")
	noErr(t, err)
	got, err = s.SetQuota(ctx, "", kimap.QuotaResource{Type: imap.QuotaResourceStorage, Limit: 600})
	noErr(t, err)
	equal(t, got[0].Resources[0].Limit, uint64(600))
	lacks(t, func(ctx context.Context, s *kimap.Session) error { _, err := s.Quota(ctx, ""); return err })
}

func TestACL(t *testing.T) {
	s := with(t, "ACL", kimap.Options{}, Want("{a} MYRIGHTS a"), Line("* MYRIGHTS a lrs"), Line("{a} OK done"),
		Want("{b} GETACL a"), Line(`* ACL a asha lrswi "an yone" lr`), Line("{b} OK done"), Want(`{c} SETACL a "li" "+lr"`), Line("{c} OK done"), Want(`{d} DELETEACL a "li"`), Line("{d} OK done"))
	ctx := within(t)
	rights, err := s.MyRights(ctx, "a")
	noErr(t, err)
	equal(t, rights, imap.RightSet("lrs"))
	all, err := s.ACL(ctx, "a")
	noErr(t, err)
	equal(t, all, []kimap.ACLEntry{{Identifier: "asha", Rights: imap.RightSet("lrswi")}, {Identifier: "an yone", Rights: imap.RightSet("lr")}})
	noErr(t, s.SetACL(ctx, "a", "li", imap.RightModificationAdd, imap.RightSet("lr")))
	noErr(t, s.DeleteACL(ctx, "a", "li"))
	lacks(t, func(ctx context.Context, s *kimap.Session) error { _, err := s.ACL(ctx, "a"); return err })
}

func TestMetadata(t *testing.T) {
	s := with(t, "METADATA LITERAL-", kimap.Options{}, Want(`{a} GETMETADATA (MAXSIZE 1024 DEPTH infinity) INBOX ("/shared/comment" "/private/x")`), Line(`* METADATA INBOX (/shared/comment {2}`), Raw("\"\n /private/x NIL)\r\n"),
		Line("{a} OK [METADATA LONGENTRIES 2199] done"), Want(`{b} GETMETADATA (DEPTH 1) "" ("/shared/admin")`), Line(`* METADATA "" /shared/admin`), Line(`* METADATA "" (/shared/admin "me")`), Line("{b} OK done"),
		Want(`{c} SETMETADATA a ("/private/x" {3+}`), Want("a"), Want("b)"), Line("{c} OK done"), Want(`{d} SETMETADATA a ("/private/x" NIL)`), Line("{d} OK done"))
	ctx := within(t)
	got, err := s.Metadata(ctx, "INBOX", []string{"/shared/comment", "/private/x"}, &kimap.MetadataOptions{MaxSize: 1024, Depth: -1})
	noErr(t, err)
	equal(t, got, map[string][]byte{"/shared/comment": []byte("\"\n")})
	got, err = s.Metadata(ctx, "", []string{"/shared/admin"}, &kimap.MetadataOptions{Depth: 1})
	noErr(t, err)
	equal(t, got, map[string][]byte{"/shared/admin": []byte("me")})
	noErr(t, s.SetMetadata(ctx, "a", map[string][]byte{"/private/x": []byte("a\nb")}))
	noErr(t, s.SetMetadata(ctx, "a", map[string][]byte{"/private/x": nil}))
	wantCode(t, s.SetMetadata(ctx, "a", map[string][]byte{"x": nil}), coded.EINVAL)
	lacks(t, func(ctx context.Context, s *kimap.Session) error {
		_, err := s.Metadata(ctx, "a", []string{"/private/x"}, nil)
		return err
	})
}

func TestNotify(t *testing.T) {
	var e events
	h := e.handler()
	h.Status = func(d *imap.StatusData) { e.add("status %s %d", d.Mailbox, *d.NumMessages) }
	h.Mailbox = func(d *imap.ListData) { e.add("mailbox %s %v was %s", d.Mailbox, d.Attrs, d.OldName) }
	s := with(t, "NOTIFY", kimap.Options{Handler: h},
		Want("{a} NOTIFY SET STATUS (selected (MessageNew MessageExpunge)) (subtree (Lists) NONE) (personal (MailboxName))"), Line("* STATUS Lists (MESSAGES 4)"), Line("{a} OK done"),
		Want("{b} STATUS a (MESSAGES)"), Line("* STATUS b (MESSAGES 5)"), Line("* STATUS a (MESSAGES 6)"), Line(`* LIST (\NonExistent) "/" old`), Line(`* LIST () "/" new ("OLDNAME" ("older"))`), Line("* 4 EXISTS"), Line("{b} OK done"),
		Want("{c} NOTIFY NONE"), Line("{c} OK done"), Want("{d} NOOP"), Line("* STATUS b (MESSAGES 7)"), Line(`* LIST () "/" new`), Line("{d} OK done"))
	ctx := within(t)
	noErr(t, s.Notify(ctx, true, kimap.NotifyGroup{Filter: kimap.NotifySelected, Events: []kimap.NotifyEvent{kimap.NotifyMessageNew, kimap.NotifyMessageExpunge}},
		kimap.NotifyGroup{Filter: kimap.NotifySubtree, Mailboxes: []string{"Lists"}}, kimap.NotifyGroup{Filter: kimap.NotifyPersonal, Events: []kimap.NotifyEvent{kimap.NotifyMailboxName}}))
	status, err := s.Status(ctx, "a", &imap.StatusOptions{NumMessages: true})
	noErr(t, err)
	equal(t, *status.NumMessages, uint32(6))
	noErr(t, s.Notify(ctx, false))
	noErr(t, s.Noop(ctx))
	e.want(t, "status Lists 4", "status b 5", `mailbox old [\NonExistent] was `, "mailbox new [] was older", "exists 4")
	wantCode(t, s.Notify(ctx, false, kimap.NotifyGroup{Filter: kimap.NotifySubtree}), coded.EINVAL)
}

func TestUnauthenticate(t *testing.T) {
	s := with(t, "UNAUTHENTICATE", kimap.Options{}, Want("{a} UNAUTHENTICATE"), Line("{a} OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] done"), Want("{b} AUTHENTICATE PLAIN AGxpAHB3"), Line("{b} OK [CAPABILITY IMAP4rev1 X] welcome"))
	noErr(t, s.Unauthenticate(within(t), sasl.Credentials{User: "li", Pass: "pw"}))
	equal(t, s.Capabilities(), []string{"IMAP4rev1", "X"})
	equal(t, s.Mailbox(), (*kimap.Mailbox)(nil))
	s = with(t, "UNAUTHENTICATE", kimap.Options{}, Want("{a} UNAUTHENTICATE"), Line("{a} OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] done"), Want("{b} AUTHENTICATE PLAIN *"), Line("{b} NO who?"))
	wantCode(t, s.Unauthenticate(within(t), sasl.Credentials{User: "li", Pass: "pw"}), coded.EAUTH)
	wantCode(t, s.Noop(within(t)), coded.ECLOSED)
	lacks(t, func(ctx context.Context, s *kimap.Session) error { return s.Unauthenticate(ctx, asha) })
}

// deflating serves an IMAP conversation that is compressed from the answer to
// COMPRESS on.
func deflating(t *testing.T, talk func(r io.Reader, w io.Writer)) *kimap.Session {
	t.Helper()
	noLeaks(t)
	client, server := Pair(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer server.Close()
		io.WriteString(server, "* PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hi\r\n")
		io.ReadFull(server, make([]byte, len("T1 COMPRESS DEFLATE\r\n")))
		var answer strings.Builder // sent together: what is compressed begins in the same packet
		answer.WriteString("T1 OK go\r\n")
		w, _ := flate.NewWriter(&answer, flate.BestCompression)
		io.WriteString(w, "* OK compressed\r\n")
		w.Flush()
		io.WriteString(server, answer.String())
		w.Reset(server)
		talk(flate.NewReader(server), w)
	}()
	t.Cleanup(func() { <-done })
	return connect(t, dialer{client}, kimap.Options{})
}

func TestCompress(t *testing.T) {
	text := strings.Repeat("a line of the long message\r\n", 40_000)
	s := deflating(t, func(r io.Reader, w io.Writer) {
		flush := func() { w.(*flate.Writer).Flush() }
		line := make([]byte, len("T2 FETCH 1 (UID BODY.PEEK[])\r\n"))
		if _, err := io.ReadFull(r, line); err != nil || string(line) != "T2 FETCH 1 (UID BODY.PEEK[])\r\n" {
			t.Errorf("got %q, %v", line, err)
		}
		fmt.Fprintf(w, "* 1 FETCH (UID 5 BODY[] {%d}\r\n%s)\r\nT2 OK done\r\n", len(text), text)
		flush()
		io.ReadFull(r, make([]byte, len(fmt.Sprintf("T3 APPEND a {%d}\r\n", len(text)))))
		io.WriteString(w, "+ go\r\n")
		flush()
		if b, err := io.ReadAll(io.LimitReader(r, int64(len(text)+2))); err != nil || string(b) != text+"\r\n" {
			t.Errorf("%d bytes came, %v", len(b), err)
		}
		io.WriteString(w, "T3 OK done\r\n")
		flush()
		io.Copy(io.Discard, r)
	})
	lit, err := s.Download(within(t), imap.SeqSetNum(1), &imap.FetchItemBodySection{Peek: true})
	noErr(t, err)
	if b, err := io.ReadAll(lit); err != nil || string(b) != text {
		t.Errorf("%d bytes came, %v", len(b), err)
	}
	_, err = s.Append(within(t), "a", strings.NewReader(text), int64(len(text)), nil)
	noErr(t, err)
}

func TestCompressHostile(t *testing.T) {
	t.Run("refused", func(t *testing.T) {
		conn := Transcript(t, Line("* PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hi"), Want("{a} COMPRESS DEFLATE"), Line("{a} NO [COMPRESSIONACTIVE] TLS does"), Want("{b} NOOP"), Line("{b} OK done"), Hang())
		noErr(t, connect(t, Dial(conn), kimap.Options{}).Noop(within(t)))
	})
	t.Run("garbage", func(t *testing.T) {
		s := deflating(t, func(r io.Reader, w io.Writer) {
			w.(*flate.Writer).Reset(io.Discard)
			io.Copy(io.Discard, r)
		})
		s.Close()
		conn := Transcript(t, Line("* PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hi"), Want("{a} COMPRESS DEFLATE"), Line("{a} OK go"), Raw("\xff\xff\xff\xff"), Hang())
		s = connect(t, Dial(conn), kimap.Options{})
		wantCode(t, s.Noop(within(t)), coded.EPROTO)
	})
	t.Run("a bomb", func(t *testing.T) {
		s := deflating(t, func(r io.Reader, w io.Writer) {
			io.WriteString(w, "* OK ")
			io.Copy(w, io.LimitReader(xs{}, 100<<20))
		})
		wantCode(t, s.Noop(within(t)), coded.ELIMIT)
	})
}

type xs struct{}

func (xs) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestSCRAMLogin(t *testing.T) {
	// The server knows nothing of the password, and says OK all the same.
	conn := Transcript(t, Line("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=SCRAM-SHA-256 SASL-IR] hi"), Want("{a} AUTHENTICATE SCRAM-SHA-256 *"), Line("{a} OK welcome"), Hang())
	_, err := try(t, Dial(conn), kimap.Options{})
	wantCode(t, err, coded.EAUTH)
	conn = Transcript(t, Line("* OK [CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-1] hi"), Want("{a} AUTHENTICATE SCRAM-SHA-1"), Line("+ "), Want("{first}"), Line("+ "+base64.StdEncoding.EncodeToString([]byte("r=x,s=QSXC,i=4096"))), Want("*"), Line("{a} BAD cancelled"), Hang())
	_, err = try(t, Dial(conn), kimap.Options{})
	wantCode(t, err, coded.EPROTO)
}

func TestPart(t *testing.T) {
	text := strings.Repeat("Grüße aus dem Süden: 1+1=2 \t\r\n", 40)
	for encoding, encoded := range map[string]string{
		"base64":           wrap(base64.StdEncoding.EncodeToString([]byte(text))),
		"quoted-printable": strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(text, "=", "=3D"), "ü", "=C3=\r\n=BC"), "ß", "=c3=9F"), "\t\r\n", "=09\r\n"),
		"8bit":             text,
	} {
		for _, window := range []int{7, 64, 100_000} {
			t.Run(fmt.Sprint(encoding, window), func(t *testing.T) {
				steps := []Step{}
				for offset := 0; ; offset += window {
					piece := encoded[min(offset, len(encoded)):min(offset+window, len(encoded))]
					steps = append(steps, Want(fmt.Sprintf("{a%d} UID FETCH 5 (UID BODY.PEEK[2]<%d.%d>)", offset, offset, window)),
						Line(fmt.Sprintf("* 1 FETCH (BODY[2]<%d> {%d}", offset, len(piece))), Raw(piece+" UID 5)\r\n"), Line(fmt.Sprintf("{a%d} OK done", offset)))
					if len(piece) < window {
						break
					}
				}
				s := with(t, "", kimap.Options{}, steps...)
				var seen int64
				p, err := s.Part(5, &imap.FetchItemBodySection{Part: []int{2}, Peek: true}, kimap.PartOptions{Window: window, Encoding: encoding, Progress: func(n int64) { seen = n }})
				noErr(t, err)
				if b, err := io.ReadAll(p); err != nil || string(b) != text {
					t.Errorf("got %q, %v", b, err)
				}
				equal(t, seen, int64(len(encoded)))
			})
		}
	}
}

func wrap(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\r\n")
		s = s[76:]
	}
	return b.String() + s
}

func TestPartFails(t *testing.T) {
	section := &imap.FetchItemBodySection{Part: []int{2}, Peek: true}
	for name, tc := range map[string]struct {
		answer []Step
		code   coded.Code
	}{
		"no message": {nil, coded.ENOTFOUND},
		"no part":    {[]Step{Line("* 1 FETCH (UID 5 BODY[2]<0> NIL)")}, coded.ENODATA},
		"too much":   {[]Step{Line(`* 1 FETCH (UID 5 BODY[2]<0> "abcdefghij")`)}, coded.ELIMIT},
	} {
		t.Run(name, func(t *testing.T) {
			s := with(t, "", kimap.Options{}, append(append([]Step{Want("{a} *")}, tc.answer...), Line("{a} OK done"))...)
			p, err := s.Part(5, section, kimap.PartOptions{Window: 8})
			noErr(t, err)
			_, err = p.Read(make([]byte, 10))
			wantCode(t, err, tc.code)
		})
	}
	s := with(t, "", kimap.Options{})
	for _, section := range []*imap.FetchItemBodySection{nil, {Part: []int{0}}, {Partial: &imap.SectionPartial{Size: 1}}} {
		_, err := s.Part(5, section, kimap.PartOptions{})
		wantCode(t, err, coded.EINVAL)
	}
}

func TestTransferEncodings(t *testing.T) {
	for _, tc := range []struct{ encoding, in, want string }{
		{"base64", "aGVsbG8=", "hello"}, {"BASE64", "aGVs\r\nbG8", "hello"}, {"base64", "aGk=aGk=", "hihi"}, {"base64", "a*G!k", "hi"}, {"base64", "====", ""}, {"base64", "a", ""},
		{"quoted-printable", "a=3Db=3db=XXc=", "a=b=b=XXc"}, {"quoted-printable", "a  \t\r\nb =\r\nc", "a\r\nb c"}, {"quoted-printable", "a\nb=\nc", "a\nbc"}, {"quoted-printable", "x=4", "x=4"},
		{"x-odd", "=41", "=41"}, {"", "", ""},
	} {
		s := with(t, "", kimap.Options{}, Want("{a} *"), Line(fmt.Sprintf("* 1 FETCH (UID 5 BODY[1]<0> {%d}", len(tc.in))), Raw(tc.in+")\r\n"), Line("{a} OK done"))
		p, err := s.Part(5, &imap.FetchItemBodySection{Part: []int{1}, Peek: true}, kimap.PartOptions{Encoding: tc.encoding})
		noErr(t, err)
		if b, err := io.ReadAll(p); err != nil || string(b) != tc.want {
			t.Errorf("%s %q: got %q, %v; want %q", tc.encoding, tc.in, b, err, tc.want)
		}
	}
}
