package imap

import (
	"context"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/imap/wire"
)

// SyncData is what has become of a mailbox since an earlier Sync.
type SyncData struct {
	Mailbox *Mailbox // as it was opened
	State   string   // for the next Sync
	// Reset says that nothing of the earlier state holds: there was none, or
	// UIDVALIDITY has changed. All messages are in Added then.
	Reset    bool
	Added    []uint32  // UIDs, lowest first
	Changed  []Changed // of those known before: whose flags are, or may be, others
	Vanished []uint32  // UIDs known before, lowest first
}

// Changed is a message's flags as they are now, without \Recent.
type Changed struct {
	UID   imap.UID
	Flags []imap.Flag
}

// Sync opens a mailbox and tells what has changed since a state, the State of
// an earlier Sync of the same mailbox. An empty state, or one that can't be
// read, stands for a mailbox of which nothing is known.
//
// A server with QRESYNC tells the changes by itself, one with CONDSTORE those of
// flags, so that the UIDs alone have to be compared; from any other the flags of
// all messages are fetched and compared. QRESYNC is enabled where it is there:
// see Enable for what that does to Handler.
//
// What happens from the opening on is told by Handler, and may be told by the
// next Sync once more. The state has some bytes for each run of UIDs without a
// gap; without CONDSTORE, for each such run that has a flag as well. Of a
// mailbox with more than Limits.Results messages Sync returns ELIMIT, with the
// mailbox open and the session as it was.
func (s *Session) Sync(ctx context.Context, mailbox, state string, readOnly bool) (*SyncData, error) {
	known, ok := parseSyncState(state, s.o.Limits.Results)
	y := &syncing{s: s, ctx: ctx, known: known, flags: map[imap.Flag][]uint32{}}
	o := &OpenOptions{ReadOnly: readOnly, CondStore: s.Has("CONDSTORE")}
	if s.Has("QRESYNC") && s.Has("ENABLE") {
		// A server may refuse that: then it is as if it hadn't it.
		if err := s.Enable(ctx, "QRESYNC"); err != nil && s.ended() {
			return nil, err
		}
	}
	if known.modSeq > 0 && s.isEnabled("QRESYNC") {
		o.QResync = &QResync{UIDValidity: known.uidValidity, ModSeq: known.modSeq, Changed: y.message, Vanished: y.gone}
	}
	m, err := s.Open(ctx, mailbox, o)
	if err != nil {
		return nil, err
	}
	if y.err == nil && int64(m.Exists) > int64(s.o.Limits.Results) {
		y.err = tooMuch("a mailbox of more than " + strconv.Itoa(s.o.Limits.Results) + " messages")
	}
	if y.err != nil {
		return nil, y.err
	}
	y.reset = !ok || known.uidValidity != m.UIDValidity
	if y.reset {
		known = syncState{}
		y.known, y.changed, y.vanished, y.added = known, nil, nil, nil
	}
	if err := y.compare(m, o.QResync != nil && !y.reset); err != nil {
		return nil, err
	}
	d := y.data(m)
	s.mu.Lock()
	s.synced.mailbox, s.synced.state = m.Name, d.State
	s.mu.Unlock()
	return d, nil
}

// ended reports whether the session has ended.
func (s *Session) ended() bool {
	select {
	case <-s.dead:
		return true
	default:
		return false
	}
}

// syncing is a Sync under way.
type syncing struct {
	s     *Session
	ctx   context.Context
	known syncState
	reset bool

	added    []uint32
	changed  []Changed
	vanished []uint32
	now      []uint32               // the UIDs that there are, once they are known
	flags    map[imap.Flag][]uint32 // and which of them have a flag, where they were fetched
	held     int64                  // bytes of flags
	err      error
}

// maxFlags bounds how many different flags are kept for comparison. What is
// beyond is not noticed.
const maxFlags = 64

// message takes a message that the server says to be new or changed.
func (y *syncing) message(m *Message) {
	if m.UID == 0 || y.err != nil {
		return
	}
	if len(y.changed)+len(y.added) == y.s.o.Limits.Results {
		y.err = tooMuch("more than " + strconv.Itoa(y.s.o.Limits.Results) + " changes")
		return
	}
	if contains(y.known.uids, uint32(m.UID)) {
		y.changed = append(y.changed, Changed{m.UID, y.lasting(m.Flags)})
	} else {
		y.added = append(y.added, uint32(m.UID))
	}
}

