package imap

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/imap/wire"
)

// Search returns the numbers of the messages that fit criteria: UIDs if byUID,
// else sequence numbers (RFC 3501, section 6.4.4). Nil criteria fit every
// message. The keys have to fit as well.
func (s *Session) Search(ctx context.Context, criteria *imap.SearchCriteria, byUID bool, keys ...SearchKey) ([]uint32, error) {
	q := &query{criteria: criteria, keys: keys, byUID: byUID}
	q.options.All = true
	data, err := s.search(ctx, q)
	if err != nil {
		return nil, err
	}
	return data.Numbers, nil
}

// SearchOptions says what SearchData is to tell.
type SearchOptions struct {
	Min, Max, Count, All bool
	// Save keeps the result on the server, for imap.SearchRes() in the commands
	// that follow (SEARCHRES, RFC 5182). It can't be done without the server.
	Save bool
	// From and To ask for a part of the result, counted from 1, from its end
	// where they are negative: -1 and -20 are the last 20 (PARTIAL, RFC 9394).
	From, To int32
}

// SearchData is what a search tells. What wasn't asked for is zero. Of a Sort,
// Min is the first and Max the last (RFC 5267, section 3).
type SearchData struct {
	Numbers []uint32 // with All or a part
	Min     uint32
	Max     uint32
	Count   uint32
	ModSeq  uint64 // the highest of those found, where modification sequences were searched for
}

// SearchData is Search for those who don't need every number, which a server
// with ESEARCH (RFC 4731) doesn't send then; with another one they are worked
// out of all the numbers.
func (s *Session) SearchData(ctx context.Context, criteria *imap.SearchCriteria, byUID bool, o SearchOptions, keys ...SearchKey) (*SearchData, error) {
	if (o.From == 0) != (o.To == 0) || (o.From < 0) != (o.To < 0) {
		return nil, invalid("The part of the result is not valid.")
	}
	if o.Save && !s.Has("SEARCHRES") {
		return nil, unsupported("SEARCHRES")
	}
	return s.search(ctx, &query{criteria: criteria, keys: keys, byUID: byUID, options: o})
}

// query is a search, a sort or the making of threads.
type query struct {
	criteria *imap.SearchCriteria
	keys     []SearchKey
	byUID    bool
	options  SearchOptions
	sort     []SortCriterion
}

// extended reports whether the server works out what the query asks for.
func (s *Session) extended(q *query) bool {
	if q.sort != nil {
		return s.Has("ESORT")
	}
	return s.Has("ESEARCH")
}

func (s *Session) search(ctx context.Context, q *query) (*SearchData, error) {
	if q.criteria == nil {
		q.criteria = &imap.SearchCriteria{}
	}
	if err := s.checkCriteria(q); err != nil {
		return nil, err
	}
	verb, extended := "SEARCH", s.extended(q)
	if q.sort != nil {
		verb = "SORT"
	}
	o := q.options
	partial := o.From != 0 && extended && s.Has("PARTIAL")
	if o.From != 0 && !partial {
		o.All = true
	}
	data := &SearchData{}
	c := &command{numbers: !q.byUID || usesNumbers(q.criteria), stable: !q.byUID}
	c.write = func(w *wire.Writer) {
		if q.byUID {
			w.Text("UID ")
		}
		w.Text(verb)
		if extended && (partial || o.Min || o.Max || o.Count || o.Save || o.All && verb == "SEARCH") {
			writeReturn(w, &o, partial)
		}
		s.writeQuery(w, q)
	}
	if !extended {
		c.family = verb
	}
	add := func(first, last uint32) error {
		if last-first >= uint32(s.o.Limits.Results-len(data.Numbers)) {
			return tooMuch("more than " + strconv.Itoa(s.o.Limits.Results) + " search results")
		}
		for ; first < last; first++ {
			data.Numbers = append(data.Numbers, first)
		}
		data.Numbers = append(data.Numbers, last)
		return nil
	}
	computed := true
	c.take = func(got string) (bool, error) {
		switch {
		case got == verb:
			return true, s.searched(data, add)
		case got == "ESEARCH":
			mine, err := s.searchedExtended(c.tag, data, add)
			computed = computed && !mine
			return mine, err
		}
		return false, nil
	}
	if err := s.do(ctx, c); err != nil {
		return nil, err
	}
	if computed {
		data.compute(q.sort != nil)
	}
	return data.only(q.options, !partial), nil
}

// compute works out of all numbers what a server without ESEARCH doesn't tell.
func (d *SearchData) compute(sorted bool) {
	d.Count = uint32(len(d.Numbers))
	if sorted && d.Count > 0 {
		d.Min, d.Max = d.Numbers[0], d.Numbers[d.Count-1]
		return
	}
	for i, n := range d.Numbers {
		if i == 0 || n < d.Min {
			d.Min = n
		}
		d.Max = max(d.Max, n)
	}
}

