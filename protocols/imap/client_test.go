package imap_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"

	"kaiwire/protocols/coded"
	"kaiwire/protocols/dial"
	kimap "kaiwire/protocols/imap"
	. "kaiwire/protocols/protocoltest"
	"kaiwire/protocols/sasl"
)

type dialFunc func(ctx context.Context) (net.Conn, error)

func (f dialFunc) DialContext(ctx context.Context, _, _ string) (net.Conn, error) { return f(ctx) }

var errDown = errors.New("no network")

// each dials these servers, one after another; a nil one is a network that is
// down, and so is the end.
func each(t *testing.T, servers ...[]Step) dialFunc {
	return func(context.Context) (net.Conn, error) {
		if len(servers) == 0 || servers[0] == nil {
			servers = servers[min(1, len(servers)):]
			return nil, errDown
		}
		steps := servers[0]
		servers = servers[1:]
		return Piped(t, steps...), nil
	}
}

// kept is a Client that keeps its connection up, and what it tells.
type kept struct {
	*kimap.Client
	events
	waits []time.Duration
	again []*kimap.Reconnected
}

func open(t *testing.T, d dial.Dialer, o kimap.Options) *kept {
	t.Helper()
	k := &kept{}
	o.Handler = k.handler()
	o.Handler.Status = func(d *imap.StatusData) { k.add("status %s %d", d.Mailbox, *d.NumMessages) }
	o.Handler.Mailbox = func(d *imap.ListData) { k.add("mailbox %s %v", d.Mailbox, d.Attrs) }
	o.Handler.Disconnected = func(err error, wait time.Duration) {
		k.waits = append(k.waits, wait)
		k.add("disconnected %s", coded.From(err, "imap").Code)
	}
	o.Handler.Reconnected = func(r *kimap.Reconnected) {
		k.again = append(k.again, r)
		k.add("reconnected")
	}
	o.Host, o.Security, o.Auth, o.Reconnect = "s", dial.None, asha, true
	if o.Enable == nil {
		o.Enable = []imap.Cap{}
	}
	c, err := kimap.Open(t.Context(), d, o)
	noErr(t, err)
	k.Client = c
	t.Cleanup(func() { c.Close() })
	return k
}

// take is what has been told since the last take.
func (k *kept) take() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	log := k.log
	k.log = nil
	return log
}

func (k *kept) up(t *testing.T) *kimap.Session {
	t.Helper()
	s, err := k.Session()
	noErr(t, err)
	return s
}

func greeted(caps string, steps ...any) []Step {
	return lines(append([]any{Line("* PREAUTH [CAPABILITY IMAP4rev1 " + caps + "] hi")}, steps...)...)
}

