package imap_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	kimap "kaiwire/protocols/imap"
	. "kaiwire/protocols/protocoltest"
	"kaiwire/protocols/protocoltest/imapserver"
)

// synced syncs with a server of these capabilities, and says in short what has
// come of it.
func synced(t *testing.T, caps, state string, steps ...Step) (*kimap.SyncData, string) {
	t.Helper()
	s := with(t, caps, kimap.Options{}, steps...)
	d, err := s.Sync(within(t), "a", state, false)
	noErr(t, err)
	return d, inShort(d)
}

func inShort(d *kimap.SyncData) string {
	text := fmt.Sprint("+", d.Added, " -", d.Vanished)
	for _, c := range d.Changed {
		text += fmt.Sprintf(" %d%v", c.UID, c.Flags)
	}
	if d.Reset {
		text += " reset"
	}
	return text
}

// opened are the lines of a mailbox that is being opened.
func opened(verb string, exists int, validity, next uint32, modSeq int, rest ...Step) []Step {
	steps := []Step{Want("{o} " + verb), Line("* " + strconv.Itoa(exists) + " EXISTS"),
		Line(fmt.Sprintf("* OK [UIDVALIDITY %d] ok", validity)), Line(fmt.Sprintf("* OK [UIDNEXT %d] ok", next))}
	if modSeq > 0 {
		steps = append(steps, Line(fmt.Sprintf("* OK [HIGHESTMODSEQ %d] ok", modSeq)))
	}
	return append(append(steps, rest...), Line("{o} OK done"))
}

func lines(steps ...any) (all []Step) {
	for _, s := range steps {
		switch s := s.(type) {
		case Step:
			all = append(all, s)
		case []Step:
			all = append(all, s...)
		}
	}
	return all
}

var enabled = []Step{Want("{e} ENABLE QRESYNC"), Line("* ENABLED QRESYNC"), Line("{e} OK done")}

func TestSyncByQResync(t *testing.T) {
	const caps = "ENABLE CONDSTORE QRESYNC ESEARCH"
	d, short := synced(t, caps, "", lines(enabled, opened("SELECT a (CONDSTORE)", 4, 7, 10, 90),
		Want("{s} UID SEARCH RETURN (ALL) ALL"), Line(`* ESEARCH (TAG "{s}") UID ALL 2:4,9`), Line("{s} OK done"))...)
	equal(t, short, "+[2 3 4 9] -[] reset")
	equal(t, d.State, "1 7 10 90 2:2,5")
	equal(t, []any{d.Mailbox.Name, d.Mailbox.Exists, d.Mailbox.HighestModSeq}, []any{"a", uint32(4), uint64(90)})

	// All in one answer, whatever else the server says to have vanished.
	changes := lines(enabled, opened("SELECT a (QRESYNC (7 90))", 4, 7, 12, 99, Line("* VANISHED (EARLIER) 1,3,5:8,100:4294967295"),
		Line(`* 2 FETCH (UID 4 FLAGS (\Seen) MODSEQ (95))`), Line(`* 4 FETCH (UID 11 FLAGS (\Recent) MODSEQ (96))`), Line(`* 2 FETCH (UID 4 FLAGS (\Flagged \Recent) MODSEQ (97))`)))
	d, short = synced(t, caps, d.State, changes...)
	equal(t, short, `+[11] -[3] 4[\Flagged]`)
	equal(t, d.State, "1 7 12 99 2,2,5,2")

	// What doesn't add up is asked for.
	d, short = synced(t, caps, "1 7 10 90 2:2,5", lines(enabled, opened("SELECT a (QRESYNC (7 90))", 2, 7, 12, 99, Line("* VANISHED (EARLIER) 3")),
		Want("{s} UID SEARCH *"), Line(`* ESEARCH (TAG "{s}") UID ALL 2,11`), Line("{s} OK done"))...)
	equal(t, short, "+[11] -[3 4 9]")
	equal(t, d.State, "1 7 12 99 2,9")

	// Everything is gone.
	_, short = synced(t, caps, d.State, lines(enabled, opened("SELECT a (QRESYNC (7 99))", 0, 7, 12, 100))...)
	equal(t, short, "+[] -[2 11]")

	// The mailbox has been made anew, and what the server says of the old one is void.
	d, short = synced(t, caps, d.State, lines(enabled, opened("SELECT a (QRESYNC (7 99))", 1, 8, 3, 5, Line("* VANISHED (EARLIER) 2"), Line("* 1 FETCH (UID 11 FLAGS () MODSEQ (4))")),
		Want("{s} UID SEARCH *"), Line(`* ESEARCH (TAG "{s}") UID ALL 2`), Line("{s} OK done"))...)
	equal(t, short, "+[2] -[] reset")
	equal(t, d.State, "1 8 3 5 2")

	// A server that refuses QRESYNC is one without.
	_, short = synced(t, caps, d.State, lines(Want("{e} ENABLE QRESYNC"), Line("{e} NO not today"), opened("SELECT a (CONDSTORE)", 1, 8, 3, 5))...)
	equal(t, short, "+[] -[]")
}

