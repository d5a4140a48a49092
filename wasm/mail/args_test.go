package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	goimap "github.com/emersion/go-imap/v2"

	"kaiwire/protocols/imap"
	"kaiwire/wasm/call"
)

func TestMessageSets(t *testing.T) {
	for text, want := range map[string]string{
		"1": "1", "1:10,12": "1:10,12", "20:*": "20:*", " 3 , 4 ": "3:4", "*": "*", "4294967295": "4294967295",
	} {
		if set, ok := seqSet(text); !ok || set.String() != want {
			t.Errorf("%q became %q, %v", text, set.String(), ok)
		}
	}
	for _, text := range []string{"", "0", "1,", "a", "1:", ":1", "1:2:3", "-1", "4294967296", "1;2", "1\r\n"} {
		if set, ok := uidSet(text); ok {
			t.Errorf("%q became %q", text, set.String())
		}
	}
}

func TestSectionNames(t *testing.T) {
	for name, want := range map[string]goimap.FetchItemBodySection{
		"":         {},
		"text":     {Specifier: goimap.PartSpecifierText},
		"HEADER":   {Specifier: goimap.PartSpecifierHeader},
		"1":        {Part: []int{1}},
		"1.2.MIME": {Part: []int{1, 2}, Specifier: goimap.PartSpecifierMIME},
		"2.TEXT":   {Part: []int{2}, Specifier: goimap.PartSpecifierText},
	} {
		s, ok := section(name)
		if !ok || s.Specifier != want.Specifier || len(s.Part) != len(want.Part) || !s.Peek {
			t.Errorf("%q became %+v, %v", name, s, ok)
		}
	}
	if s, ok := section("1.2<10.2048>"); !ok || len(s.Part) != 2 || *s.Partial != (goimap.SectionPartial{Offset: 10, Size: 2048}) {
		t.Errorf("a range became %+v, %v", s, ok)
	}
	for _, name := range []string{"1<0>", "1<.5>", "1<0.0>", "1<-1.5>", "1<0.5", "1>", "0", "1.", ".1", "1.x", "MIME", "TEXT.1", "1 2", "-1", "99999999999"} {
		if s, ok := section(name); ok {
			t.Errorf("%q became %+v", name, s)
		}
	}
}

func TestStructureNumbersItsParts(t *testing.T) {
	text := func(subtype string) *goimap.BodyStructureSinglePart {
		return &goimap.BodyStructureSinglePart{Type: "TEXT", Subtype: subtype, Encoding: "7BIT", Params: map[string]string{"Charset": "utf-8"}}
	}
	tree := &goimap.BodyStructureMultiPart{Subtype: "MIXED", Children: []goimap.BodyStructure{
		&goimap.BodyStructureMultiPart{Subtype: "alternative", Children: []goimap.BodyStructure{text("plain"), text("html")}},
		&goimap.BodyStructureSinglePart{Type: "message", Subtype: "rfc822", MessageRFC822: &goimap.BodyStructureMessageRFC822{
			Envelope: &goimap.Envelope{Subject: "inner"}, BodyStructure: text("plain")}},
		&goimap.BodyStructureSinglePart{Type: "message", Subtype: "rfc822", MessageRFC822: &goimap.BodyStructureMessageRFC822{
			BodyStructure: &goimap.BodyStructureMultiPart{Subtype: "mixed", Children: []goimap.BodyStructure{text("plain")}}}},
	}}
	var r call.Record
	structure(&r, tree, "")
	type node struct {
		Part, Type string
		ChildNodes []node
	}
	var root node
	if err := json.Unmarshal(r.Bytes(), &root); err != nil {
		t.Fatal(err)
	}
	var got []string
	var walk func(n node)
	walk = func(n node) {
		got = append(got, n.Part+" "+n.Type)
		for _, c := range n.ChildNodes {
			walk(c)
		}
	}
	walk(root)
	want := " multipart/mixed|1 multipart/alternative|1.1 text/plain|1.2 text/html|2 message/rfc822|2.1 text/plain|" +
		"3 message/rfc822|3 multipart/mixed|3.1 text/plain"
	if strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
	r.Reset()
	structure(&r, text("plain"), "")
	if !strings.Contains(string(r.Bytes()), `"part":"1"`) {
		t.Errorf("a message of one part: %s", r.Bytes())
	}
}

