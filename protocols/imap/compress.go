package imap

import (
	"compress/flate"
	"context"
	"io"

	"kaiwire/protocols/coded"
)

// compress turns compression on (COMPRESS=DEFLATE, RFC 4978), which nothing
// but the session's beginning may do: nobody else reads yet.
func (s *Session) compress(ctx context.Context) error {
	if s.o.NoCompress || !s.Has("COMPRESS=DEFLATE") {
		return nil
	}
	c := exclusive("COMPRESS DEFLATE")
	if err := s.do(ctx, c); err != nil {
		if c.refused != nil {
			return nil // TLS may compress already
		}
		return err
	}
	s.r.Reset(inflater{flate.NewReader(s.r.Rest())})
	s.w.Reset(&stored{w: s.conn})
	s.compressed = true
	return nil
}

// inflater tells garbage from a connection that has failed.
type inflater struct{ r io.Reader }

func (i inflater) Read(p []byte) (int, error) {
	n, err := i.r.Read(p)
	if corrupt, ok := err.(flate.CorruptInputError); ok {
		err = newError(coded.EPROTO, "", corrupt)
	}
	return n, err
}

// stored writes blocks of DEFLATE that are not compressed (RFC 1951, section
// 3.2.4). What a client sends is short, but for mail that goes out; a
// compressor takes more than half a megabyte of a phone's memory.
type stored struct {
	w   io.Writer
	buf []byte
}

// maxStored is the longest block.
const maxStored = 1<<16 - 1

func (s *stored) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		block := p[:min(len(p), maxStored)]
		size := uint16(len(block))
		s.buf = append(s.buf[:0], 0, byte(size), byte(size>>8), byte(^size), byte(^size>>8))
		s.buf = append(s.buf, block...)
		if len(block) == len(p) {
			// What zlib calls a sync flush; some readers hold back what comes
			// before it.
			s.buf = append(s.buf, 0, 0, 0, 0xff, 0xff)
		}
		if _, err = s.w.Write(s.buf); err == nil {
			n += len(block)
		}
		p = p[len(block):]
	}
	return n, err
}
