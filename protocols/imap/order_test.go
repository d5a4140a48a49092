package imap_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	kimap "kaiwire/protocols/imap"
	. "kaiwire/protocols/protocoltest"
)

// letter is a message of which a server without SORT and THREAD tells.
type letter struct {
	uid                 int
	day                 int // of January, when it was sent; 0: nobody knows
	subject, from, refs string
	size                int
}

// order are the lines by which letters are asked for and told of; their
// identifiers are their UIDs.
func order(items string, letters ...letter) []Step {
	var uids []string
	var set imap.UIDSet
	for _, l := range letters {
		uids = append(uids, strconv.Itoa(l.uid))
		set.AddNum(imap.UID(l.uid))
	}
	steps := []Step{Want("{s} UID SEARCH *"), Line("* SEARCH " + strings.Join(uids, " ")), Line("{s} OK done"), Want("{f} UID FETCH " + set.String() + " (UID " + items + ")")}
	for i := len(letters) - 1; i >= 0; i-- {
		l := letters[i]
		date := "NIL"
		if l.day > 0 {
			date = fmt.Sprintf(`"%d Jan 2026 12:00:00 +0000"`, l.day)
		}
		from := "NIL"
		if l.from != "" {
			from = fmt.Sprintf(`((NIL NIL %q "x"))`, l.from)
		}
		text := fmt.Sprintf(`* %d FETCH (UID %d INTERNALDATE "%02d-Feb-2026 00:00:00 +0000" RFC822.SIZE %d ENVELOPE (%s %q %s NIL NIL NIL NIL NIL NIL "<%d@x>")`,
			i+1, l.uid, i+1, l.size, date, l.subject, from, l.uid)
		if strings.Contains(items, "BODY") {
			header := "\r\n"
			if l.refs != "" {
				header = "References:"
				for ref := range strings.FieldsSeq(l.refs) {
					header += "\r\n <" + ref + "@x>"
				}
				header += "\r\n\r\n"
			}
			text += fmt.Sprintf(" BODY[HEADER.FIELDS (REFERENCES)] {%d}\r\n%s", len(header), header)
		}
		steps = append(steps, Raw(text+")\r\n"))
	}
	return append(steps, Line("{f} OK done"))
}

const enveloped = "ENVELOPE INTERNALDATE"

func TestSortWithoutServer(t *testing.T) {
	letters := []letter{
		{2, 9, "Re: Lunch", "bob", "", 70}, {3, 7, "apples", "Ada", "", 50}, {5, 0, "[x] lunch", "", "", 70}, {8, 8, "Zebra", "bob", "", 60},
	}
	for by, want := range map[string][]uint32{
		"ARRIVAL": {2, 3, 5, 8}, "-ARRIVAL": {8, 5, 3, 2}, "DATE": {3, 8, 2, 5}, "SUBJECT": {3, 2, 5, 8}, "-SUBJECT": {8, 2, 5, 3}, "FROM": {5, 3, 2, 8},
		"SIZE DATE": {3, 8, 2, 5}, "-SIZE -DATE": {5, 2, 8, 3}, "FROM -ARRIVAL": {5, 3, 8, 2}, "CC": {2, 3, 5, 8}, "TO -DATE": {5, 2, 8, 3},
	} {
		var keys []kimap.SortCriterion
		items := ""
		for word := range strings.FieldsSeq(by) {
			key, reverse := strings.CutPrefix(word, "-")
			keys = append(keys, kimap.SortCriterion{Key: kimap.SortKey(key), Reverse: reverse})
			if key != "ARRIVAL" && key != "SIZE" && items == "" {
				items = "ENVELOPE "
			}
		}
		items += "INTERNALDATE"
		if strings.Contains(by, "SIZE") {
			items += " RFC822.SIZE"
		}
		s := with(t, "", kimap.Options{}, order(items, letters...)...)
		data, err := s.Sort(within(t), keys, nil, true, kimap.SearchOptions{All: true})
		noErr(t, err)
		if got := fmt.Sprint(data.Numbers); got != fmt.Sprint(want) {
			t.Errorf("by %s: %v, want %v", by, got, want)
		}
	}

	by := []kimap.SortCriterion{{Key: kimap.SortDate}}
	s := with(t, "", kimap.Options{}, append(order(enveloped, letters...), Want("{n} UID SEARCH UNSEEN"), Line("* SEARCH"), Line("{n} OK done"))...)
	data, err := s.Sort(within(t), by, nil, false, kimap.SearchOptions{From: -1, To: -2, Count: true, Min: true, Max: true})
	noErr(t, err)
	equal(t, data, &kimap.SearchData{Numbers: []uint32{1, 3}, Count: 4, Min: 2, Max: 3})
	data, err = s.Sort(within(t), by, &imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}}, false, kimap.SearchOptions{All: true})
	noErr(t, err)
	equal(t, data, &kimap.SearchData{})
	lacks(t, func(ctx context.Context, s *kimap.Session) error {
		_, err := s.Sort(ctx, by, nil, true, kimap.SearchOptions{Save: true})
		return err
	})
	lacks(t, func(ctx context.Context, s *kimap.Session) error {
		_, err := s.Sort(ctx, []kimap.SortCriterion{{Key: "DISPLAYFROM"}}, nil, true, kimap.SearchOptions{})
		return err
	})
}

