package call

import (
	"fmt"
	"time"

	"github.com/valyala/fastjson"

	"kaiwire/protocols/coded"
)

// Args are the arguments of a call: one JSON object. The getters record the
// first thing that is wrong, which Err then names.
type Args struct {
	v   *fastjson.Value
	err error
}

func parseArgs(text string) (*Args, error) {
	v, err := fastjson.Parse(text)
	if err != nil {
		return nil, coded.New(coded.EINVAL, "", "", err)
	}
	return &Args{v: v}, nil
}

// Err is an EINVAL that names the first argument that was missing or of the
// wrong type, or nil.
func (a *Args) Err() error { return a.err }

func (a *Args) get(name string, want fastjson.Type) *fastjson.Value {
	v := a.v.Get(name)
	if v == nil || v.Type() == fastjson.TypeNull {
		return nil
	}
	if v.Type() != want {
		a.Invalid(name, "must be a "+typeName(want))
		return nil
	}
	return v
}

func typeName(t fastjson.Type) string {
	if t == fastjson.TypeTrue {
		return "boolean"
	}
	return t.String()
}

// Invalid records that an argument is wrong, and why.
func (a *Args) Invalid(name, why string) {
	if a.err == nil {
		a.err = coded.New(coded.EINVAL, "", fmt.Sprintf("The option %q %s.", name, why), nil)
	}
}

// Has reports whether the argument was given, and not as null.
func (a *Args) Has(name string) bool {
	v := a.v.Get(name)
	return v != nil && v.Type() != fastjson.TypeNull
}

// IsNull reports whether the argument was given as null.
func (a *Args) IsNull(name string) bool {
	v := a.v.Get(name)
	return v != nil && v.Type() == fastjson.TypeNull
}

// Adopt records what is wrong in b, arguments inside these, here.
func (a *Args) Adopt(b *Args) {
	if a.err == nil {
		a.err = b.err
	}
}

// String is "" where the argument was not given.
func (a *Args) String(name string) string {
	if v := a.get(name, fastjson.TypeString); v != nil {
		return string(v.GetStringBytes())
	}
	return ""
}

// Required is String for an argument that must be there and not be empty.
func (a *Args) Required(name string) string {
	s := a.String(name)
	if s == "" {
		a.Invalid(name, "is missing")
	}
	return s
}

// Int is 0 where the argument was not given; what is not a whole number
// between low and high is recorded as wrong.
func (a *Args) Int(name string, low, high int64) int64 {
	v := a.get(name, fastjson.TypeNumber)
	if v == nil {
		return 0
	}
	n, err := v.Int64()
	if err != nil || n < low || n > high {
		a.Invalid(name, fmt.Sprintf("must be a whole number from %d to %d", low, high))
		return 0
	}
	return n
}

// Bool is false where the argument was not given.
func (a *Args) Bool(name string) bool {
	v := a.v.Get(name)
	switch {
	case v == nil || v.Type() == fastjson.TypeNull || v.Type() == fastjson.TypeFalse:
		return false
	case v.Type() == fastjson.TypeTrue:
		return true
	}
	a.Invalid(name, "must be a boolean")
	return false
}

// Strings is nil where the argument was not given.
func (a *Args) Strings(name string) []string {
	v := a.get(name, fastjson.TypeArray)
	if v == nil {
		return nil
	}
	var list []string
	for _, item := range v.GetArray() {
		if item.Type() != fastjson.TypeString {
			a.Invalid(name, "must hold strings only")
			return nil
		}
		list = append(list, string(item.GetStringBytes()))
	}
	return list
}

// StringsOrTrue is an argument that is a list or true, which stands for the
// empty list; nil where it was not given or is false.
func (a *Args) StringsOrTrue(name string) *[]string {
	if v := a.v.Get(name); v != nil {
		switch v.Type() {
		case fastjson.TypeNull, fastjson.TypeFalse:
			return nil
		case fastjson.TypeTrue:
			return &[]string{}
		}
		list := a.Strings(name)
		return &list
	}
	return nil
}

// Object is the argument as arguments of its own; where it was not given, an
// empty object. What is wrong in it is recorded there: see Adopt.
func (a *Args) Object(name string) *Args {
	if v := a.get(name, fastjson.TypeObject); v != nil {
		return &Args{v: v}
	}
	return &Args{v: emptyObject}
}

var emptyObject = fastjson.MustParse("{}")

// Objects is an array of objects; nil where the argument was not given.
func (a *Args) Objects(name string) []*Args {
	v := a.get(name, fastjson.TypeArray)
	if v == nil {
		return nil
	}
	var list []*Args
	for _, item := range v.GetArray() {
		if item.Type() != fastjson.TypeObject {
			a.Invalid(name, "must hold objects only")
			return nil
		}
		list = append(list, &Args{v: item})
	}
	return list
}

// Each calls f with every member of the object whose value is a string.
func (a *Args) Each(f func(name, value string)) {
	o, err := a.v.Object()
	if err != nil {
		return
	}
	o.Visit(func(key []byte, v *fastjson.Value) {
		if v.Type() != fastjson.TypeString {
			a.Invalid(string(key), "must be a string")
			return
		}
		f(string(key), string(v.GetStringBytes()))
	})
}

// Time reads an ISO 8601 instant; the zero time where it was not given.
func (a *Args) Time(name string) time.Time {
	s := a.String(name)
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	a.Invalid(name, "must be a date in ISO 8601 form")
	return time.Time{}
}
