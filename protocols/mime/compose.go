package mime

import (
	"encoding/base64"
	"io"
	"math/rand/v2"
	"strings"
	"time"
)

// Draft is a message that is to be written.
type Draft struct {
	From, Sender         Address
	To, Cc, Bcc, ReplyTo []Address // Bcc gets the message and is not in it
	Subject              string
	Date                 time.Time // default: now
	MessageID            string    // default: a new one at the domain of From
	InReplyTo            string
	References           []string
	Text, HTML           string // both: alternatives
	Attachments          []Attachment
	Priority             string  // "high", "normal" or "low"
	Headers              []Field // besides; not those above, nor Content-…
}

// Attachment is what goes along with a message. One of the type message/rfc822
// goes as it is: its lines have to end with CRLF, as they do where it comes from
// a server.
type Attachment struct {
	Filename    string
	ContentType string // default: by the name, "application/octet-stream" where that tells nothing
	ContentID   string // by which HTML names it, as "cid:…"; it then belongs to the HTML
	Disposition string // "attachment" or "inline"; default: by ContentID
	Content     io.Reader
	Size        int64 // octets of Content, -1 where nobody knows
}

// Composed is a message as it is sent: lines end with CRLF, and are no longer
// than 998 octets. Content of attachments is read as it is needed; after an
// error of one of them Read goes on where it was.
type Composed struct {
	From string   // for SMTP's MAIL FROM
	To   []string // for RCPT TO: To, Cc and Bcc, each once
	ID   string   // its Message-ID, without angle brackets
	UTF8 bool     // addresses have more than ASCII: the server needs SMTPUTF8
	// EightBit says that a message is attached, which may have more than ASCII:
	// the server should have 8BITMIME.
	EightBit bool
	Size     int64 // in octets; -1 if the size of an attachment isn't known

	parts []io.Reader
}