func TestMessageRecord(t *testing.T) {
	header := &goimap.FetchItemBodySection{Specifier: goimap.PartSpecifierHeader}
	body := &goimap.FetchItemBodySection{Part: []int{1}}
	q := &fetchQuery{header: true, parts: []string{"1"}, options: goimap.FetchOptions{
		Flags: true, RFC822Size: true, BodySection: []*goimap.FetchItemBodySection{header, body}}}
	m := &imap.Message{Seq: 2, UID: 7, Size: 99, Flags: []goimap.Flag{goimap.FlagSeen},
		Envelope: &goimap.Envelope{Subject: "s", From: []goimap.Address{{Name: "group", Mailbox: "group"}, {Name: "A", Mailbox: "a", Host: "b.example"}}},
		Sections: []imap.Section{{Spec: header, Bytes: []byte("H: 1\r\n")}, {Spec: body, Bytes: []byte("body")}}}
	var r call.Record
	blob := message(&r, m, q, []byte("before"))
	if string(blob) != "beforeH: 1\r\nbody" {
		t.Errorf("blob %q", blob)
	}
	var got struct {
		Seq, UID, Size int
		Flags          []string
		Envelope       struct {
			From []struct{ Name, Address string }
		}
		Headers   [2]int
		BodyParts map[string][2]int
	}
	if err := json.Unmarshal(r.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, r.Bytes())
	}
	if got.Seq != 2 || got.UID != 7 || got.Size != 99 || len(got.Flags) != 1 || len(got.Envelope.From) != 1 ||
		got.Envelope.From[0].Address != "a@b.example" || got.Headers != [2]int{6, 6} || got.BodyParts["1"] != [2]int{12, 4} {
		t.Errorf("%+v", got)
	}
}

// What the server says beyond the beginnings, as the app gets it.
func TestExtensionRecords(t *testing.T) {
	two, five := uint32(2), int64(5_000_000_000)
	unlimited := uint32(maxNumber)
	for want, write := range map[string]func(r *call.Record){
		`{"seq":1,"uid":2,"modseq":"9223372036854775807","emailId":"M1","threadId":"18446744073709551615","labels":["a"],"preview":"p","saveDate":"2026-01-02T03:04:05.000Z"}`: func(r *call.Record) {
			message(r, &imap.Message{Seq: 1, UID: 2, ModSeq: 1<<63 - 1, Extra: &imap.Extra{EmailID: "M1", GmailThreadID: 1<<64 - 1,
				GmailLabels: []string{"a"}, Preview: "p", SaveDate: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}}, &fetchQuery{}, nil)
		},
		`{"messages":2,"unseen":2,"size":5000000000,"highestModseq":"7"}`: func(r *call.Record) {
			d := &goimap.StatusData{NumMessages: &two, NumUnseen: &two, Size: &five, AppendLimit: &unlimited, HighestModSeq: 7}
			r.Object(func() { statusFields(r, d) })
		},
		`{"name":"b","delimiter":"","flags":["\\Sent","\\Subscribed"],"specialUse":"\\Sent","subscribed":true,"oldName":"a","status":{"uidNext":4}}`: func(r *call.Record) {
			listEntry(r, &goimap.ListData{Mailbox: "b", Attrs: []goimap.MailboxAttr{`\Sent`, `\Subscribed`}, OldName: "a", Status: &goimap.StatusData{UIDNext: 4}})
		},
		`[{"messages":[1,2],"threads":[{"messages":[3],"threads":[]},{"messages":[],"threads":[]}]}]`: func(r *call.Record) {
			threads(r, []imap.Thread{{Chain: []uint32{1, 2}, SubThreads: []imap.Thread{{Chain: []uint32{3}}, {}}}})
		},
	} {
		var r call.Record
		if write(&r); string(r.Bytes()) != want {
			t.Errorf("got  %s\nwant %s", r.Bytes(), want)
		}
	}
}

func TestLeaves(t *testing.T) {
	leaf := func(name string) *goimap.BodyStructureSinglePart { return &goimap.BodyStructureSinglePart{Type: name} }
	within := func(name string, body goimap.BodyStructure) *goimap.BodyStructureSinglePart {
		return &goimap.BodyStructureSinglePart{Type: name, MessageRFC822: &goimap.BodyStructureMessageRFC822{BodyStructure: body}}
	}
	tree := &goimap.BodyStructureMultiPart{Children: []goimap.BodyStructure{
		&goimap.BodyStructureMultiPart{Children: []goimap.BodyStructure{leaf("1.1"), leaf("1.2")}},
		within("2", leaf("2.1")),
		within("3", &goimap.BodyStructureMultiPart{Children: []goimap.BodyStructure{leaf("3.1")}}),
		within("4", nil),
	}}
	const nothing, none = "-", "" // no such part; a part that isn't a leaf
	for _, row := range []struct {
		tree       goimap.BodyStructure
		part, want string
	}{
		{tree, "", none}, {tree, "1", none}, {tree, "1.2", "1.2"}, {tree, "1.3", nothing}, {tree, "2", "2"}, {tree, "2.1", "2.1"}, {tree, "2.2", nothing}, {tree, "2.1.1", nothing},
		{tree, "3.1", "3.1"}, {tree, "3.2", nothing}, {tree, "4.1", nothing}, {tree, "5", nothing}, {tree, "1.2.MIME", none}, {tree, "3.HEADER", none}, {tree, "5.TEXT", nothing},
		{leaf("1"), "1", "1"}, {leaf("1"), "2", nothing}, {leaf("1"), "1.1", nothing}, {leaf("1"), "TEXT", none}, {within("1", leaf("1.1")), "1.1", "1.1"}, {nil, "7", none},
	} {
		spec, _ := section(row.part)
		got := nothing
		if leaf, found := leafOf(row.tree, spec); leaf != nil {
			got = leaf.Type
		} else if found {
			got = none
		}
		if got != row.want {
			t.Errorf("%q is %q, not %q", row.part, got, row.want)
		}
	}
}
