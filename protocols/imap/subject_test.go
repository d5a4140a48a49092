package imap

import "testing"

func TestBaseSubject(t *testing.T) {
	for subject, want := range map[string]struct {
		base  string
		reply bool
	}{
		"":                            {"", false},
		"Lunch":                       {"Lunch", false},
		" two\t  words ":              {"two words", false},
		"Re: Lunch":                   {"Lunch", true},
		"re : lunch":                  {"lunch", true},
		"RE[2]: Lunch":                {"Lunch", true},
		"Fw: Fwd:Re: Lunch":           {"Lunch", true},
		"[list] Lunch":                {"Lunch", false},
		"[list] Re: [list] [x] Lunch": {"Lunch", true},
		"[a][b] re [c]: Lunch (fwd)":  {"Lunch", true},
		"Lunch (fwd) (FWD) ":          {"Lunch", true},
		"[list]":                      {"[list]", false},
		"Re: [list]":                  {"[list]", true},
		"[Fwd: Lunch]":                {"Lunch", true},
		"[Fwd: Re: [Fwd: [x] Lunch]]": {"Lunch", true},
		"[fwd:]":                      {"", true},
		"[open Lunch":                 {"[open Lunch", false},
		"[a[b] Lunch":                 {"[a[b] Lunch", false},
		"Reading":                     {"Reading", false},
		"Re":                          {"Re", false},
		"Re: ":                        {"", true},
		"Fwiw: no":                    {"Fwiw: no", false},
		"[a] [b]":                     {"[b]", false},
	} {
		if base, reply := baseSubject(subject); base != want.base || reply != want.reply {
			t.Errorf("%q: %q %v, want %q %v", subject, base, reply, want.base, want.reply)
		}
	}
}
