package imapserver

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// Reference is the time at which the mailboxes are as they are.
var Reference = time.Date(2025, time.March, 14, 18, 30, 0, 0, time.FixedZone("", 5*3600+1800))

// Large is the size in bytes of the body of the largest message in INBOX.
const Large = 1 << 20

type message struct {
	mailbox string
	ago     time.Duration
	flags   []imap.Flag
	from    string
	to      string
	subject string
	charset string // of subject and text; default UTF-8
	headers string // further ones, lines ending in \n
	body    func(*message) (headers, body string)
	id      string
	reply   string // In-Reply-To, References
}

const asha = "Asha Verma <asha@kaiwire.example>"

func (m *message) date() time.Time { return Reference.Add(-m.ago) }

func (m *message) bytes() []byte {
	var b strings.Builder
	to := m.to
	if to == "" {
		to = asha
	}
	fmt.Fprintf(&b, "From: %s\n", address(m.from))
	fmt.Fprintf(&b, "To: %s\n", address(to))
	fmt.Fprintf(&b, "Subject: %s\n", encode(m.charset, m.subject))
	fmt.Fprintf(&b, "Date: %s\n", m.date().Format(time.RFC1123Z))
	id := m.id
	if id == "" {
		id = fmt.Sprintf("%d", m.date().Unix())
	}
	fmt.Fprintf(&b, "Message-ID: <%s@kaiwire.example>\n", id)
	if m.reply != "" {
		fmt.Fprintf(&b, "In-Reply-To: <%s@kaiwire.example>\nReferences: <%s@kaiwire.example>\n", m.reply, m.reply)
	}
	b.WriteString(m.headers)
	b.WriteString("MIME-Version: 1.0\n")
	headers, body := m.body(m)
	b.WriteString(headers + "\n" + body)
	return []byte(strings.ReplaceAll(b.String(), "\n", "\r\n"))
}

func encode(charset, s string) string {
	if charset == "" {
		return mime.BEncoding.Encode("UTF-8", s)
	}
	return mime.QEncoding.Encode(charset, s)
}

func address(s string) string {
	name, addr, ok := strings.Cut(s, " <")
	if !ok {
		return s
	}
	return mime.QEncoding.Encode("UTF-8", name) + " <" + addr
}

// plain is a text of lines in UTF-8.
func plain(lines ...string) func(*message) (string, string) {
	return func(m *message) (string, string) {
		charset := m.charset
		if charset == "" {
			charset = "utf-8"
		}
		return textPart("plain", charset, strings.Join(lines, "\n")+"\n")
	}
}

func textPart(subtype, charset, text string) (string, string) {
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return "Content-Type: text/" + subtype + "; charset=" + charset + "\nContent-Transfer-Encoding: quoted-printable\n",
		strings.ReplaceAll(b.String(), "\r\n", "\n")
}

func alternative(text, html string) func(*message) (string, string) {
	return func(*message) (string, string) {
		return multi("alternative", "=_alternative",
			part(textPart("plain", "utf-8", text+"\n")), part(textPart("html", "utf-8", html+"\n")))
	}
}

func mixed(text string, attachments ...string) func(*message) (string, string) {
	return func(*message) (string, string) {
		return multi("mixed", "=_mixed", append([]string{part(textPart("plain", "utf-8", text+"\n"))}, attachments...)...)
	}
}

func part(headers, body string) string { return headers + "\n" + body }

func multi(subtype, boundary string, parts ...string) (string, string) {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("--" + boundary + "\n" + p + "\n")
	}
	b.WriteString("--" + boundary + "--\n")
	return "Content-Type: multipart/" + subtype + "; boundary=\"" + boundary + "\"\n", b.String()
}

func attachment(contentType, name string, content []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Content-Type: %s; name=\"%s\"\n", contentType, name)
	fmt.Fprintf(&b, "Content-Disposition: attachment; filename=\"%s\"\nContent-Transfer-Encoding: base64\n\n", name)
	text := base64.StdEncoding.EncodeToString(content)
	for len(text) > 76 {
		b.WriteString(text[:76] + "\n")
		text = text[76:]
	}
	b.WriteString(text + "\n")
	return b.String()
}

