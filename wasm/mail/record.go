package main

import (
	"strconv"
	"strings"

	goimap "github.com/emersion/go-imap/v2"

	"kaiwire/protocols/imap"
	"kaiwire/wasm/call"
)

//go:noinline
func flagNames(r *call.Record, list []goimap.Flag) {
	r.Array(func() {
		for _, f := range list {
			r.String(string(f))
		}
	})
}

func mailbox(r *call.Record, m *imap.Mailbox) {
	if m == nil {
		r.Null()
		return
	}
	r.Object(func() {
		r.Key("name").String(m.Name)
		r.Key("exists").Int(int64(m.Exists))
		r.Key("uidNext").Int(int64(m.UIDNext))
		r.Key("uidValidity").Int(int64(m.UIDValidity))
		r.Key("readOnly").Bool(m.ReadOnly)
		if m.HighestModSeq != 0 {
			modSeqTo(r.Key("highestModseq"), m.HighestModSeq)
		}
		if m.MailboxID != "" {
			r.Key("mailboxId").String(m.MailboxID)
		}
		r.Key("flags")
		flagNames(r, m.Flags)
		r.Key("permanentFlags")
		flagNames(r, m.PermanentFlags)
	})
}

// specialUses are the attributes of RFC 6154.
var specialUses = []goimap.MailboxAttr{
	goimap.MailboxAttrAll, goimap.MailboxAttrArchive, goimap.MailboxAttrDrafts, goimap.MailboxAttrFlagged,
	goimap.MailboxAttrJunk, goimap.MailboxAttrSent, goimap.MailboxAttrTrash,
}

// modSeqTo writes a modification sequence: see modSeq.
func modSeqTo(r *call.Record, n uint64) { r.String(strconv.FormatUint(n, 10)) }

// delimiter writes a hierarchy delimiter, which is empty where there is no
// hierarchy.
func delimiter(r *call.Record, delim rune) {
	if delim == 0 {
		r.Key("delimiter").String("")
		return
	}
	r.Key("delimiter").String(string(delim))
}

//go:noinline
func listEntry(r *call.Record, d *goimap.ListData) {
	r.Object(func() {
		r.Key("name").String(d.Mailbox)
		delimiter(r, d.Delim)
		use, subscribed := goimap.MailboxAttr(""), false
		r.Key("flags").Array(func() {
			for _, attr := range d.Attrs {
				r.String(string(attr))
				subscribed = subscribed || attr == goimap.MailboxAttrSubscribed
				for _, special := range specialUses {
					if strings.EqualFold(string(attr), string(special)) {
						use = special
					}
				}
			}
		})
		if use != "" {
			r.Key("specialUse").String(string(use))
		}
		r.Key("subscribed").Bool(subscribed)
		if d.OldName != "" {
			r.Key("oldName").String(d.OldName)
		}
		if d.Status != nil {
			r.Key("status").Object(func() { statusFields(r, d.Status) })
		}
	})
}

// statusFields writes the figures that have come.
func statusFields(r *call.Record, d *goimap.StatusData) {
	for _, row := range []struct {
		name string
		n    *uint32
	}{{"messages", d.NumMessages}, {"unseen", d.NumUnseen}, {"deleted", d.NumDeleted}} {
		if row.n != nil {
			r.Key(row.name).Int(int64(*row.n))
		}
	}
	if d.UIDNext != 0 {
		r.Key("uidNext").Int(int64(d.UIDNext))
	}
	if d.UIDValidity != 0 {
		r.Key("uidValidity").Int(int64(d.UIDValidity))
	}
	if d.Size != nil {
		r.Key("size").Int(*d.Size)
	}
	if d.DeletedStorage != nil {
		r.Key("deletedStorage").Int(*d.DeletedStorage)
	}
	if d.AppendLimit != nil && *d.AppendLimit != maxNumber {
		r.Key("appendLimit").Int(int64(*d.AppendLimit))
	}
	if d.HighestModSeq != 0 {
		modSeqTo(r.Key("highestModseq"), d.HighestModSeq)
	}
}

