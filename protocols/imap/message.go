package imap

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/mime"
)

// OpenMessage fetches what a message shows: its header and, of its parts, those
// that are text to be shown; all others are in Attachments, for Part. Nothing
// else of it comes over the network, and it is not marked as seen. The zero
// limits are package mime's; ENOTFOUND means that there is no such message.
func (s *Session) OpenMessage(ctx context.Context, uid imap.UID, limits mime.Limits) (*mime.Message, error) {
	if uid == 0 {
		return nil, invalid("A message is opened by its UID.")
	}
	header, text := orDefault(limits.Header, 256<<10), orDefault(limits.Text, 1<<20)
	set := imap.UIDSetNum(uid)
	m := &mime.Message{}
	d := s.decoder()
	headerSection := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, Peek: true,
		Partial: &imap.SectionPartial{Size: int64(header)}}
	err := s.Fetch(ctx, set, &imap.FetchOptions{
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
		BodySection:   []*imap.FetchItemBodySection{headerSection},
	}, 0, func(got *Message) error {
		m.Root = tree(d, got.BodyStructure, "")
		for _, section := range got.Sections {
			if len(section.Bytes) >= header {
				m.Warn(mime.WarnHeader)
			}
			m.SetHeader(d, mime.ParseHeader(section.Bytes))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if m.Root == nil {
		return nil, errNoMessage
	}
	var bodies []*mime.Part
	bodies, m.Attachments = m.Root.Leaves()
	if len(bodies) == 0 {
		return m, nil
	}
	o := &imap.FetchOptions{}
	if most := orDefault(limits.Parts, maxBodies); len(bodies) > most {
		bodies = bodies[:most]
		m.Warn(mime.WarnParts)
	}
	room := s.o.Limits.Message
	for _, body := range bodies {
		// Encoded, a text takes more room than what it is limited to.
		size := min(int64(text)*3, body.Size+1, room)
		room -= size
		o.BodySection = append(o.BodySection, &imap.FetchItemBodySection{Part: numberOf(body.Path), Peek: true,
			Partial: &imap.SectionPartial{Size: max(size, 1)}})
	}
	err = s.Fetch(ctx, set, o, 0, func(got *Message) error {
		for _, section := range got.Sections {
			i := slices.Index(o.BodySection, section.Spec)
			if i < 0 {
				continue
			}
			content, _ := mime.TransferOf(bodies[i].Encoding)(section.Bytes[:0], section.Bytes, true)
			if len(content) > text || int64(len(section.Bytes)) < bodies[i].Size {
				m.Warn(mime.WarnText)
				content = content[:min(text, len(content))]
			}
			if !bodies[i].SetText(d, content) {
				m.Warn(mime.WarnCharset)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	m.Text, m.HTML = m.Root.Texts()
	return m, nil
}

// maxBodies is how many texts of one message are fetched.
const maxBodies = 50

func orDefault(n, other int) int {
	if n <= 0 {
		return other
	}
	return n
}

// tree is a body structure as package mime has it.
func tree(d *mime.Decoder, structure imap.BodyStructure, path string) *mime.Part {
	p := &mime.Part{Path: path}
	switch s := structure.(type) {
	case *imap.BodyStructureMultiPart:
		p.Type, p.Parts = "multipart/"+strings.ToLower(s.Subtype), []*mime.Part{}
		for i, child := range s.Children {
			number := strconv.Itoa(i + 1)
			if path != "" {
				number = path + "." + number
			}
			p.Parts = append(p.Parts, tree(d, child, number))
		}
	case *imap.BodyStructureSinglePart:
		if path == "" {
			p.Path = "1"
		}
		p.Type = strings.ToLower(s.Type + "/" + s.Subtype)
		p.Params = d.Params(s.Params)
		p.Encoding = strings.ToLower(s.Encoding)
		p.ContentID = strings.Trim(s.ID, "<> ")
		p.Size = int64(s.Size)
		filename := ""
		if disposition := s.Disposition(); disposition != nil {
			p.Disposition = strings.ToLower(disposition.Value)
			filename = d.Params(disposition.Params)["filename"]
		}
		p.SetFilename(filename, p.Params["name"])
	}
	return p
}

// numberOf reads a path that tree has made.
func numberOf(path string) []int {
	var number []int
	for digits := range strings.SplitSeq(path, ".") {
		n, _ := strconv.Atoi(digits)
		number = append(number, n)
	}
	return number
}
