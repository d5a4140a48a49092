package mime_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/text/encoding/htmlindex"

	"kaiwire/protocols/mime"
)

// charset stands in for the platform's TextDecoder, and knows the same names.
func charset(name string, text []byte) ([]byte, bool) {
	e, err := htmlindex.Get(name)
	if err != nil {
		return nil, false
	}
	decoded, err := e.NewDecoder().Bytes(text)
	return decoded, err == nil
}

var decoder = &mime.Decoder{Charset: charset}

func TestWords(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                             "plain",
		"=?utf-8?q?caf=C3=A9?=":             "café",
		"=?UTF-8?B?Y2Fmw6k=?= au lait":      "café au lait",
		"=?utf-8?q?a?= =?utf-8?q?b?=":       "ab",
		"=?utf-8?b?w?= =?utf-8?q?b?=":       "=?utf-8?b?w?= b",
		"=?utf-8?b?4oI=?= =?utf-8?b?rA==?=": "€", // torn in a character
		"=?iso-8859-1?q?=80_5?=":            "€ 5",
		"=?koi8-r?b?8NLJ18XU?=":             "Привет",
		"=?utf-8*en?q?tagged?=":             "tagged",
		"=?x-nobody?q?a?=":                  "=?x-nobody?q?a?=",
		"=?utf-8?q?no end":                  "=?utf-8?q?no end",
		"caf\xC3\xA9":                       "café",
		"caf\xE9 =?utf-8?q?x?=":             "café x",
		"=?cp932?b?k/qWe4zq?=":              "日本語",
	} {
		if got := decoder.Words([]byte(in)); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	one := func(name, address string) []mime.Address { return []mime.Address{{Name: name, Address: address}} }
	for in, want := range map[string][]mime.Address{
		"":                                  nil,
		"a@example.org":                     one("", "a@example.org"),
		"Asha A. <a@example.org>":           one("Asha A.", "a@example.org"),
		`"Last, First" <a@example.org>`:     one("Last, First", "a@example.org"),
		`"a \"b\" c" <a@example.org>`:       one(`a "b" c`, "a@example.org"),
		"a@example.org (Asha (the first))":  one("Asha (the first)", "a@example.org"),
		"=?utf-8?q?J=C3=BCrgen?= <j@x.org>": one("Jürgen", "j@x.org"),
		`"=?utf-8?q?J=C3=BCrgen?=" <j@x>`:   one("Jürgen", "j@x"),
		"J\xFCrgen <j@x.org>":               one("Jürgen", "j@x.org"),
		"<@a.org,@b.org:c@d.org>":           one("", "c@d.org"),
		"Asha a@example.org":                one("Asha", "a@example.org"),
		`"a b"@example.org`:                 one("", `"a b"@example.org`),
		`<"a>b"@example.org>`:               one("", `"a>b"@example.org`),
		"Asha <a@example.org":               one("Asha", "a@example.org"),
		"undisclosed-recipients:;":          {{Name: "undisclosed-recipients", Group: []mime.Address{}}},
		"a@x, b@x;, ,c@x":                   {{Address: "a@x"}, {Address: "b@x"}, {Address: "c@x"}},
		"all: a@x, B <b@x>; c@x":            {{Name: "all", Group: []mime.Address{{Address: "a@x"}, {Name: "B", Address: "b@x"}}}, {Address: "c@x"}},
		"open: a@x":                         {{Name: "open", Group: []mime.Address{{Address: "a@x"}}}},
		"nobody":                            one("nobody", ""),
		"李@例子.中国":                           one("", "李@例子.中国"),
	} {
		got := decoder.Addresses(in)
		if !slices.EqualFunc(got, want, sameAddress) {
			t.Errorf("%q is %+v, want %+v", in, got, want)
		}
	}
}

func sameAddress(a, b mime.Address) bool {
	return a.Name == b.Name && a.Address == b.Address && (a.Group == nil) == (b.Group == nil) && slices.EqualFunc(a.Group, b.Group, sameAddress)
}