func TestSyncByCondStore(t *testing.T) {
	const state = "1 7 10 90 2:2,5"
	_, short := synced(t, "CONDSTORE", state, opened("SELECT a (CONDSTORE)", 4, 7, 10, 90)...)
	equal(t, short, "+[] -[]")
	d, short := synced(t, "CONDSTORE", state, lines(opened("SELECT a (CONDSTORE)", 4, 7, 12, 95),
		Want("{f} UID FETCH 2:9 (UID FLAGS MODSEQ) (CHANGEDSINCE 90)"), Line(`* 2 FETCH (UID 4 FLAGS (\Seen $Work) MODSEQ (93))`), Line(`* 1 FETCH (UID 3 FLAGS () MODSEQ (92))`), Line("{f} OK done"),
		Want("{s} UID SEARCH ALL"), Line("* SEARCH 11 2 4 9"), Line("{s} OK done"))...)
	equal(t, short, `+[11] -[3] 4[\Seen $Work]`) // 3 has gone since it was told of
	equal(t, d.State, "1 7 12 95 2,2,5,2")
}

func TestSyncByFlags(t *testing.T) {
	d, short := synced(t, "", "", lines(opened("SELECT a", 3, 7, 10, 0), Want("{f} UID FETCH 1:* (UID FLAGS)"),
		Line(`* 1 FETCH (UID 2 FLAGS (\Seen))`), Line(`* 3 FETCH (UID 9 FLAGS (\Recent))`), Line(`* 2 FETCH (UID 3 FLAGS (\Seen $Work))`), Line("{f} OK done"))...)
	equal(t, short, "+[2 3 9] -[] reset")
	equal(t, d.State, `1 7 10 0 2:1,6 $Work 3 \Seen 2:1`)

	d, short = synced(t, "", d.State, lines(opened("SELECT a", 4, 7, 12, 0), Want("{f} UID FETCH 1:* (UID FLAGS)"),
		Line(`* 1 FETCH (UID 2 FLAGS (\Seen))`), Line(`* 2 FETCH (UID 3 FLAGS (\Seen))`), Line(`* 3 FETCH (UID 9 FLAGS ($New))`), Line(`* 4 FETCH (UID 11 FLAGS (\Seen))`), Line("{f} OK done"))...)
	equal(t, short, `+[11] -[] 3[\Seen] 9[$New]`)

	// The server has learned CONDSTORE: compared by flags for a last time.
	const plain = `1 7 12 0 2:1,8 \Seen 2:1`
	d, short = synced(t, "CONDSTORE", plain, lines(opened("SELECT a (CONDSTORE)", 2, 7, 12, 50), Want("{f} UID FETCH 1:* (UID FLAGS)"),
		Line(`* 1 FETCH (UID 2 FLAGS ())`), Line(`* 2 FETCH (UID 3 FLAGS (\Seen))`), Line("{f} OK done"))...)
	equal(t, short, "+[] -[11] 2[]")
	equal(t, d.State, "1 7 12 50 2:1")

	// And has forgotten it: whatever was known may have changed.
	d, short = synced(t, "CONDSTORE", d.State, lines(opened("SELECT a (CONDSTORE)", 2, 7, 12, 0), Want("{f} UID FETCH 1:* (UID FLAGS)"),
		Line(`* 1 FETCH (UID 2 FLAGS ())`), Line(`* 2 FETCH (UID 3 FLAGS (\Seen))`), Line("{f} OK done"))...)
	equal(t, short, `+[] -[] 2[] 3[\Seen]`)
	equal(t, d.State, `1 7 12 0 2:1 \Seen 3`)
}

