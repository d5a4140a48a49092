package imap

import (
	"io"
	"time"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/imap/wire"
)

// AppendMessage is a message to be added to a mailbox.
type AppendMessage struct {
	Message io.Reader
	Size    int64 // octets that Message gives
	Flags   []imap.Flag
	Time    time.Time // of its arrival; zero means now
}

func (m *AppendMessage) check() error {
	if m.Size <= 0 || m.Message == nil {
		return invalid("The message is empty.")
	}
	return checkFlags(m.Flags)
}

// write writes a message as APPEND takes it.
func (m *AppendMessage) write(w *wire.Writer) {
	if len(m.Flags) > 0 {
		w.Text(" ")
		writeFlags(w, m.Flags)
	}
	if !m.Time.IsZero() {
		w.Text(` "`).Text(string(wire.AppendDateTime(nil, m.Time))).Text(`"`)
	}
	w.Text(" ")
	if w.UTF8 {
		// RFC 6855, section 4: this form alone may have UTF-8 in its header.
		w.Text("UTF8 (").Literal(m.Size, m.Message, true).Text(")")
		return
	}
	w.Literal(m.Size, m.Message, false)
}