func TestValue(t *testing.T) {
	for _, row := range []struct{ in, value, name, want string }{
		{"text/plain; charset=utf-8", "text/plain", "charset", "utf-8"},
		{`Text/HTML ; Charset="iso-8859-1" (comment)`, "text/html", "charset", "iso-8859-1"},
		{"attachment; filename*=utf-8''na%C3%AFve%20file.txt", "attachment", "filename", "naïve file.txt"},
		{"attachment; filename*=iso-8859-1'en'%A3%20rates", "attachment", "filename", "£ rates"},
		{`attachment; filename*0="a very "; filename*1="long name"`, "attachment", "filename", "a very long name"},
		{"attachment; filename*1*=%C3%A9.txt; filename*0*=utf-8''caf", "attachment", "filename", "café.txt"},
		{"attachment; filename*0*=utf-8''a%20; filename*1=b%20", "attachment", "filename", "a b%20"},
		{"attachment; filename=old.txt; filename*=utf-8''new.txt", "attachment", "filename", "new.txt"},
		{`attachment; filename="=?utf-8?b?Y2Fmw6kudHh0?="`, "attachment", "filename", "café.txt"},
		{"attachment; filename=with space.txt; size=1", "attachment", "filename", "with space.txt"},
		{"attachment; filename=\"caf\xE9\"", "attachment", "filename", "café"},
		{`attachment; filename="a\"b"`, "attachment", "filename", `a"b`},
		{"attachment; ; ;\"x\"; filename=a", "attachment", "filename", "a"},
		{"attachment; filename*0*=utf-8''a; filename*2*=c", "attachment", "filename", "a"},
	} {
		value, params := decoder.Value(row.in)
		if value != row.value || params[row.name] != row.want {
			t.Errorf("%s is %q, %s is %q", row.in, value, row.name, params[row.name])
		}
	}
}

func TestText(t *testing.T) {
	for _, row := range []struct {
		charset, in, want string
		ok                bool
	}{
		{"utf-8", "caf\xC3\xA9", "café", true},
		{"UTF8", "\xEF\xBB\xBFbom", "bom", true},
		{"", "caf\xE9", "café", true},
		{"us-ascii", "caf\xC3\xA9", "café", true},
		{"utf-8", "caf\xE9", "café", true},            // mislabelled
		{"iso-8859-1", "caf\xC3\xA9", "café", true},   // mislabelled
		{"utf-8", "caf\xC3\xA9 \xFF", "café �", true}, // damaged
		{"iso-8859-1", "\x93quoted\x94", "“quoted”", true},
		{"koi8-r", "\xF0\xD2\xC9\xD7\xC5\xD4", "Привет", true},
		{"us-ascii", "\x1B$BF|K\\\x1B(B", "日本", true},
		{"x-nobody", "caf\xE9", "café", false},
	} {
		if got, ok := decoder.Text(row.charset, []byte(row.in)); got != row.want || ok != row.ok {
			t.Errorf("%q as %s is %q, %v", row.in, row.charset, got, ok)
		}
	}
	if got, ok := new(mime.Decoder).Text("koi8-r", []byte("\xF0")); ok || got != "ð" {
		t.Errorf("without a hook: %q, %v", got, ok)
	}
}

func TestUnflow(t *testing.T) {
	for _, row := range []struct {
		in    string
		delSp bool
		want  string
	}{
		{"one \r\ntwo\r\nthree", false, "one two\nthree"},
		{"日本 \r\n語", true, "日本語"},
		{"> quoted \r\n> text\r\nown", false, "> quoted text\nown"},
		{">> deep \r\n> less", false, ">> deep \n> less"},
		{"-- \r\nAsha", false, "-- \nAsha"},
		{"end \r\n-- \r\nAsha", false, "end \n-- \nAsha"},
		{" From here\r\n >no quote", false, "From here\n>no quote"},
		{"\r\n\r\na", false, "\n\na"},
	} {
		if got := mime.Unflow(row.in, row.delSp); got != row.want {
			t.Errorf("%q is %q, want %q", row.in, got, row.want)
		}
	}
}