// Photo is the picture that one of the messages has attached: a sunset of 64
// by 48 pixels, as PNG.
func Photo() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 64, 48))
	for y := range 48 {
		for x := range 64 {
			c := color.RGBA{uint8(255 - y*2), uint8(150 - y*3), uint8(40 + y), 255}
			if dx, dy := x-40, y-24; dx*dx+dy*dy < 81 {
				c = color.RGBA{255, 236, 160, 255}
			}
			if y > 34 {
				c = color.RGBA{20, 30, uint8(60 + x), 255}
			}
			img.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	must(png.Encode(&b, img))
	return b.Bytes()
}

// ticket is a PDF of one page, without fonts of its own.
func ticket() []byte {
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 240 160] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		"",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	text := "BT /F1 14 Tf 20 110 Td (Pune - Nagpur, seat 27) Tj ET"
	objects[3] = fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(text), text)
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n")
	var offsets []int
	for i, o := range objects {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, xref)
	return b.Bytes()
}

// recording is Large bytes of a text that nobody will read.
func recording(*message) (string, string) {
	const line = "00:00:00 The tanpura is tuned; somebody laughs; a scooter goes by.\n"
	text := strings.Repeat(line, Large/(len(line)+1)+1)
	lines := Large / (len(line) + 1)
	text = text[:lines*len(line)]
	rest := Large - lines*(len(line)+1)
	text += strings.Repeat(".", rest-2) + "\n"
	return "Content-Type: text/plain; charset=us-ascii\n", text
}

const (
	hour = time.Hour
	day  = 24 * time.Hour
)

var (
	seen         = []imap.Flag{imap.FlagSeen}
	seenAnswered = []imap.Flag{imap.FlagSeen, imap.FlagAnswered}
	flagged      = []imap.Flag{imap.FlagSeen, imap.FlagFlagged}
)

