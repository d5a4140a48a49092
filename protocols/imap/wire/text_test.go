package wire

import (
	"bytes"
	"errors"
	"io"
	"net/mail"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"
)

func TestNames(t *testing.T) {
	for name, raw := range map[string]string{
		"INBOX": "INBOX", "R&D": "R&-D", "Entwürfe": "Entw&APw-rfe", "परिवार": "&CSoJMAk,CTUJPgkw-", "日本語": "&ZeVnLIqe-",
		"~peter/mail/台北/日本語": "~peter/mail/&U,BTFw-/&ZeVnLIqe-", "🎂": "&2Dzfgg-", "a\tb": "a&AAk-b", "": "", "&": "&-", "ü&ü": "&APw-&-&APw-",
	} {
		if got := EncodeName(name); got != raw {
			t.Errorf("%q: encoded %q, want %q", name, got, raw)
		}
		if got, ok := DecodeName(raw); got != name || !ok {
			t.Errorf("%q: decoded %q, %v", raw, got, ok)
		}
	}
	// What others than EncodeName write has to be sent back as it came.
	for _, raw := range []string{"R&D stuff", "a&", "&AP", "&!!!!-", "&2Dw-", "&3AA-", "&AEE-", "&APx-", "Entwürfe", "a\xffb", "&APw-&APw-", "&-&"} {
		if got, ok := DecodeName(raw); ok || !utf8.ValidString(got) {
			t.Errorf("%q: decoded %q, %v", raw, got, ok)
		}
	}
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"R&D", "&APw-", "परिवार", "&U,BTFw-", "&-", "🎂&", "&2Dzfgg-", "\x11"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if name, ok := DecodeName(s); ok && EncodeName(name) != s {
			t.Errorf("%q became %q became %q", s, name, EncodeName(name))
		}
		if !utf8.ValidString(s) {
			return
		}
		raw := EncodeName(s)
		if strings.ContainsFunc(raw, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Errorf("%q became %q", s, raw)
		}
		if name, ok := DecodeName(raw); !ok || name != s {
			t.Errorf("%q became %q became %q", s, raw, name)
		}
	})
}

func TestDates(t *testing.T) {
	r := &Reader{}
	for text, want := range map[string]string{
		"17-Jul-1996 02:44:25 -0700": "1996-07-17T02:44:25-07:00", " 1-Feb-2024 23:59:60 +0530": "2024-02-02T00:00:00+05:30",
		"01-jan-2000 00:00:00 +0000": "2000-01-01T00:00:00Z", "9-DEC-1999 1:02:03 +0000": "1999-12-09T01:02:03Z",
		"": "", "17-Jul-1996": "", "17-Jul-1996 02:44:25": "", "17-Jul-1996 02:44:25 0700": "", "17-Juk-1996 02:44:25 -0700": "", "32-Jul-1996 02:44:25 -0700": "",
		"17-Jul-1996 24:44:25 -0700": "", "17-Jul-1996 02:44:25 -0700 ": "", "17 Jul 1996 02:44:25 -0700": "", "17-Jul-96 02:44:25 -0700": "",
	} {
		got, ok := r.DateTime([]byte(text))
		if ok != (want != "") || ok && got.Format(time.RFC3339) != want {
			t.Errorf("%q: got %v, %v; want %q", text, got, ok, want)
		}
	}
	for text, want := range map[string]string{
		"Fri, 21 Nov 1997 09:55:06 -0600": "1997-11-21T09:55:06-06:00", "21 Nov 97 09:55:06 GMT": "1997-11-21T09:55:06Z", "Tue, 1 Jul 2003 10:52:37 +0200 (CEST)": "2003-07-01T10:52:37+02:00",
		"Thu,\r\n 13\tFeb\t1969 23:32 -0330 (Newfoundland (Time))": "1969-02-13T23:32:00-03:30", "Mon, 2 Jan 2006 15:04:05 MST": "2006-01-02T15:04:05-07:00",
		"Mon, 2 Jan 2006 15:04:05 EDT": "2006-01-02T15:04:05-04:00", "Sun, 1-Sep-2024 1:02:03 +0000": "2024-09-01T01:02:03Z", "1 January 2024 10:11": "2024-01-01T10:11:00Z",
		"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600": "1997-11-21T09:55:06-06:00", "Thu. , 4 Apr 2024 10.11.12 +0000": "2024-04-04T10:11:12Z", "4 Apr 103 10:11:12 +0000": "2003-04-04T10:11:12Z",
		"": "", "yesterday": "", "21 Nov": "", "Fri, 21 Nov 1997": "", "Fri, 99 Nov 1997 09:55:06 -0600": "", "(unclosed": "", "Fri 21 Nov 1997 09:55:06 -0600": "",
	} {
		got, ok := r.HeaderDate([]byte(text))
		if ok != (want != "") || ok && got.Format(time.RFC3339) != want {
			t.Errorf("%q: got %v, %v; want %q", text, got, ok, want)
		}
	}
	when := time.Date(2024, 2, 9, 3, 4, 5, 0, time.FixedZone("", -(3*3600+30*60)))
	if got := string(AppendDateTime(nil, when)); got != "09-Feb-2024 03:04:05 -0330" {
		t.Errorf("got %s", got)
	}
	if got := string(AppendDate(nil, when)); got != "9-Feb-2024" {
		t.Errorf("got %s", got)
	}
}