// crlf makes a message out of lines.
func crlf(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "\n"), "\n", "\r\n")
}

const nested = `
From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>
To: Asha <a@example.org>,
	ben@example.org
Cc: team: c@example.org, d@example.org;
Subject: =?utf-8?b?w5xi?=
 =?utf-8?q?ersicht?=
Date: Fri, 21 Nov 1997 09:55:06 -0600
Message-ID: <1@example.org>
In-Reply-To: <0@example.org>
References: <a@example.org>
 <0@example.org>
Content-Type: multipart/mixed; boundary=outer

This is a message in MIME.
--outer
Content-Type: multipart/alternative; boundary="in ner"

--in ner
Content-Type: text/plain; charset=iso-8859-1; format=flowed
Content-Transfer-Encoding: quoted-printable

Sch=F6ne =
Gr=FC=DFe,=20
und mehr
--in ner
Content-Type: multipart/related; boundary=rel

--rel
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

PHA+U2Now7ZuZSBHcsO8w59lPC9wPg==
--rel
Content-Type: image/png; name="dot.png"
Content-ID: <dot@x>
Content-Transfer-Encoding: base64
Content-Disposition: inline

iVBO
Rw0K
--rel--

--in ner--
--outer
Content-Type: application/pdf
Content-Disposition: attachment; filename*=utf-8''%C3%9Cbersicht.pdf

%PDF
--outer

From the list
--outer
Content-Type: message/rfc822

Subject: inner

--outer is no boundary, nor is
text
--outer--
epilogue
`

// TestParse reads a message whole and in pieces of every size.
func TestParse(t *testing.T) {
	for name, ending := range map[string]string{"CRLF": "\r\n", "LF": "\n"} {
		raw := strings.ReplaceAll(crlf(nested), "\r\n", ending)
		for _, size := range []int{1, 2, 3, 7, 100, 1 << 20} {
			contents := map[string]*bytes.Buffer{}
			p := mime.NewParser(mime.Options{Charset: charset, Attachment: func(p *mime.Part) io.Writer {
				contents[p.Path] = &bytes.Buffer{}
				return contents[p.Path]
			}})
			for rest := []byte(raw); len(rest) > 0; {
				piece := rest[:min(size, len(rest))]
				if n, err := p.Write(bytes.Clone(piece)); n != len(piece) || err != nil {
					t.Fatal(n, err)
				}
				rest = rest[len(piece):]
			}
			m, err := p.End()
			if err != nil {
				t.Fatal(err)
			}
			want := func(what string, got, want any) {
				if got != want {
					t.Errorf("%s, %d at once: %s is %q, want %q", name, size, what, got, want)
				}
			}
			want("subject", m.Subject, "Übersicht")
			want("from", m.From[0].Name+" "+m.From[0].Address, "Jürgen j@example.org")
			want("to", len(m.To), 2)
			want("members", len(m.Cc[0].Group), 2)
			want("date", m.Date.UTC().Format(time.RFC3339), "1997-11-21T15:55:06Z")
			want("id", m.MessageID, "1@example.org")
			want("references", strings.Join(m.References, " ")+" "+strings.Join(m.InReplyTo, " "), "a@example.org 0@example.org 0@example.org")
			want("text", m.Text, "Schöne Grüße, und mehr\nFrom the list")
			want("html", m.HTML, `<p>Schöne Grüße</p><div style="white-space: pre-wrap">From the list</div>`)
			want("attachments", len(m.Attachments), 3)
			want("warnings", len(m.Warnings), 0)
			for i, a := range []struct{ path, kind, filename, id, content string }{
				{"1.2.2", "image/png", "dot.png", "dot@x", "\x89PNG\r\n"},
				{"2", "application/pdf", "Übersicht.pdf", "", "%PDF"},
				{"4", "message/rfc822", "", "", "Subject: inner" + ending + ending + "--outer is no boundary, nor is" + ending + "text"},
			} {
				got := m.Attachments[i]
				want("path", got.Path, a.path)
				want("type", got.Type, a.kind)
				want("filename", got.Filename, a.filename)
				want("content ID", got.ContentID, a.id)
				want("content", contents[a.path].String(), a.content)
				want("size", got.Size, int64(len(a.content)))
			}
		}
	}
}

