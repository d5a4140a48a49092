package call

import (
	"strconv"
	"time"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/iso8601"
)

// Args are the arguments of a call: one JSON object. The getters record the
// first thing that is wrong, which Err then names.
type Args struct {
	v   *value
	err error
}

func parseArgs(text string) (*Args, error) {
	v, ok := parseJSON(text)
	if !ok || v.kind != object {
		return nil, coded.New(coded.EINVAL, "", "", nil)
	}
	return &Args{v: &v}, nil
}

// Err is an EINVAL that names the first argument that was missing or of the
// wrong type, or nil.
func (a *Args) Err() error { return a.err }

func (a *Args) get(name string, want valueKind) *value {
	v := a.v.get(name)
	if v == nil || v.kind == null {
		return nil
	}
	if v.kind != want {
		a.Invalid(name, "must be a "+want.String())
		return nil
	}
	return v
}

// Invalid records that an argument is wrong, and why.
func (a *Args) Invalid(name, why string) {
	if a.err == nil {
		a.err = coded.New(coded.EINVAL, "", "The option "+strconv.Quote(name)+" "+why+".", nil)
	}
}

// Has reports whether the argument was given, and not as null.
//
//go:noinline
func (a *Args) Has(name string) bool {
	v := a.v.get(name)
	return v != nil && v.kind != null
}

// IsNull reports whether the argument was given as null.
func (a *Args) IsNull(name string) bool {
	v := a.v.get(name)
	return v != nil && v.kind == null
}

// Adopt records what is wrong in b, arguments inside these, here.
//
//go:noinline
func (a *Args) Adopt(b *Args) {
	if a.err == nil {
		a.err = b.err
	}
}

// String is "" where the argument was not given.
//
//go:noinline
func (a *Args) String(name string) string {
	if v := a.get(name, text); v != nil {
		return v.text
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
	v := a.get(name, number)
	if v == nil {
		return 0
	}
	n, err := strconv.ParseInt(v.text, 10, 64)
	if err != nil || n < low || n > high {
		a.Invalid(name, "must be a whole number from "+strconv.FormatInt(low, 10)+" to "+strconv.FormatInt(high, 10))
		return 0
	}
	return n
}

// Bool is false where the argument was not given.
func (a *Args) Bool(name string) bool {
	v := a.v.get(name)
	switch {
	case v == nil || v.kind == null || v.kind == no:
		return false
	case v.kind == yes:
		return true
	}
	a.Invalid(name, "must be a boolean")
	return false
}

// Strings is nil where the argument was not given.
func (a *Args) Strings(name string) []string {
	v := a.get(name, array)
	if v == nil {
		return nil
	}
	var list []string
	for _, item := range v.items {
		if item.kind != text {
			a.Invalid(name, "must hold strings only")
			return nil
		}
		list = append(list, item.text)
	}
	return list
}

// Ints is nil where the argument was not given; what is not a whole number
// between low and high is recorded as wrong.
func (a *Args) Ints(name string, low, high int64) []int {
	v := a.get(name, array)
	if v == nil {
		return nil
	}
	var list []int
	for _, item := range v.items {
		n, err := strconv.ParseInt(item.text, 10, 64)
		if item.kind != number || err != nil || n < low || n > high {
			a.Invalid(name, "must hold whole numbers from "+strconv.FormatInt(low, 10)+" to "+strconv.FormatInt(high, 10))
			return nil
		}
		list = append(list, int(n))
	}
	return list
}

// StringsOrTrue is an argument that is a list or true, which stands for the
// empty list; nil where it was not given or is false.
func (a *Args) StringsOrTrue(name string) *[]string {
	if v := a.v.get(name); v != nil {
		switch v.kind {
		case null, no:
			return nil
		case yes:
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
	if v := a.get(name, object); v != nil {
		return &Args{v: v}
	}
	return &Args{v: emptyObject}
}

var emptyObject = &value{kind: object}

// Objects is an array of objects; nil where the argument was not given.
func (a *Args) Objects(name string) []*Args {
	v := a.get(name, array)
	if v == nil {
		return nil
	}
	var list []*Args
	for i, item := range v.items {
		if item.kind != object {
			a.Invalid(name, "must hold objects only")
			return nil
		}
		list = append(list, &Args{v: &v.items[i]})
	}
	return list
}

// Each calls f with every member of the object whose value is a string.
func (a *Args) Each(f func(name, value string)) {
	for i := range a.v.members {
		m := &a.v.members[i]
		if m.value.kind != text {
			a.Invalid(m.name, "must be a string")
			return
		}
		f(m.name, m.value.text)
	}
}

// Time reads an ISO 8601 instant; the zero time where it was not given.
func (a *Args) Time(name string) time.Time {
	s := a.String(name)
	if s == "" {
		return time.Time{}
	}
	if t, ok := iso8601.Parse(s); ok {
		return t
	}
	a.Invalid(name, "must be a date in ISO 8601 form")
	return time.Time{}
}
