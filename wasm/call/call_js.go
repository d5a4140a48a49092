package call

import (
	"context"
	"runtime/debug"
	"strings"
	"sync"
	"time"
	"unsafe"

	"kaiwire/protocols/coded"
)

// The functions of call.js; the numbers are there too, and a test compares them.

// call_take copies the call that JavaScript is just making: the method and the
// arguments, as one text, and the bytes.
//
//go:wasmimport kaiwire call_take
func callTake(text, bytes unsafe.Pointer)

//go:wasmimport kaiwire call_reply
func callReply(id, kind int32, json unsafe.Pointer, jsonLen int32, bytes unsafe.Pointer, bytesLen int32)

//go:wasmimport kaiwire call_event
func callEvent(handle int32, json unsafe.Pointer, jsonLen int32)

//go:wasmimport kaiwire call_decode
func callDecode(label unsafe.Pointer, labelLen int32, bytes unsafe.Pointer, bytesLen int32, out unsafe.Pointer, outLen int32) int32

const (
	kindResult = 0
	kindPart   = 1
	kindError  = 2
	kindEvents = 3 // of JavaScript's making: call_event
)

// memoryLimit is where Go's collector starts to work harder. The module's
// memory never shrinks, so what it has once taken the phone does not get back.
const memoryLimit = 24 << 20

// DefaultTimeout bounds a call whose options have no timeout.
const DefaultTimeout = 60 * time.Second

// maxTimeout keeps a timeout within what a browser's timer can count.
const maxTimeout = 24 * time.Hour

// Method answers one kind of call. What it writes to c.Out is the result; an
// error discards it. ctx ends with the call's timeout or its signal; a call on
// a handle that is closed meanwhile is ended by what the handle stands for.
type Method func(ctx context.Context, c *Call) error

// Methods are a module's methods by name; those of a handle's kind are named
// "kind.method". In a module of several protocols each name, and so each kind,
// begins with the protocol: "imap.connect", "imap.session.fetch".
type Methods map[string]Method

// Call is a call under way.
type Call struct {
	Args   *Args
	Bytes  []byte // beside the arguments, where the app passed a Uint8Array
	Target any    // what the handle that the call was made on stands for

	Out   Record
	Blob  []byte // bytes beside the result
	id    int32
	owner *Handle

	cancel  context.CancelFunc
	aborted bool // by the app; under the module's mu
}

// Part sends what has been written so far as a part of the result: one JSON
// value, and the bytes beside it.
func (c *Call) Part() {
	reply(c.id, kindPart, c.Out.Bytes(), c.Blob)
	c.Out.Reset()
	c.Blob = c.Blob[:0]
}

// Handle is something open that the app holds: a session, a download.
type Handle struct {
	ID     int32
	module *module
	kind   string
	target any
	close  func()

	mu      sync.Mutex // of what is below, and of ID, target and close until Open
	events  Record
	heard   map[string]bool // the events that somebody listens to; nil until the app has said
	pending bool            // is in the module's list of those whose events wait
	closed  bool
}

type module struct {
	protocol string
	methods  Methods
	jobs     jobs

	mu      sync.Mutex
	handles map[int32]*Handle
	nextID  int32
	calls   map[int32]*Call
	dirty   []*Handle // have events that wait
}

var current *module

// eventBatch is how much may wait before events are handed over at once.
const eventBatch = 32 << 10

// Serve answers calls for ever. A module of several protocols has none of its
// own: protocol is empty.
func Serve(protocol string, methods Methods) {
	debug.SetMemoryLimit(memoryLimit)
	current = &module{protocol: protocol, methods: methods, handles: map[int32]*Handle{}, calls: map[int32]*Call{}, jobs: jobs{more: make(chan struct{})}}
	select {}
}

// invoked is called by JavaScript to begin a call, or, without a method, to
// cancel it. Not by a js.Func, for which TinyGo would keep each call's
// arguments for ever.
func invoked(id, handle, methodLen, textLen, bytesLen int32) {
	m := current
	text := make([]byte, textLen)
	var blob []byte
	if bytesLen > 0 {
		blob = make([]byte, bytesLen)
	}
	callTake(pointer(text), pointer(blob))
	// Nobody writes to it any more: the arguments are parts of this text.
	s := unsafe.String(unsafe.SliceData(text), len(text))
	m.jobs.add(&job{id: id, handle: handle, method: s[:methodLen], args: s[methodLen:], blob: blob})
	select {
	case m.jobs.more <- struct{}{}:
	default:
		go m.work()
	}
}

