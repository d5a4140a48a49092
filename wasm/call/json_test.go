package call

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// plain is a value as encoding/json would have it.
func (v *value) plain() any {
	switch v.kind {
	case yes, no:
		return v.kind == yes
	case number:
		return json.Number(v.text)
	case text:
		return v.text
	case array:
		list := []any{}
		for i := range v.items {
			list = append(list, v.items[i].plain())
		}
		return list
	case object:
		m := map[string]any{}
		for i := range v.members {
			m[v.members[i].name] = v.members[i].value.plain()
		}
		return m
	}
	return nil
}

func compareJSON(t *testing.T, s string) {
	t.Helper()
	var want any
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	err := d.Decode(&want)
	right := err == nil && json.Valid([]byte(s))
	got, ok := parseJSON(s)
	if ok != right {
		if right && strings.Count(s, "[")+strings.Count(s, "{") > maxDepth {
			return
		}
		t.Fatalf("%q: accepted %v, encoding/json says %v", s, ok, err)
	}
	if ok && !reflect.DeepEqual(got.plain(), want) {
		t.Fatalf("%q: got %#v, want %#v", s, got.plain(), want)
	}
}

var jsonTexts = []string{
	"", " ", "{}", " [ ] ", "[1,]", "[,1]", "{\"a\":1,}", "{\"a\"}", "{a:1}", `{"a":{"b":[true,false,null,{}]},"a":2}`,
	"0", "-0", "01", "1.", ".5", "1.5e+10", "1e", "1E-3", "-", "+1", "0x1", "nul", "nulll", "truefalse", "[1 2]", "\"", `"\`,
	`"a\"b\\c\/\b\f\n\r\t\u00e9\u0000"`, `"\u12"`, `"\u12g4"`, `"\u+123"`, `"\x"`, "\"a\nb\"", `"😀"`, `"\ud83d\ude00 \ud83d \ude00 \ud83d\u0041 \ud83d\ud83d\ude00"`,
	"\"\xff\xc3(\"", "\"\xed\xa0\x80\\n\"", "\ufeff{}", `[[[[[[1]]]]]]`, `{"":""} x`, "\t\r\n[\t1\r,\n2 ] ",
}

func TestJSON(t *testing.T) {
	for _, s := range jsonTexts {
		compareJSON(t, s)
	}
	if _, ok := parseJSON(strings.Repeat("[", maxDepth+2) + strings.Repeat("]", maxDepth+2)); ok {
		t.Error("there is no end to how deep it goes")
	}
	if v, ok := parseJSON(strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)); !ok || v.kind != array {
		t.Error(strconv.Itoa(maxDepth) + " arrays are not nested too deep")
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range jsonTexts {
		f.Add(s)
	}
	f.Fuzz(compareJSON)
}
