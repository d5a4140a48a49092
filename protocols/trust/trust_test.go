package trust

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	"kaiwire/protocols/imap"
	"kaiwire/protocols/protocoltest"
	"kaiwire/protocols/sasl"
)

// connect makes a connection, checks that it carries data, and returns its
// state; or the error.
func connect(t testing.TB, d *Dialer, address string) (tls.ConnectionState, error) {
	t.Helper()
	c, err := d.DialTLSContext(within(t, 20*time.Second), "tcp", address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	if line, err := bufio.NewReader(c).ReadString('\n'); line != "hello\n" {
		t.Errorf("read %q, %v", line, err)
	}
	return c.(*conn).secured.Load().ConnectionState(), nil
}

var codes = map[Cause]coded.Code{
	Expired: coded.ECERT_EXPIRED, NotYetValid: coded.ECERT_NOT_YET_VALID, Clock: coded.ECERT_CLOCK, WrongHost: coded.ECERT_HOST,
	SelfSigned: coded.ECERT_UNTRUSTED, UnknownRoot: coded.ECERT_UNTRUSTED, ExpiredRoot: coded.ECERT_UNTRUSTED,
	IncompleteChain: coded.ECERT_UNTRUSTED, Invalid: coded.ECERT_UNTRUSTED,
	Unpinned: coded.ECERT_PIN, Changed: coded.ECERT_PIN,
}

func TestVerdicts(t *testing.T) {
	var none *signer
	root := none.sign(t, "Test Root", ca)
	between := root.sign(t, "Test Intermediate", ca)
	stranger := none.sign(t, "Strange Root", ca)
	oldRoot := none.sign(t, "Old Root", func(c *x509.Certificate) { ca(c); c.NotAfter = today.Add(-day) })
	oldBetween := root.sign(t, "Old Intermediate", func(c *x509.Certificate) { ca(c); c.NotAfter = today.Add(-day) })
	freshBetween := root.sign(t, "Fresh Intermediate", func(c *x509.Certificate) { ca(c); c.NotBefore = today.Add(day) })
	dst := none.sign(t, "", func(c *x509.Certificate) {
		ca(c)
		c.Subject.Organization, c.Subject.CommonName = []string{"Digital Signature Trust Co."}, "DST Root CA X3"
		c.NotAfter = time.Date(2021, 9, 30, 14, 1, 15, 0, time.UTC)
	})
	crossed := dst.sign(t, "Crossed Root", ca)
	young := none.sign(t, "Young Root", func(c *x509.Certificate) { ca(c); c.NotBefore = today.Add(-40 * day) })
	impostor := none.sign(t, "Strange Root", func(c *x509.Certificate) { ca(c); c.NotAfter = today.Add(-day) })
	fetchable := func(c *x509.Certificate) {
		server(c)
		c.IssuingCertificateURL = []string{"http://ca.example/intermediate.der"}
	}
	dated := func(from, to time.Duration) func(c *x509.Certificate) {
		return func(c *x509.Certificate) {
			server(c)
			c.NotBefore, c.NotAfter = today.Add(from), today.Add(to)
		}
	}
	good := between.sign(t, host, server).with(between)
	alone := none.sign(t, host, server)
	other := none.sign(t, host, server)

	for name, test := range map[string]struct {
		server  *signer
		host    string // default host
		roots   string // default root
		pins    []*signer
		known   *signer
		now     time.Time
		cause   Cause // "" for accepted
		culprit string
	}{
		"good":                       {server: good},
		"good by address":            {server: good, host: "127.0.0.1"},
		"good, with its root":        {server: between.sign(t, host, server).with(between, root)},
		"good, in disorder":          {server: between.sign(t, host, server).with(stranger, root, between)},
		"expired":                    {server: between.sign(t, host, dated(-60*day, -day)).with(between), cause: Expired},
		"not yet valid":              {server: between.sign(t, host, dated(day, 60*day)).with(between), cause: NotYetValid},
		"wrong host":                 {server: good, host: "mail.example", cause: WrongHost},
		"wrong address":              {server: good, host: "127.0.0.2", cause: WrongHost},
		"wrong host, and expired":    {server: between.sign(t, host, dated(-60*day, -day)).with(between), host: "mail.example", cause: WrongHost},
		"self-signed":                {server: alone, cause: SelfSigned},
		"self-signed, and expired":   {server: none.sign(t, host, dated(-60*day, -day)), cause: SelfSigned},
		"unknown root":               {server: stranger.sign(t, host, server), cause: UnknownRoot, culprit: "Strange Root"},
		"unknown root, presented":    {server: stranger.sign(t, host, server).with(stranger), cause: UnknownRoot, culprit: "Strange Root"},
		"unknown root, and impostor": {server: stranger.sign(t, host, server).with(impostor), cause: UnknownRoot, culprit: "Strange Root"},
		"incomplete chain":           {server: between.sign(t, host, fetchable), cause: IncompleteChain, culprit: "Test Intermediate"},
		"expired root, presented":    {server: oldRoot.sign(t, host, server).with(oldRoot), cause: ExpiredRoot, culprit: "Old Root"},
		"expired root, trusted":      {server: oldRoot.sign(t, host, server), roots: oldRoot.pem(), cause: ExpiredRoot, culprit: "Old Root"},
		"expired root, by name":      {server: crossed.sign(t, host, server).with(crossed), cause: ExpiredRoot, culprit: "DST Root CA X3"},
		"expired intermediate":       {server: oldBetween.sign(t, host, server).with(oldBetween), cause: Expired, culprit: "Old Intermediate"},
		"future intermediate":        {server: freshBetween.sign(t, host, server).with(freshBetween), cause: NotYetValid, culprit: "Fresh Intermediate"},
		"not for servers": {server: between.sign(t, host, func(c *x509.Certificate) {
			server(c)
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}).with(between), cause: Invalid},

		"clock at 1980":             {server: good, now: time.Date(1980, 1, 6, 0, 0, 0, 0, time.UTC), cause: Clock},
		"clock before the build":    {server: good, now: bundled.Add(-day), cause: Clock},
		"clock before the root":     {server: young.sign(t, host, server), roots: young.pem(), now: young.cert.NotBefore.Add(-day), cause: Clock},
		"clock after the root":      {server: young.sign(t, host, server), roots: young.pem(), now: young.cert.NotBefore.Add(day), cause: NotYetValid},
		"clock far ahead":           {server: good, now: bundled.Add(lifetime + day), cause: Clock},
		"clock wrong, not trusted":  {server: alone, now: time.Date(1980, 1, 6, 0, 0, 0, 0, time.UTC), cause: SelfSigned},
		"clock wrong, another host": {server: good, host: "mail.example", now: time.Date(1980, 1, 6, 0, 0, 0, 0, time.UTC), cause: WrongHost},

		"pin of the server":       {server: good, pins: []*signer{stranger, good}},
		"pin of the intermediate": {server: good, pins: []*signer{between}},
		"pin of the root":         {server: good, pins: []*signer{root}},
		"pin of a root in vain":   {server: between.sign(t, host, server).with(between, stranger), pins: []*signer{stranger}, cause: Unpinned},
		"wrong pin":               {server: good, pins: []*signer{stranger}, cause: Unpinned},
		"right pin, not trusted":  {server: alone, pins: []*signer{alone}, cause: SelfSigned},
		"known":                   {server: alone, known: alone},
		"known, for another name": {server: alone, host: "mail.example", known: alone},
		"known, and out of date":  {server: alone, known: alone, now: today.Add(year)},
		"known, and pinned":       {server: alone, known: alone, pins: []*signer{alone}},
		"known, but not pinned":   {server: alone, known: alone, pins: []*signer{root}, cause: Unpinned},
		"changed":                 {server: other, known: alone, cause: Changed},
		"changed, but trusted":    {server: good, known: alone},
		"changed, expired":        {server: between.sign(t, host, dated(-60*day, -day)).with(between), known: alone, cause: Changed},
		"a long name": {server: stranger.sign(t, host, func(c *x509.Certificate) {
			server(c)
			c.DNSNames = slices.Repeat([]string{"a-name-that-is-not-short.example"}, 99)
		}), host: "mail.example", roots: stranger.pem(), cause: WrongHost},
		"an authority as the server": {server: none.sign(t, host, func(c *x509.Certificate) { ca(c); server(c) }), cause: SelfSigned},
	} {
		t.Run(name, func(t *testing.T) {
			if test.host == "" {
				test.host = host
			}
			if test.roots == "" {
				test.roots = root.pem()
			}
			if test.now.IsZero() {
				test.now = today
			}
			address := net.JoinHostPort(test.host, listen(t, greets(test.server.tls())))
			c := Config{Roots: test.roots, Now: at(test.now)}
			for _, pin := range test.pins {
				c.Pins = append(c.Pins, keyOf(pin.cert))
			}
			if test.known != nil {
				c.Known = map[string]string{strings.ToUpper(address): keyOf(test.known.cert)}
			}
			_, err := connect(t, dialer(t, c), address)
			if test.cause == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var e *CertificateError
			if !errors.As(err, &e) {
				t.Fatalf("%v, want %s", err, test.cause)
			}
			if e.Cause != test.cause || e.Culprit != test.culprit {
				t.Errorf("%s %q, want %s %q: %v", e.Cause, e.Culprit, test.cause, test.culprit, err)
			}
			if e.Key() != keyOf(test.server.cert) {
				t.Error("the error has the key of another server")
			}
			if !errors.Is(err, dial.ErrCertificate) {
				t.Error("no dial.ErrCertificate")
			}
			if len(err.Error()) > 3*maxName {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			coded := coded.From(err, "imap")
			if coded.Code != codes[test.cause] || coded.Message == "" {
				t.Errorf("%+v", coded)
			}
		})
	}
}

// A public authority never issues a certificate for the future: where one
// seems to be, it is the clock.
func TestClockByPublicAuthority(t *testing.T) {
	root := (*signer)(nil).sign(t, "Public Root", ca)
	original := mozilla
	t.Cleanup(func() { mozilla = original })
	mozilla = func() map[string][]bundle.Root {
		return map[string][]bundle.Root{string(root.cert.RawSubject): {{Certificate: root.cert.Raw}}}
	}
	fresh := root.sign(t, host, func(c *x509.Certificate) {
		server(c)
		c.NotBefore = today.Add(2 * time.Hour)
	})
	_, err := connect(t, dialer(t, Config{}), net.JoinHostPort(host, listen(t, greets(fresh.tls()))))
	if coded.From(err, "").Code != coded.ECERT_CLOCK {
		t.Error(err)
	}
	good := root.sign(t, host, server)
	if _, err := connect(t, dialer(t, Config{}), net.JoinHostPort(host, listen(t, greets(good.tls())))); err != nil {
		t.Error("a root of Mozilla's is not found:", err)
	}
}

// A root that Mozilla trusts only for what it signed before a day.
func TestConstrainedRoot(t *testing.T) {
	root := (*signer)(nil).sign(t, "Distrusted Root", ca)
	original := mozilla
	t.Cleanup(func() { mozilla = original })
	mozilla = func() map[string][]bundle.Root {
		return map[string][]bundle.Root{string(root.cert.RawSubject): {{
			Certificate: root.cert.Raw,
			Constraint:  func([]*x509.Certificate) error { return errors.New("distrusted") },
		}}}
	}
	leaf := root.sign(t, host, server)
	_, err := connect(t, dialer(t, Config{}), net.JoinHostPort(host, listen(t, greets(leaf.tls()))))
	if coded.From(err, "").Code != coded.ECERT_UNTRUSTED {
		t.Error(err)
	}
}

// The index by subjects holds every root under the subject that x509 reads.
func TestMozillaIndex(t *testing.T) {
	count := 0
	for root := range bundle.Roots() {
		count++
		cert, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		if !isMozilla(cert) {
			t.Errorf("%s is not found", cert.Subject)
		}
		child := &x509.Certificate{RawIssuer: cert.RawSubject}
		if (&Dialer{}).pool([]*x509.Certificate{child}).Equal(x509.NewCertPool()) {
			t.Errorf("%s is in no pool", cert.Subject)
		}
	}
	if count < 100 {
		t.Errorf("%d roots", count)
	}
	for _, der := range [][]byte{nil, {0x30}, {0x30, 3, 0x30, 1, 2}, {0x30, 4, 0x30, 2, 2, 0}} {
		if rawSubject(der) != nil {
			t.Errorf("% x has a subject", der)
		}
	}
}

// bundled is the date of the module that the roots come from.
func TestBundledDate(t *testing.T) {
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`x509roots/fallback v0\.0\.0-(\d{8})`).FindSubmatch(text)
	if version == nil || string(version[1]) != bundled.Format("20060102") {
		t.Errorf("bundled is %s, go.mod has %s", bundled.Format(time.DateOnly), version)
	}
}

func BenchmarkRoots(b *testing.B) {
	b.Run("index", func(b *testing.B) {
		for b.Loop() {
			for root := range bundle.Roots() {
				rawSubject(root.Certificate)
			}
		}
	})
	b.Run("parse all", func(b *testing.B) {
		for b.Loop() {
			for root := range bundle.Roots() {
				x509.ParseCertificate(root.Certificate)
			}
		}
	})
	var one *x509.Certificate
	for root := range bundle.Roots() {
		one, _ = x509.ParseCertificate(root.Certificate)
		break
	}
	b.Run("pool of one chain", func(b *testing.B) {
		d := &Dialer{}
		for b.Loop() {
			d.pool([]*x509.Certificate{one})
		}
	})
}

func TestConfig(t *testing.T) {
	root := (*signer)(nil).sign(t, "Test Root", ca)
	key := keyOf(root.cert)
	for name, c := range map[string]Config{
		"roots that are no PEM":        {Roots: "no certificate"},
		"a root that is cut":           {Roots: root.pem()[:200]},
		"a second root that is cut":    {Roots: root.pem() + root.pem()[:200]},
		"a root that can't be read":    {Roots: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
		"a key among the roots":        {Roots: root.pem() + "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"},
		"a pin that is short":          {Pins: []string{"AAAA"}},
		"a pin that is no base64":      {Pins: []string{strings.Repeat("!", 44)}},
		"a pin with the header's word": {Pins: []string{"sha256/" + key}},
		"a pin with a line break":      {Pins: []string{key[:43] + "\n" + key[43:]}},
		"a known server with no port":  {Known: map[string]string{host: key}},
		"a known server with no key":   {Known: map[string]string{host + ":993": ""}},
	} {
		if _, err := New(local{}, c); coded.From(err, "").Code != coded.EINVAL {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(local{}, Config{Roots: "# a comment\n" + root.pem() + "\n" + root.pem() + "\n\n", Pins: []string{key}}); err != nil {
		t.Error(err)
	}
	d := dialer(t, Config{})
	for _, name := range []string{"", "münchen.example"} {
		// Nobody is dialed for it.
		if _, err := d.DialTLSContext(within(t, time.Second), "tcp", name+":1"); coded.From(err, "").Code != coded.EINVAL {
			t.Error(err)
		}
		c, err := d.DialContext(within(t, time.Second), "tcp", net.JoinHostPort(host, listen(t, echo)))
		if err != nil {
			t.Fatal(err)
		}
		if err := dial.Upgrade(within(t, time.Second), c, name); coded.From(err, "").Code != coded.EINVAL {
			t.Error(err)
		}
	}
	if _, err := d.DialTLSContext(within(t, time.Second), "tcp", "no port"); err == nil {
		t.Error("an address without a port was dialed")
	}
}

func TestResumption(t *testing.T) {
	root := (*signer)(nil).sign(t, "Test Root", ca)
	leaf := root.sign(t, host, server)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			config := leaf.tls()
			config.MaxVersion = version
			address := net.JoinHostPort(host, listen(t, greets(config)))
			now := today
			base := Config{Roots: root.pem(), Sessions: NewSessions(8), Now: func() time.Time { return now }}
			edited := func(edit func(c *Config)) Config { c := base; edit(&c); return c }
			resumes := func(c Config, want bool) {
				t.Helper()
				state, err := connect(t, dialer(t, c), address)
				if err != nil {
					t.Fatal(err)
				}
				if state.DidResume != want || state.Version != version {
					t.Errorf("resumed: %v, want %v; %s", state.DidResume, want, tls.VersionName(state.Version))
				}
			}
			resumes(base, false)
			resumes(base, true)
			resumes(edited(func(c *Config) { c.Sessions = NewSessions(8) }), false)
			resumes(edited(func(c *Config) { c.Pins = []string{keyOf(root.cert)} }), false)
			resumes(edited(func(c *Config) { c.Known = map[string]string{address: keyOf(leaf.cert)} }), false)
			resumes(edited(func(c *Config) { c.Known = map[string]string{address: keyOf(leaf.cert)} }), true)
			resumes(edited(func(c *Config) { c.Roots += (*signer)(nil).sign(t, "Another Root", ca).pem() }), false)

			// What the session was begun with is not what is trusted now.
			if _, err := connect(t, dialer(t, edited(func(c *Config) { c.Roots = "" })), address); coded.From(err, "").Code != coded.ECERT_UNTRUSTED {
				t.Error(err)
			}
			now = leaf.cert.NotBefore.Add(-day)
			if _, err := connect(t, dialer(t, base), address); coded.From(err, "").Code != coded.ECERT_NOT_YET_VALID {
				t.Error(err)
			}
			now = leaf.cert.NotAfter.Add(day)
			if _, err := connect(t, dialer(t, base), address); coded.From(err, "").Code != coded.ECERT_EXPIRED {
				t.Error(err)
			}
		})
	}
}

// The scope of a session has the host in it; should that fail, the name in the
// certificate still counts.
func TestResumptionByName(t *testing.T) {
	root := (*signer)(nil).sign(t, "Test Root", ca)
	leaf := root.sign(t, host, server)
	d := dialer(t, Config{Roots: root.pem()})
	if e := d.verify([]*x509.Certificate{leaf.cert}, host, "", true); e != nil {
		t.Error(e)
	}
	if e := d.verify([]*x509.Certificate{leaf.cert}, "mail.example", "", true); e == nil || e.Cause != WrongHost {
		t.Error(e)
	}
}

// A session is for a host and a port: crypto/tls by itself would take it for
// the name only.
func TestResumptionByPort(t *testing.T) {
	root := (*signer)(nil).sign(t, "Test Root", ca)
	config := root.sign(t, host, server).tls()
	serve := greets(config)
	one, two := listen(t, serve), listen(t, serve)
	d := dialer(t, Config{Roots: root.pem(), Sessions: NewSessions(8)})
	for i, port := range []string{one, two, one} {
		state, err := connect(t, d, net.JoinHostPort(host, port))
		if err != nil {
			t.Fatal(err)
		}
		if state.DidResume != (i == 2) {
			t.Errorf("connection %d: resumed: %v", i, state.DidResume)
		}
	}
}

// There is room for so many sessions and no more.
func TestSessionsAreBounded(t *testing.T) {
	s := NewSessions(2)
	states := map[string]*tls.ClientSessionState{}
	put := func(scope string) {
		states[scope] = &tls.ClientSessionState{}
		scoped{s, scope}.Put("", states[scope])
	}
	has := func(want ...string) {
		t.Helper()
		for _, scope := range []string{"a", "b", "c"} {
			state, ok := scoped{s, scope}.Get("")
			if ok != slices.Contains(want, scope) || ok && state != states[scope] {
				t.Errorf("%s: %v, want %q", scope, ok, want)
			}
		}
	}
	put("a")
	put("b")
	has("a", "b")
	put("a")
	put("c")
	has("a", "c")
	scoped{s, "a"}.Get("")
	put("b")
	has("a", "b")
	scoped{s, "a"}.Put("", nil)
	has("b")
}

func TestALPN(t *testing.T) {
	root := (*signer)(nil).sign(t, "Test Root", ca)
	config := root.sign(t, host, server).tls()
	config.NextProtos = []string{"imap", "other"}
	address := net.JoinHostPort(host, listen(t, greets(config)))
	state, err := connect(t, dialer(t, Config{Roots: root.pem(), NextProtos: []string{"other"}}), address)
	if err != nil || state.NegotiatedProtocol != "other" {
		t.Errorf("%q, %v", state.NegotiatedProtocol, err)
	}
	_, err = connect(t, dialer(t, Config{Roots: root.pem(), NextProtos: []string{"unheard-of"}}), address)
	if coded.From(err, "").Code != coded.ETLS {
		t.Error(err)
	}
}

// What is no TLS, or none that suits, and what the network does meanwhile.
func TestHandshakes(t *testing.T) {
	root := (*signer)(nil).sign(t, "Test Root", ca)
	leaf := root.sign(t, host, server)
	limited := func(version uint16) func(net.Conn) {
		config := leaf.tls()
		config.MinVersion, config.MaxVersion = tls.VersionTLS10, version
		return greets(config)
	}
	hello := func(c net.Conn) { c.Read(make([]byte, 1024)) }
	for name, test := range map[string]struct {
		serve  func(net.Conn)
		code   coded.Code
		notTLS bool
	}{
		"TLS 1.0 only":                  {limited(tls.VersionTLS10), coded.ETLS, false},
		"TLS 1.1 only":                  {limited(tls.VersionTLS11), coded.ETLS, false},
		"an old server hello":           {func(c net.Conn) { hello(c); c.Write(oldHello); hello(c) }, coded.ETLS, false},
		"plain text that speaks first":  {func(c net.Conn) { io.WriteString(c, "* OK ready\r\n"); echo(c) }, coded.ETLS, true},
		"plain text that answers":       {func(c net.Conn) { hello(c); io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n"); echo(c) }, coded.ETLS, true},
		"closes at once":                {func(net.Conn) {}, coded.ECONNRESET, false},
		"closes in the middle":          {func(c net.Conn) { hello(c); c.Write([]byte{22, 3, 3, 0, 100, 2, 0}) }, coded.ECONNRESET, false},
		"resets in the middle":          {func(c net.Conn) { hello(c); c.(*net.TCPConn).SetLinger(0) }, coded.ECONNRESET, false},
		"silent":                        {func(c net.Conn) { io.Copy(io.Discard, c) }, coded.ETIMEDOUT, false},
		"stops in the middle":           {func(c net.Conn) { c.Write([]byte{22, 3, 3, 0, 100, 2, 0}); io.Copy(io.Discard, c) }, coded.ETIMEDOUT, false},
		"a record that is too long":     {func(c net.Conn) { hello(c); c.Write([]byte{22, 3, 3, 255, 255}); echo(c) }, coded.ETLS, false},
		"a message that is no hello":    {func(c net.Conn) { hello(c); c.Write([]byte{22, 3, 3, 0, 4, 14, 0, 0, 0}); echo(c) }, coded.ETLS, false},
		"an alert":                      {func(c net.Conn) { hello(c); c.Write([]byte{21, 3, 3, 0, 2, 2, 40}); echo(c) }, coded.ETLS, false},
		"a farewell instead of a hello": {func(c net.Conn) { hello(c); c.Write([]byte{21, 3, 3, 0, 2, 1, 0}); echo(c) }, coded.ECONNRESET, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := net.JoinHostPort(host, listen(t, test.serve))
			d := dialer(t, Config{Roots: root.pem(), HandshakeTimeout: time.Second})
			_, err := connect(t, d, address)
			if coded.From(err, "").Code != test.code {
				t.Fatalf("%v, want %s", err, test.code)
			}
			var e *HandshakeError
			if errors.As(err, &e) != (test.code == coded.ETLS) || e != nil && e.NotTLS != test.notTLS {
				t.Errorf("%+v", err)
			}
			if (test.code == coded.ETLS) != errors.Is(err, dial.ErrHandshake) {
				t.Error("dial.ErrHandshake:", err)
			}
		})
	}
}

// oldHello is what a server of TLS 1.0 answers that does not care what was
// offered.
var oldHello = slices.Concat([]byte{22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1}, make([]byte, 32), []byte{0, 0xc0, 0x09, 0})

func TestCancel(t *testing.T) {
	begun := make(chan struct{})
	ended := make(chan error, 1)
	address := net.JoinHostPort(host, listen(t, func(c net.Conn) {
		c.Read(make([]byte, 1))
		close(begun)
		_, err := io.Copy(io.Discard, c)
		ended <- err
	}))
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-begun; cancel() }()
	if _, err := dialer(t, Config{}).DialTLSContext(ctx, "tcp", address); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("the connection is still open")
	}
}

