package irc

import (
	"fmt"
	"strings"
	"testing"
)

// fed is a session without a connection that has seen the given lines.
func fed(lines ...string) *Session {
	s := newSession(nil, Options{Nick: "me"})
	s.registered = true
	for _, line := range lines {
		s.feed(line)
	}
	return s
}

func (s *Session) feed(line string) Event {
	m, ok := parse(line)
	if !ok {
		return nil
	}
	e, _ := s.take(m)
	return e
}

// sound tells what is wrong with what a session remembers; empty for nothing.
func (st *state) sound() string {
	members, refs := 0, map[string]int{}
	for key, ch := range st.channels {
		if st.fold(ch.name) != key {
			return fmt.Sprintf("channel %q is filed under %q", ch.name, key)
		}
		members += len(ch.members)
		for key, m := range ch.members {
			if st.fold(m.nick) != key || st.users[key] != m.user {
				return fmt.Sprintf("member %q is filed under %q, in %v", m.nick, key, st.users[key])
			}
			refs[key]++
		}
		if len(ch.modes) > maxModes {
			return "too many modes"
		}
	}
	for key, u := range st.users {
		if refs[key] != u.channels || u.channels == 0 {
			return fmt.Sprintf("%q is in %d channels, not %d", u.nick, refs[key], u.channels)
		}
	}
	switch {
	case members != st.members || members > maxMembers:
		return fmt.Sprintf("%d members are counted as %d", members, st.members)
	case len(refs) != len(st.users):
		return "people in no channel are kept"
	case len(st.channels) > maxChannels, st.nameCount < 0, st.nameCount > maxNames, len(st.all) > maxFeatures, len(st.caps) > maxCaps, len(st.offered) > maxCaps:
		return "too much is remembered"
	case len(st.batches.open) > maxBatches, len(st.batches.open) != len(st.batches.order):
		return "too many batches are open"
	}
	return ""
}

func (s *Session) members(channel string) string {
	ch, ok := s.Channel(channel)
	if !ok {
		return "-"
	}
	var list []string
	for _, m := range ch.Members {
		list = append(list, m.Prefix+m.Nick)
	}
	return strings.Join(list, " ")
}