func addresses(r *call.Record, list []goimap.Address) {
	r.Array(func() {
		for i := range list {
			a := &list[i]
			if a.IsGroupStart() || a.IsGroupEnd() {
				continue
			}
			r.Object(func() {
				r.Key("name").String(a.Name)
				r.Key("address").String(a.Addr())
			})
		}
	})
}

func envelope(r *call.Record, e *goimap.Envelope) {
	r.Object(func() {
		if !e.Date.IsZero() {
			r.Key("date").Time(e.Date)
		}
		r.Key("subject").String(e.Subject)
		r.Key("messageId").String(e.MessageID)
		r.Key("inReplyTo").Strings(e.InReplyTo)
		r.Key("from")
		addresses(r, e.From)
		r.Key("sender")
		addresses(r, e.Sender)
		r.Key("replyTo")
		addresses(r, e.ReplyTo)
		r.Key("to")
		addresses(r, e.To)
		r.Key("cc")
		addresses(r, e.Cc)
		r.Key("bcc")
		addresses(r, e.Bcc)
	})
}

//go:noinline
func parameters(r *call.Record, m map[string]string) {
	r.Object(func() {
		for name, value := range m {
			r.Key(strings.ToLower(name)).String(value)
		}
	})
}

// structure writes a body structure; part is its number, "" at the top. A
// message that is not a multipart is its own part 1, and so is the body of a
// message inside another (RFC 9051, 6.4.5).
func structure(r *call.Record, s goimap.BodyStructure, part string) {
	child := func(i int) string {
		if part == "" {
			return strconv.Itoa(i)
		}
		return part + "." + strconv.Itoa(i)
	}
	r.Object(func() {
		switch s := s.(type) {
		case *goimap.BodyStructureMultiPart:
			if part != "" {
				r.Key("part").String(part)
			}
			r.Key("type").String(s.MediaType())
			r.Key("parameters")
			if s.Extended != nil {
				parameters(r, s.Extended.Params)
			} else {
				parameters(r, nil)
			}
			disposition(r, s.Disposition())
			r.Key("childNodes").Array(func() {
				for i, c := range s.Children {
					structure(r, c, child(i+1))
				}
			})
		case *goimap.BodyStructureSinglePart:
			if part == "" {
				part = "1"
			}
			r.Key("part").String(part)
			r.Key("type").String(s.MediaType())
			r.Key("parameters")
			parameters(r, s.Params)
			if s.ID != "" {
				r.Key("id").String(s.ID)
			}
			if s.Description != "" {
				r.Key("description").String(s.Description)
			}
			r.Key("encoding").String(strings.ToLower(s.Encoding))
			r.Key("size").Int(int64(s.Size))
			if s.Text != nil {
				r.Key("lineCount").Int(s.Text.NumLines)
			}
			disposition(r, s.Disposition())
			if m := s.MessageRFC822; m != nil {
				if m.Envelope != nil {
					r.Key("envelope")
					envelope(r, m.Envelope)
				}
				if m.BodyStructure != nil {
					inner := part
					if _, multi := m.BodyStructure.(*goimap.BodyStructureMultiPart); !multi {
						inner = part + ".1"
					}
					r.Key("childNodes").Array(func() { structure(r, m.BodyStructure, inner) })
				}
			}
		}
	})
}

// leafOf finds what has the section's number. found is false where there is
// nothing, and the leaf is nil unless the section is a part that has a transfer
// encoding: not a multipart, a header, or the whole message.
func leafOf(s goimap.BodyStructure, section *goimap.FetchItemBodySection) (leaf *goimap.BodyStructureSinglePart, found bool) {
	if s == nil || len(section.Part) == 0 {
		return nil, true
	}
	for i, n := range section.Part {
		switch body := s.(type) {
		case *goimap.BodyStructureMultiPart:
			if n > len(body.Children) {
				return nil, false
			}
			s = body.Children[n-1]
		case *goimap.BodyStructureSinglePart:
			if i > 0 {
				if body.MessageRFC822 == nil || body.MessageRFC822.BodyStructure == nil {
					return nil, false
				}
				inner := body.MessageRFC822.BodyStructure
				if multi, ok := inner.(*goimap.BodyStructureMultiPart); ok {
					if n > len(multi.Children) {
						return nil, false
					}
					s = multi.Children[n-1]
					continue
				}
				s = inner
			}
			if n != 1 {
				return nil, false
			}
		}
	}
	if section.Specifier != goimap.PartSpecifierNone {
		return nil, true
	}
	leaf, _ = s.(*goimap.BodyStructureSinglePart)
	return leaf, true
}