// TestTolerance has what real mail does.
func TestTolerance(t *testing.T) {
	for _, row := range []struct {
		name, raw, text, html string
		attachments           int
		warnings              []mime.Warning
	}{
		{"nothing", "", "", "", 0, nil},
		{"no header", "\nhello\n", "hello\n", "", 0, []mime.Warning{mime.WarnHeader}},
		{"no empty line", "Subject: x\nhello there\n", "hello there\n", "", 0, []mime.Warning{mime.WarnHeader}},
		{"a mailbox file's line", "From a@x Mon\nSubject: x\n\nhi", "hi", "", 0, nil},
		{"no end", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhi\n", "hi", "", 0, []mime.Warning{mime.WarnTruncated}},
		{"an inner one without end", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nhi\n--b--\n", "hi", "", 0, []mime.Warning{mime.WarnTruncated}},
		{"no boundary", "Content-Type: multipart/mixed\n\nhi", "hi", "", 0, []mime.Warning{mime.WarnBoundary}},
		{"no empty line before the boundary", "Content-Type: multipart/mixed; boundary=b\n--b\n\nhi\n--b--", "hi", "", 0, []mime.Warning{mime.WarnHeader}},
		{"a part without a header", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhi\n--b--", "hi", "", 0, nil},
		{"no type", "Content-Type: text\n\nhi", "hi", "", 0, nil},
		{"bad base64", "Content-Transfer-Encoding: base64\n\naG k*=\n=\naA=", "hih", "", 0, nil},
		{"bad quoted-printable", "Content-Transfer-Encoding: quoted-printable\n\n=zz =4", "=zz =4", "", 0, nil},
		{"unknown charset", "Content-Type: text/plain; charset=x-nobody\n\nhi", "hi", "", 0, []mime.Warning{mime.WarnCharset}},
		{"HTML only", "Content-Type: text/html\n\n<p>", "", "<p>", 0, nil},
		{"text after HTML", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>\n--b\n\n1 < 2\n--b--", "1 < 2", `<p><div style="white-space: pre-wrap">1 &lt; 2</div>`, 0, nil},
		{"text before HTML", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\na\n--b\nContent-Type: text/html\n\n<p>\n--b--", "a", `<div style="white-space: pre-wrap">a</div><p>`, 0, nil},
		{"a text with a name", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\na\n--b\nContent-Type: text/plain; name=n.txt\n\nb\n--b--", "a", "", 1, nil},
		{"an attachment alone", "Content-Type: image/png\n\nx", "", "", 1, nil},
		{"a digest", "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\n--b--", "", "", 1, nil},
		{"NUL", "Subject: a\x00b\n\n\x00", "\x00", "", 0, nil},
	} {
		m, err := mime.Parse(iotest.OneByteReader(strings.NewReader(row.raw)), mime.Options{Charset: charset})
		if err != nil {
			t.Fatal(row.name, err)
		}
		if m.Text != row.text || m.HTML != row.html || len(m.Attachments) != row.attachments || !slices.Equal(m.Warnings, row.warnings) {
			t.Errorf("%s: text %q, HTML %q, %d attachments, warnings %v", row.name, m.Text, m.HTML, len(m.Attachments), m.Warnings)
		}
	}
}

func TestLimits(t *testing.T) {
	limits := mime.Limits{Header: 100, Text: 10, Parts: 5, Depth: 3}
	read := func(raw string) *mime.Message {
		m, err := mime.Parse(strings.NewReader(raw), mime.Options{Limits: limits})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	if m := read("Subject: x\n" + strings.Repeat("X-Y: z\n", 100) + "\nhi"); m.Subject != "x" || m.Text != "hi" || !slices.Equal(m.Warnings, []mime.Warning{mime.WarnHeader}) {
		t.Errorf("a header: %+v", m)
	}
	if m := read("\n\n" + strings.Repeat("a", 1000)); m.Text != "aaaaaaaaaa" || m.Root.Size != 1000 || !slices.Contains(m.Warnings, mime.WarnText) {
		t.Errorf("a text: %q, %v", m.Text, m.Warnings)
	}
	if m := read("Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\nContent-Type: a/b\n\n", 10) + "--b--\n"); len(m.Attachments) != 4 || !slices.Equal(m.Warnings, []mime.Warning{mime.WarnParts}) {
		t.Errorf("parts: %d, %v", len(m.Attachments), m.Warnings)
	}
	deep := ""
	for i := range 1000 {
		deep += "Content-Type: multipart/mixed; boundary=b" + strings.Repeat("x", i) + "\n\n--b" + strings.Repeat("x", i) + "\n"
	}
	m, err := mime.Parse(strings.NewReader(deep), mime.Options{})
	if err != nil || len(m.Attachments) != 1 || !slices.Equal(m.Warnings, []mime.Warning{mime.WarnDepth, mime.WarnTruncated}) {
		t.Errorf("1,000 levels: %v, %+v", err, m)
	}
}

func TestAttachmentFails(t *testing.T) {
	broken := errors.New("full")
	_, err := mime.Parse(strings.NewReader("Content-Type: image/png\n\n"+strings.Repeat("a", 100_000)), mime.Options{
		Attachment: func(*mime.Part) io.Writer { return failing{broken} },
	})
	if err != broken {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestMemory streams an attachment of 64 MB, of which nothing is kept.
func TestMemory(t *testing.T) {
	line := []byte(strings.Repeat("QUJD", 19) + "\r\n")
	p := mime.NewParser(mime.Options{Attachment: func(*mime.Part) io.Writer { return io.Discard }})
	io.WriteString(p, "Content-Type: video/mp4\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	chunk := bytes.Repeat(line, 800)
	for range 10 {
		p.Write(chunk)
	}
	if n := testing.AllocsPerRun(50, func() { p.Write(chunk) }); n > 1 {
		t.Errorf("%v allocations for %d octets", n, len(chunk))
	}
}

func FuzzParse(f *testing.F) {
	f.Add(crlf(nested), 10)
	f.Add("Content-Type: multipart/mixed; boundary=\"\"\n\n--\n", 1)
	f.Fuzz(func(t *testing.T, raw string, size int) {
		whole, err := mime.Parse(strings.NewReader(raw), mime.Options{Charset: charset, Limits: mime.Limits{Text: 1000, Parts: 20, Depth: 5}})
		if err != nil {
			t.Fatal(err)
		}
		p := mime.NewParser(mime.Options{Charset: charset, Limits: mime.Limits{Text: 1000, Parts: 20, Depth: 5}})
		for size = max(1, size); len(raw) > 0; raw = raw[min(size, len(raw)):] {
			p.Write([]byte(raw[:min(size, len(raw))]))
		}
		pieces, err := p.End()
		if err != nil || pieces.Text != whole.Text || pieces.HTML != whole.HTML || len(pieces.Attachments) != len(whole.Attachments) {
			t.Fatalf("in pieces of %d it is another message: %q and %q", size, pieces.Text, whole.Text)
		}
	})
}

func FuzzAddresses(f *testing.F) {
	f.Add(`"a" <b@c>, d: e@f;`)
	f.Fuzz(func(t *testing.T, field string) { decoder.Addresses(field); decoder.Value(field) })
}
