package imap

import (
	"testing"

	"github.com/emersion/go-imap/v2"
)

// What may be sent while something else is under way (RFC 9051, section 5.5).
func TestFits(t *testing.T) {
	s := &Session{}
	fetch := func(set imap.NumSet) *command { return s.fetchCommand(set, &imap.FetchOptions{}, nil) }
	numbers, uids := imap.SeqSetNum(1), imap.UIDSetNum(1)
	noop, login := simple("NOOP"), exclusive("SELECT a")
	search := &command{family: "SEARCH", stable: true}
	for _, tc := range []struct {
		name  string
		under *command
		next  *command
		fits  bool
	}{
		{"two by number", fetch(numbers), fetch(numbers), true},
		{"two by UID", fetch(uids), fetch(uids), true},
		{"UID after number", fetch(numbers), fetch(uids), true},
		{"number after UID", fetch(uids), fetch(numbers), false},
		{"number after what may expunge", noop, fetch(numbers), false},
		{"what may expunge after number", fetch(numbers), noop, true},
		{"UID after what may expunge", noop, fetch(uids), true},
		{"alone after another", noop, login, false},
		{"another after alone", login, noop, false},
		{"of one family", search, search, false},
		{"number after search", search, fetch(numbers), true},
		{"of no family", noop, noop, true},
	} {
		s.flight = []*command{tc.under}
		if got := s.fits(tc.next); got != tc.fits {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}
