package irc

import (
	"strings"
	"unicode/utf8"

	"github.com/ergochat/irc-go/ircmsg"

	"kaiwire/protocols/coded"
)

// maxLine is the length of a line without tags, its CR LF included (RFC 2812
// §2.3).
const maxLine = 512

// line makes one line of a command; params are checked as RFC 2812 §2.3.1 has
// them.
func line(command string, params ...string) ([]byte, error) {
	if !isCommand(command) {
		return nil, invalid("A command consists of letters, or of three digits.")
	}
	for _, p := range params {
		if hasForbidden(p) {
			return nil, errForbidden
		}
	}
	m := ircmsg.MakeMessage(nil, "", command, params...)
	b, err := m.LineBytesStrict(true, maxLine)
	switch err {
	case nil:
		return b, nil
	case ircmsg.ErrorBodyTooLong:
		return nil, coded.New(coded.EINVAL, protocol, "The line is longer than 512 bytes.", err)
	default:
		return nil, coded.New(coded.EINVAL, protocol, "Only the last parameter may be empty, begin with a colon or contain spaces.", err)
	}
}

func isCommand(s string) bool {
	for i := range len(s) {
		if c := lowerASCII(s[i]); (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func hasForbidden(s string) bool { return strings.ContainsAny(s, "\r\n\x00") }

// isWord tells whether s can be a parameter that is not the last.
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

// split cuts text into pieces of at most limit bytes, between words where
// there is a space in the second half of a piece, else between characters.
func split(text string, limit int) []string {
	var pieces []string
	for len(text) > limit {
		cut := limit
		for back := 1; back < utf8.UTFMax && !utf8.RuneStart(text[cut]); back++ {
			cut--
		}
		if !utf8.RuneStart(text[cut]) {
			cut = limit // not UTF-8 in the first place
		}
		next := cut
		if space := strings.LastIndexByte(text[:cut+1], ' '); space > limit/2 {
			cut, next = space, space+1
		}
		pieces = append(pieces, text[:cut])
		text = text[next:]
	}
	if text != "" || pieces == nil {
		pieces = append(pieces, text)
	}
	return pieces
}
