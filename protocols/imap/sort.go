package imap

import (
	"context"
	"strings"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/imap/wire"
)

// SortKey is what messages can be sorted by (RFC 5256).
type SortKey string

const (
	SortArrival SortKey = "ARRIVAL"
	SortCc      SortKey = "CC"
	SortDate    SortKey = "DATE"
	SortFrom    SortKey = "FROM"
	SortSize    SortKey = "SIZE"
	SortSubject SortKey = "SUBJECT"
	SortTo      SortKey = "TO"
)

// SortCriterion is one of the keys of a sort; the first counts most.
type SortCriterion struct {
	Key     SortKey
	Reverse bool
}

// Sort is SearchData in an order of its own (SORT, RFC 5256). For a server
// without that the messages are put in order here, of which there may be
// Limits.Order; small and capital letters are the same then, but letters with
// and without accents are not.
func (s *Session) Sort(ctx context.Context, sort []SortCriterion, criteria *imap.SearchCriteria, byUID bool, o SearchOptions, keys ...SearchKey) (*SearchData, error) {
	if len(sort) == 0 {
		return nil, invalid("Nothing is given to sort by.")
	}
	for _, criterion := range sort {
		if !isAtom(string(criterion.Key)) {
			return nil, invalid("The key to sort by is not valid.")
		}
	}
	q := &query{criteria: criteria, keys: keys, byUID: byUID, options: o, sort: sort}
	if s.Has("SORT") {
		return s.search(ctx, q)
	}
	if o.Save {
		return nil, unsupported("SORT")
	}
	return s.sortLocally(ctx, q)
}

func writeSort(w *wire.Writer, sort []SortCriterion) {
	w.Text("(")
	for i, criterion := range sort {
		if i > 0 {
			w.Text(" ")
		}
		if criterion.Reverse {
			w.Text("REVERSE ")
		}
		w.Text(string(criterion.Key))
	}
	w.Text(")")
}

// Thread is a conversation: messages of which each answers the one before, and
// the conversations that the last of them has split into.
type Thread struct {
	Chain      []uint32
	SubThreads []Thread
}

// Threads sorts messages into conversations (RFC 5256). ORDEREDSUBJECT and
// REFERENCES are done here where the server has them not, of Limits.Order messages
// at most. ENOTSUP means that the server doesn't know another algorithm.
func (s *Session) Threads(ctx context.Context, algorithm imap.ThreadAlgorithm, criteria *imap.SearchCriteria, byUID bool, keys ...SearchKey) ([]Thread, error) {
	if !isAtom(string(algorithm)) {
		return nil, invalid("The algorithm is not valid.")
	}
	q := &query{criteria: criteria, keys: keys, byUID: byUID}
	if !s.Has(imap.Cap("THREAD=" + string(algorithm))) {
		switch strings.ToUpper(string(algorithm)) {
		case "REFERENCES":
			return s.threadLocally(ctx, q, true)
		case "ORDEREDSUBJECT":
			return s.threadLocally(ctx, q, false)
		}
		return nil, unsupported("THREAD=" + string(algorithm))
	}
	if q.criteria == nil {
		q.criteria = &imap.SearchCriteria{}
	}
	if err := s.checkCriteria(q); err != nil {
		return nil, err
	}
	var threads []Thread
	left := s.o.Limits.Results
	c := &command{numbers: !byUID || usesNumbers(q.criteria), stable: !byUID, family: "THREAD"}
	c.write = func(w *wire.Writer) {
		if byUID {
			w.Text("UID ")
		}
		w.Text("THREAD ").Text(string(algorithm)).Text(" UTF-8")
		s.writeKeys(w, q)
	}
	c.take = func(verb string) (bool, error) {
		if verb != "THREAD" {
			return false, nil
		}
		for s.r.Space(); s.r.Peek() == '(' && s.r.Err() == nil; s.r.Space() {
			threads = append(threads, s.thread(&left))
		}
		if left < 0 {
			return true, tooMuch("too many threads")
		}
		return true, s.r.Err()
	}
	if err := s.do(ctx, c); err != nil {
		return nil, err
	}
	return threads, nil
}

// thread reads a conversation; left is how many messages may still come.
func (s *Session) thread(left *int) (t Thread) {
	r := s.r
	r.List(func() {
		if *left--; *left < 0 {
			r.Value()
			return
		}
		if r.Peek() == '(' {
			t.SubThreads = append(t.SubThreads, s.thread(left))
		} else {
			t.Chain = append(t.Chain, r.Number())
		}
	})
	return t
}