//go:noinline
func numbers(r *call.Record, list []uint32) {
	r.Array(func() {
		for _, n := range list {
			r.Int(int64(n))
		}
	})
}

// threads writes conversations; those that one has split into are as deep as
// the answer's parentheses, which the session limits.
//
//go:noinline
func threads(r *call.Record, list []imap.Thread) {
	r.Array(func() {
		for i := range list {
			r.Object(func() {
				r.Key("messages")
				numbers(r, list[i].Chain)
				r.Key("threads")
				threads(r, list[i].SubThreads)
			})
		}
	})
}

func disposition(r *call.Record, d *goimap.BodyStructureDisposition) {
	if d == nil {
		return
	}
	r.Key("disposition").String(strings.ToLower(d.Value))
	r.Key("dispositionParameters")
	parameters(r, d.Params)
}

func extra(r *call.Record, e *imap.Extra) {
	if e == nil {
		return
	}
	id := func(name, id string, gmail uint64) {
		if gmail != 0 {
			id = strconv.FormatUint(gmail, 10)
		}
		if id != "" {
			r.Key(name).String(id)
		}
	}
	id("emailId", e.EmailID, e.GmailID)
	id("threadId", e.ThreadID, e.GmailThreadID)
	if e.GmailLabels != nil {
		r.Key("labels").Strings(e.GmailLabels)
	}
	if e.Preview != "" {
		r.Key("preview").String(e.Preview)
	}
	if !e.SaveDate.IsZero() {
		r.Key("saveDate").Time(e.SaveDate)
	}
}

// message writes a message and appends the bytes of its sections to blob; the
// record has [offset, length] where they belong.
func message(r *call.Record, m *imap.Message, q *fetchQuery, blob []byte) []byte {
	place := func(bytes []byte) {
		r.Array(func() {
			r.Int(int64(len(blob)))
			r.Int(int64(len(bytes)))
		})
		blob = append(blob, bytes...)
	}
	r.Object(func() {
		r.Key("seq").Int(int64(m.Seq))
		r.Key("uid").Int(int64(m.UID))
		if q.options.Flags {
			r.Key("flags")
			flagNames(r, m.Flags)
		}
		if m.Envelope != nil {
			r.Key("envelope")
			envelope(r, m.Envelope)
		}
		if m.BodyStructure != nil {
			r.Key("bodyStructure")
			structure(r, m.BodyStructure, "")
		}
		if !m.InternalDate.IsZero() {
			r.Key("internalDate").Time(m.InternalDate)
		}
		if q.options.RFC822Size {
			r.Key("size").Int(m.Size)
		}
		if m.ModSeq != 0 {
			modSeqTo(r.Key("modseq"), m.ModSeq)
		}
		extra(r, m.Extra)
		bytesOf := func(spec *goimap.FetchItemBodySection) []byte {
			for _, s := range m.Sections {
				if s.Spec == spec {
					return s.Bytes
				}
			}
			return nil
		}
		specs := q.options.BodySection
		if q.header {
			r.Key("headers")
			place(bytesOf(specs[0]))
			specs = specs[1:]
		}
		if len(q.parts) > 0 {
			r.Key("bodyParts").Object(func() {
				for i, name := range q.parts {
					if bytes := bytesOf(specs[i]); bytes != nil {
						r.Key(name)
						place(bytes)
					}
				}
			})
		}
	})
	return blob
}
