package main

import (
	"strconv"
	"strings"
	"time"

	goimap "github.com/emersion/go-imap/v2"

	"kaiwire/protocols/imap"
	"kaiwire/wasm/call"
)

// The largest number in a message set; RFC 9051 calls it nz-number.
const maxNumber = 1<<32 - 1

// parseRanges reads a message set as IMAP writes it: "1:10,12,20:*". The star
// is 0.
func parseRanges(text string, add func(first, last uint32)) bool {
	number := func(s string) (uint32, bool) {
		if s == "*" {
			return 0, true
		}
		n, err := strconv.ParseUint(s, 10, 32)
		return uint32(n), err == nil && n > 0
	}
	if text == "" {
		return false
	}
	for item := range strings.SplitSeq(text, ",") {
		a, b, isRange := strings.Cut(strings.Trim(item, " "), ":")
		first, ok := number(a)
		last := first
		if ok && isRange {
			last, ok = number(b)
		}
		if !ok {
			return false
		}
		add(first, last)
	}
	return true
}

func seqSet(text string) (set goimap.SeqSet, ok bool) {
	ok = parseRanges(text, func(first, last uint32) { set.AddRange(first, last) })
	return set, ok
}

func uidSet(text string) (set goimap.UIDSet, ok bool) {
	ok = parseRanges(text, func(first, last uint32) { set.AddRange(goimap.UID(first), goimap.UID(last)) })
	return set, ok
}

// messageSet reads the options set and uid. What a search has saved, "$", is a
// set of both kinds.
func messageSet(a *call.Args) goimap.NumSet {
	text := a.Required("set")
	if text == "$" {
		return goimap.SearchRes()
	}
	var set goimap.NumSet
	var ok bool
	if a.Bool("uid") {
		set, ok = uidSet(text)
	} else {
		set, ok = seqSet(text)
	}
	if !ok && a.Err() == nil {
		a.Invalid("set", `must be a message set such as "1:10,12" or "20:*", not `+strconv.Quote(text))
	}
	return set
}