// STARTTLS through the one hook that the phone's TLS has as well.
func TestStartTLS(t *testing.T) {
	certificate, _ := protocoltest.Certificate(t, host)
	leaf, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	begin := []protocoltest.Step{
		protocoltest.Line("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready"),
		protocoltest.Want("{a} STARTTLS"), protocoltest.Line("{a} OK go"), protocoltest.ServeTLS(certificate),
	}
	login := append(begin[:len(begin):len(begin)],
		protocoltest.Want("{b} CAPABILITY"), protocoltest.Line("* CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR"), protocoltest.Line("{b} OK done"),
		protocoltest.Want("{c} AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA=="), protocoltest.Line("{c} OK [CAPABILITY IMAP4rev1] welcome"),
		protocoltest.Hang())
	for name, test := range map[string]struct {
		config Config
		steps  []protocoltest.Step
		code   coded.Code
	}{
		"trusted":     {Config{Roots: (&signer{cert: leaf}).pem()}, login, ""},
		"known":       {Config{Known: map[string]string{host + ":143": keyOf(leaf)}}, login, ""},
		"not trusted": {Config{}, begin, coded.ECERT_UNTRUSTED},
		"not pinned":  {Config{Roots: (&signer{cert: leaf}).pem(), Pins: []string{strings.Repeat("A", 43) + "="}}, begin, coded.ECERT_PIN},
		"another key": {Config{Known: map[string]string{host + ":143": strings.Repeat("A", 43) + "="}}, begin, coded.ECERT_PIN},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := New(protocoltest.Dial(protocoltest.Transcript(t, test.steps...)), test.config)
			if err != nil {
				t.Fatal(err)
			}
			session, err := imap.Connect(within(t, 20*time.Second), d, imap.Options{
				Host: host, Security: dial.STARTTLS, Auth: sasl.Credentials{User: "alice", Pass: "secret"},
			})
			if err == nil {
				session.Close()
			}
			if test.code == "" && err != nil || test.code != "" && coded.From(err, "").Code != test.code {
				t.Errorf("%v, want %s", err, test.code)
			}
			var refused *CertificateError
			if errors.As(err, &refused) != (test.code != "") || refused != nil && refused.Key() != keyOf(leaf) {
				t.Errorf("%v: the key to ask for is lost", err)
			}
		})
	}
}

