package imap

import "strings"

// baseSubject takes from a subject what mail programs put before and behind it
// (RFC 5256, section 2.1). reply reports whether that says that the message
// answers or forwards another.
func baseSubject(subject string) (base string, reply bool) {
	base = strings.Join(strings.Fields(subject), " ")
	for {
		for {
			trimmed := strings.TrimRight(base, " ")
			if end := len(trimmed) - len("(fwd)"); end >= 0 && strings.EqualFold(trimmed[end:], "(fwd)") {
				base, reply = trimmed[:end], true
				continue
			}
			base = trimmed
			break
		}
		for {
			base = strings.TrimLeft(base, " ")
			if rest, ok := afterRefwd(base); ok {
				base, reply = rest, true
				continue
			}
			rest, ok := afterBlob(base)
			if !ok || rest == "" {
				break
			}
			base = rest
		}
		const forward = "[fwd:"
		if len(base) <= len(forward) || !strings.EqualFold(base[:len(forward)], forward) || base[len(base)-1] != ']' {
			return base, reply
		}
		base, reply = base[len(forward):len(base)-1], true
	}
}

// afterBlob is what follows a "[list] ".
func afterBlob(s string) (rest string, ok bool) {
	if s == "" || s[0] != '[' {
		return s, false
	}
	end := strings.IndexAny(s[1:], "[]") + 1
	if end == 0 || s[end] == '[' {
		return s, false
	}
	return strings.TrimLeft(s[end+1:], " "), true
}

// afterRefwd is what follows a "Re: ", "Fwd [list]: " and the like, before which
// there may be blobs.
func afterRefwd(s string) (rest string, ok bool) {
	for more := true; more; {
		s, more = afterBlob(s)
	}
	for _, word := range [...]string{"re", "fwd", "fw"} {
		if len(s) < len(word) || !strings.EqualFold(s[:len(word)], word) {
			continue
		}
		after, _ := afterBlob(strings.TrimLeft(s[len(word):], " "))
		if strings.HasPrefix(after, ":") {
			return after[1:], true
		}
	}
	return "", false
}