// What net/mail can read is read the same, but for years of two digits, which
// RFC 5322 parts at 50.
func FuzzHeaderDate(f *testing.F) {
	for _, s := range []string{"Fri, 21 Nov 1997 09:55:06 -0600", "21 Nov 97 09:55:06 GMT", "Tue, 1 Jul 2003 10:52 +0200 (CEST)", "1 Nov 00 0:00 +0060"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := &Reader{}
		got, ok := r.HeaderDate([]byte(s))
		want, err := mail.ParseDate(s)
		if name, _ := want.Zone(); err != nil || name != "" && name != "UTC" && name != "GMT" || want.Year() < 1970 || want.Year() >= 2050 {
			return
		}
		if !ok || !got.Equal(want) {
			t.Errorf("%q: got %v, %v; want %v", s, got, ok, want)
		}
	})
}

func writer(to io.Writer) *Writer {
	w := NewWriter(to)
	w.Raw = func(name string) string {
		if name == "R&D stuff" {
			return name
		}
		return ""
	}
	w.Expect = func() {}
	w.Continue = func() error { return nil }
	return w
}

func TestWriter(t *testing.T) {
	var b bytes.Buffer
	w := writer(&b)
	long := strings.Repeat("x", 5000)
	for want, write := range map[string]func(){
		`"a\"b\\"`:                        func() { w.String(`a"b\`) },
		"{3}\r\na\r\n":                    func() { w.String("a\r\n") },
		"{2}\r\nü":                        func() { w.String("ü") },
		`"ü"`:                             func() { w.UTF8 = true; w.String("ü") },
		"{2+}\r\nü x":                     func() { w.NonSync = true; w.String("ü").Text(" x") },
		"{5000}\r\n" + long:               func() { w.NonSync = true; w.String(long) },
		"~{3}\r\nabc":                     func() { w.Literal(3, strings.NewReader("abcdef"), true) },
		"INBOX":                           func() { w.Mailbox("inbox") },
		`""`:                              func() { w.Mailbox("") },
		`"NIL"`:                           func() { w.Mailbox("NIL") },
		`"a b"`:                           func() { w.Mailbox("a b") },
		"&APw-":                           func() { w.Mailbox("ü") },
		"\"ü\" \"R&D\"":                   func() { w.UTF8 = true; w.Mailbox("ü").Text(" ").String("R&D") },
		`"R&D stuff" R&-D`:                func() { w.Mailbox("R&D stuff").Text(" ").Mailbox("R&D") },
		"18446744073709551615 4294967295": func() { w.Number64(1<<64 - 1).Text(" ").Number(1<<32 - 1) },
	} {
		b.Reset()
		w.UTF8, w.NonSync = false, false
		write()
		if err := w.End(); err != nil || b.String() != want+"\r\n" {
			t.Errorf("got %.100q, %v; want %.100q", b.String(), err, want)
		}
	}
}

func TestWriterStops(t *testing.T) {
	var b bytes.Buffer
	w := writer(&b)
	w.Continue = func() error { return ErrRefused }
	err := w.Text("A ").String("ü").Text(" B").String("ü").End()
	if err != ErrRefused || b.String() != "A {2}\r\n" {
		t.Errorf("sent %q, %v", b.String(), err)
	}
	w.Continue = func() error { return nil }
	b.Reset()
	if err := w.Text("NOOP").End(); err != nil || b.String() != "NOOP\r\n" {
		t.Errorf("sent %q, %v", b.String(), err)
	}
	broken := errors.New("the card was pulled out")
	for name, r := range map[string]io.Reader{
		"fails": io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)),
		"ends":  strings.NewReader("abc"),
	} {
		var source *SourceError
		if err := w.Literal(10, r, false).End(); !errors.As(err, &source) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := w.Literal(3, iotest.DataErrReader(strings.NewReader("abc")), false).End(); err != nil {
		t.Error(err)
	}
	w.Reset(failing{})
	if err := w.Text("x").End(); err != io.ErrClosedPipe {
		t.Errorf("got %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// A literal goes out as it is read: what is held does not grow with it.
func TestWriterHoldsLittle(t *testing.T) {
	most := 0
	w := writer(writerFunc(func(p []byte) { most = max(most, len(p)) }))
	if err := w.Literal(10<<20, zeros{}, false).End(); err != nil {
		t.Fatal(err)
	}
	if most > chunk+len("\r\n") || cap(w.buf) > chunk {
		t.Errorf("%d bytes at once, %d held", most, cap(w.buf))
	}
}

type writerFunc func(p []byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
