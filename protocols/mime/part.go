package mime

import "strings"

// Part is a message or a part of one. What IMAP tells of a part before it is
// fetched fits in it as well.
type Part struct {
	// Path is the part's number as IMAP has it: "1.2", and "" for a message
	// that is a multipart.
	Path        string
	Header      Header            // nil where only the structure is known
	Type        string            // "text/plain", in small letters
	Params      map[string]string // of the type, by names in small letters
	Encoding    string            // of the content on its way
	Disposition string            // "attachment", "inline" or ""
	Filename    string            // decoded; a name, never a path
	ContentID   string            // without angle brackets
	Size        int64             // octets of the content, decoded where it has been
	Parts       []*Part           // of a multipart; nil for what is none, or has not been looked into

	text string // of a body
}

// setType takes Content-Type and what belongs to it.
func (p *Part) setType(d *Decoder, contentType, disposition string) {
	p.Type, p.Params = d.Value(contentType)
	if major, minor, ok := strings.Cut(p.Type, "/"); !ok || major == "" || minor == "" {
		p.Type = "text/plain" // RFC 2045, section 5.2
	}
	var params map[string]string
	p.Disposition, params = d.Value(disposition)
	p.SetFilename(params["filename"], p.Params["name"])
}

// SetFilename takes the first name that there is, without the folders that some
// write before it.
func (p *Part) SetFilename(names ...string) {
	for _, name := range names {
		name = name[strings.LastIndexAny(name, `/\`)+1:]
		clean := make([]byte, 0, len(name))
		for _, c := range []byte(name) {
			if c >= ' ' && c != 0x7F {
				clean = append(clean, c)
			}
		}
		name = string(clean)
		if name != "" && name != "." && name != ".." {
			p.Filename = name
			return
		}
	}
}

func (p *Part) isMultipart() bool { return strings.HasPrefix(p.Type, "multipart/") }

// isBody says whether it is text to be shown, and no attachment; first says
// that nothing comes before it in the message.
func (p *Part) isBody(first bool) bool {
	return (p.Type == "text/plain" || p.Type == "text/html") && p.Disposition != "attachment" && (first || p.Filename == "")
}

// Leaves are the parts that are no multiparts, in order: bodies are those that
// are shown, attachments all others, among them the pictures of HTML text and
// messages that are passed on.
func (p *Part) Leaves() (bodies, attachments []*Part) {
	first := true
	var walk func(p *Part)
	walk = func(p *Part) {
		if p.Parts != nil {
			for _, child := range p.Parts {
				walk(child)
			}
			return
		}
		if p.isBody(first) {
			bodies = append(bodies, p)
		} else {
			attachments = append(attachments, p)
		}
		first = false
	}
	walk(p)
	return bodies, attachments
}

// SetText gives a body its text: content is decoded but for its charset. ok is
// false where nobody knows that.
func (p *Part) SetText(d *Decoder, content []byte) (ok bool) {
	p.text, ok = d.Text(p.Params["charset"], content)
	if p.Type == "text/plain" && strings.EqualFold(p.Params["format"], "flowed") {
		p.text = Unflow(p.text, strings.EqualFold(p.Params["delsp"], "yes"))
	}
	p.text = unixLines(p.text)
	return ok
}

// Texts puts together what is shown, from the bodies that have been given their
// texts: the message as plain text and as HTML, each "" where there is none. Of
// alternatives the last of each kind counts. What stands beside HTML as plain
// text, such as what a mailing list adds, is in both; HTML alone is in the HTML.
func (p *Part) Texts() (text, html string) {
	if p.Parts == nil {
		if p.Type == "text/html" {
			return "", p.text
		}
		return p.text, ""
	}
	for _, child := range p.Parts {
		t, h := child.Texts()
		if p.Type == "multipart/alternative" {
			if t != "" {
				text = t
			}
			if h != "" {
				html = h
			}
			continue
		}
		switch {
		case h == "" && t != "" && html != "":
			h = toHTML(t)
		case h != "" && html == "" && text != "":
			html = toHTML(text)
		}
		if t != "" && text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		text += t
		html += h
	}
	return text, html
}

func toHTML(text string) string {
	return `<div style="white-space: pre-wrap">` + substitute(text, "&<>", "&amp;", "&lt;", "&gt;") + "</div>"
}