// only leaves what was asked for.
func (d *SearchData) only(o SearchOptions, cut bool) *SearchData {
	if !o.Min {
		d.Min = 0
	}
	if !o.Max {
		d.Max = 0
	}
	if !o.Count {
		d.Count = 0
	}
	switch n := int32(len(d.Numbers)); {
	case o.From != 0 && cut:
		from, to := o.From, o.To
		if from < 0 {
			from, to = n+1+from, n+1+to
		}
		if from > to {
			from, to = to, from
		}
		from, to = max(from, 1), min(to, n)
		if from > to {
			d.Numbers = nil
		} else {
			d.Numbers = d.Numbers[from-1 : to]
		}
	case o.From == 0 && !o.All:
		d.Numbers = nil
	}
	return d
}

func writeReturn(w *wire.Writer, o *SearchOptions, partial bool) {
	w.Text(" RETURN (")
	writeOptions(w, "", []option{
		{o.Min, "MIN"}, {o.Max, "MAX"}, {o.Count, "COUNT"}, {o.All && !partial, "ALL"}, {o.Save, "SAVE"},
	}, "")
	if partial {
		if o.Min || o.Max || o.Count || o.Save {
			w.Text(" ")
		}
		w.Text("PARTIAL ").Text(strconv.Itoa(int(o.From))).Text(":").Text(strconv.Itoa(int(o.To)))
	}
	w.Text(")")
}

// searched takes the numbers of a SEARCH or SORT in the server's order and
// skips what is none, but for the MODSEQ of RFC 7162.
func (s *Session) searched(data *SearchData, add func(first, last uint32) error) error {
	r := s.r
	for r.Space(); !r.Empty(); r.Space() {
		switch c := r.Peek(); {
		case c >= '0' && c <= '9':
			n := r.Number()
			if r.Err() != nil {
				return r.Err()
			}
			if err := add(n, n); err != nil {
				return err
			}
		case r.Open():
			name := r.Atom()
			modSeq := wire.EqualFold(name, "MODSEQ")
			r.Space()
			if n := r.Peek(); modSeq && n >= '0' && n <= '9' {
				data.ModSeq = r.Number64()
			}
			for !r.Close() {
				r.Value()
			}
		default:
			r.Value()
		}
	}
	return nil
}

// searchedExtended takes an ESEARCH (RFC 4731), which is how a server of
// IMAP4rev2 alone answers every search.
func (s *Session) searchedExtended(tag int, data *SearchData, add func(first, last uint32) error) (mine bool, err error) {
	r := s.r
	mine = true
	start := r.Mark()
	if r.Open() {
		name := r.Atom()
		isTag := wire.EqualFold(name, "TAG")
		r.Space()
		if b, _ := r.String(); isTag && string(b) != "T"+strconv.Itoa(tag) {
			r.Return(start)
			return false, nil
		}
		r.Close()
	}
	for r.Space(); !r.Empty() && err == nil; r.Space() {
		var buf [maxItem]byte
		item := string(wire.Upper(buf[:], r.Atom()))
		if item == "UID" {
			continue
		}
		r.Space()
		ranges := func() {
			r.Set(func(first, last uint32) bool {
				err = add(first, last)
				return err == nil
			})
		}
		switch item {
		case "MIN":
			data.Min = r.Number()
		case "MAX":
			data.Max = r.Number()
		case "COUNT":
			data.Count = r.Number()
		case "MODSEQ":
			data.ModSeq = r.Number64()
		case "ALL":
			ranges()
		case "PARTIAL":
			n := 0
			r.List(func() {
				if n++; n == 2 && r.Peek() >= '0' && r.Peek() <= '9' {
					ranges()
				} else {
					r.Value()
				}
			})
		default:
			r.Value()
		}
	}
	if err == nil {
		err = r.Err()
	}
	return mine, err
}

// writeQuery writes what is searched for, and in what charset.
func (s *Session) writeQuery(w *wire.Writer, q *query) {
	ascii := isASCII(q.criteria)
	for _, key := range q.keys {
		ascii = ascii && isASCIIString(key.value)
	}
	switch {
	case q.sort != nil:
		w.Text(" ")
		writeSort(w, q.sort)
		w.Text(" UTF-8")
	case !ascii && !w.UTF8:
		w.Text(" CHARSET UTF-8")
	}
	s.writeKeys(w, q)
}

func (s *Session) writeKeys(w *wire.Writer, q *query) {
	w.Text(" ")
	first := writeCriteria(w, q.criteria, true)
	for _, key := range q.keys {
		if !first {
			w.Text(" ")
		}
		first = false
		s.writeKey(w, key)
	}
	if first {
		w.Text("ALL")
	}
}

