package dns

import (
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"
)

var askDig = flag.Bool("dig", false, "have dig write testdata/dig.txt anew")

const digFile = "testdata/dig.txt"

// digNames are the records of presentations, each with a name of its own.
func digNames(t *testing.T) (names []string, records map[string]*Record) {
	records = map[string]*Record{}
	for i, line := range presentations {
		record, err := ParseRecord(line)
		if err != nil {
			t.Fatal(err)
		}
		if record.Class == ClassIN {
			name := fmt.Sprintf("r%d.example.", i)
			if record.Type == TypeNSEC3 { // dig wants a hash there
				name = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom." + name
			}
			record.Name = strings.TrimSuffix(name, ".")
			names, records[name] = append(names, name), record
		}
	}
	return names, records
}

// Each type is shown as dig shows it, which testdata/dig.txt holds: `go test
// -run TestDig -dig` asks an installed dig again.
func TestDig(t *testing.T) {
	names, records := digNames(t)
	if *askDig {
		refreshDig(t, names, records)
	}
	golden, err := os.ReadFile(digFile)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{}
	for line := range strings.Lines(string(golden)) {
		name, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		shown[name] = text
	}
	seen := map[Type]bool{}
	for _, name := range names {
		record := records[name]
		want, ok := shown[name]
		if !ok {
			t.Errorf("%v is not in %s", record, digFile)
		}
		seen[record.Type] = true
		if got := record.Type.String() + " " + record.Presentation(); alike(got) != alike(want) {
			t.Errorf("ours  %s\ndig’s %s", got, want)
		}
		// What dig shows can be read.
		if back, err := ParseRecord(name + " 300 IN " + want); err != nil || string(back.Data) != string(record.Data) {
			t.Errorf("dig’s %s is read as %v, %v", want, back, err)
		}
	}
	for i := range layouts {
		if l := &layouts[i]; l.fields != nil && !seen[l.t] {
			t.Errorf("no record of type %v was shown to dig", l.t)
		}
	}
}

// alike takes away what dig writes otherwise and means the same: quotes that
// need not be there, metres without centimetres, and keys of RFC 9461 by their
// number, which dig 9.18 does not know.
func alike(text string) string {
	text = regexp.MustCompile(`="([^" \\]*)"`).ReplaceAllString(text, "=$1")
	return strings.TrimSpace(strings.NewReplacer(".00m", "m", " key7=", " dohpath=").Replace(text))
}

// refreshDig puts up a server of the records and writes down what dig shows.
func refreshDig(t *testing.T, names []string, records map[string]*Record) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &miekg.Server{Listener: l, Handler: miekg.HandlerFunc(func(w miekg.ResponseWriter, q *miekg.Msg) {
		record := records[q.Question[0].Name]
		m := Message{ID: q.Id, Bits: BitResponse, Questions: []Question{{Name: record.Name, Type: record.Type, Class: record.Class}}, Answers: []Record{*record}}
		b, err := m.Append(nil)
		if err != nil {
			t.Error(err)
		}
		w.Write(b)
	})}
	go server.ActivateAndServe()
	defer server.Shutdown()
	var golden strings.Builder
	answer := regexp.MustCompile(`(?m)^\S+\s+300\s+IN\s+(\S+)[ \t]*(.*)$`)
	for _, name := range names {
		_, port, _ := net.SplitHostPort(l.Addr().String())
		out, err := exec.Command("dig", "@127.0.0.1", "-p", port, "+tcp", "+noall", "+answer", "+nosplit", "+noidnout", name, records[name].Type.String()).Output()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		found := answer.FindStringSubmatch(string(out))
		if found == nil {
			t.Fatalf("dig says of %v:\n%s", records[name], out)
		}
		fmt.Fprintf(&golden, "%s %s\n", name, strings.TrimSpace(found[1]+" "+found[2]))
	}
	if err := os.WriteFile(digFile, []byte(golden.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