// A lost network: the client comes back, to the mailbox, tells what has changed,
// and goes on waiting for news.
func TestReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		drop := make(chan struct{})
		k := open(t, each(t,
			greeted("CONDSTORE IDLE", opened("SELECT a (CONDSTORE)", 2, 7, 10, 90), Want("{s} UID SEARCH ALL"), Line("* SEARCH 2 3"), Line("{s} OK done"),
				Want("{i} IDLE"), Line("+ go"), Await(drop)),
			nil, nil,
			greeted("CONDSTORE IDLE X", opened("SELECT a (CONDSTORE)", 2, 7, 12, 95), Want("{f} UID FETCH 2:3 (UID FLAGS MODSEQ) (CHANGEDSINCE 90)"), Line(`* 1 FETCH (UID 3 FLAGS (\Seen) MODSEQ (93))`), Line("{f} OK done"),
				Want("{s} UID SEARCH ALL"), Line("* SEARCH 3 11"), Line("{s} OK done"), Want("{i} IDLE"), Line("+ go"), Line("* 3 EXISTS"), Want("DONE"), Line("{i} OK done"), Hang()),
		), kimap.Options{})
		ctx := t.Context()
		_, err := k.up(t).Sync(ctx, "a", "", false)
		noErr(t, err)
		_, err = k.up(t).Idle(ctx)
		noErr(t, err)
		close(drop)
		synctest.Wait()
		k.want(t, "disconnected ECONNRESET")
		_, err = k.Session()
		wantCode(t, err, coded.ECONNRESET)
		begun := time.Now()
		k.want(t, "disconnected ECONNRESET", "disconnected UNKNOWN", "disconnected UNKNOWN", "reconnected", "exists 3")
		if took, all := time.Since(begun), k.waits[0]+k.waits[1]+k.waits[2]; took != all || k.waits[2] < 4*time.Second || k.waits[0] > 2*time.Second {
			t.Errorf("back after %v, waits %v", took, k.waits)
		}
		r := k.again[0]
		equal(t, []any{r.Mailbox.Name, r.Mailbox.Exists, r.Capabilities}, []any{"a", uint32(2), []string{"IMAP4rev1", "CONDSTORE", "IDLE", "X"}})
		equal(t, inShort(r.Changes), `+[11] -[2] 3[\Seen]`)
		noErr(t, k.StopIdle(ctx))
		noErr(t, k.Close())
		synctest.Wait()
		if log := k.take(); log[len(log)-1] != "closed <nil>" {
			t.Errorf("told %v", log)
		}
		wantCode(t, k.up(t).Noop(ctx), coded.ECLOSED)
	})
}

// What was agreed on with the server before is so again; the network being back
// ends the wait.
func TestReconnectStandsWhereItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const notify = "NOTIFY SET (selected (MessageNew MessageExpunge))"
		login := lines(Line("{e} OK done"), Want("{n} "+notify), Line("{n} OK done"))
		drop := make(chan struct{})
		k := open(t, each(t,
			greeted("ENABLE QRESYNC NOTIFY", Want("{e} ENABLE QRESYNC"), Line("* ENABLED QRESYNC"), login, Want("{o} EXAMINE b"), Line("* 4 EXISTS"), Line("{o} OK [READ-ONLY] done"), Await(drop)),
			greeted("ENABLE QRESYNC NOTIFY", Want("{e} ENABLE QRESYNC"), Line("* ENABLED QRESYNC"), login, Want("{o} EXAMINE b"), Line("{o} NO no such mailbox"), Hang()),
		), kimap.Options{})
		ctx := t.Context()
		noErr(t, k.up(t).Enable(ctx, "QRESYNC"))
		noErr(t, k.up(t).Notify(ctx, false, kimap.NotifyGroup{Filter: kimap.NotifySelected, Events: []kimap.NotifyEvent{kimap.NotifyMessageNew, kimap.NotifyMessageExpunge}}))
		_, err := k.up(t).Examine(ctx, "b")
		noErr(t, err)
		close(drop)
		synctest.Wait()
		begun := time.Now()
		k.Retry()
		k.want(t, "disconnected ECONNRESET", "reconnected")
		equal(t, time.Since(begun), time.Duration(0))
		equal(t, k.again[0].Mailbox, (*kimap.Mailbox)(nil)) // it is not there any more
		equal(t, k.up(t).Mailbox(), (*kimap.Mailbox)(nil))
	})
}