// modSeq reads a modification sequence, which crosses as a string: it may have
// 63 bits, and JavaScript's numbers have 53. It is 0 where it was not given.
func modSeq(a *call.Args, name string) uint64 {
	text := a.String(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || n == 0 {
		a.Invalid(name, "must be a modification sequence")
	}
	return n
}

// section reads the name of a body section as IMAP writes it: "", "TEXT",
// "HEADER", "1.2", "1.2.MIME", and with a range of bytes "1<0.2048>".
func section(name string) (*goimap.FetchItemBodySection, bool) {
	s := &goimap.FetchItemBodySection{Peek: true}
	if rest, ok := strings.CutSuffix(name, ">"); ok {
		before, byteRange, ok := strings.Cut(rest, "<")
		from, length, ok2 := strings.Cut(byteRange, ".")
		offset, err := strconv.ParseUint(from, 10, 32)
		size, err2 := strconv.ParseUint(length, 10, 32)
		if !ok || !ok2 || err != nil || err2 != nil || size == 0 {
			return nil, false
		}
		name = before
		s.Partial = &goimap.SectionPartial{Offset: int64(offset), Size: int64(size)}
	}
	if name == "" {
		return s, true
	}
	words := strings.Split(strings.ToUpper(name), ".")
	for i, word := range words {
		if n, err := strconv.ParseUint(word, 10, 31); err == nil && n > 0 {
			s.Part = append(s.Part, int(n))
			continue
		}
		if i != len(words)-1 {
			return nil, false
		}
		switch s.Specifier = goimap.PartSpecifier(word); s.Specifier {
		case goimap.PartSpecifierText, goimap.PartSpecifierHeader:
		case goimap.PartSpecifierMIME:
			if len(s.Part) == 0 {
				return nil, false
			}
		default:
			return nil, false
		}
	}
	return s, true
}

// fetchQuery is what a fetch asks for. The header comes first among the body
// sections where it is asked for; parts are the names of the others.
type fetchQuery struct {
	options goimap.FetchOptions
	items   []imap.Item
	header  bool
	parts   []string
}

// parseFetch reads what to fetch; gmail says that the server knows messages by
// Gmail's identifiers, and not by those of RFC 8474.
func parseFetch(a *call.Args, gmail bool) *fetchQuery {
	q := &fetchQuery{}
	q.options = goimap.FetchOptions{
		UID:          true,
		Flags:        a.Bool("flags"),
		Envelope:     a.Bool("envelope"),
		InternalDate: a.Bool("internalDate"),
		RFC822Size:   a.Bool("size"),
		ModSeq:       a.Bool("modseq"),
		ChangedSince: modSeq(a, "changedSince"),
	}
	email, thread := imap.ItemEmailID, imap.ItemThreadID
	if gmail {
		email, thread = imap.ItemGmailID, imap.ItemGmailTID
	}
	for _, row := range []struct {
		name string
		item imap.Item
	}{
		{"emailId", email}, {"threadId", thread}, {"labels", imap.ItemGmailTags},
		{"preview", imap.ItemPreview}, {"lazy", imap.ItemLazy}, {"saveDate", imap.ItemSaveDate},
	} {
		if a.Bool(row.name) {
			q.items = append(q.items, row.item)
		}
	}
	if a.Bool("bodyStructure") {
		q.options.BodyStructure = &goimap.FetchItemBodyStructure{Extended: true}
	}
	if fields := a.StringsOrTrue("headers"); fields != nil {
		q.header = true
		q.options.BodySection = append(q.options.BodySection, &goimap.FetchItemBodySection{
			Specifier: goimap.PartSpecifierHeader, HeaderFields: *fields, Peek: true,
		})
	}
	q.parts = a.Strings("bodyParts")
	for _, name := range q.parts {
		s, ok := section(name)
		if !ok {
			a.Invalid("bodyParts", "has no section of the name "+strconv.Quote(name))
			break
		}
		q.options.BodySection = append(q.options.BodySection, s)
	}
	return q
}

func flags(list []string) []goimap.Flag {
	var all []goimap.Flag
	for _, s := range list {
		all = append(all, goimap.Flag(s))
	}
	return all
}

// maxNesting bounds not and or in a search.
const maxNesting = 20

// searchFlags are the search keys that stand for a flag (RFC 9051, 6.4.4).
var searchFlags = []struct {
	key  string
	flag goimap.Flag
}{
	{"seen", goimap.FlagSeen}, {"answered", goimap.FlagAnswered}, {"flagged", goimap.FlagFlagged},
	{"deleted", goimap.FlagDeleted}, {"draft", goimap.FlagDraft},
}

// parseSearch reads a search query. What is wrong is recorded in root.
func parseSearch(root *call.Args) (*goimap.SearchCriteria, []imap.SearchKey) {
	q := root.Object("query")
	criteria := parseCriteria(root, q, 0)
	keys := searchKeys(q)
	root.Adopt(q)
	return criteria, keys
}

// day is how long a search by the day looks.
const day = 24 * time.Hour

// keyNames are the search keys of extensions.
var keyNames = []string{"younger", "older", "savedSince", "savedBefore", "emailId", "threadId", "gmraw"}

func searchKeys(q *call.Args) []imap.SearchKey {
	var keys []imap.SearchKey
	for _, name := range keyNames {
		if !q.Has(name) {
			continue
		}
		var key imap.SearchKey
		switch name {
		case "younger":
			key = imap.Younger(milliseconds(q, name))
		case "older":
			key = imap.Older(milliseconds(q, name))
		case "savedSince":
			key = imap.SavedSince(q.Time(name))
		case "savedBefore":
			key = imap.SavedBefore(q.Time(name))
		case "emailId":
			key = imap.HasEmailID(q.Required(name))
		case "threadId":
			key = imap.HasThreadID(q.Required(name))
		case "gmraw":
			key = imap.GmailSearch(q.Required(name))
		}
		keys = append(keys, key)
	}
	return keys
}

// maxInterval is a hundred years, in milliseconds.
const maxInterval = 100 * 365 * int64(day/time.Millisecond)

func milliseconds(a *call.Args, name string) time.Duration {
	return time.Duration(a.Int(name, 1000, maxInterval)) * time.Millisecond
}

// parseCriteria reads what a search query has of IMAP itself.
func parseCriteria(root, q *call.Args, depth int) *goimap.SearchCriteria {
	c := &goimap.SearchCriteria{}
	if depth > maxNesting {
		root.Invalid("query", "is nested too deeply")
		return c
	}
	if text := q.String("seq"); text != "" {
		if set, ok := seqSet(text); ok {
			c.SeqNum = append(c.SeqNum, set)
		} else {
			q.Invalid("seq", "is not a message set")
		}
	}
	if text := q.String("uid"); text != "" {
		if set, ok := uidSet(text); ok {
			c.UID = append(c.UID, set)
		} else {
			q.Invalid("uid", "is not a message set")
		}
	}
	c.Since, c.Before = q.Time("since"), q.Time("before")
	c.SentSince, c.SentBefore = q.Time("sentSince"), q.Time("sentBefore")
	if on := q.Time("on"); !on.IsZero() {
		c.Since, c.Before = on, on.Add(day)
	}
	if on := q.Time("sentOn"); !on.IsZero() {
		c.SentSince, c.SentBefore = on, on.Add(day)
	}
	if n := modSeq(q, "modseq"); n > 0 {
		c.ModSeq = &goimap.SearchCriteriaModSeq{ModSeq: n}
	}
	header := func(name, value string) {
		c.Header = append(c.Header, goimap.SearchCriteriaHeaderField{Key: name, Value: value})
	}
	if q.Has("header") {
		fields := q.Object("header")
		fields.Each(header)
		root.Adopt(fields)
	}
	for _, name := range []string{"from", "to", "cc", "bcc", "subject"} {
		if value := q.String(name); value != "" {
			header(name, value)
		}
	}
	if s := q.String("body"); s != "" {
		c.Body = append(c.Body, s)
	}
	if s := q.String("text"); s != "" {
		c.Text = append(c.Text, s)
	}
	for _, row := range searchFlags {
		if !q.Has(row.key) {
			continue
		}
		if q.Bool(row.key) {
			c.Flag = append(c.Flag, row.flag)
		} else {
			c.NotFlag = append(c.NotFlag, row.flag)
		}
	}
	if s := q.String("keyword"); s != "" {
		c.Flag = append(c.Flag, goimap.Flag(s))
	}
	if s := q.String("unKeyword"); s != "" {
		c.NotFlag = append(c.NotFlag, goimap.Flag(s))
	}
	c.Larger, c.Smaller = q.Int("larger", 0, maxNumber), q.Int("smaller", 0, maxNumber)
	if q.Has("not") {
		c.Not = append(c.Not, *parseCriteria(root, q.Object("not"), depth+1))
	}
	if any := q.Objects("or"); len(any) > 0 {
		// IMAP's OR has two sides: a list becomes a chain of them.
		chain := parseCriteria(root, any[len(any)-1], depth+1)
		for i := len(any) - 2; i >= 0; i-- {
			chain = &goimap.SearchCriteria{Or: [][2]goimap.SearchCriteria{{*parseCriteria(root, any[i], depth+1), *chain}}}
		}
		c.And(chain)
	}
	if depth > 0 {
		for _, name := range keyNames {
			if q.Has(name) {
				q.Invalid(name, "can't stand in not or or")
			}
		}
	}
	root.Adopt(q)
	return c
}

// searchOptions reads what a search is to tell: returnOptions, and "partial" of
// it as from and to.
func searchOptions(a *call.Args) (o imap.SearchOptions) {
	for _, word := range a.Strings("returnOptions") {
		switch strings.ToLower(word) {
		case "min":
			o.Min = true
		case "max":
			o.Max = true
		case "count":
			o.Count = true
		case "all":
			o.All = true
		case "save":
			o.Save = true
		default:
			from, to, _ := strings.Cut(word, ":")
			first, err := strconv.ParseInt(from, 10, 32)
			last, err2 := strconv.ParseInt(to, 10, 32)
			if err != nil || err2 != nil || first == 0 || last == 0 || first < 0 != (last < 0) {
				a.Invalid("returnOptions", "has no "+strconv.Quote(word))
			}
			o.From, o.To = int32(first), int32(last)
		}
	}
	if !a.Has("returnOptions") {
		o.All = true
	}
	return o
}

// statusItems reads which figures of a mailbox are wanted; nil where none is
// named.
func statusItems(a *call.Args) *goimap.StatusOptions {
	o := &goimap.StatusOptions{}
	named := false
	for _, row := range []struct {
		name   string
		wanted *bool
	}{
		{"messages", &o.NumMessages}, {"unseen", &o.NumUnseen}, {"uidNext", &o.UIDNext}, {"uidValidity", &o.UIDValidity},
		{"deleted", &o.NumDeleted}, {"size", &o.Size}, {"highestModseq", &o.HighestModSeq},
		{"appendLimit", &o.AppendLimit}, {"deletedStorage", &o.DeletedStorage},
	} {
		*row.wanted = a.Bool(row.name)
		named = named || *row.wanted
	}
	if !named {
		return nil
	}
	return o
}
