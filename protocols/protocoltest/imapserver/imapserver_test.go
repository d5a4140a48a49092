package imapserver

import (
	"bytes"
	"image/png"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"
)

func TestMailIsSound(t *testing.T) {
	again := household()
	ids := map[string]bool{}
	counts := map[string]int{}
	for i, m := range household() {
		counts[m.mailbox]++
		b := m.bytes()
		if !bytes.Equal(b, again[i].bytes()) {
			t.Errorf("%s is not the same twice", m.subject)
		}
		if n := bytes.Count(b, []byte("\n")); n != bytes.Count(b, []byte("\r\n")) {
			t.Errorf("%s has bare line feeds", m.subject)
		}
		parsed, err := mail.ReadMessage(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("%s: %v", m.subject, err)
		}
		h := parsed.Header
		if date, err := h.Date(); err != nil || !date.Equal(m.date()) {
			t.Errorf("%s: date %v, %v", m.subject, date, err)
		}
		for _, field := range []string{"From", "To"} {
			if _, err := h.AddressList(field); err != nil {
				t.Errorf("%s: %s: %v", m.subject, field, err)
			}
		}
		if id := h.Get("Message-Id"); ids[id] || id == "" {
			t.Errorf("%s: Message-ID %q is not its own", m.subject, id)
		} else {
			ids[id] = true
		}
		if got, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject")); m.charset == "" && (err != nil || got != m.subject) {
			t.Errorf("%s: subject %q, %v", m.subject, got, err)
		}
		kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
		if err != nil {
			t.Fatalf("%s: %v", m.subject, err)
		}
		if strings.HasPrefix(kind, "multipart/") {
			parts := 0
			r := multipart.NewReader(parsed.Body, params["boundary"])
			for {
				p, err := r.NextRawPart()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatalf("%s: %v", m.subject, err)
				}
				if _, err := io.Copy(io.Discard, p); err != nil {
					t.Fatalf("%s: %v", m.subject, err)
				}
				parts++
			}
			if parts != 2 {
				t.Errorf("%s: %d parts", m.subject, parts)
			}
		}
	}
	if counts["INBOX"] != 25 || len(counts) != len(mailboxes) {
		t.Errorf("messages: %v", counts)
	}
}

func TestPhoto(t *testing.T) {
	img, err := png.Decode(bytes.NewReader(Photo()))
	if err != nil || img.Bounds().Dx() != 64 || img.Bounds().Dy() != 48 {
		t.Fatalf("got %v, %v", img, err)
	}
}
