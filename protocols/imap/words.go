package imap

import (
	"bytes"
	"io"

	"kaiwire/protocols/mime"
)

// decodeText decodes the encoded words of a header's text.
func (s *Session) decodeText(b []byte) string {
	if !bytes.Contains(b, []byte("=?")) {
		return s.r.Keep(b)
	}
	return s.decoder().Words(b)
}

// decoder decodes with the charsets that Options.WordDecoder has.
//
//go:noinline
func (s *Session) decoder() *mime.Decoder {
	decode := s.o.WordDecoder
	if decode == nil {
		return &mime.Decoder{}
	}
	return &mime.Decoder{Charset: func(charset string, text []byte) ([]byte, bool) {
		r, err := decode(charset, bytes.NewReader(text))
		if err != nil {
			return nil, false
		}
		decoded, err := io.ReadAll(io.LimitReader(r, int64(s.o.Limits.Line)))
		return decoded, err == nil
	}}
}
