package main

import (
	"strconv"
	"strings"

	goimap "github.com/emersion/go-imap/v2"

	"kaiwire/protocols/imap"
	"kaiwire/wasm/call"
)

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

func listEntry(r *call.Record, d *goimap.ListData) {
	r.Object(func() {
		r.Key("name").String(d.Mailbox)
		r.Key("delimiter")
		if d.Delim == 0 {
			r.String("")
		} else {
			r.String(string(d.Delim))
		}
		use := goimap.MailboxAttr("")
		r.Key("flags").Array(func() {
			for _, attr := range d.Attrs {
				r.String(string(attr))
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
	})
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

func disposition(r *call.Record, d *goimap.BodyStructureDisposition) {
	if d == nil {
		return
	}
	r.Key("disposition").String(strings.ToLower(d.Value))
	r.Key("dispositionParameters")
	parameters(r, d.Params)
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
