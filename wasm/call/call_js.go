package call

import (
	"context"
	"errors"
	"runtime/debug"
	"strings"
	"sync"
	"time"
	"unsafe"

	"kaiwire/protocols/coded"
)

// The functions of call.js; the numbers are there too, and a test compares them.

// call_take copies the call that JavaScript is just making.
//
//go:wasmimport kaiwire call_take
func callTake(method, json, bytes unsafe.Pointer)

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
	pending bool // is in the module's list of those whose events wait
	closed  bool
}

type module struct {
	protocol string
	methods  Methods

	mu      sync.Mutex
	handles map[int32]*Handle
	nextID  int32
	calls   map[int32]context.CancelCauseFunc
	dirty   []*Handle // have events that wait
}

var current *module

// eventBatch is how much may wait before events are handed over at once.
const eventBatch = 32 << 10

// Serve answers calls for ever. A module of several protocols has none of its
// own: protocol is empty.
func Serve(protocol string, methods Methods) {
	debug.SetMemoryLimit(memoryLimit)
	current = &module{protocol: protocol, methods: methods, handles: map[int32]*Handle{}, calls: map[int32]context.CancelCauseFunc{}}
	select {}
}

// invoked is called by JavaScript to begin a call, or, without a method, to
// cancel it. Not by a js.Func, for which TinyGo would keep each call's
// arguments for ever.
func invoked(id, handle, methodLen, jsonLen, bytesLen int32) {
	m := current
	if methodLen == 0 {
		go m.cancel(id)
		return
	}
	method, text := make([]byte, methodLen), make([]byte, jsonLen)
	var blob []byte
	if bytesLen > 0 {
		blob = make([]byte, bytesLen)
	}
	callTake(pointer(method), pointer(text), pointer(blob))
	go m.run(id, string(method), handle, string(text), blob)
}

var errAborted = coded.New(coded.ABORT_ERR, "", "", nil)

func (m *module) cancel(id int32) {
	m.mu.Lock()
	cancel := m.calls[id]
	m.mu.Unlock()
	if cancel != nil {
		cancel(errAborted)
	}
}

func (m *module) run(id int32, name string, handleID int32, text string, blob []byte) {
	c := &Call{id: id, Bytes: blob}
	name, err := m.call(c, name, handleID, text)
	m.flushAll()
	if err != nil {
		c.Out.Reset()
		writeError(&c.Out, coded.From(err, m.protocolOf(name)))
		reply(id, kindError, c.Out.Bytes(), nil)
		return
	}
	if c.Out.Len() == 0 {
		c.Out.Null()
	}
	reply(id, kindResult, c.Out.Bytes(), c.Blob)
}

// protocolOf tells which protocol the method or handle of that name is of.
func (m *module) protocolOf(name string) string {
	if m.protocol != "" {
		return m.protocol
	}
	protocol, _, _ := strings.Cut(name, ".")
	return protocol
}

// call makes a call; full is the name by which Methods has its method.
func (m *module) call(c *Call, name string, handleID int32, text string) (full string, err error) {
	args, err := parseArgs(text)
	if err != nil {
		return name, err
	}
	c.Args = args
	if handleID != 0 {
		m.mu.Lock()
		h := m.handles[handleID]
		m.mu.Unlock()
		if h == nil {
			return "", coded.New(coded.ECLOSED, m.protocol, "", nil)
		}
		if name == "close" {
			h.Close()
			return h.kind, nil
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
	ctx, stop := context.WithTimeout(context.Background(), timeout)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	m.mu.Lock()
	m.calls[c.id] = cancel
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		delete(m.calls, c.id)
		m.mu.Unlock()
	}()
	err = method(ctx, c)
	if err == nil {
		return name, args.Err()
	}
	// What the app did comes before what followed from it.
	if cause := context.Cause(ctx); errors.Is(cause, errAborted) {
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

// Emit sends the app an event, whose value is what write writes. Events that
// are emitted in one run of Go cross together.
func (h *Handle) Emit(name string, write func(r *Record)) {
	h.mu.Lock()
	if h.closed {
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
