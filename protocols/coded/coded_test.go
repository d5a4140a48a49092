package coded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"syscall"
	"testing"
)

func TestFrom(t *testing.T) {
	for _, test := range []struct {
		err  error
		want Code
	}{
		{context.DeadlineExceeded, ETIMEDOUT},
		{os.ErrDeadlineExceeded, ETIMEDOUT},
		{fmt.Errorf("wrapped: %w", context.Canceled), ABORT_ERR},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, ECONNREFUSED},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, ECONNRESET},
		{&net.DNSError{IsNotFound: true}, ENOTFOUND},
		{&net.DNSError{IsTimeout: true}, ETIMEDOUT},
		{net.ErrClosed, ECLOSED},
		{io.EOF, ECONNRESET},
		{errors.New("never heard of"), UNKNOWN},
		{New(EAUTH, "", "", nil), EAUTH},
	} {
		e := From(test.err, "imap")
		if e.Code != test.want || e.Protocol != "imap" || e.Message == "" {
			t.Errorf("From(%v) is %v, want %s", test.err, e, test.want)
		}
		if !errors.Is(e, test.err) && e.Err != nil {
			t.Errorf("From(%v) lost its cause", test.err)
		}
	}
	if From(nil, "imap") != nil {
		t.Error("From(nil) is an error")
	}
	inner := New(EAUTH, "", "no", nil)
	if From(inner, "irc"); inner.Protocol != "" {
		t.Error("From changed the error that it was given")
	}
}

// The words that an app switches on stand in the type declarations, and the few
// errors that arise in JavaScript have their advice and sentence there.
func TestJavaScriptHasTheSameCodes(t *testing.T) {
	types, err := os.ReadFile("../../web/src/index.d.ts")
	if err != nil {
		t.Fatal(err)
	}
	union := regexp.MustCompile(`(?s)export type ErrorCode =(.*?);`).FindSubmatch(types)
	if union == nil {
		t.Fatal("index.d.ts has no ErrorCode")
	}
	var declared, known []string
	for _, m := range regexp.MustCompile(`'(\w+)'`).FindAllSubmatch(union[1], -1) {
		declared = append(declared, string(m[1]))
	}
	for code := range Table {
		known = append(known, string(code))
	}
	slices.Sort(declared)
	slices.Sort(known)
	if !slices.Equal(declared, known) {
		t.Errorf("index.d.ts has %v\nthe table has  %v", declared, known)
	}
	local, err := os.ReadFile("../../web/src/errors.js")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(\w+): \{ retry: '(\w+)', message: '([^']*)' \}`).FindAllSubmatch(local, -1)
	if len(rows) == 0 {
		t.Fatal("errors.js has no table")
	}
	for _, row := range rows {
		want := Table[Code(row[1])]
		if string(want.Retry) != string(row[2]) || want.Message != string(row[3]) {
			t.Errorf("errors.js has %s as %s, %q; the table has %v", row[1], row[2], row[3], want)
		}
	}
}

func TestTableIsComplete(t *testing.T) {
	for code, entry := range Table {
		if entry.Message == "" || !slices.Contains([]Retry{Now, Later, Never}, entry.Retry) {
			t.Errorf("%s: %+v", code, entry)
		}
	}
	for _, row := range goErrors {
		if _, ok := Table[row.code]; !ok {
			t.Errorf("%v has the code %s, which is not in the table", row.err, row.code)
		}
	}
}
