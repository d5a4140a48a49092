package imap

import (
	"context"
	"strings"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/imap/wire"
	"kaiwire/protocols/sasl"
)

// IDField is a field of ID: its name and its place.
type IDField struct {
	Name  string
	Value *string
}

// IDFields are all fields of d, by the names of RFC 2971.
func IDFields(d *imap.IDData) []IDField {
	return []IDField{
		{"name", &d.Name}, {"version", &d.Version}, {"os", &d.OS}, {"os-version", &d.OSVersion}, {"vendor", &d.Vendor},
		{"support-url", &d.SupportURL}, {"address", &d.Address}, {"date", &d.Date}, {"command", &d.Command},
		{"arguments", &d.Arguments}, {"environment", &d.Environment},
	}
}

// ID tells the server who the client is, nothing if own is nil, and returns
// what the server says of itself (RFC 2971).
func (s *Session) ID(ctx context.Context, own *imap.IDData) (*imap.IDData, error) {
	if !s.Has("ID") {
		return nil, unsupported("ID")
	}
	data := &imap.IDData{}
	c := &command{family: "ID", write: func(w *wire.Writer) {
		if own == nil {
			w.Text("ID NIL")
			return
		}
		w.Text("ID (")
		first := true
		for _, f := range IDFields(own) {
			if *f.Value == "" {
				continue
			}
			if !first {
				w.Text(" ")
			}
			first = false
			w.String(f.Name).Text(" ").String(*f.Value)
		}
		w.Text(")")
	}}
	c.take = func(verb string) (bool, error) {
		if verb != "ID" {
			return false, nil
		}
		r := s.r
		var name []byte
		n := 0
		r.List(func() {
			b, _ := r.String()
			if n++; n%2 == 1 {
				name = append(name[:0], b...)
				return
			}
			for _, f := range IDFields(data) {
				if strings.EqualFold(string(name), f.Name) {
					*f.Value = coded.Text(string(b))
				}
			}
		})
		return true, nil
	}
	if err := s.do(ctx, c); err != nil {
		return nil, err
	}
	return data, nil
}

// Quota is what a quota root allows (RFC 9208).
type Quota struct {
	Root      string
	Resources []QuotaResource
}

// QuotaResource is how much of something is used, and how much may be: in
// units of 1024 octets for imap.QuotaResourceStorage, else counted.
type QuotaResource struct {
	Type  imap.QuotaResourceType
	Usage uint64
	Limit uint64
}

// Quota tells what a quota root allows.
func (s *Session) Quota(ctx context.Context, root string) ([]Quota, error) {
	return s.quota(ctx, func(w *wire.Writer) { w.Text("GETQUOTA ").String(root) })
}

// MailboxQuota tells what the quota roots of a mailbox allow.
func (s *Session) MailboxQuota(ctx context.Context, mailbox string) ([]Quota, error) {
	mailbox, err := mailboxName(mailbox)
	if err != nil {
		return nil, err
	}
	return s.quota(ctx, func(w *wire.Writer) { w.Text("GETQUOTAROOT ").Mailbox(mailbox) })
}

// SetQuota changes what a quota root allows; the Usage of limits is ignored.
func (s *Session) SetQuota(ctx context.Context, root string, limits ...QuotaResource) ([]Quota, error) {
	for _, l := range limits {
		if !isAtom(string(l.Type)) {
			return nil, invalid("The kind of quota is not valid.")
		}
	}
	return s.quota(ctx, func(w *wire.Writer) {
		w.Text("SETQUOTA ").String(root).Text(" (")
		for i, l := range limits {
			if i > 0 {
				w.Text(" ")
			}
			w.Text(string(l.Type)).Text(" ").Number64(l.Limit)
		}
		w.Text(")")
	})
}

func (s *Session) quota(ctx context.Context, write func(*wire.Writer)) ([]Quota, error) {
	if !s.Has("QUOTA") {
		return nil, unsupported("QUOTA")
	}
	var all []Quota
	c := &command{family: "QUOTA", write: write}
	c.take = func(verb string) (bool, error) {
		r := s.r
		switch verb {
		case "QUOTAROOT":
			return true, nil // its QUOTAs follow
		case "QUOTA":
			if len(all) == s.o.Limits.Results {
				return true, tooMuch("too many quotas")
			}
			b, _ := r.String()
			q := Quota{Root: string(b)}
			r.Space()
			r.List(func() {
				res := QuotaResource{Type: imap.QuotaResourceType(r.Keep(r.Atom()))}
				r.Space()
				res.Usage = r.Number64()
				r.Space()
				res.Limit = r.Number64()
				q.Resources = append(q.Resources, res)
			})
			all = append(all, q)
			return true, nil
		}
		return false, nil
	}
	if err := s.do(ctx, c); err != nil {
		return nil, err
	}
	return all, nil
}

