package irc

import "strings"

// A Span is a stretch of a message whose characters look and mean the same. It
// is text, to be shown as text: nothing in it is markup.
type Span struct {
	_                                                     incomparable
	Text                                                  string
	Bold, Italic, Underline, Strikethrough, Mono, Reverse bool
	// Color and Background are numbers of the palette of 99
	// (modern.ircdocs.horse/formatting), or 0xRRGGBB with RGB, and -1 for the
	// default.
	Color, Background int
	ColorRGB          bool
	BackgroundRGB     bool
	// Link is where Text leads: a URL of http, https, irc, ircs or mailto, and no
	// other. It may be without its scheme in Text ("www.example.org").
	Link string
	// Mention says that Text is our nickname.
	Mention bool
}

// The characters that switch formatting.
const (
	formatBold   = '\x02'
	formatColor  = '\x03'
	formatHex    = '\x04'
	formatReset  = '\x0F'
	formatMono   = '\x11'
	formatRev    = '\x16'
	formatItalic = '\x1D'
	formatStrike = '\x1E'
	formatUnder  = '\x1F'

	formats = "\x02\x03\x04\x0F\x11\x16\x1D\x1E\x1F"
)

// maxSpans is how many a message is taken apart into; the rest of it is one.
const maxSpans = 256

// Format takes a message apart: its formatting, the links in it, and where it
// mentions nick (as same compares nicknames). Empty text has no spans.
func Format(text, nick string, same func(a, b string) bool) []Span {
	var spans []Span
	style := Span{Color: -1, Background: -1}
	for text != "" {
		end := strings.IndexAny(text, formats)
		if end < 0 {
			end = len(text)
		}
		if end > 0 {
			style.Text = text[:end]
			spans = mark(spans, style, nick, same)
		}
		text = text[end:]
		if text == "" {
			break
		}
		code := text[0]
		text = text[1:]
		switch code {
		case formatBold:
			style.Bold = !style.Bold
		case formatItalic:
			style.Italic = !style.Italic
		case formatUnder:
			style.Underline = !style.Underline
		case formatStrike:
			style.Strikethrough = !style.Strikethrough
		case formatMono:
			style.Mono = !style.Mono
		case formatRev:
			style.Reverse = !style.Reverse
		case formatReset:
			style = Span{Color: -1, Background: -1}
		case formatColor:
			text = style.color(text, false)
		case formatHex:
			text = style.color(text, true)
		}
		if len(spans) >= maxSpans {
			if style.Text = Strip(text); style.Text != "" {
				spans = append(spans, style)
			}
			break
		}
	}
	return spans
}

// color reads what follows the character that switches colour, "4,12" or
// "FF0000,0000FF", and returns the rest. Without a number the colours end.
func (s *Span) color(text string, hex bool) string {
	color, rest := colorCode(text, hex)
	if color < 0 && rest == text {
		s.Color, s.Background, s.ColorRGB, s.BackgroundRGB = -1, -1, false, false
		return text
	}
	s.Color, s.ColorRGB = color, hex && color >= 0
	if rest != "" && rest[0] == ',' {
		if background, after := colorCode(rest[1:], hex); after != rest[1:] {
			s.Background, s.BackgroundRGB = background, hex && background >= 0
			return after
		}
	}
	return rest
}

// colorCode reads one colour: two digits, or six hexadecimal ones. 99 is the
// default.
func colorCode(text string, hex bool) (color int, rest string) {
	const unset = 99
	n := 0
	if hex {
		const digits = 6
		if len(text) < digits {
			return -1, text
		}
		for i := range digits {
			d := fromHex(text[i])
			if d > 15 {
				return -1, text
			}
			n = n<<4 | int(d)
		}
		return n, text[digits:]
	}
	i := 0
	for i < 2 && i < len(text) && '0' <= text[i] && text[i] <= '9' {
		n = 10*n + int(text[i]-'0')
		i++
	}
	if i == 0 || n == unset {
		n = -1
	}
	return n, text[i:]
}

