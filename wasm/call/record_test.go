package call

import (
	"encoding/json"
	"testing"
	"time"
)

func TestRecordIsTheJSONThatWasMeant(t *testing.T) {
	var r Record
	r.Object(func() {
		r.Key("text").String("a\"b\\c\n\r\t\x00\x1f é 漢 😀 \xff\xfe end")
		r.Key("list").Strings([]string{"", "x"})
		r.Key("none").Strings(nil)
		r.Key("n").Int(-1 << 52)
		r.Key("ms").Milliseconds(1500 * time.Microsecond)
		r.Key("yes").Bool(true)
		r.Key("null").Null()
		r.Key("when").Time(time.Date(2026, 11, 22, 9, 8, 7, 6_000_000, time.FixedZone("", 3600)))
		r.Key("in").Object(func() { r.Key("a").Array(func() { r.Int(1); r.Object(func() {}); r.Int(2) }) })
	})
	var got map[string]any
	if err := json.Unmarshal(r.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, r.Bytes())
	}
	want := `{"in":{"a":[1,{},2]},"list":["","x"],"ms":1.5,"n":-4503599627370496,"none":[],"null":null,` +
		`"text":"a\"b\\c\n\r\t\u0000\u001f é 漢 😀 ` + "\ufffd\ufffd" + ` end","when":"2026-11-22T08:08:07.006Z","yes":true}`
	var wanted map[string]any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(wanted)
	if string(a) != string(b) {
		t.Errorf("got  %s\nwant %s", a, b)
	}
}

func TestRecordReset(t *testing.T) {
	var r Record
	r.String("x")
	r.Reset()
	r.Array(func() { r.Bool(false) })
	if got := string(r.Bytes()); got != "[false]" {
		t.Errorf("after Reset: %s", got)
	}
}

func FuzzRecordString(f *testing.F) {
	f.Add("plain")
	f.Add("\x00\"\\\u2028\xff\xc3")
	f.Fuzz(func(t *testing.T, s string) {
		var r Record
		r.String(s)
		var back string
		if err := json.Unmarshal(r.Bytes(), &back); err != nil {
			t.Fatalf("%q became %s: %v", s, r.Bytes(), err)
		}
	})
}
