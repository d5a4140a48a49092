package irc

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ergochat/irc-go/ircfmt"
)

func spell(spans []Span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString("[" + s.Text)
		for _, f := range []struct {
			set  bool
			name string
		}{{s.Bold, "b"}, {s.Italic, "i"}, {s.Underline, "u"}, {s.Strikethrough, "s"}, {s.Mono, "m"}, {s.Reverse, "r"}, {s.Mention, "@"}} {
			if f.set {
				b.WriteString("|" + f.name)
			}
		}
		if s.Color >= 0 {
			fmt.Fprintf(&b, "|c%x,%v", s.Color, s.ColorRGB)
		}
		if s.Background >= 0 {
			fmt.Fprintf(&b, "|g%x,%v", s.Background, s.BackgroundRGB)
		}
		if s.Link != "" {
			b.WriteString("|" + s.Link)
		}
		b.WriteString("]")
	}
	return b.String()
}

func TestFormat(t *testing.T) {
	f := newFeatures()
	for _, test := range []struct{ text, want string }{
		{"plain", "[plain]"},
		{"", ""},
		{"\x02bold\x02 not", "[bold|b][ not]"},
		{"\x1di\x1fu\x1es\x11m\x16r\x0fx", "[i|i][u|i|u][s|i|u|s][m|i|u|s|m][r|i|u|s|m|r][x]"},
		{"\x0304,12red\x03 none", "[red|c4,false|gc,false][ none]"},
		{"\x034red\x0399default", "[red|c4,false][default]"},
		{"\x031234", "[34|cc,false]"},
		{"\x034,x", "[,x|c4,false]"},
		{"\x03,4x", "[,4x]"},
		{"\x04FF8000,0000ffx\x04y", "[x|cff8000,true|gff,true][y]"},
		{"\x04xyz", "[xyz]"},
		{"see https://example.org/a_(b), ok", "[see ][https://example.org/a_(b)|https://example.org/a_(b)][, ok]"},
		{"(http://example.org)", "[(][http://example.org|http://example.org][)]"},
		{"www.example.org!", "[www.example.org|http://www.example.org][!]"},
		{"IRCS://irc.example/#a mailto:a@b.example.", "[IRCS://irc.example/#a|IRCS://irc.example/#a][ ][mailto:a@b.example|mailto:a@b.example][.]"},
		{"javascript:alert(1) data:text/html,x file:///etc", "[javascript:alert(1) data:text/html,x file:///etc]"},
		{"http:// https://", "[http:// https://]"},
		{"http://…", "[http://…|http://…]"},
		{"Me, me: meme some me?", "[Me|@][, ][me|@][: meme some ][me|@][?]"},
		{"\x02hi \x0304me", "[hi |b][me|b|@|c4,false]"},
		{"http://x.example/me", "[http://x.example/me|http://x.example/me]"},
		{"<b>me</b> &amp;", "[<b>][me|@][</b> &amp;]"},
	} {
		got := Format(test.text, "me", f.same)
		if spell(got) != test.want {
			t.Errorf("%q: %s, want %s", test.text, spell(got), test.want)
		}
		if plain := len(got) == 0 || len(got) == 1 && spell(got) == "["+test.text+"]"; isPlain(test.text, "me", f.same) && !plain {
			t.Errorf("%q was taken for plain", test.text)
		}
	}
	if spans := Format(strings.Repeat("\x02x", 10000), "me", f.same); len(spans) > maxSpans+1 {
		t.Errorf("%d spans", len(spans))
	}
	if spans := Format(strings.Repeat("me ", 10000), "me", f.same); len(spans) > maxSpans+2 {
		t.Errorf("%d spans", len(spans))
	}
	begin := time.Now()
	Format(strings.Repeat("http://"+strings.Repeat(")", 50)+" ", 1000), "me", f.same)
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("brackets took %v", took)
	}
}

