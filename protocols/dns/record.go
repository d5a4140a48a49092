package dns

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Record is a resource record. Its name has no dot at the end, but the root is
// "."; bytes that can't be shown are written as RFC 1035 §5.1 has it ("\007").
type Record struct {
	Name  string
	Type  Type
	Class Class
	TTL   uint32 // seconds
	// Data is as it is sent, but that names in it are not compressed. Fields
	// and String show it.
	Data []byte
}

// Field is a part of a record's data: a number, a text or a list of texts.
// Names are without the dot at their end; bytes are in the form of zone files,
// but the bytes of a text are as they are.
type Field struct {
	Key    string // "priority", "exchange", …: see the layouts of types.go
	Form   Form
	Number uint32
	Text   string
	List   []string
}

// Form says which of a field's values counts.
type Form uint8

const (
	Number Form = iota
	Text
	List
)

// Fields takes the data apart. Data of a type that is not known, or that is not
// what its type says, is one field "data" in hexadecimal.
func (record *Record) Fields() []Field {
	layout := fieldsOf(record.Type)
	if record.Class != ClassIN {
		layout = nil
	}
	r := reader{message: record.Data}
	fields := make([]Field, 0, len(layout))
	for _, f := range layout {
		fields = append(fields, r.field(f, false))
	}
	if layout == nil || r.err != nil || r.at != len(record.Data) {
		return []Field{{Key: "data", Form: Text, Text: hex.EncodeToString(record.Data)}}
	}
	return fields
}

// String is the record as a line of a zone file (RFC 1035 §5.1), with absolute
// names; data that is not known is written as RFC 3597 §5 has it.
func (record *Record) String() string {
	line := absolute(record.Name) + " " + strconv.FormatUint(uint64(record.TTL), 10) + " " + record.Class.String() + " " + record.Type.String()
	if data := record.Presentation(); data != "" {
		line += " " + data
	}
	return line
}

// Presentation is the data as zone files have it.
func (record *Record) Presentation() string {
	layout := fieldsOf(record.Type)
	if record.Class != ClassIN {
		layout = nil
	}
	r := reader{message: record.Data}
	var parts []string
	for _, f := range layout {
		v := r.field(f, true)
		switch v.Form {
		case Number:
			parts = append(parts, strconv.FormatUint(uint64(v.Number), 10))
		case Text:
			parts = append(parts, v.Text)
		case List:
			parts = append(parts, v.List...)
		}
	}
	if layout == nil || r.err != nil || r.at != len(record.Data) {
		text := `\# ` + strconv.Itoa(len(record.Data))
		if len(record.Data) > 0 {
			text += " " + strings.ToUpper(hex.EncodeToString(record.Data))
		}
		return text
	}
	return strings.Join(parts, " ")
}

var base32Hex = base32.HexEncoding.WithPadding(base32.NoPadding)