// gone takes messages that the server says to be no longer there, be they known
// or not.
func (y *syncing) gone(uids imap.UIDSet) {
	for _, r := range uids {
		start, _ := slices.BinarySearch(y.known.uids, uint32(r.Start))
		for ; start < len(y.known.uids) && y.known.uids[start] <= uint32(r.Stop); start++ {
			if len(y.vanished) > len(y.known.uids) {
				return // the same ones again and again
			}
			y.vanished = append(y.vanished, y.known.uids[start])
		}
	}
}

// compare finds out what the opening of the mailbox hasn't told.
func (y *syncing) compare(m *Mailbox, told bool) error {
	told = told && m.HighestModSeq > 0 // else the mailbox keeps none any more
	if told {
		y.now = merge(y.known.uids, y.added, y.vanished)
		if len(y.now) == int(m.Exists) {
			return nil
		}
		// Something is amiss with the server's word or with what was known.
	}
	if m.Exists == 0 {
		y.now = nil
		return nil
	}
	switch {
	case told:
	case m.HighestModSeq == 0 || y.known.modSeq == 0 && !y.reset:
		return y.fetch(imap.UIDSet{{Start: 1}}, 0, y.plain)
	case y.reset:
	case m.HighestModSeq == y.known.modSeq && m.UIDNext == y.known.uidNext && len(y.known.uids) == int(m.Exists):
		y.now = y.known.uids
		return nil
	case len(y.known.uids) > 0:
		last := y.known.uids[len(y.known.uids)-1]
		set := imap.UIDSet{{Start: imap.UID(y.known.uids[0]), Stop: imap.UID(last)}}
		if err := y.fetch(set, y.known.modSeq, y.message); err != nil {
			return err
		}
	}
	all, err := y.s.Search(y.ctx, nil, true)
	if err != nil {
		return err
	}
	y.now = sorted(all)
	return nil
}

// fetch fetches flags; the session goes on if there are too many.
func (y *syncing) fetch(set imap.UIDSet, since uint64, each func(*Message)) error {
	o := &imap.FetchOptions{Flags: true, ModSeq: since > 0, ChangedSince: since}
	err := y.s.Fetch(y.ctx, set, o, y.s.o.Limits.Results, func(m *Message) error {
		each(m)
		return y.err
	})
	y.now = sorted(y.now)
	return err
}

// plain takes a message of a server that can't tell what has changed.
func (y *syncing) plain(m *Message) {
	uid, flags := uint32(m.UID), y.lasting(m.Flags)
	y.now = append(y.now, uid)
	same := y.known.modSeq == 0
	for flag, with := range y.known.flags {
		same = same && slices.Contains(flags, flag) == contains(with, uid)
	}
	for _, flag := range flags {
		_, kept := y.flags[flag]
		if !kept && len(y.flags) == maxFlags {
			continue
		}
		y.flags[flag] = append(y.flags[flag], uid)
		_, before := y.known.flags[flag]
		same = same && (before || len(y.known.flags) == maxFlags)
	}
	if !same && contains(y.known.uids, uid) {
		y.changed = append(y.changed, Changed{m.UID, flags})
	}
}

// data works out the rest.
func (y *syncing) data(m *Mailbox) *SyncData {
	state := syncState{uidValidity: m.UIDValidity, uidNext: m.UIDNext, modSeq: m.HighestModSeq, uids: y.now}
	if state.modSeq == 0 {
		state.flags = y.flags
	}
	d := &SyncData{
		Mailbox: m, State: state.String(), Reset: y.reset,
		Added: except(y.now, y.known.uids), Vanished: except(y.known.uids, y.now),
	}
	// The last word counts of a message that is told twice.
	last := map[imap.UID]int{}
	for i, c := range y.changed {
		last[c.UID] = i
	}
	for i, c := range y.changed {
		if last[c.UID] == i && contains(y.now, uint32(c.UID)) {
			d.Changed = append(d.Changed, c)
		}
	}
	return d
}

// lasting are the flags but \Recent, which is of the session alone. There may be
// Limits.Message bytes of them in all.
func (y *syncing) lasting(flags []imap.Flag) []imap.Flag {
	all := make([]imap.Flag, 0, min(len(flags), maxFlags))
	for _, f := range flags {
		if f == "" || strings.EqualFold(string(f), `\Recent`) {
			continue
		}
		if y.held += int64(len(f)) + 4; y.held > y.s.o.Limits.Message {
			y.err = tooMuch("too many flags")
			break
		}
		all = append(all, f)
	}
	return all
}

// Lists of UIDs are sorted, and have each but once.

// ascending sorts by package sort, whose code is there anyhow; slices.Sort has
// its own for each type.
type ascending []uint32