// inWords writes threads as RFC 5256 does.
func inWords(threads []kimap.Thread) string {
	var b strings.Builder
	for _, t := range threads {
		words := strings.Trim(fmt.Sprint(t.Chain), "[]")
		if len(t.SubThreads) > 0 {
			words = strings.TrimLeft(words+" ", " ") + inWords(t.SubThreads)
		}
		b.WriteString("(" + words + ")")
	}
	return b.String()
}

func TestThreadsWithoutServer(t *testing.T) {
	for _, c := range []struct {
		name, references, subjects string
		letters                    []letter
	}{
		{"one after another", "(1 2 3)", "(1 (2)(3))", []letter{{uid: 1, day: 1, subject: "a"}, {uid: 2, day: 2, subject: "Re: a", refs: "1"}, {uid: 3, day: 3, subject: "Re: a", refs: "1 2"}}},
		{"a conversation that splits", "(1 (2 4)(3))", "(1 (2)(3)(4))", []letter{{uid: 1, day: 1, subject: "a"}, {uid: 2, day: 2, subject: "Re: a", refs: "1"}, {uid: 3, day: 3, subject: "Re: a", refs: "1"}, {uid: 4, day: 4, subject: "Re: a", refs: "1 2"}}},
		{"sent in another order than they came", "(3 (2)(1))", "(3 (2)(1))", []letter{{uid: 1, day: 9, subject: "Re: a", refs: "3"}, {uid: 2, day: 8, subject: "Re: a", refs: "3"}, {uid: 3, day: 7, subject: "a"}}},
		{"the first one is not there", "((2)(3))", "(2 3)", []letter{{uid: 2, day: 2, subject: "Re: a", refs: "1"}, {uid: 3, day: 3, subject: "Re: a", refs: "1"}}},
		{"one in the middle is not there", "(1 (3)(4))", "(1 (3)(4))", []letter{{uid: 1, day: 1, subject: "a"}, {uid: 3, day: 3, subject: "Re: a", refs: "1 2"}, {uid: 4, day: 4, subject: "Re: a", refs: "1 2"}}},
		{"only one is there", "(9)", "(9)", []letter{{uid: 9, day: 1, subject: "Re: a", refs: "1 2 3 4"}}},
		{"by subject alone", "((1)(2))(3)", "(1 2)(3)", []letter{{uid: 1, day: 1, subject: "a"}, {uid: 2, day: 2, subject: "A"}, {uid: 3, day: 3, subject: "b"}}},
		{"a reply without references", "(2 1)", "(1 2)", []letter{{uid: 1, day: 1, subject: "Re: a"}, {uid: 2, day: 2, subject: "a"}}},
		{"no subject", "(1)(2)", "(1 2)", []letter{{uid: 1, day: 1}, {uid: 2, day: 2}}},
		{"two beginnings that are not there, of one subject", "((2)(3)(5)(6))", "(2 (3)(5)(6))", []letter{{uid: 2, day: 2, subject: "Re: a", refs: "1"}, {uid: 3, day: 3, subject: "Re: a", refs: "1"}, {uid: 5, day: 5, subject: "Re: a", refs: "4"}, {uid: 6, day: 6, subject: "Re: a", refs: "4"}}},
		{"one more of the subject of one that is not there", "((2)(3)(7))", "(2 (3)(7))", []letter{{uid: 2, day: 2, subject: "Re: a", refs: "1"}, {uid: 3, day: 3, subject: "Re: a", refs: "1"}, {uid: 7, day: 7, subject: "a"}}},
		{"in a circle", "(2 1)", "(1 2)", []letter{{uid: 1, day: 1, subject: "Re: a", refs: "2"}, {uid: 2, day: 2, subject: "Re: a", refs: "1"}}},
		{"an answer to itself", "(1)", "(1)", []letter{{uid: 1, day: 1, subject: "a", refs: "1"}}},
	} {
		for algorithm, want := range map[imap.ThreadAlgorithm]string{imap.ThreadReferences: c.references, imap.ThreadOrderedSubject: c.subjects} {
			items := enveloped
			if algorithm == imap.ThreadReferences {
				items += " BODY.PEEK[HEADER.FIELDS (REFERENCES)]"
			}
			s := with(t, "", kimap.Options{}, order(items, c.letters...)...)
			threads, err := s.Threads(within(t), algorithm, nil, true)
			noErr(t, err)
			if got := inWords(threads); got != want {
				t.Errorf("%s, %s: %s, want %s", c.name, algorithm, got, want)
			}
		}
	}
}