// field reads a part of data: as zone files have it, or as apps do.
func (r *reader) field(f field, zone bool) Field {
	v := Field{Key: f.key, Form: Text}
	quoted := func(b []byte) string {
		if !zone {
			return string(b)
		}
		return string(append(appendEscaped([]byte{'"'}, b, `"\`), '"'))
	}
	switch f.kind {
	case u8:
		v.Form, v.Number = Number, uint32(r.u8())
	case u16:
		v.Form, v.Number = Number, uint32(r.u16())
	case u32:
		v.Form, v.Number = Number, r.u32()
	case seconds:
		v.Text = instant(r.u32())
	case rrType:
		v.Text = Type(r.u16()).String()
	case domain:
		if wire := r.name(nil); r.err == nil {
			if v.Text = nameText(wire); zone {
				v.Text = absolute(v.Text)
			}
		}
	case ip4, ip6:
		size := 4
		if f.kind == ip6 {
			size = 16
		}
		if a, ok := netip.AddrFromSlice(r.bytes(size)); ok {
			v.Text = a.String()
		}
	case tag:
		v.Text = string(r.bytes(int(r.u8())))
		for i := range len(v.Text) {
			if c := v.Text[i]; c <= ' ' || c > '~' || strings.IndexByte(specials, c) >= 0 {
				r.err = errShort // can't be shown without quotes
			}
		}
		if v.Text == "" {
			r.err = errShort
		}
	case charString:
		v.Text = quoted(r.bytes(int(r.u8())))
	case charStrings:
		v.Form = List
		for first := true; first || r.at < len(r.message) && r.err == nil; first = false {
			v.List = append(v.List, quoted(r.bytes(int(r.u8()))))
		}
	case longString:
		v.Text = quoted(r.rest())
	case hexBytes:
		v.Text = strings.ToUpper(hex.EncodeToString(r.rest()))
	case base64Bytes:
		v.Text = base64.StdEncoding.EncodeToString(r.rest())
	case saltBytes:
		v.Text = strings.ToUpper(hex.EncodeToString(r.bytes(int(r.u8()))))
		if v.Text == "" && zone {
			v.Text = "-"
		}
	case hashBytes:
		if v.Text = base32Hex.EncodeToString(r.bytes(int(r.u8()))); v.Text == "" {
			r.err = errShort
		}
	case typeBitmap:
		v.Form = List
		for _, t := range r.types() {
			v.List = append(v.List, t.String())
		}
	case svcParams:
		v.Form = List
		for _, p := range r.params() {
			v.List = append(v.List, p.show(zone))
		}
	case location:
		v.Text = r.location()
	}
	return v
}

// instant writes seconds since 1970, which wrap around in 2106, as RFC 4034
// §3.2 has it.
func instant(s uint32) string {
	return time.Unix(int64(s), 0).UTC().Format("20060102150405")
}

// types reads a bitmap of types (RFC 4034 §4.1.2), of which there is one way to
// write it.
func (r *reader) types() (list []Type) {
	for last := -1; r.at < len(r.message) && r.err == nil; {
		window := int(r.u8())
		bits := r.bytes(int(r.u8()))
		if len(bits) < 1 || len(bits) > 32 || bits[len(bits)-1] == 0 || window <= last {
			r.err = errShort
			return nil
		}
		last = window
		for i, b := range bits {
			for bit := range 8 {
				if b&(0x80>>bit) != 0 {
					list = append(list, Type(window<<8|i<<3|bit))
				}
			}
		}
	}
	return list
}

// SvcParam is a parameter of a service binding.
type SvcParam struct {
	Key   uint16
	Value []byte // as it came
}

// params reads parameters, whose keys have to rise.
func (r *reader) params() (list []SvcParam) {
	for last := -1; r.at < len(r.message) && r.err == nil; {
		key := r.u16()
		value := r.bytes(int(r.u16()))
		if r.err == nil && int(key) <= last {
			r.err = errShort
		}
		last = int(key)
		list = append(list, SvcParam{key, value})
	}
	return list
}

var svcKeys = [...]string{"mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath", "ohttp"}

func svcKey(k uint16) string {
	if int(k) < len(svcKeys) {
		return svcKeys[k]
	}
	return "key" + strconv.Itoa(int(k))
}

// String is the parameter without quotes, such as "alpn=h2,h3".
func (p SvcParam) String() string { return p.show(false) }

// show writes the parameter, as zone files have it or as apps do. A value that
// does not fit its key is written as bytes, under the key's number.
func (p SvcParam) show(zone bool) string {
	key := svcKey(p.Key)
	if len(p.Value) == 0 {
		return key
	}
	v, ok := p.text()
	quoted := key == "alpn" || key == "dohpath"
	if !ok {
		key, v, quoted = "key"+strconv.Itoa(int(p.Key)), string(p.Value), true
	}
	switch {
	case zone && quoted:
		v = string(append(appendEscaped([]byte{'"'}, []byte(v), `"\`), '"'))
	case !ok:
		// Without quotes nobody could tell where such bytes end.
		v = string(appendEscaped(nil, p.Value, specials))
	}
	return key + "=" + v
}

// text is a value that fits its key. In the values of a list a comma is quoted
// with a backslash, and so is the backslash (RFC 9460 §A.1).
func (p SvcParam) text() (string, bool) {
	var list []string
	v := p.Value
	switch svcKey(p.Key) {
	case "mandatory":
		for ; len(v) >= 2; v = v[2:] {
			list = append(list, svcKey(binary.BigEndian.Uint16(v)))
		}
		return strings.Join(list, ","), len(v) == 0
	case "alpn":
		for len(v) > 0 {
			n := int(v[0])
			if n == 0 || len(v) < 1+n {
				return "", false
			}
			list = append(list, strings.NewReplacer(`\`, `\\`, `,`, `\,`).Replace(string(v[1:1+n])))
			v = v[1+n:]
		}
		return strings.Join(list, ","), true
	case "port":
		if len(v) != 2 {
			return "", false
		}
		return strconv.Itoa(int(binary.BigEndian.Uint16(v))), true
	case "ipv4hint", "ipv6hint":
		size := 4
		if svcKey(p.Key) == "ipv6hint" {
			size = 16
		}
		for ; len(v) >= size; v = v[size:] {
			a, _ := netip.AddrFromSlice(v[:size])
			list = append(list, a.String())
		}
		return strings.Join(list, ","), len(v) == 0
	case "ech":
		return base64.StdEncoding.EncodeToString(v), true
	case "dohpath":
		return string(v), true
	}
	return "", false
}

// location writes the data of LOC (RFC 1876 §3).
func (r *reader) location() string {
	version := r.u8()
	size, horizontal, vertical := r.u8(), r.u8(), r.u8()
	latitude, longitude, altitude := r.u32(), r.u32(), r.u32()
	if r.err != nil {
		return ""
	}
	angle := func(v uint32, positive, negative string, most int64) string {
		n := int64(v) - 1<<31
		side := positive
		if n < 0 {
			n, side = -n, negative
		}
		if n > most*3600000 {
			r.err = errShort
		}
		s := strconv.FormatInt
		return s(n/3600000, 10) + " " + s(n/60000%60, 10) + " " + decimal(n%60000, 3) + " " + side
	}
	precision := func(b uint8) string {
		if b>>4 > 9 || b&15 > 9 || b != 0 && b>>4 == 0 {
			r.err = errShort
		}
		n := int64(b >> 4)
		for range b & 15 {
			n *= 10
		}
		return decimal(n, 2) + "m"
	}
	if version != 0 {
		r.err = errShort
	}
	return angle(latitude, "N", "S", 90) + " " + angle(longitude, "E", "W", 180) + " " + decimal(int64(altitude)-10000000, 2) + "m " +
		precision(size) + " " + precision(horizontal) + " " + precision(vertical)
}

// decimal writes n with that many of its digits after the point.
func decimal(n int64, places int) string {
	sign := ""
	if n < 0 {
		n, sign = -n, "-"
	}
	s := strconv.FormatInt(n, 10)
	if len(s) <= places {
		s = strings.Repeat("0", places+1-len(s)) + s
	}
	return sign + s[:len(s)-places] + "." + s[len(s)-places:]
}