// ACLEntry is what somebody may do with a mailbox (RFC 4314).
type ACLEntry struct {
	Identifier imap.RightsIdentifier
	Rights     imap.RightSet
}

func rightSet(b []byte) imap.RightSet {
	set := make(imap.RightSet, len(b))
	for i, c := range b {
		set[i] = imap.Right(c)
	}
	return set
}

// MyRights tells what the user may do with a mailbox.
func (s *Session) MyRights(ctx context.Context, mailbox string) (imap.RightSet, error) {
	var rights imap.RightSet
	err := s.acl(ctx, "MYRIGHTS", mailbox, nil, func() {
		b, _ := s.r.String()
		rights = rightSet(b)
	})
	return rights, err
}

// ACL tells what everybody may do with a mailbox.
func (s *Session) ACL(ctx context.Context, mailbox string) ([]ACLEntry, error) {
	var all []ACLEntry
	err := s.acl(ctx, "GETACL", mailbox, nil, func() {
		r := s.r
		for r.Space(); !r.Empty() && len(all) < s.o.Limits.Results; r.Space() {
			b, _ := r.String()
			entry := ACLEntry{Identifier: imap.RightsIdentifier(b)}
			r.Space()
			b, _ = r.String()
			entry.Rights = rightSet(b)
			all = append(all, entry)
		}
	})
	return all, err
}

// SetACL changes what somebody may do with a mailbox.
func (s *Session) SetACL(ctx context.Context, mailbox string, who imap.RightsIdentifier, how imap.RightModification, rights imap.RightSet) error {
	b := []byte{}
	if how != imap.RightModificationReplace {
		b = append(b, byte(how))
	}
	for _, r := range rights {
		b = append(b, byte(r))
	}
	return s.acl(ctx, "SETACL", mailbox, func(w *wire.Writer) { w.Text(" ").String(string(who)).Text(" ").String(string(b)) }, nil)
}

// DeleteACL forgets what somebody may do with a mailbox.
func (s *Session) DeleteACL(ctx context.Context, mailbox string, who imap.RightsIdentifier) error {
	return s.acl(ctx, "DELETEACL", mailbox, func(w *wire.Writer) { w.Text(" ").String(string(who)) }, nil)
}

// acl runs a command of RFC 4314; read takes what comes behind the mailbox in
// its answer.
func (s *Session) acl(ctx context.Context, verb, mailbox string, rest func(*wire.Writer), read func()) error {
	if !s.Has("ACL") {
		return unsupported("ACL")
	}
	mailbox, err := mailboxName(mailbox)
	if err != nil {
		return err
	}
	answer := verb
	if verb == "GETACL" {
		answer = "ACL"
	}
	c := &command{family: "ACL", write: func(w *wire.Writer) {
		w.Text(verb).Text(" ").Mailbox(mailbox)
		if rest != nil {
			rest(w)
		}
	}}
	c.take = func(got string) (bool, error) {
		if got != answer || read == nil {
			return false, nil
		}
		s.r.String() // the mailbox
		s.r.Space()
		read()
		return true, nil
	}
	return s.do(ctx, c)
}

// MetadataOptions says how much of it is wanted.
type MetadataOptions struct {
	MaxSize uint32 // of a value, in octets; 0 means any
	// Depth is how far below the entries: 0, 1, or less than 0 for all.
	Depth int
}