// A server can't have us hold or turn over more than there is room for.
func TestOrderIsBounded(t *testing.T) {
	by := []kimap.SortCriterion{{Key: kimap.SortSubject}}
	few := kimap.Limits{Order: 2}
	three := []Step{Want("{s} UID SEARCH ALL"), Line("* SEARCH 1 2 3"), Line("{s} OK done"), Want("{n} NOOP"), Line("{n} OK done")}
	s := with(t, "", kimap.Options{Limits: few}, three...)
	_, err := s.Sort(within(t), by, nil, true, kimap.SearchOptions{All: true})
	wantCode(t, err, coded.ELIMIT)
	noErr(t, s.Noop(within(t)))
	s = with(t, "", kimap.Options{Limits: few}, three...)
	_, err = s.Threads(within(t), imap.ThreadReferences, nil, true)
	wantCode(t, err, coded.ELIMIT)
	noErr(t, s.Noop(within(t)))

	long := letter{uid: 1, day: 1, subject: strings.Repeat("long ", 200)}
	s = with(t, "", kimap.Options{Limits: kimap.Limits{Message: 1500}}, append(order(enveloped, long, letter{uid: 2, day: 1, subject: long.subject}), Want("{n} NOOP"), Line("{n} OK done"))...)
	_, err = s.Sort(within(t), by, nil, true, kimap.SearchOptions{All: true})
	wantCode(t, err, coded.ELIMIT)
	noErr(t, s.Noop(within(t)))

	// One below the other, further than is looked; and splitting at each.
	var deep, wide []letter
	for i := 1; i <= 1500; i++ {
		deep = append(deep, letter{uid: i, day: 1, subject: "s" + strconv.Itoa(i), refs: strconv.Itoa(i - 1)})
	}
	for i := 1; i <= 300; i++ {
		wide = append(wide, letter{uid: i, day: 1, subject: "s" + strconv.Itoa(i), refs: strconv.Itoa((i - 1) / 2 * 2)})
	}
	items := enveloped + " BODY.PEEK[HEADER.FIELDS (REFERENCES)]"
	s = with(t, "", kimap.Options{}, order(items, deep...)...)
	threads, err := s.Threads(within(t), imap.ThreadReferences, nil, true)
	noErr(t, err)
	found := 0
	for _, thread := range threads {
		found += len(thread.Chain)
	}
	equal(t, found, len(deep))
	s = with(t, "", kimap.Options{}, append(order(items, wide...), Want("{n} NOOP"), Line("{n} OK done"))...)
	_, err = s.Threads(within(t), imap.ThreadReferences, nil, true)
	wantCode(t, err, coded.ELIMIT)
	noErr(t, s.Noop(within(t)))
}