// writeCriteria writes search keys; first says whether none has been written
// yet, and the result whether that is still so.
func writeCriteria(w *wire.Writer, c *imap.SearchCriteria, first bool) bool {
	key := func(name string) *wire.Writer {
		if !first {
			w.Text(" ")
		}
		first = false
		return w.Text(name)
	}
	for _, set := range c.SeqNum {
		key(set.String())
	}
	for _, set := range c.UID {
		key("UID ").Text(set.String())
	}
	for _, row := range []struct {
		prefix        string
		since, before time.Time
	}{{"", c.Since, c.Before}, {"SENT", c.SentSince, c.SentBefore}} {
		if !row.since.IsZero() && !row.before.IsZero() && row.before.Sub(row.since) == 24*time.Hour {
			writeDate(key(row.prefix+"ON "), row.since)
			continue
		}
		if !row.since.IsZero() {
			writeDate(key(row.prefix+"SINCE "), row.since)
		}
		if !row.before.IsZero() {
			writeDate(key(row.prefix+"BEFORE "), row.before)
		}
	}
	for _, field := range c.Header {
		switch name := strings.ToUpper(field.Key); name {
		case "BCC", "CC", "FROM", "SUBJECT", "TO":
			key(name)
		default:
			key("HEADER ").String(field.Key)
		}
		w.Text(" ").String(field.Value)
	}
	for _, text := range c.Body {
		key("BODY ").String(text)
	}
	for _, text := range c.Text {
		key("TEXT ").String(text)
	}
	for _, f := range c.Flag {
		key(flagKey(f, ""))
	}
	for _, f := range c.NotFlag {
		key(flagKey(f, "UN"))
	}
	if c.Larger > 0 {
		key("LARGER ").Number64(uint64(c.Larger))
	}
	if c.Smaller > 0 {
		key("SMALLER ").Number64(uint64(c.Smaller))
	}
	if m := c.ModSeq; m != nil {
		key("MODSEQ ")
		if m.MetadataName != "" && m.MetadataType != "" {
			w.String(m.MetadataName).Text(" ").Text(string(m.MetadataType)).Text(" ")
		}
		w.Number64(m.ModSeq)
	}
	for i := range c.Not {
		key("NOT ")
		writeGroup(w, &c.Not[i])
	}
	for i := range c.Or {
		key("OR ")
		writeGroup(w, &c.Or[i][0])
		w.Text(" ")
		writeGroup(w, &c.Or[i][1])
	}
	return first
}

func writeGroup(w *wire.Writer, c *imap.SearchCriteria) {
	w.Text("(")
	if writeCriteria(w, c, true) {
		w.Text("ALL")
	}
	w.Text(")")
}

func writeDate(w *wire.Writer, t time.Time) { w.Text(string(wire.AppendDate(nil, t))) }

//go:noinline
func flagKey(f imap.Flag, un string) string {
	switch f {
	case imap.FlagAnswered, imap.FlagDeleted, imap.FlagDraft, imap.FlagFlagged, imap.FlagSeen:
		return un + strings.ToUpper(string(f[1:]))
	}
	return un + "KEYWORD " + string(f)
}