// household lists all messages, the oldest of each mailbox first.
func household() []*message {
	return []*message{
		{mailbox: "INBOX", ago: 41 * day, flags: seen, from: "Registrar <no-reply@library.example>",
			subject: "Your reading card is ready",
			body:    plain("Dear reader,", "", "your card can be collected at the desk, any day but Monday.", "Please bring a document with your photo.")},
		{mailbox: "INBOX", ago: 33 * day, flags: flagged, from: "राधा शर्मा <radha@post.example>",
			subject: "होली की छुट्टियाँ: कब आ रही हो?",
			body:    plain("प्यारी आशा,", "", "इस बार होली पर घर ज़रूर आना। माँ ने अभी से गुजिया की तैयारी शुरू कर दी है।", "", "राधा")},
		{mailbox: "INBOX", ago: 30 * day, flags: seen, from: "Corner Stores <receipts@cornerstores.example>",
			subject: "Receipt 20418: 3 items, ₹ 412.00",
			body: alternative("Rice, 5 kg      265.00\nLentils, 1 kg   112.00\nSoap             35.00\n------------------------\nTotal       INR 412.00",
				"<table><tr><td>Rice, 5 kg<td>265.00<tr><td>Lentils, 1 kg<td>112.00<tr><td>Soap<td>35.00<tr><th>Total<th>₹ 412.00</table>")},
		{mailbox: "INBOX", ago: 27 * day, flags: seen, from: "Weekly Almanac <letters@almanac.example>",
			subject: "Almanac no. 118: comets, onions and a cure for squeaky doors",
			headers: "List-Id: <weekly.almanac.example>\nList-Unsubscribe: <mailto:leave@almanac.example>\n",
			body: alternative("COMETS\nOne can be seen before sunrise, low in the east.\n\nONIONS\nCut them under water.\n\nDOORS\nRub the hinge with a candle.",
				"<h2>Comets</h2><p>One can be seen before sunrise, low in the east.</p><h2>Onions</h2><p>Cut them under water.</p><h2>Doors</h2><p>Rub the hinge with a candle.</p>")},
		{mailbox: "INBOX", ago: 21 * day, flags: seen, from: "João Araújo <joao@correio.example>",
			subject: "Reunião de amanhã: não esqueça a apresentação",
			body:    plain("Olá Asha,", "", "a reunião começa às nove. Você traz a apresentação e eu levo o café.", "", "Até amanhã!", "João")},
		{mailbox: "INBOX", ago: 20 * day, flags: seenAnswered, from: "Göran Åkesson <goran@brev.example>", charset: "iso-8859-1",
			subject: "Tack f\xf6r senast! V\xe4skan \xe4r hittad",
			body:    plain("Hej Asha,", "", "v\xe4skan stod kvar under bordet. Jag skickar den i morgon.", "", "G\xf6ran")},
		{mailbox: "INBOX", ago: 18 * day, flags: seen, id: "trip-1", from: "Meera Kulkarni <meera@post.example>",
			subject: "Trip to the lake",
			body:    plain("Who's in for the lake on the last Sunday of the month?", "There is a bus at 6.40 and one at 8.15.")},
		{mailbox: "INBOX", ago: 18*day - 2*hour, flags: seen, id: "trip-2", reply: "trip-1", from: "Dev Patil <dev@post.example>",
			subject: "Re: Trip to the lake",
			body:    plain("I am. The early bus, or we will walk in the heat.", "", "> Who's in for the lake on the last Sunday of the month?")},
		{mailbox: "INBOX", ago: 18*day - 3*hour, flags: seen, id: "trip-3", reply: "trip-2", from: "Meera Kulkarni <meera@post.example>",
			subject: "Re: Trip to the lake",
			body:    plain("6.40 then. Who brings the stove?")},
		{mailbox: "INBOX", ago: 17 * day, flags: seen, id: "trip-4", reply: "trip-3", from: "Farid Qureshi <farid@post.example>",
			subject: "Re: Trip to the lake",
			body:    plain("I have one, it only needs a new hose. Tea for everybody at eight.")},
		{mailbox: "INBOX", ago: 16 * day, flags: seen, id: "trip-5", reply: "trip-4", from: "Dev Patil <dev@post.example>",
			subject: "Re: Trip to the lake ☕🚌",
			body:    plain("Then I'll bring cups, and the cricket set.")},
		{mailbox: "INBOX", ago: 15 * day, flags: seenAnswered, id: "trip-6", reply: "trip-5", from: "Meera Kulkarni <meera@post.example>",
			subject: "Re: Trip to the lake: last call",
			body:    plain("Five of us so far. Asha, are you coming or not?")},
		{mailbox: "INBOX", ago: 14 * day, flags: seen, from: "عمر الحسن <omar@barid.example>",
			subject: "موعد الاجتماع يوم الخميس",
			body:    plain("السلام عليكم،", "", "نلتقي يوم الخميس الساعة العاشرة في المكتب القديم.", "", "عمر")},
		{mailbox: "INBOX", ago: 12 * day, flags: flagged, from: "Bus Tickets <tickets@roadways.example>",
			subject: "Pune to Nagpur, 29 March: your ticket",
			body:    mixed("Show the attached ticket, or its number 7731-27, to the conductor.", attachment("application/pdf", "ticket.pdf", ticket()))},
		{mailbox: "INBOX", ago: 11 * day, flags: seen, from: "陈晓 <chenxiao@youjian.example>",
			subject: "照片已收到,谢谢!",
			body:    plain("你好!", "", "照片已经收到了,拍得真好。下个月见。", "", "陈晓")},
		{mailbox: "INBOX", ago: 9 * day, flags: seen, from: "Farid Qureshi <farid@post.example>",
			subject: "The lake at seven in the evening",
			body:    mixed("The best of forty. The others are of my thumb.", attachment("image/png", "lake.png", Photo()))},
		{mailbox: "INBOX", ago: 8 * day, flags: seen, from: "Housing Society <secretary@society.example>",
			subject: "Minutes of the meeting; water from Monday",
			body: mixed("The minutes are attached. There will be no water on Monday between 10 and 4.",
				attachment("text/plain; charset=utf-8", "minutes.txt", []byte("1. The gate squeaks. See the Almanac.\r\n2. The tank is cleaned on Monday, 10 to 4.\r\n3. Tea.\r\n")))},
		{mailbox: "INBOX", ago: 6 * day, from: "Savings Bank <alerts@bank.example>",
			subject: "₹ 1,250.00 credited to your account ending 4471",
			body:    plain("INR 1,250.00 was credited on 8 March.", "We never ask for your PIN, least of all by mail.")},
		{mailbox: "INBOX", ago: 5 * day, flags: seen, from: "Иван Петров <ivan@pochta.example>", charset: "koi8-r",
			subject: "\xf0\xd2\xc9\xd7\xc5\xd4 \xc9\xda \xed\xcf\xd3\xcb\xd7\xd9",
			body:    plain("\xf0\xd2\xc9\xd7\xc5\xd4!")},
		{mailbox: "INBOX", ago: 4 * day, from: "Weekly Almanac <letters@almanac.example>",
			subject: "Almanac no. 119: why bread rises, and three knots",
			headers: "List-Id: <weekly.almanac.example>\nList-Unsubscribe: <mailto:leave@almanac.example>\n",
			body:    alternative("BREAD\nIt is the yeast.\n\nKNOTS\nThe bowline, the sheet bend, the other one.", "<h2>Bread</h2><p>It is the yeast.</p><h2>Knots</h2><p>The bowline, the sheet bend, the other one.</p>")},
		{mailbox: "INBOX", ago: 3 * day, flags: seen, from: "Music School <office@music.example>",
			subject: "Transcript of the last rehearsal (long)",
			body:    recording},
		{mailbox: "INBOX", ago: 2 * day, from: "Meera Kulkarni <meera@post.example>", headers: "Cc: Dev Patil <dev@post.example>, Farid Qureshi <farid@post.example>\n",
			subject: "🎂 Farid turns thirty 🎉",
			body:    plain("Not a word to him. (He is not really in Cc, is he?)")},
		{mailbox: "INBOX", ago: day, from: "राधा शर्मा <radha@post.example>",
			subject: "गुजिया की विधि",
			body: alternative("मैदा 500 ग्राम, खोया 250 ग्राम, चीनी 200 ग्राम, इलायची।\nधीमी आँच पर सुनहरा होने तक तलो।",
				"<ul><li>मैदा 500 ग्राम<li>खोया 250 ग्राम<li>चीनी 200 ग्राम<li>इलायची</ul><p>धीमी आँच पर सुनहरा होने तक तलो।</p>")},
		{mailbox: "INBOX", ago: 5 * hour, from: "Dev Patil <dev@post.example>",
			subject: "Can you read this on the small phone?",
			body:    plain("If so, the new client works. Send me one line back.")},
		{mailbox: "INBOX", ago: hour, from: "Corner Stores <receipts@cornerstores.example>",
			subject: "Receipt 20977: 1 item, ₹ 60.00",
			body:    plain("Tea, 250 g       60.00", "Total        INR 60.00")},

		{mailbox: "Archive", ago: 300 * day, flags: seen, from: "Meera Kulkarni <meera@post.example>",
			subject: "My new address", body: plain("It is the yellow house, two doors down from the old one.")},
		{mailbox: "Archive", ago: 200 * day, flags: seen, from: "Registrar <no-reply@library.example>",
			subject: "Two books are due", body: plain("Please return them, or read faster.")},
		{mailbox: "Drafts", ago: 3 * hour, flags: []imap.Flag{imap.FlagSeen, imap.FlagDraft}, from: asha, to: "Dev Patil <dev@post.example>",
			subject: "Re: Can you read this on the small phone?", body: plain("Yes, and I can")},
		{mailbox: "Sent", ago: 15*day - hour, flags: seen, id: "trip-7", reply: "trip-6", from: asha, to: "Meera Kulkarni <meera@post.example>",
			subject: "Re: Trip to the lake: last call", body: plain("Coming! I bring the oranges.")},
		{mailbox: "Sent", ago: 19 * day, flags: seen, from: asha, to: "Göran Åkesson <goran@brev.example>",
			subject: "Re: Väskan", body: plain("Thank you! No hurry.")},
		{mailbox: "Trash", ago: 7 * day, flags: seen, from: "Prize Office <win@prizes.example>",
			subject: "You have won (again)", body: plain("Kindly send the fee.")},
		{mailbox: "परिवार", ago: 60 * day, flags: seen, from: "राधा शर्मा <radha@post.example>",
			subject: "दादी की चिट्ठी", body: plain("दादी कहती हैं कि तुम बहुत कम लिखती हो।")},
	}
}