// job is a call as it has come, or, without a method, what cancels it.
type job struct {
	id, handle   int32
	method, args string
	blob         []byte
	next         *job
}

// jobs are begun in the order in which they came, by goroutines that may have
// made other calls before: those have a stack by now, and making that is dear.
// There is one thread, and what is done to the list does not wait in between.
type jobs struct {
	first, last *job
	idle        int           // goroutines that wait for more
	more        chan struct{} // unbuffered
}

const maxIdle = 4

func (q *jobs) add(j *job) {
	if q.first == nil {
		q.first = j
	} else {
		q.last.next = j
	}
	q.last = j
}

func (m *module) work() {
	q := &m.jobs
	for {
		j := q.first
		q.first = j.next
		if j.method == "" {
			m.cancel(j.id)
		} else {
			m.run(j)
		}
		if q.idle == maxIdle {
			return
		}
		*j = job{} // TinyGo's collector sees what this frame has pointed to
		q.idle++
		<-q.more
		q.idle--
	}
}

var errAborted = coded.New(coded.ABORT_ERR, "", "", nil)

func (m *module) cancel(id int32) {
	m.mu.Lock()
	c := m.calls[id]
	if c != nil {
		c.aborted = true
	}
	m.mu.Unlock()
	if c != nil {
		c.cancel()
	}
}

// run makes a call. It has a frame of its own, so that nothing of a call stays in
// a goroutine that waits for the next.
//
//go:noinline
func (m *module) run(j *job) {
	c := &Call{id: j.id, Bytes: j.blob}
	name, err := m.call(c, j)
	m.flushAll()
	if err != nil {
		c.Out.Reset()
		writeError(&c.Out, coded.From(err, m.protocolOf(name)))
		reply(c.id, kindError, c.Out.Bytes(), nil)
		return
	}
	if c.Out.Len() == 0 {
		c.Out.Null()
	}
	reply(c.id, kindResult, c.Out.Bytes(), c.Blob)
}

// protocolOf tells which protocol the method or handle of that name is of.
func (m *module) protocolOf(name string) string {
	if m.protocol != "" {
		return m.protocol
	}
	protocol, _, _ := strings.Cut(name, ".")
	return protocol
}

// call makes a call; name is that by which Methods has its method.
func (m *module) call(c *Call, j *job) (name string, err error) {
	name = j.method
	args, err := parseArgs(j.args)
	if err != nil {
		return name, err
	}
	c.Args = args
	if j.handle != 0 {
		m.mu.Lock()
		h := m.handles[j.handle]
		m.mu.Unlock()
		if h == nil {
			return "", coded.New(coded.ECLOSED, m.protocol, "", nil)
		}
		switch name {
		case "close":
			h.Close()
			return h.kind, nil
		case "listen":
			h.listen(args.Strings("events"))
			return h.kind, args.Err()
		}
		c.owner, c.Target = h, h.target
		name = h.kind + "." + name
	}
	method := m.methods[name]
	if method == nil {
		return name, coded.New(coded.EINVAL, m.protocol, "There is no method "+name+".", nil)
	}
	timeout := time.Duration(args.Int("timeout", 0, int64(maxTimeout/time.Millisecond))) * time.Millisecond
	if err := args.Err(); err != nil {
		return name, err
	}
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	c.cancel = cancel
	m.mu.Lock()
	m.calls[c.id] = c
	m.mu.Unlock()
	err = method(ctx, c)
	m.mu.Lock()
	delete(m.calls, c.id)
	aborted := c.aborted
	m.mu.Unlock()
	if err == nil {
		return name, args.Err()
	}
	// What the app did comes before what followed from it.
	if aborted && ctx.Err() == context.Canceled {
		return name, errAborted
	}
	return name, err
}

// NewHandle makes a handle of the given kind, whose methods are those named
// "kind.…". The app knows it, and gets its events, from Open on; one that is
// not opened is forgotten.
func NewHandle(kind string) *Handle {
	return &Handle{module: current, kind: kind}
}