func isASCIIString(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func isASCII(c *imap.SearchCriteria) bool {
	for _, field := range c.Header {
		if !isASCIIString(field.Key) || !isASCIIString(field.Value) {
			return false
		}
	}
	for _, texts := range [][]string{c.Body, c.Text} {
		for _, text := range texts {
			if !isASCIIString(text) {
				return false
			}
		}
	}
	return !anyCriteria(c, func(c *imap.SearchCriteria) bool { return !isASCII(c) })
}

// anyCriteria reports whether f holds for one of those that c is made of.
func anyCriteria(c *imap.SearchCriteria, f func(*imap.SearchCriteria) bool) bool {
	for i := range c.Not {
		if f(&c.Not[i]) {
			return true
		}
	}
	for i := range c.Or {
		if f(&c.Or[i][0]) || f(&c.Or[i][1]) {
			return true
		}
	}
	return false
}

// usesNumbers reports whether criteria name messages by sequence number.
func usesNumbers(c *imap.SearchCriteria) bool {
	return len(c.SeqNum) > 0 || anyCriteria(c, usesNumbers)
}

// maxCriteria is how deep Not and Or may nest in a search.
const maxCriteria = 50

func (s *Session) checkCriteria(q *query) error {
	if err := checkCriteriaAt(q.criteria, 0); err != nil {
		return err
	}
	if needsCondStore(q.criteria) && !s.Has("CONDSTORE") {
		return unsupported("CONDSTORE")
	}
	for _, key := range q.keys {
		if err := s.checkKey(key); err != nil {
			return err
		}
	}
	return nil
}

func needsCondStore(c *imap.SearchCriteria) bool {
	return c.ModSeq != nil || anyCriteria(c, needsCondStore)
}

func checkCriteriaAt(c *imap.SearchCriteria, depth int) error {
	if depth > maxCriteria {
		return invalid("The search is nested too deep.")
	}
	for _, set := range c.SeqNum {
		if err := checkSet(set); err != nil {
			return err
		}
	}
	for _, set := range c.UID {
		if err := checkSet(set); err != nil {
			return err
		}
	}
	for _, flags := range [][]imap.Flag{c.Flag, c.NotFlag} {
		if err := checkFlags(flags); err != nil {
			return err
		}
	}
	texts := append(append([]string(nil), c.Body...), c.Text...)
	for _, field := range c.Header {
		if !isFieldName(field.Key) {
			return invalid("The header field " + strconv.Quote(field.Key) + " is not valid.")
		}
		texts = append(texts, field.Value)
	}
	for _, text := range texts {
		if strings.IndexByte(text, 0) >= 0 {
			return invalid("A text to search for contains a character that can't be sent.")
		}
	}
	if m := c.ModSeq; m != nil && (hasControl(m.MetadataName) || m.MetadataType != "" && !isAtom(string(m.MetadataType))) {
		return invalid("The search by modification is not valid.")
	}
	for i := range c.Not {
		if err := checkCriteriaAt(&c.Not[i], depth+1); err != nil {
			return err
		}
	}
	for i := range c.Or {
		for j := range c.Or[i] {
			if err := checkCriteriaAt(&c.Or[i][j], depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// isFieldName reports whether s is the name of a header field (RFC 5322,
// section 2.2).
func isFieldName(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7F || s[i] == ':' {
			return false
		}
	}
	return s != ""
}

// SearchKey is something that can be searched for beyond imap.SearchCriteria.
type SearchKey struct {
	name, value string
	capability  string
	interval    time.Duration
	when        time.Time
}

// Younger fits messages that arrived within an interval from now (WITHIN, RFC
// 5032). A server that lacks it is asked by the day, so that the result may
// have messages of up to a day more.
func Younger(interval time.Duration) SearchKey {
	return SearchKey{name: "YOUNGER", interval: interval}
}

// Older fits the others; by the day, the result may lack messages of up to a
// day.
func Older(interval time.Duration) SearchKey { return SearchKey{name: "OLDER", interval: interval} }

// SavedSince fits messages that were put into the mailbox on a day or later
// (SAVEDATE, RFC 8514).
func SavedSince(day time.Time) SearchKey {
	return SearchKey{name: "SAVEDSINCE", when: day, capability: "SAVEDATE"}
}

// SavedBefore fits messages that were put into the mailbox before a day.
func SavedBefore(day time.Time) SearchKey {
	return SearchKey{name: "SAVEDBEFORE", when: day, capability: "SAVEDATE"}
}

// HasEmailID fits the message of an Extra.EmailID (OBJECTID, RFC 8474).
func HasEmailID(id string) SearchKey {
	return SearchKey{name: "EMAILID", value: id, capability: "OBJECTID"}
}

// HasThreadID fits the messages of an Extra.ThreadID.
func HasThreadID(id string) SearchKey {
	return SearchKey{name: "THREADID", value: id, capability: "OBJECTID"}
}

// GmailSearch fits what Gmail finds for a query in its own language
// (X-GM-EXT-1).
func GmailSearch(query string) SearchKey {
	return SearchKey{name: "X-GM-RAW", value: query, capability: "X-GM-EXT-1"}
}

func (s *Session) checkKey(key SearchKey) error {
	switch {
	case key.capability != "" && !s.Has(imap.Cap(key.capability)):
		return unsupported(key.capability)
	case key.capability == "OBJECTID" && !isObjectID(key.value), strings.IndexByte(key.value, 0) >= 0:
		return invalid("A text to search for contains a character that can't be sent.")
	case key.capability == "" && key.interval < time.Second:
		return invalid("The interval is not valid.")
	}
	return nil
}

// isObjectID reports whether s can be an identifier of RFC 8474.
func isObjectID(s string) bool { return isAtom(s) && len(s) <= 255 }

func (s *Session) writeKey(w *wire.Writer, key SearchKey) {
	switch {
	case key.interval > 0 && s.Has("WITHIN"):
		w.Text(key.name).Text(" ").Number64(uint64(key.interval / time.Second))
	case key.interval > 0 && key.name == "YOUNGER":
		writeDate(w.Text("SINCE "), time.Now().Add(-key.interval))
	case key.interval > 0:
		writeDate(w.Text("BEFORE "), time.Now().Add(-key.interval))
	case !key.when.IsZero():
		writeDate(w.Text(key.name).Text(" "), key.when)
	case key.capability == "OBJECTID":
		w.Text(key.name).Text(" ").Text(key.value)
	default:
		w.Text(key.name).Text(" ").String(key.value)
	}
}
