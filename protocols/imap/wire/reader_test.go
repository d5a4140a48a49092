package wire

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

var limits = Limits{Line: 1000, Literal: 100, Nesting: 5}

// next returns a reader of text that stands at the beginning of its first
// response.
func next(t testing.TB, text string) *Reader {
	t.Helper()
	r := NewReader(iotest.OneByteReader(strings.NewReader(text)), limits)
	if err := r.Next(); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestString(t *testing.T) {
	for text, want := range map[string]string{
		`"a b"`:                    "a b",
		`""`:                       "",
		`"a\"b\\c"`:                `a"b\c`,
		`"\`:                       "error",
		`"abc`:                     "error",
		`"abc\"`:                   "error",
		"atom)":                    "atom",
		"NIL":                      "nil",
		"nil)":                     "nil",
		"nilly":                    "nilly",
		"()":                       "nil",
		"(a":                       "error",
		"":                         "error",
		" x":                       "error",
		"{3}\r\na\r\n":             "a\r\n",
		"{3+}\r\na\r\n":            "a\r\n",
		"~{3}\r\n\x00\x01\x02":     "\x00\x01\x02",
		"{0}\r\n":                  "",
		"{3}x":                     "error",
		"{}":                       "error",
		"\"\xff\x00\"":             "\xff\x00",
		`"[a](b){3}"`:              "[a](b){3}",
		"{000000000000003}\r\nabc": "abc",
	} {
		r := next(t, text+"\r\n")
		b, ok := r.String()
		got := string(b)
		switch {
		case r.Err() != nil:
			got = "error"
		case !ok:
			got = "nil"
		}
		if got != want {
			t.Errorf("%q: got %q (%v), want %q", text, got, r.Err(), want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]uint64{"0": 0, "4294967295": 1<<32 - 1, "007": 7, "4294967296": 1 << 32, "18446744073709551615": 1<<64 - 1, "18446744073709551616": 0, "": 0, "x": 0, "-1": 0} {
		short, long := next(t, text+"\r\n"), next(t, text+"\r\n")
		n, m := short.Number(), long.Number64()
		if want < 1<<32 && uint64(n) != want || m != want {
			t.Errorf("%q: got %d and %d, want %d", text, n, m, want)
		}
		isNumber := want > 0 || text == "0"
		if (short.Err() == nil) != (isNumber && want < 1<<32) || (long.Err() == nil) != isNumber {
			t.Errorf("%q: got %v and %v", text, short.Err(), long.Err())
		}
	}
}

// Discard finds the next response, whatever is in this one.
func TestDiscard(t *testing.T) {
	for _, text := range []string{
		"", "* X", "* X {3}\r\na\r\n", "* X {3}\r\nabc (NIL {0}\r\n y", "* X ~{4+}\r\n{9}\r", "* X \"abc", "* X a}", "* X {}", "* X {x}", "* X {3} ",
		"* X ((((((((((", "* X {100}\r\n" + strings.Repeat("\n", 100), "* OK {3}\"", "* X {3",
	} {
		for _, take := range []func(r *Reader){
			func(*Reader) {},
			func(r *Reader) { r.Atom() },
			func(r *Reader) { r.Atom(); r.Space(); r.Atom(); r.Space(); r.Value() },
			func(r *Reader) { r.Atom(); r.Space(); r.Atom(); r.Space(); r.String() },
			func(r *Reader) {
				r.Atom()
				r.Space()
				r.Atom()
				r.Space()
				r.Literal()
				r.Read(make([]byte, 1))
			},
			func(r *Reader) { r.Number() },
		} {
			r := NewReader(strings.NewReader(text+"\r\nnext\n"), limits)
			if err := r.Next(); err != nil {
				t.Fatal(err)
			}
			take(r)
			var limit *LimitError
			if errors.As(r.Err(), &limit) && strings.Contains(text, "((((((") {
				continue
			}
			if err := r.Discard(); err != nil {
				t.Errorf("%q: %v", text, err)
				continue
			}
			if err := r.Next(); err != nil || string(r.Atom()) != "next" {
				t.Errorf("%q: the next response is not found (%v)", text, err)
			}
			if err := r.Discard(); err != nil {
				t.Error(err)
			}
			if err := r.Next(); err != io.EOF {
				t.Errorf("%q: got %v at the end", text, err)
			}
		}
	}
}

func TestTextHasNoLiterals(t *testing.T) {
	r := next(t, "* OK see {3}\r\nnext\r\n")
	r.Until(" ")
	r.Space()
	if got := r.Text(); got != "OK see {3}" {
		t.Errorf("got %q", got)
	}
	if err := r.Discard(); err != nil {
		t.Fatal(err)
	}
	if r.Next(); string(r.Atom()) != "next" {
		t.Error("the text was taken for a literal")
	}
}

func TestLimits(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for name, tc := range map[string]struct {
		text string
		read func(r *Reader)
	}{
		"line": {long + "\r\n", func(*Reader) {}},
		"literals of a line": {"{100}\r\n" + long[:100] + strings.Repeat("{100}\r\n"+long[:100], 10) + "\r\n", func(r *Reader) {
			for range 11 {
				r.String()
			}
		}},
		"literal":              {"{101}\r\n" + long, func(r *Reader) { r.Literal() }},
		"literal of 10 GB":     {"{10000000000}\r\n", func(r *Reader) { r.Literal() }},
		"literal beyond int64": {"{" + strings.Repeat("9", 500) + "}\r\n", func(r *Reader) { r.Literal() }},
		"unread literal":       {"{10000000000}\r\n", func(r *Reader) { r.Discard() }},
		"string":               {"{99999}\r\n", func(r *Reader) { r.String() }},
		"nesting":              {"((((((\r\n", func(r *Reader) { r.Value() }},
		"nesting by hand": {"((((((\r\n", func(r *Reader) {
			for r.Open() {
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader(strings.NewReader(tc.text), limits)
			r.Next()
			tc.read(r)
			var limit *LimitError
			if !errors.As(r.Err(), &limit) {
				t.Errorf("got %v", r.Err())
			}
			// It stays.
			r.String()
			r.Value()
			if _, ok := r.Literal(); ok || r.Discard() != r.Err() || r.Next() == nil {
				t.Error("the error is gone")
			}
		})
	}
}

func TestCutOff(t *testing.T) {
	whole := "* 1 FETCH (BODY[] {5}\r\nhello UID 7)\r\n"
	for length := range len(whole) {
		r := NewReader(strings.NewReader(whole[:length]), limits)
		err := r.Next()
		if length == 0 {
			if err != io.EOF {
				t.Errorf("nothing at all: %v", err)
			}
			continue
		}
		if err == nil {
			err = r.Discard()
		}
		if err != io.ErrUnexpectedEOF {
			t.Errorf("%q: got %v", whole[:length], err)
		}
	}
}

func TestLiteral(t *testing.T) {
	r := next(t, "* X {5}\r\nhello (a \"b\" {3}\r\nxyz) end\r\n")
	r.Atom()
	r.Space()
	r.Atom()
	r.Space()
	if size, ok := r.Literal(); !ok || size != 5 {
		t.Fatalf("got %d, %v", size, ok)
	}
	if b, err := io.ReadAll(r); err != nil || string(b) != "hello" {
		t.Fatalf("got %q, %v", b, err)
	}
	r.EndLiteral()
	r.Space()
	var list []string
	if !r.List(func() { b, _ := r.String(); list = append(list, r.Keep(b)) }) {
		t.Error("no list")
	}
	if got := strings.Join(list, "|"); got != "a|b|xyz" {
		t.Errorf("got %s", got)
	}
	r.Space()
	if got := r.Text(); got != "end" || r.Err() != nil {
		t.Errorf("got %q, %v", got, r.Err())
	}
}

func TestValue(t *testing.T) {
	for _, text := range []string{
		"atom", `"a (b"`, "NIL", "()", "(a (b) \"c)\" {1}\r\n) NIL)", "BODY[HEADER.FIELDS (A B)]<0>", "{4}\r\n) (", "\\Flag", "((()))", "{0}\r\n", "a[b", "((\"\"))",
	} {
		r := next(t, text+" end\r\n")
		r.Value()
		r.Space()
		if got := r.Text(); r.Err() != nil || got != "end" && !strings.HasPrefix(text, "a[b") {
			t.Errorf("%q: %q is left, %v", text, got, r.Err())
		}
	}
	for _, text := range []string{"", ")", "(a", "(", "\"a", "(a \"b)"} {
		r := next(t, text+"\r\n")
		if r.Value(); r.Err() == nil {
			t.Errorf("%q passes", text)
		}
	}
}

func TestListEnds(t *testing.T) {
	// A callback that reads nothing must not make it go on for ever.
	r := next(t, "(a b)\r\n")
	if r.List(func() {}); r.Err() == nil {
		t.Error("passes")
	}
	if r := next(t, "nil)\r\n"); !r.List(func() { t.Error("NIL has elements") }) || r.Peek() != ')' {
		t.Error("NIL is no list")
	}
	if r := next(t, "7\r\n"); r.List(func() {}) || r.Err() != nil {
		t.Error("a number is a list")
	}
}

func TestKeepShares(t *testing.T) {
	r := next(t, "x\r\n")
	n := testing.AllocsPerRun(100, func() {
		for range 10 {
			if r.Keep([]byte("a short text")) != "a short text" {
				t.Fatal("changed")
			}
		}
	})
	if n > 1 {
		t.Errorf("%v allocations for ten strings", n)
	}
	first := r.Keep([]byte("first"))
	for range 1000 {
		r.Keep([]byte("another"))
	}
	if first != "first" || r.Keep(nil) != "" || len(r.Keep(make([]byte, 5000))) != 5000 {
		t.Error("what was kept has changed")
	}
}

func TestSet(t *testing.T) {
	for text, want := range map[string]string{"1": "1", "3:1,7": "1:3,7", "5,4,4294967295": "5,4,4294967295", "": "error", "1,": "error", ":": "error", "1:2:3": "error", "*": "error", "1:*": "error", "4294967296": "error", "a": "error"} {
		r := next(t, text+"\r\n")
		got := []string{}
		r.Set(func(first, last uint32) bool {
			got = append(got, ParseUIDSet(text).String())
			return true
		})
		uids := ParseUIDSet(text)
		if want == "error" {
			if r.Err() == nil || uids != nil {
				t.Errorf("%q: got %v", text, uids)
			}
			continue
		}
		if r.Err() != nil || uids.String() != want {
			t.Errorf("%q: got %v, %v", text, uids, r.Err())
		}
	}
}

// Whatever comes, a reader ends, within its limits.
func FuzzReader(f *testing.F) {
	for _, s := range []string{
		"* 1 FETCH (UID 1 BODY[] {5}\r\nhello FLAGS (\\Seen))\r\n* OK\r\n", "* LIST () \"/\" {3}\r\nabc\r\n", "+\r\n\r\n", "* X (((\"\\\"\"))) NIL ~{1}\r\n\x00\r\n",
		"* X {99999999999999999999}\r\n", "\"", "(", "{0}\r\n{0}\r\n", "* ESEARCH (TAG \"T1\") UID ALL 1:4,9\r\n",
	} {
		f.Add([]byte(s), []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})
	}
	f.Fuzz(func(t *testing.T, text, program []byte) {
		r := NewReader(strings.NewReader(string(text)), limits)
		total := 0
		for responses := 0; r.Next() == nil; responses++ {
			if responses > len(text) {
				t.Fatal("more responses than bytes")
			}
			for _, op := range program {
				var b []byte
				switch op % 14 {
				case 0:
					b = r.Atom()
				case 1:
					b, _ = r.String()
				case 2:
					r.Number()
				case 3:
					r.Number64()
				case 4:
					r.Value()
				case 5:
					r.List(func() { b, _ := r.String(); total += len(b) })
				case 6:
					if _, ok := r.Literal(); ok {
						b, _ = io.ReadAll(r)
						r.EndLiteral()
					}
				case 7:
					r.Open()
				case 8:
					r.Close()
				case 9:
					r.Space()
				case 10:
					r.Set(func(_, _ uint32) bool { return true })
				case 11:
					b = r.Until(" ]")
				case 12:
					m := r.Mark()
					r.Atom()
					r.Repeats(m, r.Mark())
					r.Return(m)
				case 13:
					b = []byte(r.Text())
				}
				if total += len(b); total > len(text)*(len(program)+1) {
					t.Fatal("more has been read than there is")
				}
			}
			if r.Discard() != nil {
				break
			}
		}
		if r.Err() == nil {
			t.Fatal("the end is no error")
		}
	})
}