// Strip is text without its formatting.
func Strip(text string) string {
	i := strings.IndexAny(text, formats)
	if i < 0 {
		return text
	}
	b := make([]byte, 0, len(text))
	var style Span
	for text != "" {
		i := strings.IndexAny(text, formats)
		if i < 0 {
			i = len(text)
		}
		b = append(b, text[:i]...)
		if text = text[i:]; text == "" {
			break
		}
		code := text[0]
		text = text[1:]
		if code == formatColor || code == formatHex {
			text = style.color(text, code == formatHex)
		}
	}
	return string(b)
}

// mark adds a span to the list, apart where there are links and mentions in it.
func mark(spans []Span, s Span, nick string, same func(a, b string) bool) []Span {
	text := s.Text
	begin := 0
	add := func(from, to int, link string, mention bool) {
		if from > begin {
			plain := s
			plain.Text = text[begin:from]
			spans = append(spans, plain)
		}
		if to > from {
			special := s
			special.Text, special.Link, special.Mention = text[from:to], link, mention
			spans = append(spans, special)
		}
		begin = to
	}
	for i := 0; i < len(text) && len(spans) < maxSpans; {
		if !isWordChar(text[i]) {
			i++
			continue
		}
		if length, link := linkAt(text[i:]); length > 0 {
			add(i, i+length, link, false)
			i += length
			continue
		}
		end := i
		for end < len(text) && isWordChar(text[end]) {
			end++
		}
		if nick != "" && end-i == len(nick) && same(text[i:end], nick) {
			add(i, end, "", true)
		}
		i = end
	}
	add(len(text), len(text), "", false)
	return spans
}

// isPlain tells whether Format would make one span of text with nothing to it.
// Most of what people say is plain.
func isPlain(text, nick string, same func(a, b string) bool) bool {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c < ' ' || c == ':' { // formatting; all links but those that begin with www.
			return false
		}
		if !isWordChar(c) {
			continue
		}
		begin := i
		for i < len(text) && isWordChar(text[i]) {
			i++
		}
		if i-begin == len(nick) && same(text[begin:i], nick) {
			return false
		}
		if i < len(text) && text[i] == '.' && i-begin == 3 && equalASCII(text[begin:i], "www") {
			return false
		}
		i--
	}
	return true
}

// isWordChar tells whether c can be in a nickname, or in a letter of more than
// one byte.
func isWordChar(c byte) bool { return wordChars[c] }

var wordChars = func() (is [256]bool) {
	for i := range is {
		c := lowerASCII(byte(i))
		is[i] = 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c >= 0x80 || strings.IndexByte("-_[]\\`^{}|", c) >= 0
	}
	return is
}()

// schemes that links may have.
var schemes = []string{"http://", "https://", "irc://", "ircs://", "mailto:", "www."}

// linkAt is the length of the link that text begins with, and where it leads; 0
// for none.
func linkAt(text string) (length int, link string) {
	first := lowerASCII(text[0])
	if first != 'h' && first != 'i' && first != 'm' && first != 'w' {
		return 0, ""
	}
	for _, scheme := range schemes {
		if len(text) <= len(scheme) || !equalASCII(text[:len(scheme)], scheme) {
			continue
		}
		end := strings.IndexFunc(text, func(r rune) bool {
			return r <= ' ' || r == '"' || r == '<' || r == '>' || r == '`' || r == 0x7F || r == 0xA0 || 0x2000 <= r && r <= 0x200A || r == 0x3000
		})
		if end < 0 {
			end = len(text)
		}
		// Punctuation at the end is the sentence's, and a bracket is unless it was
		// opened within the link.
		for end > len(scheme) {
			c := text[end-1]
			open := byte(0)
			switch c {
			case ')':
				open = '('
			case ']':
				open = '['
			case '}':
				open = '{'
			}
			if open != 0 && strings.Count(text[:end], string(rune(open))) >= strings.Count(text[:end], string(rune(c))) ||
				open == 0 && strings.IndexByte(".,;:!?'*_~", c) < 0 {
				break
			}
			end--
		}
		if end <= len(scheme) {
			return 0, ""
		}
		if scheme == "www." {
			return end, "http://" + text[:end]
		}
		return end, text[:end]
	}
	return 0, ""
}

func equalASCII(a, b string) bool {
	for i := range len(a) {
		if lowerASCII(a[i]) != lowerASCII(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}