func TestState(t *testing.T) {
	for name, test := range map[string]struct{ lines, want string }{
		"names, then joins":      {":me!u@h JOIN #a|:s 353 me = #a :@x +y me|:s 366 me #a :End|:z!u@h JOIN #a", "@x +y me z"},
		"join while it comes":    {":me!u@h JOIN #a|:s 353 me = #a :x me|:z!u@h JOIN #a|:s 366 me #a :End", "me x z"},
		"gone unheard":           {":me!u@h JOIN #a|:x!u@h JOIN #a|:s 353 me = #a :me y|:s 366 me #a :End", "me y"},
		"nobody but us":          {":me!u@h JOIN #a|:s 366 me #a :End", "me"},
		"part":                   {":me!u@h JOIN #a|:x!u@h JOIN #a|:x!u@h PART #a", "me"},
		"own part":               {":me!u@h JOIN #a|:me!u@h PART #A", "-"},
		"kick":                   {":me!u@h JOIN #a|:x!u@h JOIN #a|:me KICK #a X", "me"},
		"quit":                   {":me!u@h JOIN #a|:x!u@h JOIN #a|:x QUIT", "me"},
		"nick":                   {":me!u@h JOIN #a|:x!u@h JOIN #a|:x NICK y", "me y"},
		"nick, by case":          {":me!u@h JOIN #a|:x!u@h JOIN #a|:x NICK X", "me X"},
		"nick of somebody":       {":me!u@h JOIN #a|:x!u@h JOIN #a|:y!u@h JOIN #a|:x NICK y", "me y"},
		"own nick":               {":me!u@h JOIN #a|:me NICK you", "you"},
		"ranks":                  {":me!u@h JOIN #a|:x!u@h JOIN #a|:s MODE #a +vo x X|:s MODE #a -o x", "+x me"},
		"ranks of strangers":     {":me!u@h JOIN #a|:s MODE #a +o x|:s MODE #b +o me", "me"},
		"a mode with parameters": {":me!u@h JOIN #a|:s MODE #a +klov key 5 me me", "@+me"},
		"without its parameter":  {":me!u@h JOIN #a|:s MODE #a +o|:s MODE #a o", "me"},
		"odd modes":              {":me!u@h JOIN #a|:s MODE #a +\u00e9+-+|:s MODE #a :|:s 324 me #a|:s 324 me #a :", "me"},
		"history changes nothing": {":me!u@h JOIN #a|:s BATCH +h chathistory #a|@batch=h :x!u@h JOIN #a|@batch=h :me!u@h PART #a|@batch=h :me NICK z|" +
			"@batch=h :s MODE #a +o me|@batch=h :y KICK #a me|:s BATCH -h", "me"},
		"casemapping changes": {":me!u@h JOIN #a|:x[!u@h JOIN #a|:x{!u@h JOIN #a|:s 005 me CASEMAPPING=ascii :are", "me x["},
		"and becomes finer":   {":s 005 me CASEMAPPING=ascii :are|:me!u@h JOIN #a|:x[!u@h JOIN #a|:x{!u@h JOIN #a|:s 005 me CASEMAPPING=rfc1459 :are|:x{ QUIT", "me"},
		"a mode's own prefix": {":s 005 me PREFIX=(qaohv)~&@%+ :are|:me!u@h JOIN #a|:s MODE #a +qv me me|:s MODE #a +h me", "~%+me"},
		"no ranks at all":     {":s 005 me PREFIX= :are|:me!u@h JOIN #a|:s 353 me = #a :@x me|:s 366 me #a :End", "@x me"},
		"who":                 {":me!u@h JOIN #a|:s 352 me #a u h s x H@ :0 Real|:s 352 me * u h s y H :0 Real", "@x me"},
		"short numerics": {":me!u@h JOIN #a|:s 352 me #a|:s 354 me 771|:s 353 me|:s 366|:s 332 me #a|:s 333 me #a|:s 324 me|:s 329|:s 730|:s 900|:s 005|:s 001|" +
			":s 396|JOIN|PART|QUIT|NICK|KICK #a|MODE #a|TOPIC|ACCOUNT|CHGHOST x|SETNAME|INVITE x|REDACT #a|MARKREAD #a|FAIL x y|BATCH|BATCH +|BATCH -|CAP|TAGMSG", "me"},
	} {
		s := fed(strings.Split(test.lines, "|")...)
		if got := s.members("#a"); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
		if wrong := s.state.sound(); wrong != "" {
			t.Errorf("%s: %s", name, wrong)
		}
	}
}

// A server that lies in ISUPPORT is not believed what makes no sense.
func TestISupportLies(t *testing.T) {
	s := fed(":s 005 me NICKLEN=-1 LINELEN=5 CHANTYPES=#& PREFIX=(ov)@ CHANMODES=a,b MONITOR=no CHATHISTORY=-5 TARGMAX=: "+
		"CASEMAPPING=klingon =x = - -NOTHING NETWORK=The\\x20Net\\x2 BAD=\\xZZ\\xFF BOT= :are supported", ":s 005 me LINELEN=99999999999 NICKLEN=99999 :are")
	st := s.state
	if st.nickLen != 0 || st.lineLen != maxLine || st.modes != "ov" || st.signs != "@+" || st.chanModes != newFeatures().chanModes {
		t.Errorf("%+v", st.features)
	}
	if st.all["NETWORK"] != `The Net\x2` || st.all["BAD"] != "\\xZZ\uFFFD" || !st.same("ÄB", "äb") {
		t.Errorf("%q", st.all)
	}
	s.feed(":s 005 me LINELEN=2048 NICKLEN=20 :are")
	s.feed(":s 005 me -LINELEN -NICKLEN -PREFIX -CHANTYPES -CASEMAPPING :are")
	if st.lineLen != maxLine || st.nickLen != 0 || st.chanTypes != "#&" || st.same("ä", "Ä") || !st.same("[", "{") {
		t.Errorf("%+v", st.features)
	}
	for text, want := range map[string]bool{"typing": true, "draft/react": true, "other": false} {
		s.feed(":s 005 me CLIENTTAGDENY=*,-other :are")
		if st.denies(text) != want {
			t.Errorf("CLIENTTAGDENY of %q: %v", text, !want)
		}
	}
}