func (l ascending) Len() int           { return len(l) }
func (l ascending) Less(i, j int) bool { return l[i] < l[j] }
func (l ascending) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }

func sorted(list []uint32) []uint32 {
	sort.Sort(ascending(list))
	return slices.Compact(list)
}

func contains(list []uint32, n uint32) bool {
	_, found := slices.BinarySearch(list, n)
	return found
}

// except is what of list is not in other.
//
//go:noinline
func except(list, other []uint32) []uint32 {
	var rest []uint32
	for _, n := range list {
		for len(other) > 0 && other[0] < n {
			other = other[1:]
		}
		if len(other) == 0 || other[0] != n {
			rest = append(rest, n)
		}
	}
	return rest
}

// merge is list with some more and others less; these need not be sorted.
func merge(list, more, less []uint32) []uint32 {
	return except(sorted(slices.Concat(list, more)), sorted(less))
}

// syncState is what is known of a mailbox.
type syncState struct {
	uidValidity uint32
	uidNext     imap.UID
	modSeq      uint64 // 0 where the mailbox keeps none: flags has them then
	uids        []uint32
	flags       map[imap.Flag][]uint32
}

// stateVersion is the first word of a state. One of another version says
// nothing.
const stateVersion = "1"

// String is the state in words: version, UIDVALIDITY, UIDNEXT, modification
// sequence, UIDs, and then each flag and the UIDs of the messages that have it.
func (t *syncState) String() string {
	b := append([]byte(stateVersion), ' ')
	for _, n := range []uint64{uint64(t.uidValidity), uint64(t.uidNext), t.modSeq} {
		b = append(strconv.AppendUint(b, n, 10), ' ')
	}
	b = appendRuns(b, t.uids)
	flags := make(sort.StringSlice, 0, len(t.flags))
	for f := range t.flags {
		flags = append(flags, string(f))
	}
	sort.Sort(flags)
	for _, f := range flags {
		b = append(append(append(b, ' '), f...), ' ')
		b = appendRuns(b, sorted(t.flags[imap.Flag(f)]))
	}
	return string(b)
}

// parseSyncState reads a state of at most limit messages; ok is false where
// there is none.
func parseSyncState(text string, limit int) (t syncState, ok bool) {
	words := strings.Split(text, " ")
	if len(words) < 5 || len(words)%2 == 0 || len(words) > 5+2*maxFlags || words[0] != stateVersion {
		return syncState{}, false
	}
	validity, ok := wire.ParseNumber(words[1])
	next, ok2 := wire.ParseNumber(words[2])
	modSeq, err := strconv.ParseUint(words[3], 10, 63)
	if !ok || !ok2 || err != nil || validity == 0 {
		return syncState{}, false
	}
	t = syncState{uidValidity: validity, uidNext: imap.UID(next), modSeq: modSeq, flags: map[imap.Flag][]uint32{}}
	if t.uids, ok = parseRuns(words[4], limit); !ok {
		return syncState{}, false
	}
	for i := 5; i < len(words); i += 2 {
		uids, ok := parseRuns(words[i+1], limit)
		if !ok {
			return syncState{}, false
		}
		t.flags[imap.Flag(words[i])] = uids
	}
	return t, true
}

// appendRuns writes sorted numbers as runs: how far it is from the end of the
// last run to the beginning of this one, and after a colon how much more there
// is of it. 5, 6, 7 and 9 are "5:2,2".
func appendRuns(b []byte, list []uint32) []byte {
	end := uint32(0)
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1] == list[j]+1 {
			j++
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(list[i]-end), 10)
		if j > i {
			b = strconv.AppendUint(append(b, ':'), uint64(j-i), 10)
		}
		end = list[j]
		i = j + 1
	}
	return b
}

// parseRuns reads what appendRuns writes.
func parseRuns(text string, limit int) (list []uint32, ok bool) {
	if text == "" {
		return nil, true
	}
	end := uint32(0)
	for run := range strings.SplitSeq(text, ",") {
		gap, more, long := strings.Cut(run, ":")
		n, ok := wire.ParseNumber(gap)
		length := uint32(0)
		if ok && long {
			length, ok = wire.ParseNumber(more)
		}
		if !ok || n == 0 || length >= uint32(limit-len(list)) || n > ^uint32(0)-end || length > ^uint32(0)-end-n {
			return nil, false
		}
		for end += n; length > 0; length-- {
			list = append(list, end)
			end++
		}
		list = append(list, end)
	}
	return list, true
}