// What an app hands back may come from anywhere.
func TestSyncState(t *testing.T) {
	for _, state := range []string{
		"x", "2 7 10 90 2", "1 7 10 90", "1 0 10 90 2", "1 7 10 x 2", "1 7 10 9223372036854775808 2", "1 7 10 90 2 flag", "1 7 10 90 0", "1 7 10 90 2:",
		"1 7 10 90 1:100000", "1 7 10 90 4294967295,1", "1 7 10 90 4294967295:1", "1 7 10 90 2 f x", "1 7 10 90 2" + strings.Repeat(" f 2", 65), "1 4294967296 10 90 2",
	} {
		_, short := synced(t, "CONDSTORE", state, lines(opened("SELECT a (CONDSTORE)", 1, 7, 10, 90), Want("{s} UID SEARCH ALL"), Line("* SEARCH 2"), Line("{s} OK done"))...)
		equal(t, short, "+[2] -[] reset")
	}
	_, short := synced(t, "CONDSTORE", "1 7 10 90 ", opened("SELECT a (CONDSTORE)", 0, 7, 10, 90)...)
	equal(t, short, "+[] -[]")
}

func TestSyncLimits(t *testing.T) {
	few := kimap.Options{Limits: kimap.Limits{Results: 5, Message: 100}}
	fails := func(caps, state string, steps ...Step) {
		t.Helper()
		s := with(t, caps, few, append(steps, Want("{n} NOOP"), Line("{n} OK done"))...)
		_, err := s.Sync(within(t), "a", state, false)
		wantCode(t, err, coded.ELIMIT)
		noErr(t, s.Noop(within(t)))
	}
	fails("", "", opened("SELECT a", 6, 7, 10, 0)...)
	var many []Step
	for uid := 1; uid < 8; uid++ {
		many = append(many, Line(fmt.Sprintf(`* 1 FETCH (UID %d FLAGS () MODSEQ (95))`, uid%5+1)))
	}
	fails("ENABLE CONDSTORE QRESYNC", "1 7 10 90 1:4", lines(enabled, opened("SELECT a (QRESYNC (7 90))", 5, 7, 10, 95, many...))...)
	fails("CONDSTORE", "1 7 10 90 1:4", lines(opened("SELECT a (CONDSTORE)", 5, 7, 10, 95), Want("{f} UID FETCH 1:5 *"), many, Line("{f} OK done"))...)
	fails("", "", lines(opened("SELECT a", 1, 7, 10, 0), Want("{f} UID FETCH 1:* *"), Line("* 1 FETCH (UID 1 FLAGS ("+strings.Repeat("x", 100)+"))"), Line("{f} OK done"))...)
}

// A mailbox of the memory server, through all that can happen to it.
func TestSyncAsItGoes(t *testing.T) {
	server, addr := serve(t, imapserver.Options{})
	s := connect(t, to(addr), kimap.Options{})
	ctx := within(t)
	d, err := s.Sync(ctx, "INBOX", "", false)
	noErr(t, err)
	if !d.Reset || len(d.Added) == 0 || len(d.Added) != int(d.Mailbox.Exists) {
		t.Fatalf("%d messages, of which %v are new", d.Mailbox.Exists, inShort(d))
	}
	again := func(want string) {
		t.Helper()
		d, err = s.Sync(ctx, "INBOX", d.State, false)
		noErr(t, err)
		equal(t, inShort(d), want)
	}
	again("+[] -[]")
	next := d.Mailbox.UIDNext
	noErr(t, server.Deliver("INBOX", []byte("Subject: x\r\n\r\ny\r\n")))
	again(fmt.Sprintf("+[%d] -[]", next))

	other := connect(t, to(addr), kimap.Options{})
	_, err = other.Select(ctx, "INBOX")
	noErr(t, err)
	set := imap.UIDSetNum(next)
	noErr(t, other.Store(ctx, set, imap.StoreFlagsAdd, []imap.Flag{imap.FlagFlagged}))
	again(fmt.Sprintf(`+[] -[] %d[\Flagged]`, next))
	again("+[] -[]")
	noErr(t, other.Store(ctx, set, imap.StoreFlagsSet, []imap.Flag{imap.FlagDeleted}))
	noErr(t, other.Expunge(ctx))
	again(fmt.Sprintf("+[] -[%d]", next))
	if size := len(d.State); size > 200 {
		t.Errorf("a state of %d bytes: %s", size, d.State)
	}

	noErr(t, s.Create(ctx, "a"))
	d, err = s.Sync(ctx, "a", d.State, true)
	noErr(t, err)
	equal(t, []any{inShort(d), d.Mailbox.ReadOnly}, []any{"+[] -[] reset", true})
	_, err = s.Sync(ctx, "no such mailbox", "", false)
	wantCode(t, err, coded.EREJECTED)
}