// FuzzFormat holds what is left of a text against irc-go's reading of it, which
// knows no hexadecimal colours.
func FuzzFormat(f *testing.F) {
	for _, s := range []string{"a\x02b\x0304,12c\x03d", "\x0399,1x\x0f", "\x03", "\x031,", "\x16\x11\x1e", "http://x.example/ me", "\x02\x02"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		features := newFeatures()
		var all strings.Builder
		spans := Format(text, "me", features.same)
		for _, s := range spans {
			if s.Text == "" {
				t.Fatalf("an empty span in %s", spell(spans))
			}
			all.WriteString(s.Text)
		}
		if all.String() != Strip(text) {
			t.Fatalf("%q is %q in spans and %q without formatting", text, all.String(), Strip(text))
		}
		if strings.Contains(text, "\x04") || len(spans) >= maxSpans {
			return
		}
		i := 0
		for _, want := range ircfmt.Split(text) {
			for rest := want.Content; rest != ""; i++ {
				got := spans[i]
				after, ok := strings.CutPrefix(rest, got.Text)
				if !ok || got.Bold != want.Bold || got.Italic != want.Italic || got.Mono != want.Monospace || got.Underline != want.Underline ||
					got.Strikethrough != want.Strikethrough || got.Reverse != want.ReverseColor {
					t.Fatalf("%q: %s, want %+v", text, spell(spans), want)
				}
				if want.ForegroundColor.IsSet && got.Color != int(want.ForegroundColor.Value) {
					t.Fatalf("%q: %s, want %+v", text, spell(spans), want)
				}
				rest = after
			}
		}
	})
}

func TestClusters(t *testing.T) {
	for _, test := range []struct {
		text  string
		limit int
		want  []string
	}{
		{"👩‍👩‍👧👩‍👩‍👧", 20, []string{"👩‍👩‍👧", "👩‍👩‍👧"}},
		{"👍🏽👍🏽👍🏽", 12, []string{"👍🏽", "👍🏽", "👍🏽"}},
		{"🇮🇳🇮🇳🇮🇳", 12, []string{"🇮🇳", "🇮🇳", "🇮🇳"}},
		{"e\u0301e\u0301e\u0301", 5, []string{"e\u0301", "e\u0301", "e\u0301"}},
		{"❤️❤️", 8, []string{"❤️", "❤️"}},
		{"नमस्तेनमस्ते", 20, []string{"नमस्ते", "नमस्ते"}},
		{"\u1112\u1161\u11AB\u1112\u1161\u11AB", 12, []string{"\u1112\u1161\u11AB", "\u1112\u1161\u11AB"}},
		{"🏴\U000E0067\U000E0062\U000E0077\U000E006C\U000E0073\U000E007Fx", 28, []string{"🏴\U000E0067\U000E0062\U000E0077\U000E006C\U000E0073\U000E007F", "x"}},
		{"a" + strings.Repeat("\u0301", 100), 64, nil}, // longer than any character
	} {
		got := split(test.text, test.limit, false)
		if test.want == nil {
			if len(got) < 2 || strings.Join(got, "") != test.text {
				t.Errorf("split %q at %d: got %q", test.text, test.limit, got)
			}
			continue
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", test.want) {
			t.Errorf("split %q at %d: got %q", test.text, test.limit, got)
		}
	}
	if got := split("one two three", 7, true); fmt.Sprintf("%q", got) != `["one " "two " "three"]` {
		t.Errorf("kept %q", got)
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"one two three", "👩‍👩‍👧👩‍👩‍👧", "🇮🇳🇮🇳🇮🇳", "e\u0301e\u0301", "\x80\x80\x80\x80\x80", "      ", strings.Repeat("\u200D", 50)} {
		f.Add(s, uint8(5))
	}
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		limit := max(int(n), 4)
		pieces := split(text, limit, true)
		if strings.Join(pieces, "") != text {
			t.Fatalf("%q at %d became %q", text, limit, pieces)
		}
		for _, p := range append(pieces, split(text, limit, false)...) {
			if len(p) > limit || p == "" && text != "" && len(pieces) == 1 {
				t.Fatalf("%q at %d: a piece %q", text, limit, p)
			}
		}
	})
}
