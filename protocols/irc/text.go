package irc

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLine is the length of a line without tags, its CR LF included (RFC 2812
// §2.3).
const maxLine = 512

// line makes one line of a command; params are checked as RFC 2812 §2.3.1 has
// them.
func line(command string, params ...string) ([]byte, error) {
	return lineUpTo(maxLine, command, params...)
}

// lineUpTo is line for a server that takes lines of limit bytes.
func lineUpTo(limit int, command string, params ...string) ([]byte, error) {
	if !isCommand(command) {
		return nil, invalid("A command consists of letters, or of three digits.")
	}
	b := []byte(command)
	for i, p := range params {
		if hasForbidden(p) {
			return nil, errForbidden
		}
		b = append(b, ' ')
		if p == "" || p[0] == ':' || strings.IndexByte(p, ' ') >= 0 {
			if i < len(params)-1 {
				return nil, invalid("Only the last parameter may be empty, begin with a colon or contain spaces.")
			}
			b = append(b, ':')
		}
		b = append(b, p...)
	}
	if b = append(b, '\r', '\n'); len(b) > limit {
		return nil, invalid("The line is longer than the server takes.")
	}
	return b, nil
}

// tag writes a message tag.
//
//go:noinline
func tag(name, value string) string {
	b := append([]byte(name), '=')
	for i := range len(value) {
		switch c := value[i]; c {
		case ';':
			b = append(b, '\\', ':')
		case ' ':
			b = append(b, '\\', 's')
		case '\\':
			b = append(b, '\\', '\\')
		case '\r':
			b = append(b, '\\', 'r')
		case '\n':
			b = append(b, '\\', 'n')
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

func isCommand(s string) bool {
	for i := range len(s) {
		if c := lowerASCII(s[i]); (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// hasForbidden looks for each by itself, which is quicker than for any of them.
func hasForbidden(s string) bool {
	return strings.IndexByte(s, '\r') >= 0 || strings.IndexByte(s, '\n') >= 0 || strings.IndexByte(s, 0) >= 0
}

// isWord tells whether s can be a parameter that is not the last.
//
//go:noinline
func isWord(s string) bool {
	return s != "" && s[0] != ':' && !strings.ContainsAny(s, " \r\n\x00")
}

func checkNick(nick string, limit int) error {
	if !isWord(nick) || strings.ContainsAny(nick, ",*?!@") {
		return invalid("A nickname must not be empty or contain spaces or any of , * ? ! @.")
	}
	if limit > 0 && len(nick) > limit {
		return invalid("The nickname is longer than this server allows.")
	}
	return nil
}

// split cuts text into pieces of at most limit bytes: between words where there
// is a space in the second half of a piece, else between characters as a person
// sees them, else between those of Unicode. The space that it cuts at is left
// out, unless keep says that the pieces are put together again.
func split(text string, limit int, keep bool) []string {
	var pieces []string
	for len(text) > limit {
		cut, next := 0, 0
		if space := strings.LastIndexByte(text[:limit], ' '); space >= limit/2 || !keep && text[limit] == ' ' {
			if !keep && text[limit] == ' ' {
				space = limit
			}
			cut, next = space, space+1
			if keep {
				cut = next
			}
		} else {
			cut = cluster(text, limit)
			next = cut
		}
		pieces = append(pieces, text[:cut])
		text = text[next:]
	}
	if text != "" || pieces == nil {
		pieces = append(pieces, text)
	}
	return pieces
}

// longestCluster is how far we go back for a place between two characters as a
// person sees them; a text that has none is cut all the same.
const longestCluster = 128

// cluster is the last place in text, up to limit, that is between two extended
// grapheme clusters, by the rules of Unicode's UAX #29 that matter in chat:
// combining marks, joiners and what they join, modifiers, flags, syllables of
// Hangul.
func cluster(text string, limit int) int {
	fallback := 0
	for cut := limit; cut > 0 && cut > limit-longestCluster; cut-- {
		if !utf8.RuneStart(text[cut]) {
			continue
		}
		if fallback == 0 {
			fallback = cut
		}
		before, _ := utf8.DecodeLastRuneInString(text[:cut])
		after, _ := utf8.DecodeRuneInString(text[cut:])
		if !continues(before, after) && !(isRegional(before) && isRegional(after) && oddRegionals(text[:cut])) {
			return cut
		}
	}
	if fallback == 0 {
		fallback = limit // not UTF-8 in the first place
	}
	return fallback
}

const zeroWidthJoiner = '\u200D'

// continues tells whether two neighbours belong to one cluster, flags apart.
func continues(before, after rune) bool {
	switch {
	case after < 0x300:
		return false
	case after == zeroWidthJoiner || before == zeroWidthJoiner:
		return true
	case unicode.Is(unicode.M, after): // variation selectors among them
		return true
	case 0x1F3FB <= after && after <= 0x1F3FF: // skin tones
		return true
	case 0xE0020 <= after && after <= 0xE007F: // tags, as in the flag of Wales
		return true
	case 0x1160 <= after && after <= 0x11FF: // vowels and finals of Hangul
		return true
	case 0x1100 <= before && before <= 0x115F: // initials, before those or a syllable
		return 0x1100 <= after && after <= 0x115F || 0xAC00 <= after && after <= 0xD7A3
	}
	return false
}

// isRegional tells whether r is half of a flag.
func isRegional(r rune) bool { return 0x1F1E6 <= r && r <= 0x1F1FF }

// oddRegionals tells whether text ends with half a flag.
func oddRegionals(text string) bool {
	odd := false
	for {
		r, size := utf8.DecodeLastRuneInString(text)
		if !isRegional(r) {
			return odd
		}
		odd = !odd
		text = text[:len(text)-size]
	}
}
