// The JavaScript half of package call: hands calls to a Go module and takes its
// answers and events. It does not look into them; whoever holds the app's
// promises does, which in worker mode is the other thread.

export const RESULT = 0;
export const PART = 1;
export const ERROR = 2;
export const EVENTS = 3;

export class Crossing {
  /**
   * @param host    bridge/host.js
   * @param deliver called with what one run of Go has said, in order, as a list of [kind, id, json, bytes]: id is the
   *                call's, or with EVENTS the handle's; json is a string, bytes a Uint8Array of its own or null
   */
  constructor(host, deliver) {
    this.host = host;
    this.deliver = deliver;
    this.calls = [];  // that have not begun: [id, method, handle, json, bytes]
    this.call = null; // that is just being made: [text, bytes]
    this.said = [];
    this.calling = false;
    host.ran = () => {
      if (this.said.length > 0 && !this.calling) Promise.resolve().then(() => this.hand());
    };
  }

  /** Go's imports, beside those of the host. They never throw into Go. */
  imports() {
    return {
      call_take: (text, bytes) => {
        const [own, blob] = this.call;
        new Uint8Array(this.host.buffer, text, own.length).set(own);
        if (blob) new Uint8Array(this.host.buffer, bytes, blob.length).set(blob);
      },
      call_reply: (id, kind, json, jsonLength, bytes, bytesLength) => {
        const blob = bytesLength > 0 ? new Uint8Array(this.host.buffer, bytes, bytesLength).slice() : null;
        this.said.push([kind, id, this.host.text(json, jsonLength), blob]);
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
        this.said.push([EVENTS, handle, this.host.text(json, jsonLength), null]);
      },
    };
  }

  /** Not before Go has returned: what an app's callback does, a throw included, must not happen on its stack. */
  hand() {
    const { said } = this;
    if (said.length === 0) return;
    this.said = [];
    this.deliver(said);
  }

  /**
   * Begins a call; the answer is delivered. handle is 0 for a method of the module itself. To enter Go costs more than
   * most calls do: those of one turn share it, and what they write leaves together.
   */
  invoke(id, method, handle, json, bytes) {
    if (this.calls.push([id, method, handle, json, bytes]) === 1) Promise.resolve().then(() => this.begin());
  }

  /** Cancels a call, which then answers with ABORT_ERR. */
  cancel(id) {
    this.invoke(id, '', 0, '', null);
  }

  begin() {
    const { calls, host } = this;
    this.calls = [];
    this.calling = true;
    for (const [id, method, handle, json, bytes] of calls) {
      const text = host.encoder.encode(method + json); // names of methods are ASCII
      const blob = bytes && bytes.length > 0 ? bytes : null;
      if (!method) host.resume(); // there has to be something to cancel
      this.call = [text, blob];
      host.enter('kaiwire_invoke', id, handle, method.length, text.length, blob ? blob.length : 0);
    }
    this.call = null;
    host.resume();
    this.calling = false;
    this.hand();
  }
}