// What a server tells is bounded, whatever it tells.
func TestMemoryIsBounded(t *testing.T) {
	s := fed()
	for i := range maxChannels + 10 {
		s.feed(fmt.Sprintf(":me!u@h JOIN #c%d", i))
	}
	for i := range maxMembers + 1000 {
		s.feed(fmt.Sprintf(":n%d!u@h JOIN #c0", i))
	}
	for i := range 300 {
		s.feed(fmt.Sprintf(":s CAP me NEW :x%d=%s", i, strings.Repeat("v", 100)))
		s.feed(fmt.Sprintf(":s CAP me ACK :y%d", i))
		s.feed(fmt.Sprintf(":s MODE #c1 +%c", rune('A'+i%150)))
		s.feed(fmt.Sprintf(":s 353 me = #strange%d :@x", i))
	}
	if wrong := s.state.sound(); wrong != "" {
		t.Error(wrong)
	}
	if ch, _ := s.Channel("#c0"); !ch.Truncated || len(ch.Members) < maxMembers/2 {
		t.Errorf("%d members, truncated %v", len(ch.Members), ch.Truncated)
	}
}

func TestTags(t *testing.T) {
	tags := Tags(`a=1;b;c=x\:y\s\\z;a=2;+draft/d=e;a2=no;trailing=x\;=odd`)
	for name, want := range map[string]string{"a": "2", "b": "", "c": `x;y \z`, "+draft/d": "e", "a2": "no", "trailing": "x", "draft/d": "", "none": ""} {
		if got := tags.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !tags.Has("b") || tags.Has("none") {
		t.Error("Has is wrong")
	}
	n := 0
	tags.Each(func(name, _ string) { n++ })
	if n != 7 {
		t.Errorf("%d tags", n)
	}
	if got := tag("+x", "a;b c\\d\r\n"); got != `+x=a\:b\sc\\d\r\n` {
		t.Errorf("written as %s", got)
	}
	// Ten thousand tags do not fit a line, and are not looked at where they do.
	for _, many := range []string{strings.Repeat("a=1;", 10000), strings.Repeat(";", 8000)} {
		m, ok := parse("@" + many + "b :x!u@h PRIVMSG me :hi")
		if !ok || m.tags != "" || m.param(1) != "hi" {
			t.Errorf("%d bytes of tags: %v", len(many), ok)
		}
	}
	if n := testing.AllocsPerRun(100, func() { tags.Get("a"); tags.Has("none") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzSession feeds lines of any kind to a session and looks at what it makes of
// them.
func FuzzSession(f *testing.F) {
	for _, lines := range []string{
		":me!u@h JOIN #a\n:s 353 me = #a :@x +y!u@h me\n:s 366 me #a :End\n:x MODE #a +o-v me y\n:y NICK z\n:z QUIT",
		":s 005 me CASEMAPPING=ascii PREFIX=(qo)~@ CHANTYPES=! STATUSMSG=@ CHANMODES=a,b,c,d BOT=B :are\n:me!u@h JOIN !a\n:x PRIVMSG @!a :hi me",
		":s BATCH +a chathistory #a\n@batch=a :s BATCH +b draft/multiline #a\n@batch=b :x PRIVMSG #a :1\n@batch=b;draft/multiline-concat :x PRIVMSG #a :2\n:s BATCH -b\n:s BATCH -a",
		"@label=kaiwire1;msgid=x :me PRIVMSG #a :hi\n@label=kaiwire1 ACK\n:s FAIL * X :y\n@+typing=active TAGMSG me\n@+react=x;+reply=1 TAGMSG me",
		":s CAP me NEW :sts=port=1 sasl batch\n:s CAP me DEL :batch\n:s MARKREAD #a timestamp=2026-01-01T00:00:00.000Z\n:s BOUNCER NETWORK 1 *",
		":me!u@h JOIN #a,x,y,#b\n:s 354 me 771 #a u h n H@B 0 :r\n:s 730 me :a!b@c,d\n:x ACCOUNT *\n:x CHGHOST a b\n:x AWAY :\n:x SETNAME :",
	} {
		f.Add(lines)
	}
	f.Fuzz(func(t *testing.T, lines string) {
		s := fed()
		var o Options
		for _, line := range strings.Split(lines, "\n") {
			s.feed(o.decode([]byte(line), false))
		}
		if wrong := s.state.sound(); wrong != "" {
			t.Fatal(wrong)
		}
		for _, name := range s.Channels() {
			if _, ok := s.Channel(name); !ok {
				t.Fatalf("%q is no channel", name)
			}
		}
	})
}
