package imap_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	kimap "kaiwire/protocols/imap"
	"kaiwire/protocols/mime"
	. "kaiwire/protocols/protocoltest"
	"kaiwire/protocols/protocoltest/imapserver"
)

var messages = map[string]string{
	"plain": "Subject: =?utf-8?q?caf=C3=A9?=\nTo: a@x, team: b@x;\nContent-Type: text/plain; charset=iso-8859-1; format=flowed\n" +
		"Content-Transfer-Encoding: quoted-printable\n\nna=EFve=20\ntext\n",
	"parts": "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=c\n\n" +
		"--c\n\nplain\n--c\nContent-Type: multipart/related; boundary=d\n\n--d\nContent-Type: text/html\nContent-Transfer-Encoding: base64\n\nPGI+\n" +
		"--d\nContent-Type: image/png\nContent-ID: <dot@x>\nContent-Disposition: inline\n\npng\n--d--\n--c--\n" +
		"--b\nContent-Type: application/pdf\nContent-Disposition: attachment; filename*0*=utf-8''%C3%9Cber; filename*1=sicht.pdf\n\npdf\n" +
		"--b\n\nfooter\n--b\nContent-Type: message/rfc822\n\nSubject: inner\n\nbody\n--b--\n",
	"attachment": "Content-Type: image/png; name=a.png\n\npng\n",
}

// TestOpenMessage opens messages by their parts, and compares with what package
// mime makes of the whole.
func TestOpenMessage(t *testing.T) {
	_, addr := serve(t, imapserver.Options{})
	s := connect(t, to(addr), kimap.Options{})
	for name, text := range messages {
		raw := strings.ReplaceAll(text, "\n", "\r\n")
		appended, err := s.Append(within(t), "Drafts", strings.NewReader(raw), int64(len(raw)), nil)
		noErr(t, err)
		_, err = s.Select(within(t), "Drafts")
		noErr(t, err)
		got, err := s.OpenMessage(within(t), appended.UID, mime.Limits{})
		noErr(t, err)
		want, err := mime.Parse(strings.NewReader(raw), mime.Options{})
		noErr(t, err)
		if what, others := told(got), told(want); what != others {
			t.Errorf("%s: by its parts it is\n%s\nas a whole\n%s", name, what, others)
		}
		noErr(t, s.Fetch(within(t), imap.UIDSetNum(appended.UID), &imap.FetchOptions{Flags: true}, 0, func(m *kimap.Message) error {
			equal(t, len(m.Flags), 0) // it has not been seen
			return nil
		}))
	}
	_, err := s.OpenMessage(within(t), 9999, mime.Limits{})
	wantCode(t, err, coded.ENOTFOUND)
	_, err = s.OpenMessage(within(t), 0, mime.Limits{})
	wantCode(t, err, coded.EINVAL)
}

func told(m *mime.Message) string {
	text := fmt.Sprintf("%s|%v|%q|%q|%v", m.Subject, m.To, strings.TrimSuffix(m.Text, "\n"), m.HTML, m.Warnings)
	for _, a := range m.Attachments {
		text += fmt.Sprintf("\n%s %s %q %q %s", a.Path, a.Type, a.Filename, a.ContentID, a.Disposition)
	}
	return text
}

// TestOpenMessageAsksForTextsOnly has a message of 3 GB, of which 12 octets are
// wanted.
func TestOpenMessageAsksForTextsOnly(t *testing.T) {
	s := inbox(t, kimap.Options{},
		Want("{a} UID FETCH 9 (UID BODYSTRUCTURE BODY.PEEK[HEADER]<0.262144>)"),
		Line(`* 3 FETCH (UID 9 BODYSTRUCTURE (("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 2000 9 NIL NIL NIL NIL)`+
			`("video" "mp4" ("name" "=?utf-8?q?caf=C3=A9.mp4?=") NIL NIL "base64" 3000000000 NIL ("attachment" NIL) NIL NIL) "mixed" NIL NIL NIL NIL) BODY[HEADER]<0> "Subject: x")`),
		Line("{a} OK done"),
		Want("{b} UID FETCH 9 (UID BODY.PEEK[1]<0.30>)"), Line(`* 3 FETCH (UID 9 BODY[1]<0> "hello hello hello hello hello ")`), Line("{b} OK done"))
	m, err := s.OpenMessage(within(t), 9, mime.Limits{Text: 10})
	noErr(t, err)
	equal(t, told(m), "x|[]|\"hello hell\"|\"\"|[text]\n2 video/mp4 \"café.mp4\" \"\" attachment")
}