// Read reads the message.
func (c *Composed) Read(b []byte) (int, error) {
	for len(c.parts) > 0 {
		n, err := c.parts[0].Read(b)
		if err == io.EOF {
			c.parts = c.parts[1:]
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.EOF
}

//go:noinline
func (c *Composed) text(s string) { c.add(strings.NewReader(s), int64(len(s))) }

//go:noinline
func (c *Composed) add(r io.Reader, size int64) {
	c.parts = append(c.parts, r)
	if c.Size >= 0 && size >= 0 {
		c.Size += size
	} else {
		c.Size = -1
	}
}

// Compose writes a message. What would break out of its field, such as a line
// break in a subject, is EINVAL.
func Compose(draft *Draft) (*Composed, error) {
	w := &composer{}
	if err := w.compose(draft); err != nil {
		return nil, err
	}
	return &w.out, nil
}

type composer struct {
	out    Composed
	header strings.Builder
	err    error
}

//go:noinline
func (w *composer) fail(message string) {
	if w.err == nil {
		w.err = invalid(message)
	}
}

// check refuses what would end a line.
func (w *composer) check(what, text string) {
	for i := range len(text) {
		if c := text[i]; c < ' ' && c != '\t' || c == 0x7F {
			w.fail(what + " has a line break or another control character in it.")
			return
		}
	}
}

// field writes a field whose value needs no encoding.
func (w *composer) field(name, value string) {
	if value != "" {
		w.header.WriteString(fold(name + ": " + value))
	}
}

func (w *composer) words(name, value string) {
	w.check(name, value)
	w.field(name, encodeWords(value))
}

func (w *composer) addresses(name string, list []Address, receives bool) {
	written := make([]string, 0, len(list))
	for _, a := range list {
		if a.Group != nil {
			members := make([]string, 0, len(a.Group))
			for _, member := range a.Group {
				members = append(members, w.address(name, member, receives))
			}
			written = append(written, w.phrase(name, a.Name)+": "+strings.Join(members, ", ")+";")
			continue
		}
		written = append(written, w.address(name, a, receives))
	}
	if name != "Bcc" {
		w.field(name, strings.Join(written, ", "))
	}
}

func (w *composer) address(field string, a Address, receives bool) string {
	at := strings.LastIndexByte(a.Address, '@')
	w.check(field, a.Address)
	local, quoted := a.Address, strings.HasPrefix(a.Address, `"`)
	if at >= 0 {
		local = a.Address[:at]
	}
	if at <= 0 || at == len(a.Address)-1 || strings.ContainsAny(a.Address[at:], " \t<>,;:\"\\()") ||
		!quoted && strings.ContainsAny(local, " \t<>,;:\"\\()[]@") || quoted && !isQuoted(local) {
		w.fail(field + ": this is no address: " + a.Address)
	}
	if !isASCII(a.Address) {
		w.out.UTF8 = true
	}
	if receives {
		w.receiver(a.Address)
	}
	if a.Name == "" {
		return a.Address
	}
	return w.phrase(field, a.Name) + " <" + a.Address + ">"
}

// isQuoted says whether s is one quoted string.
func isQuoted(s string) bool {
	scan := scanner{text: s}
	scan.quoted()
	return len(s) > 2 && strings.HasSuffix(s, `"`) && !scan.more()
}

func (w *composer) receiver(address string) {
	for _, known := range w.out.To {
		if known == address {
			return
		}
	}
	w.out.To = append(w.out.To, address)
}

func (w *composer) phrase(field, name string) string {
	w.check(field, name)
	if encoded := encodeWords(name); encoded != name {
		return encoded
	}
	if strings.ContainsAny(name, `()<>[]:;@\,."`) {
		return quoteString(name)
	}
	return name
}

func (w *composer) ids(name string, list []string) {
	written := make([]string, 0, len(list))
	for _, id := range list {
		w.check(name, id)
		if id = strings.Trim(id, "<> "); id == "" || strings.ContainsAny(id, "<> ") {
			w.fail(name + ": this is no message identifier: " + id)
		}
		written = append(written, "<"+id+">")
	}
	w.field(name, strings.Join(written, " "))
}

// priorities are what mail programs look at.
var priorities = [...]struct{ name, number, word string }{{"high", "1 (Highest)", "High"}, {"low", "5 (Lowest)", "Low"}}

func (w *composer) compose(d *Draft) error {
	if d.From.Address == "" {
		w.fail("A message needs an address that it is from.")
	}
	w.addresses("From", []Address{d.From}, false)
	w.out.From = d.From.Address
	if d.Sender.Address != "" {
		w.addresses("Sender", []Address{d.Sender}, false)
		w.out.From = d.Sender.Address
	}
	w.addresses("Reply-To", d.ReplyTo, false)
	w.addresses("To", d.To, true)
	w.addresses("Cc", d.Cc, true)
	w.addresses("Bcc", d.Bcc, true)
	w.words("Subject", d.Subject)
	date := d.Date
	if date.IsZero() {
		date = time.Now()
	}
	w.field("Date", formatDate(date))
	w.out.ID = strings.Trim(d.MessageID, "<> ")
	if w.out.ID == "" {
		domain := d.From.Address[strings.LastIndexByte(d.From.Address, '@')+1:]
		w.out.ID = random() + "@" + domain
	}
	w.ids("Message-ID", []string{w.out.ID})
	if d.InReplyTo != "" {
		w.ids("In-Reply-To", []string{d.InReplyTo})
	}
	w.ids("References", d.References)
	for _, p := range priorities {
		if d.Priority == p.name {
			w.field("X-Priority", p.number)
			w.field("Importance", p.word)
		}
	}
	if d.Priority != "" && d.Priority != "normal" && d.Priority != "high" && d.Priority != "low" {
		w.fail(`The priority must be "high", "normal" or "low".`)
	}
	for _, field := range d.Headers {
		name := strings.ToLower(field.Name)
		if !isToken(field.Name) || strings.HasPrefix(name, "content-") || name == "mime-version" || name == "bcc" {
			w.fail("This header can't be set: " + field.Name)
		}
		w.words(field.Name, field.Value)
	}
	w.field("MIME-Version", "1.0")

	var related, mixed []*Attachment
	for i := range d.Attachments {
		a := &d.Attachments[i]
		if a.ContentID != "" && d.HTML != "" {
			related = append(related, a)
		} else {
			mixed = append(mixed, a)
		}
	}
	alone := d.Text == "" && d.HTML == "" && len(mixed) == 1
	w.multipart("mixed", !alone && len(mixed) > 0, func(next func()) {
		if !alone {
			next()
			w.multipart("alternative", d.Text != "" && d.HTML != "", func(next func()) {
				if d.Text != "" || d.HTML == "" {
					next()
					w.body("text/plain", d.Text)
				}
				if d.HTML != "" {
					next()
					w.multipart("related", len(related) > 0, func(next func()) {
						next()
						w.body("text/html", d.HTML)
						for _, a := range related {
							next()
							w.attachment(a)
						}
					})
				}
			})
		}
		for _, a := range mixed {
			next()
			w.attachment(a)
		}
	})
	return w.err
}

// multipart writes parts into a multipart, if it is wanted; write calls next
// before each.
func (w *composer) multipart(subtype string, wanted bool, write func(next func())) {
	if !wanted {
		write(func() {})
		return
	}
	// No line of base64 or quoted-printable can be one.
	boundary := "=_" + random()
	w.field("Content-Type", "multipart/"+subtype+`; boundary="`+boundary+`"`)
	first := true
	write(func() {
		if first {
			w.header.WriteString("\r\n")
		}
		first = false
		w.header.WriteString("--" + boundary + "\r\n")
	})
	w.header.WriteString("--" + boundary + "--\r\n")
	w.flush()
}

// flush ends the header, or what else has been written.
//
//go:noinline
func (w *composer) flush() {
	w.out.text(w.header.String())
	w.header.Reset()
}

func (w *composer) body(kind, text string) {
	text = unixLines(text)
	params := param("charset", "utf-8")
	if kind == "text/plain" {
		text = flow(text)
		params += param("format", "flowed")
	} else {
		text = substitute(text, "\n", "\r\n")
	}
	if !strings.HasSuffix(text, "\r\n") {
		text += "\r\n"
	}
	encoding := transferFor(text)
	w.field("Content-Type", kind+params)
	w.field("Content-Transfer-Encoding", encoding)
	w.header.WriteString("\r\n")
	w.flush()
	w.out.add(encodeText(text, encoding))
}

func (w *composer) attachment(a *Attachment) {
	kind := strings.ToLower(a.ContentType)
	if kind == "" {
		kind = typeOf(a.Filename)
	}
	major, rest, ok := strings.Cut(kind, "/")
	minor, params, _ := strings.Cut(rest, ";")
	if !ok || !isToken(major) || !isToken(strings.Trim(minor, " ")) || major == "multipart" {
		w.fail("This is no type of an attachment: " + a.ContentType)
	}
	w.check("The type of an attachment", params)
	w.check("The name of an attachment", a.Filename)
	encoding := "base64"
	if kind == "message/rfc822" {
		encoding = "8bit" // it may not be encoded (RFC 2046, section 5.2.1)
		w.out.EightBit = true
	}
	if a.Filename != "" {
		// Where RFC 2231 isn't known, this name is.
		kind += "; name=" + quoteString(encodeWords(a.Filename))
	}
	w.field("Content-Type", kind)
	w.field("Content-Transfer-Encoding", encoding)
	disposition := a.Disposition
	switch disposition {
	case "":
		disposition = "attachment"
		if a.ContentID != "" {
			disposition = "inline"
		}
	case "attachment", "inline":
	default:
		w.fail(`The disposition of an attachment must be "attachment" or "inline".`)
	}
	if a.Filename != "" {
		disposition += param("filename", a.Filename)
	}
	w.field("Content-Disposition", disposition)
	if a.ContentID != "" {
		w.ids("Content-ID", []string{a.ContentID})
	}
	w.header.WriteString("\r\n")
	w.flush()
	switch {
	case encoding == "8bit":
		w.out.add(a.Content, a.Size)
		w.header.WriteString("\r\n") // whatever its last line is
	case a.Size < 0:
		w.out.add(&encoder{r: a.Content}, -1)
	default:
		w.out.add(&encoder{r: a.Content}, encodedSize(a.Size))
	}
}

// random has 120 bits, in letters, digits, - and _, which nobody may have seen
// before; they are no secret, and crypto/rand is 0.1 MB of code.
func random() string {
	var b [15]byte
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// formatDate writes a date as RFC 5322, section 3.3.
func formatDate(t time.Time) string {
	_, offset := t.Zone()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b := append([]byte(t.Weekday().String()[:3]), ", "...)
	b = append(appendNumber(b, day, 1), ' ')
	b = append(append(b, month.String()[:3]...), ' ')
	b = append(appendNumber(b, year, 4), ' ')
	b = append(appendNumber(b, hour, 2), ':')
	b = append(appendNumber(b, minute, 2), ':')
	b = append(appendNumber(b, second, 2), ' ')
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	return string(appendNumber(append(b, sign), offset/3600*100+offset/60%60, 4))
}

func appendNumber(b []byte, n, width int) []byte {
	if n >= 10 || width > 1 {
		b = appendNumber(b, n/10, max(width-1, 1))
	}
	return append(b, byte('0'+n%10))
}

// types are those of files that phones have.
var types = [...][2]string{
	{"jpg", "image/jpeg"}, {"jpeg", "image/jpeg"}, {"png", "image/png"}, {"gif", "image/gif"}, {"webp", "image/webp"},
	{"3gp", "video/3gpp"}, {"mp4", "video/mp4"}, {"webm", "video/webm"}, {"amr", "audio/amr"}, {"ogg", "audio/ogg"},
	{"opus", "audio/ogg"}, {"mp3", "audio/mpeg"}, {"m4a", "audio/mp4"}, {"wav", "audio/wav"}, {"pdf", "application/pdf"},
	{"txt", "text/plain"}, {"html", "text/html"}, {"csv", "text/csv"}, {"ics", "text/calendar"}, {"vcf", "text/vcard"},
	{"json", "application/json"}, {"zip", "application/zip"},
}

func typeOf(filename string) string {
	extension := strings.ToLower(filename[strings.LastIndexByte(filename, '.')+1:])
	for _, row := range types {
		if row[0] == extension {
			return row[1]
		}
	}
	return "application/octet-stream"
}