// A network that has gone and come again may have forgotten the connection.
func TestRetryChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := open(t, each(t, greeted("", Want("{n} NOOP"), Line("{n} OK done"), Want("{m} NOOP"), Hang()), greeted("", Hang())), kimap.Options{})
		k.Retry()
		synctest.Wait()
		k.want(t)
		begun := time.Now()
		k.Retry()
		k.want(t, "disconnected ETIMEDOUT", "reconnected")
		if took := time.Since(begun); took > 25*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestReconnectEnds(t *testing.T) {
	lose := make(chan struct{})
	close(lose)
	lost := greeted("", Await(lose))
	login := func(answer string) []Step {
		return lines(Line("* OK [CAPABILITY IMAP4rev1] hi"), Want(`{l} LOGIN "asha" "kaiwire"`), Line("{l} "+answer))
	}
	for name, c := range map[string]struct {
		next []Step
		told []string
	}{
		"the password is wrong now":    {login("NO [AUTHENTICATIONFAILED] no"), []string{"disconnected ECONNRESET", "closed imap: EAUTH*"}},
		"the server can't for a while": {login("NO [UNAVAILABLE] later"), []string{"disconnected ECONNRESET", "disconnected EAUTH", "reconnected"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := open(t, each(t, lost, c.next, greeted("", Hang())), kimap.Options{})
				time.Sleep(time.Minute)
				synctest.Wait()
				got := k.take()
				if len(got) != len(c.told) {
					t.Fatalf("told %q, want %q", got, c.told)
				}
				for i, want := range c.told {
					if prefix, ok := cutStar(want); got[i] != want && !(ok && len(got[i]) >= len(prefix) && got[i][:len(prefix)] == prefix) {
						t.Errorf("told %q, want %q", got[i], want)
					}
				}
			})
		})
	}
	t.Run("closed while it waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			k := open(t, each(t, lost), kimap.Options{})
			time.Sleep(time.Minute)
			k.Close()
			k.Close()
			synctest.Wait()
			log := k.take()
			equal(t, log[len(log)-1], "closed <nil>")
			noErr(t, k.StopIdle(t.Context()))
			wantCode(t, k.Logout(t.Context()), coded.ECLOSED)
		})
	})
	t.Run("closed while it connects", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			first := true
			k := open(t, dialFunc(func(ctx context.Context) (net.Conn, error) {
				if first {
					first = false
					return Piped(t, lost...), nil
				}
				<-ctx.Done()
				return nil, ctx.Err()
			}), kimap.Options{})
			time.Sleep(10 * time.Second)
			k.Close()
			synctest.Wait()
			equal(t, k.take(), []string{"disconnected ECONNRESET", "closed <nil>"})
		})
	})
	t.Run("not asked for", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var e events
			c, err := kimap.Open(t.Context(), each(t, lost), kimap.Options{Host: "s", Security: dial.None, Auth: asha, Handler: e.handler()})
			noErr(t, err)
			time.Sleep(time.Minute)
			synctest.Wait()
			e.mu.Lock()
			equal(t, len(e.log), 1)
			e.mu.Unlock()
			s, err := c.Session()
			noErr(t, err)
			wantCode(t, s.Noop(t.Context()), coded.ECLOSED)
		})
	})
	t.Run("logged out while it waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			k := open(t, each(t, lost), kimap.Options{})
			synctest.Wait()
			noErr(t, k.Logout(t.Context()))
			synctest.Wait()
			equal(t, k.take(), []string{"disconnected ECONNRESET", "closed <nil>"})
		})
	})
	t.Run("never up", func(t *testing.T) {
		_, err := kimap.Open(t.Context(), each(t), kimap.Options{Host: "s", Security: dial.None, Auth: asha, Reconnect: true})
		if err == nil {
			t.Error("no error")
		}
	})
	t.Run("logged out", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			k := open(t, each(t, greeted("", Want("{l} LOGOUT"), Line("* BYE bye"), Line("{l} OK done"))), kimap.Options{})
			noErr(t, k.Logout(t.Context()))
			synctest.Wait()
			equal(t, k.take(), []string{"closed <nil>"})
		})
	})
}

func cutStar(s string) (string, bool) {
	if s != "" && s[len(s)-1] == '*' {
		return s[:len(s)-1], true
	}
	return s, false
}

