package main

import (
	"bytes"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"time"
)

// arriving is the mail that comes in while somebody watches, over and over.
var arriving = []struct{ name, address, subject, text string }{
	{"Noor", "noor@kaiwire.example", "Dinner at eight?", `I am making the lentils again, cumin toasted for
exactly as long as it takes.

Bring bread, and whoever is with you.

Noor`},
	{"ليلى", "layla@kaiwire.example", "صور من البحر 🌊", `مرحبا آشا،

وصلنا أمس. الصور قريبا.

ليلى`},
	{"Tomás Ferreira", "tomas@kaiwire.example", "Re: Which phone was it that lasts four days on one charge?", `The one with the torch key. The battery comes out, too.

Tomás`},
}

// news is the nth message to arrive.
func news(n int) []byte {
	m := arriving[n%len(arriving)]
	now := time.Now()
	var b bytes.Buffer
	for _, field := range [][2]string{
		{"From", mime.BEncoding.Encode("utf-8", m.name) + " <" + m.address + ">"},
		{"To", "Asha Verma <asha@kaiwire.example>"},
		{"Subject", mime.BEncoding.Encode("utf-8", m.subject)},
		{"Date", now.Format(time.RFC1123Z)},
		{"Message-ID", fmt.Sprintf("<news-%d-%d@kaiwire.example>", now.UnixNano(), n)},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", field[0], field[1])
	}
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	w.Write([]byte(m.text))
	w.Close()
	return b.Bytes()
}

// archived is how many old messages there are, more than anybody's list could
// hold at once.
const archived = 1200

// old is the nth of them.
func old(n int) []byte {
	at := time.Date(2019, 1, 1, 7, 0, 0, 0, time.UTC).Add(time.Duration(n) * 31 * time.Hour)
	return fmt.Appendf(nil, "From: Water Works <meter@kaiwire.example>\r\nTo: Asha Verma <asha@kaiwire.example>\r\n"+
		"Subject: Meter reading %d\r\nDate: %s\r\nMessage-ID: <meter-%d@kaiwire.example>\r\n\r\nYour meter reads %d litres.\r\n",
		n+1, at.Format(time.RFC1123Z), n+1, 1000+17*n)
}
