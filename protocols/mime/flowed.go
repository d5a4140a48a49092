package mime

import (
	"strings"
	"unicode/utf8"
)

// Unflow joins the lines of text that is format=flowed (RFC 3676, section 4)
// into paragraphs, one line each; a quotation stays marked by > at its lines.
// delSp says that the space at which a line was broken is none of the text's.
func Unflow(text string, delSp bool) string {
	var out strings.Builder
	first := true
	open, before := false, 0 // whether the line before goes on, and how deep its quotation is
	for line := range strings.SplitSeq(unixLines(text), "\n") {
		quote := 0
		for quote < len(line) && line[quote] == '>' {
			quote++
		}
		line = strings.TrimPrefix(line[quote:], " ")
		signature := line == "-- "
		if open && (quote != before || signature) {
			open = false // wrongly flowed: the depth of the quotation decides
		}
		if !open {
			if !first {
				out.WriteByte('\n')
			}
			out.WriteString(strings.Repeat(">", quote))
			if quote > 0 && line != "" {
				out.WriteByte(' ')
			}
		}
		open = !signature && strings.HasSuffix(line, " ")
		if open && delSp {
			line = line[:len(line)-1]
		}
		out.WriteString(line)
		first, before = false, quote
	}
	return out.String()
}

// flowWidth is where lines are broken (RFC 3676, section 4.2).
const flowWidth = 76

// flow makes text format=flowed: paragraphs, one line each, become lines of
// flowWidth characters where they have spaces. Lines end with CRLF.
func flow(text string) string {
	var out strings.Builder
	for i, line := range strings.Split(text, "\n") {
		if i > 0 {
			out.WriteString("\r\n")
		}
		quote := 0
		for quote < len(line) && line[quote] == '>' {
			quote++
		}
		marks := line[:quote]
		line = line[quote:]
		if quote > 0 {
			line = strings.TrimPrefix(line, " ")
		}
		if line != "-- " {
			line = strings.TrimRight(line, " ")
		}
		for first := true; first || line != ""; first = false {
			if !first {
				out.WriteString("\r\n")
			}
			out.WriteString(marks)
			// Space-stuffing, which also keeps quotations apart from their text.
			if quote > 0 && line != "" || strings.HasPrefix(line, " ") || strings.HasPrefix(line, ">") || strings.HasPrefix(line, "From ") {
				out.WriteByte(' ')
			}
			end := breakAt(line, flowWidth-quote)
			out.WriteString(line[:end])
			line = line[end:]
		}
	}
	return out.String()
}

// breakAt is how much of a line goes onto one of that width: up to and with the
// spaces before the last word that begins on it, or the word if it is too long.
func breakAt(line string, width int) int {
	if line == "-- " || len(line) <= width || utf8.RuneCountInString(line) <= width {
		return len(line)
	}
	best, count := 0, 0
	for i, r := range line {
		if best > 0 && count > width {
			break
		}
		if i > 0 && line[i-1] == ' ' && r != ' ' {
			best = i
		}
		count++
	}
	if best == 0 {
		return len(line)
	}
	return best
}
