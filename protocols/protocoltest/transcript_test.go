package protocoltest_test

import (
	"bufio"
	"fmt"
	"strings"
	"testing"

	"kaiwire/protocols/protocoltest"
)

// recorder stands in for the test that a transcript is part of.
type recorder struct {
	testing.TB
	errors   []string
	cleanups []func()
}

func (r *recorder) Helper()                   {}
func (r *recorder) Cleanup(f func())          { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Error(args ...any)         { r.errors = append(r.errors, fmt.Sprint(args...)) }
func (r *recorder) Errorf(f string, a ...any) { r.errors = append(r.errors, fmt.Sprintf(f, a...)) }

func (r *recorder) end() {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
}

func TestTranscript(t *testing.T) {
	for _, tc := range []struct {
		name, say, want, fault string
	}{
		{name: "captures", say: "A1 NOOP now\r\n", want: "{tag} NOOP *"},
		{name: "captured before", say: "A1 A1\r\n", want: "{tag} {tag}"},
		{name: "not what was captured", say: "A1 A2\r\n", want: "{tag} {tag}", fault: `got "A1 A2"`},
		{name: "too short", say: "A1\r\n", want: "{tag} NOOP", fault: `got "A1"`},
		{name: "too long", say: "NOOP NOOP\r\n", want: "NOOP", fault: `got "NOOP NOOP"`},
		{name: "no word", say: " NOOP\r\n", want: "{tag} NOOP", fault: `got " NOOP"`},
		{name: "hung up", say: "", want: "*", fault: "EOF"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &recorder{TB: t}
			conn := protocoltest.Transcript(r, protocoltest.Want(tc.want), protocoltest.Line("{tag} OK"))
			fmt.Fprint(conn, tc.say)
			answer := ""
			if tc.say != "" {
				answer, _ = bufio.NewReader(conn).ReadString('\n')
			}
			conn.Close()
			r.end()
			if tc.fault == "" {
				if len(r.errors) > 0 || answer != "A1 OK\r\n" {
					t.Errorf("answer %q, errors %q", answer, r.errors)
				}
			} else if len(r.errors) != 1 || !strings.Contains(r.errors[0], tc.fault) {
				t.Errorf("errors %q, want %q", r.errors, tc.fault)
			}
		})
	}
}
