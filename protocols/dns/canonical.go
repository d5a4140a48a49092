package dns

// WireName is a name of a record as it is sent, in small letters: the form in
// which names are compared and signed (RFC 4034 §6.2). It fails with
// coded.EINVAL.
func WireName(name string) ([]byte, error) {
	wire, ok := zoneName(name)
	if !ok {
		return nil, invalid("This is no name.")
	}
	return LowerName(wire), nil
}

// NameText is the inverse of WireName.
func NameText(wire []byte) string { return nameText(wire) }

// CanonicalData is the data in the form in which it is signed: names in small
// letters, but for the types of later years (RFC 4034 §6.2, RFC 6840 §5.1).
func (record *Record) CanonicalData() []byte {
	switch record.Type {
	case TypeNS, TypeCNAME, TypeSOA, TypePTR, TypeMINFO, TypeMX, TypeRP, TypeAFSDB, TypeSRV, TypeNAPTR, TypeDNAME, TypeRRSIG:
	default:
		return record.Data
	}
	if record.Class != ClassIN {
		return record.Data
	}
	r := reader{message: record.Data}
	data := make([]byte, 0, len(record.Data))
	for _, f := range fieldsOf(record.Type) {
		before := r.at
		if f.kind == domain {
			data = append(data, LowerName(r.name(nil))...)
			continue
		}
		r.skip(f.kind)
		data = append(data, record.Data[before:r.at]...)
	}
	if r.err != nil || r.at != len(record.Data) {
		return record.Data
	}
	return data
}

// TypesOf is the bitmap at the end of the data of NSEC and NSEC3, which follows
// what has been read up to at.
func TypesOf(data []byte, at int) (types []Type, ok bool) {
	if at > len(data) {
		return nil, false
	}
	r := reader{message: data, at: at}
	types = r.types()
	return types, r.err == nil
}

// QuestionName is the name of a question as it is sent, in small letters. It
// takes what Query takes, and fails as that does.
func QuestionName(name string) ([]byte, error) {
	wire, err := parseName(name)
	if err != nil {
		return nil, err
	}
	return LowerName(wire), nil
}