// A handshake that failed leaves nothing to speak over in the clear.
func TestFailedUpgrade(t *testing.T) {
	root := (*signer)(nil).sign(t, "Test Root", ca)
	leaf := root.sign(t, host, server)
	address := net.JoinHostPort(host, listen(t, greets(leaf.tls())))
	for name, config := range map[string]Config{"refused": {}, "accepted": {Roots: root.pem()}} {
		c, err := dialer(t, config).DialContext(within(t, 20*time.Second), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		err = dial.Upgrade(within(t, 20*time.Second), c, host)
		if (err == nil) != (name == "accepted") {
			t.Errorf("%s: %v", name, err)
		}
		_, err = c.Write([]byte("secret"))
		if name == "refused" && !errors.Is(err, net.ErrClosed) {
			t.Errorf("a write after a failed handshake: %v", err)
		}
		if name == "accepted" && (err != nil || dial.Upgrade(within(t, time.Second), c, host) != nil) {
			t.Errorf("a second upgrade, or a write: %v", err)
		}
		if name == "accepted" {
			c.Close()
		}
	}
}

// Whoever has been told goodbye says none.
func TestGoodbye(t *testing.T) {
	root := (*signer)(nil).sign(t, "Test Root", ca)
	leaf := root.sign(t, host, server)
	for _, first := range []bool{true, false} {
		heard := make(chan int, 1)
		port := listen(t, func(c net.Conn) {
			s := tls.Server(c, leaf.tls())
			// The client waits for it, so that its goodbye is not read with its handshake.
			s.Write([]byte("x"))
			if first {
				s.CloseWrite()
			}
			n, _ := io.Copy(io.Discard, c) // what comes besides, still encrypted
			heard <- int(n)
		})
		c, err := dialer(t, Config{Roots: root.pem()}).DialTLSContext(within(t, 20*time.Second), "tcp", net.JoinHostPort(host, port))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Error(err)
		}
		if first {
			if _, err := c.Read(make([]byte, 1)); err != io.EOF {
				t.Error(err)
			}
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if n := <-heard; (n == 0) != first {
			t.Errorf("%d bytes after the server's goodbye: %v", n, first)
		}
	}
}

func TestDescribe(t *testing.T) {
	leaf := (*signer)(nil).sign(t, strings.Repeat("é", 200), func(c *x509.Certificate) {
		server(c)
		for range 200 {
			c.DNSNames = append(c.DNSNames, "host.example")
		}
	})
	d := Describe(slices.Repeat([]*x509.Certificate{leaf.cert}, 20))
	if len(d) != maxChain || len(d[0].Names) != maxNames || len(d[0].Subject) > maxName+3 {
		t.Errorf("%d certificates, %d names, subject of %d", len(d), len(d[0].Names), len(d[0].Subject))
	}
	if !regexp.MustCompile(`^([0-9A-F]{2}:){31}[0-9A-F]{2}$`).MatchString(d[0].Fingerprint) || !isKey(d[0].Key) {
		t.Errorf("%+v", d[0])
	}
	if d := describe((*signer)(nil).sign(t, host, server).cert); !slices.Equal(d.Names, []string{host, "127.0.0.1"}) || d.Subject != "CN="+host {
		t.Errorf("%+v", d)
	}
}

// Both ends know the same of a connection, and it differs from one to the next.
func TestChannelBinding(t *testing.T) {
	root := (*signer)(nil).sign(t, "Test Root", ca)
	config := root.sign(t, host, server).tls()
	servers := make(chan string, 1)
	port := listen(t, func(c net.Conn) {
		s := tls.Server(c, config)
		if s.Handshake() != nil {
			return
		}
		state := s.ConnectionState()
		data, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
		if err != nil {
			t.Error(err)
		}
		servers <- string(data)
		echo(s)
	})
	d := dialer(t, Config{Roots: root.pem()})
	seen := map[string]bool{}
	for _, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS13} {
		config.MaxVersion = version
		c, err := d.DialTLSContext(within(t, 20*time.Second), "tcp", net.JoinHostPort(host, port))
		if err != nil {
			t.Fatal(err)
		}
		kind, data := c.(dial.Binder).ChannelBinding()
		if kind != "tls-exporter" || len(data) != 32 || string(data) != <-servers || seen[string(data)] {
			t.Errorf("%s %x", kind, data)
		}
		seen[string(data)] = true
		c.Close()
	}
	plain, err := d.DialContext(within(t, 20*time.Second), "tcp", net.JoinHostPort(host, port))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, data := plain.(dial.Binder).ChannelBinding(); data != nil {
		t.Errorf("a connection in the clear gives %x", data)
	}
}
