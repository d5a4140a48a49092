package call

import (
	"errors"
	"strings"
	"testing"

	"kaiwire/protocols/coded"
)

func args(t *testing.T, text string) *Args {
	t.Helper()
	a, err := parseArgs(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestArgs(t *testing.T) {
	a := args(t, `{"s":"text é","n":5,"yes":true,"no":false,"list":["a","b"],"o":{"k":"v"},"os":[{"k":"w"}],`+
		`"day":"2026-11-22","instant":"2026-11-22T10:00:00.000Z","nothing":null}`)
	if s := a.String("s"); s != "text é" {
		t.Errorf("String: %q", s)
	}
	if n := a.Int("n", 1, 5); n != 5 {
		t.Errorf("Int: %d", n)
	}
	if !a.Bool("yes") || a.Bool("no") || a.Bool("nothing") || a.Bool("absent") {
		t.Error("Bool")
	}
	if l := a.Strings("list"); strings.Join(l, " ") != "a b" {
		t.Errorf("Strings: %q", l)
	}
	if v := a.Object("o").String("k"); v != "v" {
		t.Errorf("Object: %q", v)
	}
	if l := a.Objects("os"); len(l) != 1 || l[0].String("k") != "w" {
		t.Errorf("Objects: %v", l)
	}
	if d := a.Time("day"); d.Day() != 22 {
		t.Errorf("Time: %v", d)
	}
	if d := a.Time("instant"); d.Hour() != 10 {
		t.Errorf("Time: %v", d)
	}
	if !a.Has("s") || a.Has("nothing") || a.Has("absent") || !a.IsNull("nothing") || a.IsNull("absent") {
		t.Error("Has or IsNull")
	}
	if l := a.StringsOrTrue("yes"); l == nil || len(*l) != 0 {
		t.Errorf("StringsOrTrue: %v", l)
	}
	if a.StringsOrTrue("no") != nil || a.StringsOrTrue("absent") != nil || len(*a.StringsOrTrue("list")) != 2 {
		t.Error("StringsOrTrue")
	}
	var pairs []string
	a.Object("o").Each(func(name, value string) { pairs = append(pairs, name+"="+value) })
	if strings.Join(pairs, ",") != "k=v" {
		t.Errorf("Each: %v", pairs)
	}
	if err := a.Err(); err != nil {
		t.Error(err)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	for text, read := range map[string]func(a *Args){
		`{"host":5}`:            func(a *Args) { a.String("host") },
		`{"host":""}`:           func(a *Args) { a.Required("host") },
		`{}`:                    func(a *Args) { a.Required("host") },
		`{"host":"1"}`:          func(a *Args) { a.Int("host", 0, 9) },
		`{"host":1.5}`:          func(a *Args) { a.Int("host", 0, 9) },
		`{"host":10}`:           func(a *Args) { a.Int("host", 0, 9) },
		`{"host":1e300}`:        func(a *Args) { a.Int("host", 0, 9) },
		`{"host":"yes"}`:        func(a *Args) { a.Bool("host") },
		`{"host":"x"}`:          func(a *Args) { a.Strings("host") },
		`{"host":["x",1]}`:      func(a *Args) { a.Strings("host") },
		`{"host":[]}`:           func(a *Args) { a.Object("host") },
		`{"host":["x"]}`:        func(a *Args) { a.Objects("host") },
		`{"host":"yesterday"}`:  func(a *Args) { a.Time("host") },
		`{"o":{"host":[1,2]}}`:  func(a *Args) { o := a.Object("o"); o.String("host"); a.Adopt(o) },
		`{"o":{"host":{}}}`:     func(a *Args) { o := a.Object("o"); o.Each(func(string, string) {}); a.Adopt(o) },
		`{"host":{"a":[true]}}`: func(a *Args) { a.Strings("host") },
	} {
		a := args(t, text)
		read(a)
		var e *coded.Error
		if !errors.As(a.Err(), &e) || e.Code != coded.EINVAL || !strings.Contains(e.Message, `"host"`) {
			t.Errorf("%s: %v", text, a.Err())
		}
	}
	for _, text := range []string{"", "{", "nonsense", `{"a":1}x`, strings.Repeat("[", 100_000)} {
		if _, err := parseArgs(text); coded.From(err, "").Code != coded.EINVAL {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}