// Open gives the handle to the app, as a stand-in for target. close is called
// once, when the app closes it or Ended says that it has ended.
func (h *Handle) Open(target any, close func()) {
	m := h.module
	m.mu.Lock()
	m.nextID++
	h.mu.Lock()
	h.ID, h.target, h.close = m.nextID, target, close
	over := h.closed
	h.mu.Unlock()
	m.handles[h.ID] = h
	m.mu.Unlock()
	if over {
		h.leave()
	}
	h.flush()
}

// Handle is the handle that the call was made on.
func (c *Call) Handle() *Handle { return c.owner }

// listen adds to the events that the app listens to. Until it has said so once
// it is told all of them: it may be about to.
func (h *Handle) listen(events []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.heard == nil {
		h.heard = map[string]bool{}
	}
	for _, name := range events {
		h.heard[name] = true
	}
}

// Emit sends the app an event, whose value is what write writes, unless nobody
// listens to it. Events that are emitted in one run of Go cross together.
func (h *Handle) Emit(name string, write func(r *Record)) {
	h.mu.Lock()
	if h.closed || h.heard != nil && !h.heard[name] {
		h.mu.Unlock()
		return
	}
	h.emit(name, write)
	full := h.events.Len() > eventBatch
	schedule := !h.pending
	h.pending = true
	h.mu.Unlock()
	if full {
		h.flush()
	}
	if schedule {
		h.module.mu.Lock()
		h.module.dirty = append(h.module.dirty, h)
		h.module.mu.Unlock()
		go h.module.flushAll()
	}
}

func (h *Handle) emit(name string, write func(r *Record)) {
	h.events.Array(func() {
		h.events.String(name)
		write(&h.events)
	})
}

func (h *Handle) flush() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.events.Len() == 0 || h.ID == 0 {
		return
	}
	var list Record
	list.Raw('[', h.events.Bytes(), ']')
	h.events.Reset()
	callEvent(h.ID, pointer(list.Bytes()), int32(list.Len()))
}

func (m *module) flushAll() {
	m.mu.Lock()
	dirty := m.dirty
	m.dirty = nil
	m.mu.Unlock()
	for _, h := range dirty {
		h.mu.Lock()
		h.pending = false
		h.mu.Unlock()
		h.flush()
	}
}

// Close ends the handle; its last event is "close".
func (h *Handle) Close() { h.Ended(nil) }

// Ended announces that what the handle stands for has ended by itself, with
// err where it was not in order. Its last event is "close".
func (h *Handle) Ended(err error) {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	h.closed = true
	h.emit("close", func(r *Record) {
		r.Object(func() {
			if err != nil {
				r.Key("error")
				writeError(r, coded.From(err, h.module.protocolOf(h.kind)))
			}
		})
	})
	open := h.ID != 0
	h.mu.Unlock()
	if open {
		h.leave()
	}
	h.flush()
}

// leave is called once the handle is both open and closed.
func (h *Handle) leave() {
	h.module.mu.Lock()
	delete(h.module.handles, h.ID)
	h.module.mu.Unlock()
	h.close()
}

// Error writes a failure as KaiwireError has it.
func (r *Record) Error(e *coded.Error) { writeError(r, e) }

//go:noinline
func writeError(r *Record, e *coded.Error) {
	r.Object(func() {
		r.Key("code").String(string(e.Code))
		r.Key("message").String(e.Message)
		r.Key("retry").String(string(e.Retry()))
		if e.Protocol != "" {
			r.Key("protocol").String(e.Protocol)
		}
		if e.Response != "" {
			r.Key("response").String(e.Response)
		}
		if e.Err != nil {
			r.Key("detail").String(e.Err.Error())
			writeCertificate(r, e.Err)
		}
	})
}

func reply(id, kind int32, json, blob []byte) {
	callReply(id, kind, pointer(json), int32(len(json)), pointer(blob), int32(len(blob)))
}

func pointer(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// Decode turns text in a charset that the platform's TextDecoder knows into
// UTF-8; ok is false for any other.
func Decode(charset string, text []byte) (utf8 []byte, ok bool) {
	// A byte becomes one character, which takes three bytes at the most; the
	// few charsets with shifts have fewer characters than bytes.
	out := make([]byte, 3*len(text)+8)
	n := callDecode(unsafe.Pointer(unsafe.StringData(charset)), int32(len(charset)), pointer(text), int32(len(text)), pointer(out), int32(len(out)))
	if n < 0 {
		return nil, false
	}
	return out[:n], true
}
