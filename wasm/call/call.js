// The JavaScript half of package call: hands calls to a Go module and takes its
// answers and events. It does not look into them; whoever holds the app's
// promises does, which in worker mode is the other thread.

export const RESULT = 0;
export const PART = 1;
export const ERROR = 2;

export class Crossing {
  /**
   * @param host   bridge/host.js
   * @param sink   {reply(id, kind, json, bytes), event(handle, json)}; json is a string, bytes a Uint8Array of
   *               its own or null
   */
  constructor(host, sink) {
    this.host = host;
    this.sink = sink;
    this.call = null; // that is just being made: [method, json, bytes]
  }

  /** Go's imports, beside those of the host. They never throw into Go. */
  imports() {
    return {
      call_take: (method, json, bytes) => {
        [method, json, bytes].forEach((pointer, i) => {
          const part = this.call[i];
          if (part.length > 0) new Uint8Array(this.host.buffer, pointer, part.length).set(part);
        });
      },
      call_reply: (id, kind, json, jsonLength, bytes, bytesLength) => {
        const text = this.host.text(json, jsonLength);
        const blob = bytesLength > 0 ? new Uint8Array(this.host.buffer, bytes, bytesLength).slice() : null;
        this.later(() => this.sink.reply(id, kind, text, blob));
      },
      call_decode: (label, labelLength, bytes, bytesLength, out, outLength) => {
        try {
          const decoder = new TextDecoder(this.host.text(label, labelLength));
          const text = decoder.decode(new Uint8Array(this.host.buffer, bytes, bytesLength));
          const utf8 = this.host.encoder.encode(text);
          if (utf8.length > outLength) return -1;
          new Uint8Array(this.host.buffer, out, outLength).set(utf8);
          return utf8.length;
        } catch (error) {
          return -1; // a charset that the platform does not know
        }
      },
      call_event: (handle, json, jsonLength) => {
        const text = this.host.text(json, jsonLength);
        this.later(() => this.sink.event(handle, text));
      },
    };
  }

  /** What an app's callback does, a throw included, must not happen on Go's stack. */
  later(job) {
    Promise.resolve().then(job);
  }

  /** Begins a call; the answer comes to the sink. handle is 0 for a method of the module itself. */
  invoke(id, method, handle, json, bytes) {
    const { encoder } = this.host;
    this.call = [encoder.encode(method), encoder.encode(json), bytes || new Uint8Array(0)];
    this.host.call('kaiwire_invoke', id, handle, ...this.call.map((part) => part.length));
    this.call = null;
  }

  /** Cancels a call, which then answers with ABORT_ERR. */
  cancel(id) {
    this.host.call('kaiwire_invoke', id, 0, 0, 0, 0);
  }
}
