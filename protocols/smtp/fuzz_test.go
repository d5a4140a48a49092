package smtp_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"kaiwire/protocols/coded"
	. "kaiwire/protocols/protocoltest"
	"kaiwire/protocols/smtp"
)

// Whatever the server says, a call ends, with a coded error or a result, and so
// does the session.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{
		"220 hi\r\n250-a\r\n250-SIZE 10\r\n250-PIPELINING\r\n250 CHUNKING\r\n250 ok\r\n250 2.1.5 ok\r\n250 ok\r\n221 bye\r\n",
		"220 hi\r\n250-a\r\n250 AUTH PLAIN\r\n250 ok\r\n550 5.1.1 no\r\n250 ok\r\n",
		"220 hi\r\n502 what\r\n250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n221 bye\r\n",
		"220 hi\r\n250-a\r\n250 PIPELINING\r\n250 ok\r\n450 4.2.0 no\r\n354 go\r\n554 no\r\n250 ok\r\n421 bye\r\n",
		"220 hi\r\n250-a\r\n550 b\r\n", "421", "22\r\n", "220-\r\n220", "220 5.1.1\r\n250\r\n250 5.\r\n550 5..1\r\n",
	} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, answers []byte, noChunking bool) {
		client, server := net.Pipe()
		go io.Copy(io.Discard, server)
		go func() {
			server.Write(answers)
			server.Close()
		}()
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		check := func(err error) {
			var e *coded.Error
			if err != nil && (!errors.As(err, &e) || e.Code == coded.UNKNOWN || e.Code == coded.ETIMEDOUT) {
				t.Errorf("got %v", err)
			}
		}
		o := plain
		o.NoChunking = noChunking
		s, err := smtp.Connect(ctx, Dial(client), o)
		if check(err); err != nil {
			return
		}
		r, err := s.Send(ctx, toRavi, strings.NewReader(letter), nil)
		if check(err); err == nil && len(r.Accepted)+len(r.Rejected) != len(toRavi.To) {
			t.Errorf("got %+v", r)
		}
		check(s.Quit(ctx))
		s.Close()
		<-s.Done()
	})
}

// No address makes more of a command than an address.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{"a@b", `"a b"@c`, "a@[::1]", "a>b@c", "a@b\r\nQUIT", "पता@example.org", "postmaster"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, address string) {
		client, server := net.Pipe()
		said := make(chan []string, 1)
		go func() {
			var all []string
			defer func() { said <- all }()
			io.WriteString(server, "220 hi\r\n")
			answers := map[string]string{"EHLO": "250-hi\r\n250 SMTPUTF8", "MAIL": "250 ok", "RCPT": "550 no", "RSET": "250 ok"}
			for lines := bufio.NewScanner(server); lines.Scan(); {
				all = append(all, strings.Replace(lines.Text(), "> SMTPUTF8", ">", 1))
				word, _, _ := strings.Cut(lines.Text(), " ")
				answer := answers[word]
				if answer == "" {
					answer = "500 what"
				}
				io.WriteString(server, answer+"\r\n")
			}
		}()
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		s, err := smtp.Connect(ctx, Dial(client), plain)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Send(ctx, smtp.Envelope{To: []string{address}}, strings.NewReader(letter), nil)
		s.Close()
		got := <-said
		var e *coded.Error
		if !errors.As(err, &e) || e.Code != coded.EINVAL && e.Code != coded.EREJECTED {
			t.Fatalf("got %v", err)
		}
		want := []string{"EHLO [127.0.0.1]", "MAIL FROM:<>", "RCPT TO:<" + address + ">", "RSET"}
		if e.Code == coded.EINVAL {
			want = want[:1]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q became %q", address, got)
		}
	})
}
