package mime_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	gomail "github.com/emersion/go-message/mail"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/mime"
)

var date = time.Date(2026, 11, 2, 9, 5, 6, 0, time.FixedZone("", -5400))

func compose(t *testing.T, d *mime.Draft) (*mime.Composed, string) {
	t.Helper()
	if d.From.Address == "" {
		d.From.Address = "asha@example.org"
	}
	c, err := mime.Compose(d)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	if c.Size >= 0 && c.Size != int64(len(raw)) {
		t.Errorf("it has %d octets, and says %d", len(raw), c.Size)
	}
	for _, line := range strings.SplitAfter(string(raw), "\r\n") {
		text := strings.TrimSuffix(line, "\r\n")
		if strings.ContainsAny(text, "\r\n") || len(text) > 998 {
			t.Errorf("a line of %d octets that is none: %.100q", len(text), text)
		}
		if !c.UTF8 && !c.EightBit && strings.ContainsFunc(text, func(r rune) bool { return r > 0x7E }) {
			t.Errorf("beyond ASCII: %q", text)
		}
	}
	return c, string(raw)
}

const long = "A paragraph of more than one line, with words enough to be broken at the spaces between them, and some more."

// TestCompose writes messages, and has them read by Parse and, as it was made
// by others, by go-message.
func TestCompose(t *testing.T) {
	picture := bytes.Repeat([]byte{0, 1, 2, 0xFF}, 30_000)
	file := func(name string) mime.Attachment {
		return mime.Attachment{Filename: name, Content: bytes.NewReader(picture), Size: int64(len(picture))}
	}
	for _, row := range []struct {
		name  string
		draft mime.Draft
		types string // of the parts
	}{
		{"text", mime.Draft{Text: "hello\nthere\n"}, "text/plain"},
		{"nothing", mime.Draft{}, "text/plain"},
		{"long lines", mime.Draft{Text: long + "\n" + strings.Repeat("x", 3000) + "\n> quoted\n>> " + long + "\n-- \nAsha\n"}, "text/plain"},
		{"space and dots", mime.Draft{Text: " indented\nFrom me\n.\n..\n> a quotation\na = b\n\n\nend\n"}, "text/plain"},
		{"accents", mime.Draft{Text: "naïve café " + long + "\n"}, "text/plain"},
		{"Hindi", mime.Draft{Text: "नमस्ते दुनिया\n"}, "text/plain"},
		{"HTML", mime.Draft{HTML: "<p>naïve</p>\n"}, "text/html"},
		{"both", mime.Draft{Text: "a", HTML: "<p>a</p>"}, "multipart/alternative(text/plain text/html)"},
		{"attachment", mime.Draft{Text: "see", Attachments: []mime.Attachment{file("a.jpg")}}, "multipart/mixed(text/plain image/jpeg)"},
		{"attachment alone", mime.Draft{Attachments: []mime.Attachment{file("a")}}, "application/octet-stream"},
		{"a name", mime.Draft{Text: "see", Attachments: []mime.Attachment{file("Übersicht der Ausgaben für das zweite Quartal, \"endgültig\".pdf")}}, "multipart/mixed(text/plain application/pdf)"},
		{"inline", mime.Draft{Text: "a", HTML: "<img src=cid:dot>", Attachments: []mime.Attachment{
			{ContentID: "dot", ContentType: "image/png", Content: bytes.NewReader(picture), Size: -1}, file("b.zip")}},
			"multipart/mixed(multipart/alternative(text/plain multipart/related(text/html image/png)) application/zip)"},
		{"empty attachment", mime.Draft{Text: "see", Attachments: []mime.Attachment{{Filename: "e.txt", Content: strings.NewReader("")}}}, "multipart/mixed(text/plain text/plain)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := row.draft
			d.From = mime.Address{Name: "Asha Ünal", Address: "asha@example.org"}
			d.To = []mime.Address{{Name: "Last, First", Address: "b@example.org"}, {Name: "team", Group: []mime.Address{{Address: "c@example.org"}}}}
			for range 10 {
				d.Cc = append(d.Cc, mime.Address{Name: "नमस्ते दुनिया", Address: "somebody.with.a.name@example.org"})
			}
			d.Bcc = []mime.Address{{Address: "hidden@example.org"}}
			d.Subject = "Grüße — " + strings.Repeat("naïve ", 30) + "!"
			d.Date, d.InReplyTo, d.References = date, "<1@x>", []string{"0@x", "<1@x>"}
			d.Priority = "high"
			d.Headers = []mime.Field{{Name: "X-App", Value: "kaiwire"}}
			for i := range d.Attachments {
				d.Attachments[i].Content.(io.Seeker).Seek(0, io.SeekStart)
			}
			c, raw := compose(t, &d)
			if strings.Contains(raw, "hidden") || strings.Join(c.To, " ") != "b@example.org c@example.org somebody.with.a.name@example.org hidden@example.org" || c.From != "asha@example.org" {
				t.Errorf("it goes from %s to %v", c.From, c.To)
			}
			contents := map[string]*bytes.Buffer{}
			m, err := mime.Parse(strings.NewReader(raw), mime.Options{Attachment: func(p *mime.Part) io.Writer {
				contents[p.Path] = &bytes.Buffer{}
				return contents[p.Path]
			}})
			if err != nil || len(m.Warnings) > 0 {
				t.Fatal(err, m.Warnings)
			}
			text, html := strings.TrimSuffix(m.Text, "\n"), strings.TrimSuffix(m.HTML, "\n")
			if text != strings.TrimSuffix(d.Text, "\n") || html != strings.TrimSuffix(d.HTML, "\n") {
				t.Errorf("text %q, HTML %q", m.Text, m.HTML)
			}
			if m.Subject != d.Subject || !sameAddress(m.From[0], d.From) || !sameAddress(m.To[1], d.To[1]) || !sameAddress(m.To[0], d.To[0]) || len(m.Cc) != 10 || !sameAddress(m.Cc[9], d.Cc[0]) ||
				!m.Date.Equal(date) || m.MessageID != c.ID || m.InReplyTo[0] != "1@x" || len(m.References) != 2 {
				t.Errorf("the header is\n%s", raw[:strings.Index(raw, "\r\n\r\n")])
			}
			if got := outline(m.Root); got != row.types {
				t.Errorf("parts: %s", got)
			}
			attached := 0
			for _, a := range m.Attachments {
				if a.Filename == "e.txt" {
					continue
				}
				for _, want := range d.Attachments {
					if a.Filename == want.Filename {
						attached++
					}
				}
				if !bytes.Equal(contents[a.Path].Bytes(), picture) {
					t.Errorf("%s has %d octets", a.Path, a.Size)
				}
			}
			if row.name != "empty attachment" && attached != len(d.Attachments) {
				t.Errorf("%d attachments", attached)
			}
			checkByOthers(t, raw, &d, len(m.Attachments))
		})
	}
}

