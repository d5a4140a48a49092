package irc

import (
	"slices"
	"strings"
)

// features are what the server has announced of itself (numeric 005).
type features struct {
	all map[string]string

	// What follows is derived, with what RFC 1459 has where nothing was
	// announced, or nonsense.
	lower     *lowers
	unicode   bool   // names are folded beyond ASCII
	chanTypes string // what channels' names begin with
	statusMsg string // what may stand before a channel's name
	modes     string // of rank, highest first: "ov"
	signs     string // that go with them: "@+"
	// chanModes are modes of channels by kind: lists; with a parameter always;
	// with one when set; without.
	chanModes [4]string
	nickLen   int // 0: unknown
	lineLen   int // bytes of a line without tags, CR LF included
}

func newFeatures() features {
	return features{
		all:       map[string]string{},
		lower:     casemapRFC1459,
		chanTypes: "#&",
		modes:     "ov",
		signs:     "@+",
		chanModes: [4]string{"beI", "k", "l", "imnpst"},
		lineLen:   maxLine,
	}
}

// maxFeatures are remembered; servers have thirty to fifty.
const maxFeatures = 256

// learn takes in one token: NAME, NAME=value or -NAME.
func (f *features) learn(token string) {
	name, value, _ := strings.Cut(token, "=")
	if gone, ok := strings.CutPrefix(name, "-"); ok {
		if _, known := f.all[gone]; known {
			delete(f.all, gone)
			f.derive(gone, "", false)
		}
		return
	}
	if _, known := f.all[name]; name == "" || !known && len(f.all) >= maxFeatures {
		return
	}
	value = unescapeFeature(value)
	f.all[name] = value
	f.derive(name, value, true)
}

// derive draws conclusions from a feature, or from its having gone.
func (f *features) derive(name, value string, there bool) {
	initial := newFeatures()
	switch name {
	case "CASEMAPPING":
		f.unicode = false
		switch value {
		case "rfc1459", "":
			f.lower = casemapRFC1459
		case "rfc1459-strict", "strict-rfc1459":
			f.lower = casemapStrict
		case "ascii":
			f.lower = casemapASCII
		default:
			// Those of Unicode (rfc7613, utf8…) fold ASCII as well.
			f.lower, f.unicode = casemapASCII, true
		}
	case "CHANTYPES":
		f.chanTypes = value
		if !there {
			f.chanTypes = initial.chanTypes
		}
	case "STATUSMSG":
		f.statusMsg = value
	case "PREFIX":
		f.modes, f.signs = initial.modes, initial.signs
		if modes, signs, ok := strings.Cut(strings.TrimPrefix(value, "("), ")"); ok && len(modes) == len(signs) && len(modes) <= 16 {
			f.modes, f.signs = modes, signs
		} else if there && value == "" {
			f.modes, f.signs = "", ""
		}
	case "CHANMODES":
		f.chanModes = initial.chanModes
		if kinds := strings.Split(value, ","); len(kinds) >= 4 {
			copy(f.chanModes[:], kinds)
		}
	case "NICKLEN":
		f.nickLen = atoi(value, 1, maxLine, 0)
	case "LINELEN":
		f.lineLen = atoi(value, maxLine, maxLineLen, maxLine)
	}
}

// unescapeFeature replaces \xHH, which stands for what a token can't contain.
func unescapeFeature(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && s[i+1] == 'x' {
			if high, low := fromHex(s[i+2]), fromHex(s[i+3]); high < 16 && low < 16 {
				b = append(b, high<<4|low)
				i += 3
				continue
			}
		}
		b = append(b, s[i])
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

func fromHex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= lowerASCII(c) && lowerASCII(c) <= 'f':
		return lowerASCII(c) - 'a' + 10
	}
	return 16
}

// listed is the value of name in a list such as "port=6697,duration=300".
func listed(list, name string) string {
	for list != "" {
		var entry string
		entry, list, _ = strings.Cut(list, ",")
		if key, value, _ := strings.Cut(entry, "="); key == name {
			return value
		}
	}
	return ""
}

// denies tells whether the server passes the client-only tag on (CLIENTTAGDENY);
// name is without its "+".
func (f *features) denies(name string) bool {
	list := strings.Split(f.all["CLIENTTAGDENY"], ",")
	if list[0] == "*" {
		return !slices.Contains(list, "-"+name)
	}
	return slices.Contains(list, name)
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// lowers has the small letter of each byte.
type lowers [256]byte

// casemapStrict and casemapRFC1459 take []\ (and ^) for the capitals of {}| (and
// ~): RFC 1459 §2.2.
var casemapASCII, casemapStrict, casemapRFC1459 = casemap(""), casemap("[]\\"), casemap("[]\\^")

func casemap(capitals string) *lowers {
	m := &lowers{}
	for i := range m {
		m[i] = lowerASCII(byte(i))
	}
	for i := range len(capitals) {
		m[capitals[i]] += '{' - '['
	}
	return m
}

// fold is s as names are compared.
func (f *features) fold(s string) string {
	if f.unicode {
		return strings.ToLower(s)
	}
	for i := range len(s) {
		if f.lower[s[i]] == s[i] {
			continue
		}
		b := []byte(s)
		for ; i < len(b); i++ {
			b[i] = f.lower[b[i]]
		}
		return string(b)
	}
	return s
}

func (f *features) same(a, b string) bool {
	if f.unicode {
		return strings.ToLower(a) == strings.ToLower(b)
	}
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if f.lower[a[i]] != f.lower[b[i]] {
			return false
		}
	}
	return true
}

func (f *features) isChannel(name string) bool {
	return name != "" && strings.IndexByte(f.chanTypes, name[0]) >= 0
}

// sign is the sign of rank that goes with a mode, or 0.
func (f *features) sign(mode byte) byte {
	if i := strings.IndexByte(f.modes, mode); i >= 0 {
		return f.signs[i]
	}
	return 0
}