// An account that was changed on the way is the one that is logged in to again.
func TestReconnectAsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := open(t, each(t,
			greeted("UNAUTHENTICATE", Want("{u} UNAUTHENTICATE"), Line("{u} OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] done"), Want("{a} AUTHENTICATE PLAIN AGxpAHB3"), Line("{a} OK [CAPABILITY IMAP4rev1] welcome")),
			lines(Line("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hi"), Want("{a} AUTHENTICATE PLAIN AGxpAHB3"), Line("{a} OK [CAPABILITY IMAP4rev1] welcome"), Hang()),
		), kimap.Options{})
		noErr(t, k.up(t).Unauthenticate(t.Context(), sasl.Credentials{User: "li", Pass: "pw"}))
		k.want(t, "disconnected ECONNRESET", "reconnected")
	})
}

// Without NOTIFY the server is asked.
func TestNotifyByPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status := func(name string, messages, next, unseen int) Step {
			return Line(fmt.Sprintf("* STATUS %s (MESSAGES %d UIDNEXT %d UIDVALIDITY 1 UNSEEN %d)", name, messages, next, unseen))
		}
		rounds := 0
		round := func(rows ...any) []Step {
			rounds++
			list, noop := fmt.Sprintf("{l%d}", rounds), fmt.Sprintf("{n%d}", rounds)
			return lines(append(append([]any{Want(list + ` LIST "" * RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT UIDVALIDITY UNSEEN))`)}, rows...), Line(list+" OK done"), Want(noop+" NOOP"), Line(noop+" OK done"))...)
		}
		entry := func(name string, attrs string) Step { return Line(fmt.Sprintf(`* LIST (%s) "/" %s`, attrs, name)) }
		k := open(t, each(t, greeted("LIST-EXTENDED LIST-STATUS", opened("SELECT INBOX", 1, 1, 2, 0),
			round(entry("INBOX", ""), status("INBOX", 1, 2, 1), entry("a", ""), status("a", 4, 5, 0), entry("b", `\NoSelect`)),
			round(entry("INBOX", ""), status("INBOX", 2, 3, 1), entry("a", ""), status("a", 4, 5, 0), entry("b", `\NoSelect`)),
			round(entry("INBOX", ""), status("INBOX", 2, 3, 1), entry("a", `\Subscribed`), status("a", 5, 6, 1), entry("b", `\NoSelect`)),
			round(entry("INBOX", ""), status("INBOX", 2, 3, 1), entry("a", `\Subscribed`), status("a", 5, 6, 0), entry("c", "")),
			Want("{l} LIST *"), Line("{l} NO not now"), Want("{n} NOOP"), Line("{n} OK done"),
			round(entry("INBOX", ""), status("INBOX", 2, 3, 1), entry("a", `\Subscribed`), status("a", 5, 6, 0), entry("c", "")),
			Want("{x} NOOP"), Line("{x} OK done"), Hang())), kimap.Options{})
		ctx := t.Context()
		s := k.up(t)
		_, err := s.Select(ctx, "INBOX")
		noErr(t, err)
		groups := []kimap.NotifyGroup{{Filter: kimap.NotifySelected, Events: []kimap.NotifyEvent{kimap.NotifyMessageNew, kimap.NotifyMessageExpunge}},
			{Filter: kimap.NotifyPersonal, Events: []kimap.NotifyEvent{kimap.NotifyMessageNew, kimap.NotifyMessageExpunge, kimap.NotifyFlagChange, kimap.NotifyMailboxName, kimap.NotifySubscriptionChange}}}
		noErr(t, s.Notify(ctx, true, groups...))
		for i, want := range [][]string{
			{"status a 4"}, {}, {`mailbox a [\Subscribed]`, "status a 5"}, {`mailbox b [\NonExistent]`, "mailbox c []", "status a 5"}, {}, {},
		} {
			if i > 0 {
				time.Sleep(time.Minute)
				synctest.Wait()
			}
			got := k.take()
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("round %d tells %q, want %q", i, got, want)
			}
		}
		noErr(t, s.Notify(ctx, false))
		time.Sleep(time.Hour)
		noErr(t, s.Noop(ctx))
		k.want(t)
	})
}