func outline(p *mime.Part) string {
	if p.Parts == nil {
		return p.Type
	}
	var list []string
	for _, part := range p.Parts {
		list = append(list, outline(part))
	}
	return p.Type + "(" + strings.Join(list, " ") + ")"
}

// checkByOthers reads a message by go-message.
func checkByOthers(t *testing.T, raw string, d *mime.Draft, attachments int) {
	r, err := gomail.CreateReader(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := r.Header.Subject()
	if err != nil || subject != d.Subject {
		t.Errorf("go-message reads the subject %q, %v", subject, err)
	}
	from, err := r.Header.AddressList("From")
	if err != nil || from[0].Name != d.From.Name || from[0].Address != d.From.Address {
		t.Errorf("go-message reads From as %v, %v", from, err)
	}
	if cc, err := r.Header.AddressList("Cc"); err != nil || len(cc) != len(d.Cc) || cc[0].Name != d.Cc[0].Name {
		t.Errorf("go-message reads Cc as %v, %v", cc, err)
	}
	if at, err := r.Header.Date(); err != nil || !at.Equal(d.Date) {
		t.Errorf("go-message reads the date %v, %v", at, err)
	}
	found := 0
	for {
		part, err := r.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(part.Body)
		if err != nil {
			t.Error(err)
		}
		switch h := part.Header.(type) {
		case *gomail.AttachmentHeader:
			found++
			if name, err := h.Filename(); err != nil || name != d.Attachments[len(d.Attachments)-1].Filename {
				t.Errorf("go-message reads the name %q, %v", name, err)
			}
		case *gomail.InlineHeader:
			kind, params, _ := h.ContentType()
			switch kind {
			case "text/plain":
				if text := mime.Unflow(string(content), false); params["format"] != "flowed" || strings.TrimSuffix(text, "\n") != strings.TrimSuffix(d.Text, "\n") {
					t.Errorf("go-message reads the text %q", content)
				}
			case "image/png":
				found++
			}
		}
	}
	if found != attachments {
		t.Errorf("go-message finds %d attachments of %d", found, attachments)
	}
}

func TestComposeHeader(t *testing.T) {
	_, raw := compose(t, &mime.Draft{
		From: mime.Address{Name: `A "B" C`, Address: "a@example.org"}, Sender: mime.Address{Address: "s@example.org"},
		ReplyTo: []mime.Address{{Address: `"a b"@example.org`}}, Subject: "=?looks?like?one?=", MessageID: "<id@x>", Date: date, Priority: "low",
	})
	for _, want := range []string{
		"From: \"A \\\"B\\\" C\" <a@example.org>\r\n", "Sender: s@example.org\r\n", "Reply-To: \"a b\"@example.org\r\n",
		"Subject: =?utf-8?b?PT9sb29rcz9saWtlP29uZT89?=\r\n", "Date: Mon, 2 Nov 2026 09:05:06 -0130\r\n", "Message-ID: <id@x>\r\n",
		"X-Priority: 5 (Lowest)\r\n", "MIME-Version: 1.0\r\n", "Content-Transfer-Encoding: 7bit\r\n",
	} {
		if !strings.Contains(raw, want) {
			t.Errorf("%q is not in\n%s", want, raw)
		}
	}
	a, _ := compose(t, &mime.Draft{})
	b, _ := compose(t, &mime.Draft{})
	if a.ID == b.ID || !strings.HasSuffix(a.ID, "@example.org") {
		t.Errorf("identifiers %s and %s", a.ID, b.ID)
	}
	for _, subject := range []string{strings.Repeat("x", 5000), " led and trailed ", "two  spaces" + strings.Repeat("  ", 100) + "here", strings.Repeat("नमस्ते", 200)} {
		_, raw := compose(t, &mime.Draft{Subject: subject})
		if m, _ := mime.Parse(strings.NewReader(raw), mime.Options{}); m.Subject != subject {
			t.Errorf("%.50q became %.50q", subject, m.Subject)
		}
	}
}

func TestComposeInternational(t *testing.T) {
	c, raw := compose(t, &mime.Draft{To: []mime.Address{{Address: "अशा@example.org"}}})
	if !c.UTF8 || !strings.Contains(raw, "To: अशा@example.org\r\n") {
		t.Error(c.UTF8, raw)
	}
	inner := "Subject: inner\r\n\r\nbody"
	c, raw = compose(t, &mime.Draft{Text: "fyi", Attachments: []mime.Attachment{{Filename: "m.eml", ContentType: "message/rfc822", Content: strings.NewReader(inner), Size: int64(len(inner))}}})
	var got bytes.Buffer
	m, err := mime.Parse(strings.NewReader(raw), mime.Options{Attachment: func(*mime.Part) io.Writer { return &got }})
	if err != nil || got.String() != inner || m.Attachments[0].Type != "message/rfc822" || !c.EightBit {
		t.Errorf("%v, %q", err, got.String())
	}
}

// TestComposeRefuses has what would add headers or receivers.
func TestComposeRefuses(t *testing.T) {
	from := mime.Address{Address: "a@example.org"}
	attachment := func(a mime.Attachment) mime.Draft {
		a.Content = strings.NewReader("")
		return mime.Draft{From: from, Attachments: []mime.Attachment{a}}
	}
	for name, d := range map[string]mime.Draft{
		"no from":           {},
		"no address":        {From: mime.Address{Address: "asha"}},
		"subject":           {From: from, Subject: "x\r\nBcc: b@example.org"},
		"name":              {From: mime.Address{Name: "x\nBcc: y", Address: "a@example.org"}},
		"address":           {From: from, To: []mime.Address{{Address: "a@x>\r\nBcc: <b@x"}}},
		"two addresses":     {From: from, To: []mime.Address{{Address: "a@x, b@x"}}},
		"an angle":          {From: from, To: []mime.Address{{Address: "a>@x"}}},
		"quoted, two":       {From: from, To: []mime.Address{{Address: `"a"x"@x`}}},
		"NUL":               {From: from, Subject: "a\x00b"},
		"message ID":        {From: from, MessageID: "a@x>\r\nX: <y"},
		"references":        {From: from, References: []string{"a b"}},
		"header name":       {From: from, Headers: []mime.Field{{Name: "X: y\r\nZ", Value: ""}}},
		"header value":      {From: from, Headers: []mime.Field{{Name: "X", Value: "y\nZ: a"}}},
		"header of content": {From: from, Headers: []mime.Field{{Name: "Content-Type", Value: "text/html"}}},
		"header Bcc":        {From: from, Headers: []mime.Field{{Name: "bcc", Value: "b@x"}}},
		"priority":          {From: from, Priority: "urgent"},
		"type":              attachment(mime.Attachment{ContentType: "text/plain\r\nX: y"}),
		"parameter":         attachment(mime.Attachment{ContentType: "text/plain; a=b\r\nX: y"}),
		"a multipart":       attachment(mime.Attachment{ContentType: "multipart/mixed"}),
		"filename":          attachment(mime.Attachment{Filename: "a\r\nX: y"}),
		"content ID":        attachment(mime.Attachment{ContentID: "a>\r\nX: <y"}),
		"disposition":       attachment(mime.Attachment{Disposition: "x"}),
	} {
		c, err := mime.Compose(&d)
		var e *coded.Error
		if c != nil || !errors.As(err, &e) || e.Code != coded.EINVAL {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
}

// TestComposeGoesOn has an attachment whose content comes late.
func TestComposeGoesOn(t *testing.T) {
	late := errors.New("not yet")
	content := &reluctant{err: late, rest: bytes.Repeat([]byte("abc"), 30_000)}
	c, err := mime.Compose(&mime.Draft{From: mime.Address{Address: "a@x"}, Attachments: []mime.Attachment{{Content: content, Size: 90_000}}})
	if err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	waited := 0
	for {
		_, err := io.Copy(&raw, struct{ io.Reader }{c})
		if err == nil {
			break
		}
		if err != late {
			t.Fatal(err)
		}
		waited++
	}
	var got bytes.Buffer
	if _, err := mime.Parse(&raw, mime.Options{Attachment: func(*mime.Part) io.Writer { return &got }}); err != nil || waited < 10 || got.Len() != 90_000 {
		t.Errorf("%v, waited %d times for %d octets", err, waited, got.Len())
	}
}

// reluctant has a piece every other time only.
type reluctant struct {
	err  error
	rest []byte
	now  bool
}

func (r *reluctant) Read(b []byte) (int, error) {
	if r.now = !r.now; r.now {
		return 0, r.err
	}
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, r.rest[:min(len(r.rest), 5000)])
	r.rest = r.rest[n:]
	return n, nil
}

func FuzzCompose(f *testing.F) {
	f.Add("subject", "Asha", "a@example.org", "text", "name.txt")
	f.Add("=?utf-8?q?x?=", "\"", "\"a\"@x", " \n> x \n-- \n", "\\\"é")
	f.Fuzz(func(t *testing.T, subject, name, address, text, filename string) {
		c, err := mime.Compose(&mime.Draft{From: mime.Address{Name: name, Address: address}, Subject: subject, Text: text, Date: date,
			Attachments: []mime.Attachment{{Filename: filename, Content: strings.NewReader(text), Size: int64(len(text))}}})
		if err != nil {
			return
		}
		raw, err := io.ReadAll(c)
		if err != nil || int64(len(raw)) != c.Size {
			t.Fatal(err, len(raw), c.Size)
		}
		m, err := mime.Parse(bytes.NewReader(raw), mime.Options{})
		if err != nil || len(m.Header) > 8 || len(m.Header.Get("X")) > 0 {
			t.Fatalf("%v:\n%s", err, raw)
		}
	})
}