// Metadata returns the values of entries of a mailbox, or of the server if
// mailbox is empty (METADATA, RFC 5464). An entry without a value is nil or
// absent.
func (s *Session) Metadata(ctx context.Context, mailbox string, entries []string, o *MetadataOptions) (map[string][]byte, error) {
	if err := s.checkMetadata(mailbox, entries); err != nil {
		return nil, err
	}
	if o == nil {
		o = &MetadataOptions{}
	}
	values := map[string][]byte{}
	c := &command{family: "METADATA", write: func(w *wire.Writer) {
		w.Text("GETMETADATA ")
		depth := "1"
		if o.Depth < 0 {
			depth = "infinity"
		}
		switch {
		case o.MaxSize > 0 && o.Depth != 0:
			w.Text("(MAXSIZE ").Number(o.MaxSize).Text(" DEPTH ").Text(depth).Text(") ")
		case o.MaxSize > 0:
			w.Text("(MAXSIZE ").Number(o.MaxSize).Text(") ")
		case o.Depth != 0:
			w.Text("(DEPTH ").Text(depth).Text(") ")
		}
		w.Mailbox(mailbox).Text(" (")
		for i, e := range entries {
			if i > 0 {
				w.Text(" ")
			}
			w.String(e)
		}
		w.Text(")")
	}}
	c.take = func(verb string) (bool, error) {
		if verb != "METADATA" {
			return false, nil
		}
		r := s.r
		r.String() // the mailbox
		r.Space()
		if r.Peek() != '(' {
			return true, nil // told unasked: names alone
		}
		entry, n := "", 0
		r.List(func() {
			b, ok := r.String()
			switch n++; {
			case n%2 == 1:
				entry = string(b)
			case ok && len(values) < s.o.Limits.Results:
				values[entry] = append([]byte{}, b...)
			}
		})
		return true, nil
	}
	if err := s.do(ctx, c); err != nil {
		return nil, err
	}
	return values, nil
}

// SetMetadata sets entries of a mailbox, or of the server if mailbox is empty;
// nil removes one.
func (s *Session) SetMetadata(ctx context.Context, mailbox string, values map[string][]byte) error {
	var entries []string
	for entry := range values {
		entries = append(entries, entry)
	}
	if err := s.checkMetadata(mailbox, entries); err != nil {
		return err
	}
	return s.do(ctx, &command{write: func(w *wire.Writer) {
		w.Text("SETMETADATA ").Mailbox(mailbox).Text(" (")
		for i, entry := range entries {
			if i > 0 {
				w.Text(" ")
			}
			w.String(entry).Text(" ")
			if v := values[entry]; v == nil {
				w.Text("NIL")
			} else {
				w.String(string(v))
			}
		}
		w.Text(")")
	}})
}

func (s *Session) checkMetadata(mailbox string, entries []string) error {
	switch {
	case !s.Has("METADATA") && (mailbox != "" || !s.Has("METADATA-SERVER")):
		return unsupported("METADATA")
	case hasControl(mailbox):
		return invalid("The name of the mailbox is not valid.")
	case len(entries) == 0:
		return invalid("No entry was given.")
	}
	for _, e := range entries {
		if len(e) < 2 || e[0] != '/' || !isAtom(e) {
			return invalid("The name of the entry is not valid.")
		}
	}
	return nil
}

// Unauthenticate logs out and in again as somebody else, on the same
// connection (UNAUTHENTICATE, RFC 8437). No mailbox is selected then, and what
// was enabled is not any more. If the login fails, the session ends. ENOTSUP is
// for a connection that is compressed as well: what becomes of that is not
// agreed on.
func (s *Session) Unauthenticate(ctx context.Context, auth sasl.Credentials) error {
	if !s.Has("UNAUTHENTICATE") || s.compressed {
		return unsupported("UNAUTHENTICATE")
	}
	if auth.Host == "" {
		auth.Host = s.o.Host
	}
	if auth.Port == 0 {
		auth.Port = s.o.Port
	}
	before := s.Capabilities()
	c := exclusive("")
	c.write = func(w *wire.Writer) {
		s.setCaps(nil) // the answer may have the new ones
		w.Text("UNAUTHENTICATE")
	}
	c.ended = func(err error) {
		if err != nil {
			s.setCaps(before)
			return
		}
		s.mu.Lock()
		s.mailbox, s.enabled, s.utf8, s.notification, s.auth = nil, nil, false, nil, auth
		s.stopPolling()
		s.mu.Unlock()
		s.notified = false
	}
	if err := s.do(ctx, c); err != nil {
		return err
	}
	err := s.capability(ctx)
	if err == nil {
		err = s.login(ctx, auth)
	}
	if err == nil {
		err = s.settleIn(ctx)
	}
	if err != nil {
		s.fail(coded.From(err, protocol))
	}
	return err
}
