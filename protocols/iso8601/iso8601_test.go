package iso8601

import (
	"testing"
	"time"
)

// Package time is what Parse and Append are held against.

func TestParse(t *testing.T) {
	for _, s := range []string{
		"2026-11-22", "2026-11-22T09:30:00Z", "2026-11-22T09:30:00.25Z", "2026-11-22T09:30:00.123456789Z", "0001-01-01T00:00:00Z",
		"2024-02-29T23:59:59+05:30", "2026-12-31T23:00:00-08:00", "9999-12-31T23:59:59.999Z", "1969-12-31T23:59:59Z",
	} {
		layout := time.RFC3339
		if len(s) == len("2026-11-22") {
			layout = "2006-01-02"
		}
		want, err := time.Parse(layout, s)
		if got, ok := Parse(s); err != nil || !ok || !got.Equal(want) {
			t.Errorf("%s: %v, %v, want %v, %v", s, got, ok, want, err)
		}
	}
	if got, ok := Parse("2016-12-31T23:59:60Z"); !ok || got.Unix() != 1483228800 {
		t.Errorf("a leap second is %v, %v", got, ok)
	}
	for _, s := range []string{
		"", "2026", "2026-11", "2026-13-01", "2026-00-01", "2026-01-00", "2026-02-29", "2026-04-31", "2026-11-22T", "2026-11-22 09:30:00Z",
		"2026-11-22T09:30Z", "2026-11-22T09:30:00", "2026-11-22T24:00:00Z", "2026-11-22T09:60:00Z", "2026-11-22T09:30:61Z", "2026-11-22T09:30:00.Z",
		"2026-11-22T09:30:00.1234567891Z", "2026-11-22T09:30:00ZZ", "2026-11-22T09:30:00+0530", "2026-11-22T09:30:00+24:00", "2026-11-22T09:30:00+05:60",
		"2026-11-22T09:30:00z", "+026-11-22", "2026-1a-22", "yesterday",
	} {
		if got, ok := Parse(s); ok {
			t.Errorf("%q is %v", s, got)
		}
	}
}

func TestEveryDay(t *testing.T) {
	for at := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() <= 9999; at = at.AddDate(0, 0, 1) {
		if got, ok := exact(at.Year(), int(at.Month()), at.Day(), 0, 0, 0, 0, 0); !ok || got != at {
			t.Fatalf("%v, %v, want %v", got, ok, at)
		}
		if last := at.AddDate(0, 0, 1).Day() == 1; last {
			if got, ok := exact(at.Year(), int(at.Month()), at.Day()+1, 0, 0, 0, 0, 0); ok {
				t.Fatalf("the day after %v is %v", at, got)
			}
		}
	}
}

func TestAppend(t *testing.T) {
	zone := time.FixedZone("", 5*3600+1800)
	for _, at := range []time.Time{
		{}, time.Unix(0, 0), time.Unix(1_800_000_000, 999_999_999), time.Date(2026, 11, 22, 3, 4, 5, 6_000_000, zone), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	} {
		if got, want := Format(at), at.UTC().Format(Layout); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if got := Format(time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)); got != "9999-01-01T00:00:00.000Z" {
		t.Errorf("beyond four digits: %s", got)
	}
	if n := testing.AllocsPerRun(100, func() { Append(make([]byte, 0, 32), time.Unix(0, 0)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"2026-11-22", "2026-11-22T09:30:00.25Z", "2026-11-22T09:30:00-08:00", "2016-12-31T23:59:60Z", "2026-11-22T09:30:00.250Z",
		"2016-12-31T23:59:60.000Z", "2026-11-22T09:30:00.0001Z", "2026-11-22T09:30:00+00:0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, ok := Parse(s)
		if !ok {
			return
		}
		if year := at.Year(); year < 0 || year > 9999 {
			return // an offset has led out of what can be written
		}
		if same := Format(at) == s; IsFormat(s) != same {
			t.Fatalf("%q is as it is written: %v", s, same)
		}
		again, ok := Parse(Format(at))
		if !ok || !again.Equal(at.Truncate(time.Millisecond)) {
			t.Fatalf("%q is %v, and then %v", s, at, again)
		}
	})
}
