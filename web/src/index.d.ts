// Type definitions for kaiwire. Written by hand and shipped verbatim; tests
// hold the error codes, methods and events against the Go side.

/** What can go wrong, by a stable name. Node's words where Node has one. */
export type ErrorCode =
  | 'ABORT_ERR' | 'EADDRINUSE' | 'EAUTH' | 'ECERT' | 'ECERT_CLOCK' | 'ECERT_EXPIRED' | 'ECERT_HOST'
  | 'ECERT_NOT_YET_VALID' | 'ECERT_PIN' | 'ECERT_UNTRUSTED' | 'ECLOSED' | 'ECONNREFUSED' | 'ECONNRESET'
  | 'EFORMERR' | 'EINVAL' | 'ELIMIT' | 'ELOAD' | 'EMSGSIZE' | 'ENETDOWN' | 'ENODATA' | 'ENOTFOUND'
  | 'ENOTIMP' | 'ENOTSUP' | 'EPANIC' | 'EPERM' | 'EPROTO' | 'EREFUSED' | 'EREJECTED' | 'ESERVFAIL'
  | 'ETIMEDOUT' | 'ETLS' | 'UNKNOWN';

/** Every promise of kaiwire that rejects, rejects with one of these. */
export class KaiwireError extends Error {
  private constructor();
  /** Stable; switch on this. */
  code: ErrorCode;
  /** One sentence, fit to show. */
  message: string;
  /** Which module it comes from; absent for the loader and the bridge. */
  protocol?: ModuleName;
  /** `now`: connect again at once; `later`: wait first; `never`: change something first. */
  retry: 'now' | 'later' | 'never';
  /** The server's own code: an IMAP response code, an IRC numeric, a DNS rcode. */
  response?: string;
  /** The technical cause, for logs. */
  detail?: string;
  /** With TLS of our own and a code `ECERT_…`: what was refused, and why. */
  trust?: Refusal;
}

export interface CallOptions {
  /** Cancels the call; it then rejects with `ABORT_ERR`. */
  signal?: AbortSignal;
  /** Milliseconds until the call rejects with `ETIMEDOUT`; the default is 60000. 0 means the default. */
  timeout?: number;
}

export type ModuleName = 'imap' | 'irc' | 'dns' | 'dnssec' | 'trust';

export interface LoadOptions {
  /** The protocols that the app will use. */
  modules: ModuleName[];
  /**
   * Whose TLS: the phone's (default), or `own`, which knows TLS 1.3, today's roots and the options of `TlsOptions`, and
   * takes more memory: a module of 4 MB of code instead of 2. Own TLS is in files of its own, `imap-tls.wasm` and so on;
   * an app ships those that it loads. `trust` always brings its own.
   */
  tls?: 'phone' | 'own';
  /**
   * Which compiler's modules: `go`, the reference, or `tinygo`, a seventh of the code and so of the memory, at much the
   * same speed. Default: `tinygo` for the modules that this build of kaiwire has of it (those with `.tinygo.wasm` files,
   * `irc.tinygo.wasm` and so on), `go` for the others; an app ships the files that it loads. `EINVAL` where there is none.
   * Where there is no WebAssembly (KaiOS 2.5) it is `js`, and the others are `ELOAD`: those of TinyGo's modules as scripts,
   * `irc.js` and so on, five times slower. An app may have them run by elements of its own before it calls `load`.
   */
  engine?: 'go' | 'tinygo' | 'js';
  /** Run Go in a worker, so that the screen stays alive. Default: true where a worker can be had. */
  worker?: boolean;
  /** Where the `.wasm` files and `kaiwire-worker.js` are. Default: beside the script that is running. */
  base?: string;
  /**
   * Name servers to ask why a connection could not be made: with the module `dns` loaded, a name that does not exist
   * is then `ENOTFOUND` and not `ECONNREFUSED`, which is all that the phone tells.
   */
  nameServers?: string[];
  /** Milliseconds that loading may take. Default 30000. */
  timeout?: number;
  /** The framing asked of the phone's sockets. Default `arraybuffer`. */
  framing?: 'arraybuffer' | 'string';
  /** Whose sockets. Default: those of the host, a phone's first; see `Sockets` for where others are known. */
  sockets?: Sockets | string;
}

/**
 * Loads modules. Rejects with `ELOAD` (what was missing and where it looked) or `EPERM` (no sockets here; `trust` by
 * itself can be loaded without).
 *
 * A module that breaks down fails its calls and closes its sessions with `EPANIC`; `detail` has what it said of it. The
 * next call starts it afresh: `connect` again.
 */
export function load(options: LoadOptions): Promise<Wire>;

/**
 * Whose sockets to use in place of the host's own: the address of a `kaiwire-relay`, such as `ws://127.0.0.1:8081/`, by
 * which a browser on a computer reaches the servers that the relay allows, or an object with the methods of the
 * phone's. What they make has the members of `TCPSocket`, `TCPServerSocket` and `UDPSocket` of KaiOS that kaiwire uses:
 * the `on…` handlers, `send`, `suspend`, `resume`, `upgradeToSecure`, `close`, `localPort`, `opened`, `closed` and so on.
 *
 * `kaiwire.classic.js` by itself knows phones only. For Direct Sockets or a relay its page loads the script
 * `kaiwire-hosts.js` too, before or after; `kaiwire.js` has them built in.
 */
export interface Sockets {
  open(host: string, port: number, options: { useSecureTransport: boolean; binaryType: 'arraybuffer' | 'string' }): object;
  /** Absent where nobody can listen. */
  listen?(port: number, options: { binaryType: 'arraybuffer' | 'string' }, backlog: number): object;
  /** UDP; absent where there is none. */
  bind?(options: { localAddress?: string; localPort?: number; addressReuse: boolean; loopback: boolean }): object;
  /** Calls back each time that the network is there again; returns a function that ends that. */
  whenOnline?(callback: () => void): () => void;
  /** For `capabilities`; default `custom`. */
  name?: string;
  /** `open` and `upgradeToSecure` can do TLS. Default false. */
  tls?: boolean;
  /** UDP sockets can join groups. Default false. */
  multicast?: boolean;
  /** Permissions that it lacks. Default none. */
  missing?: string[];
}

/** What the host offers, or the sockets given in its place. Throws a `KaiwireError` for sockets that are none. */
export function capabilities(options?: { sockets?: Sockets | string }): Capabilities;
export interface Capabilities {
  /**
   * `kaios`: KaiOS 2.5 or 3; `direct`: Chrome's Direct Sockets, in an Isolated Web App; `node`: Node.js; `tunnel`: a
   * relay; the name of sockets of your own, or `custom`. Null where there are no sockets: a page that is not an app's,
   * or an app without the permission.
   */
  host: 'kaios' | 'direct' | 'node' | 'tunnel' | 'custom' | (string & {}) | null;
  /** Connections can be opened. */
  tcp: boolean;
  /** Connections can be accepted. Direct Sockets listen on ports from 32768 up only. */
  listen: boolean;
  /** Datagrams can be sent and received. False on KaiOS 3, which keeps UDP from apps whatever they ask for. */
  udp: boolean;
  multicast: boolean;
  /** The host brings TLS. Where it does not, as with Direct Sockets, `load({ tls: 'own' })` is the way. */
  tls: boolean;
  /** Go can run in a worker. */
  worker: boolean;
  webAssembly: boolean;
  /**
   * Permissions that would bring more: of the manifest on KaiOS (`tcp-socket`, `udp-socket`), of the permissions policy
   * for Direct Sockets (`direct-sockets`; `direct-sockets-private` for private addresses and loopback;
   * `direct-sockets-multicast`). Where there are no sockets at all, `tcp-socket`. What a host can't do by any permission
   * is not in the list.
   */
  missing: string[];
}

/**
 * Runs a Go program of your own, written on `kaiwire/bridge`, over the host's sockets and in this thread. Resolves when
 * its `main` waits for the first time or has returned. Rejects with `EINVAL`, `ELOAD` or `EPERM`. See
 * web/examples/finger in the repository.
 */
export function runGo(options: RunOptions): Promise<GoProgram>;
export interface RunOptions {
  /** The program, `GOOS=js GOARCH=wasm`: where it is, or its bytes. */
  wasm: string | URL | ArrayBuffer | ArrayBufferView;
  /** As in `load`. */
  sockets?: Sockets | string;
  /** As in `load`. */
  framing?: 'arraybuffer' | 'string';
  /** `os.Args`. Default `['js']`. */
  argv?: string[];
  /** `os.Environ`. Default empty. */
  env?: Record<string, string>;
  /** The class `Go` of another compiler's `wasm_exec.js`. Default: that of the Go release that built kaiwire. */
  Go?: new () => object;
}
export interface GoProgram {
  /** What the program has put into `bridge.Host`: its functions for JavaScript. */
  readonly host: any;
  /** Resolves with the exit status; rejects with `EPANIC` where the program has broken down. */
  readonly exited: Promise<number>;
  /** Closes all its sockets and wakes it no more; its memory goes with the last reference. */
  stop(): void;
}

/**
 * With Node.js only: its sockets. `address` is where they listen and bind unless the program says where; default
 * `0.0.0.0`. `ca` is PEM text of the authorities that their TLS trusts in place of Node's own.
 */
export function nodeHost(options?: { address?: string; ca?: string }): Sockets;

export interface Wire {
  readonly imap: Imap;
  readonly irc: Irc;
  readonly dns: Dns;
  readonly dnssec: Dnssec;
  readonly trust: Trust;
  /** Closes every session and ends the worker. */
  close(): Promise<void>;
}

/** Something open: a session, a resolver, a download. Listeners may be added at any time. */
export interface Handle<Events> {
  on<K extends keyof Events>(event: K, listener: (value: Events[K]) => void): this;
  off<K extends keyof Events>(event: K, listener: (value: Events[K]) => void): this;
  once<K extends keyof Events>(event: K, listener: (value: Events[K]) => void): this;
  /** Ends it without ceremony. May be called twice. Calls under way reject with `ECLOSED`. */
  close(): Promise<void>;
  readonly closed: boolean;
}

export interface CloseEvents {
  /** The last event of a handle. `error` is absent after our own `close`, `logout` or `quit`. */
  close: { error?: KaiwireError };
}

export interface ConnectOptions extends CallOptions {
  /** A name or an IP address, without brackets. */
  host: string;
  port?: number;
  /** `tls` (default): secured from the first byte; `starttls`: by the protocol's command; `none`: in the clear. */
  security?: 'tls' | 'starttls' | 'none';
  /** Whom to trust, with `load({ tls: 'own' })` only: `EINVAL` otherwise. */
  tls?: TlsOptions;
}

/**
 * Whom to trust with TLS of our own. A server is accepted if its chain leads to a root of Mozilla's or of `roots`, is in
 * date and for this host, and holds one of `pins`, if there are any; or if its key is the `known` one. A host name must
 * be in its ASCII form (`xn--…`).
 */
export interface TlsOptions {
  /** Roots besides Mozilla's: certificates as PEM text. */
  roots?: string;
  /** Keys of which one has to be in the chain: base64 SHA-256 of the SubjectPublicKeyInfo, as in RFC 7469. */
  pins?: string[];
  /**
   * Servers that the person has accepted, `host:port` → key: store `error.trust.certificate.key` of the refusal, once
   * the person has agreed. Such a server needs no valid certificate as long as it has this key; with another key and no
   * valid certificate it is refused with `ECERT_PIN`.
   */
  known?: Record<string, string>;
  /** Protocols to offer by ALPN, best first. */
  alpn?: string[];
}

export interface Certificate {
  /** As RFC 4514 writes names: `CN=imap.example,O=Example`. */
  subject: string; issuer: string;
  /** The names and IP addresses that it is for. */
  names: string[];
  /** ISO 8601. */
  notBefore: string; notAfter: string;
  /** SHA-256 of the certificate, `AB:CD:…`. */
  fingerprint: string;
  /** SHA-256 of its key, in base64, as `pins` and `known` take it. */
  key: string;
}

/**
 * `wrong-host`: the certificate is for other names. `self-signed`: nobody vouches for it. `unknown-root`: an authority
 * that is not trusted does. `expired-root`: an authority does whose own certificate has run out, such as DST Root CA X3.
 * `incomplete-chain`: the server should send its authority's certificate along and doesn't (a guess). `invalid`: the
 * chain breaks another rule. `clock`: the certificate is right, but not at the time that the phone shows, and that can't
 * be. `pin`: none of the `pins`. `changed`: another key than the `known` one. `old-protocol`: no version or cipher of
 * TLS in common, as one side is too old. `not-tls`: the server speaks something else.
 */
export type TrustCause =
  | 'expired' | 'not-yet-valid' | 'wrong-host' | 'self-signed' | 'unknown-root' | 'expired-root' | 'incomplete-chain'
  | 'invalid' | 'clock' | 'pin' | 'changed' | 'old-protocol' | 'not-tls';

export interface Refusal {
  cause: TrustCause;
  /** The name of the certificate at fault, where it is not the server's: the root that has expired, the issuer that is missing. */
  culprit?: string;
  /** The server's. */
  certificate: Certificate;
  /** All that it presented, its own first; 10 at most. */
  chain: Certificate[];
}

export interface Auth {
  user: string;
  pass?: string;
  /** An OAuth 2 access token, for OAUTHBEARER, instead of `pass`. */
  accessToken?: string;
  /** Force a SASL mechanism, or `LOGIN-COMMAND` for IMAP's own LOGIN. Default: the best that the server offers. */
  mechanism?: 'PLAIN' | 'LOGIN' | 'EXTERNAL' | 'OAUTHBEARER' | 'LOGIN-COMMAND';
}

/* ---- IMAP (RFC 3501, RFC 9051) ---- */

export interface Imap {
  /** Connects, authenticates and, unless `mailbox` is null, selects a mailbox. */
  connect(options: ImapConnectOptions): Promise<ImapSession>;
}

export interface ImapConnectOptions extends ConnectOptions {
  /** Default 993 for `tls`, else 143. */
  port?: number;
  auth: Auth;
  /** Selected after login. Default `INBOX`; null selects none. */
  mailbox?: string | null;
  /** Open the mailbox with EXAMINE. */
  readOnly?: boolean;
}

/** A message set as IMAP writes it (`1:10`, `5,7:*`), or numbers. */
export type MessageSet = string | number | number[];
export interface SetOptions extends CallOptions { /** The set holds UIDs, not sequence numbers. */ uid?: boolean }

export interface Mailbox {
  name: string; exists: number; uidNext: number; uidValidity: number; readOnly: boolean;
  flags: string[]; permanentFlags: string[];
}
export interface ListEntry {
  name: string; delimiter: string; flags: string[];
  /** RFC 6154: `\\Sent`, `\\Trash`, … */
  specialUse?: string;
}
export interface Address { name: string; address: string }
export interface Envelope {
  /** ISO 8601; absent where the message has none that can be read. */
  date?: string;
  subject: string; messageId: string; inReplyTo: string[];
  from: Address[]; sender: Address[]; replyTo: Address[]; to: Address[]; cc: Address[]; bcc: Address[];
}
export interface BodyStructure {
  /** `1`, `1.2`, …; absent on a multipart at the top. */
  part?: string;
  /** Lower case: `text/plain`, `multipart/mixed`. */
  type: string;
  parameters: Record<string, string>;
  id?: string; description?: string; encoding?: string;
  /** Octets, encoded. */
  size?: number; lineCount?: number;
  disposition?: string; dispositionParameters?: Record<string, string>;
  childNodes?: BodyStructure[];
  /** Of a `message/rfc822` part. */
  envelope?: Envelope;
}
export interface FetchQuery extends SetOptions {
  flags?: boolean; envelope?: boolean; bodyStructure?: boolean; internalDate?: boolean; size?: boolean;
  /** true: the whole header; a list: only those fields. */
  headers?: boolean | string[];
  /** Sections as IMAP names them: `TEXT`, `1`, `1.MIME`, a range of bytes `1<0.2048>`; `''` is the whole message.
   *  Fetched without setting `\\Seen`. A message's parts together may have 8 MiB; `download` is for more. */
  bodyParts?: string[];
  /** Called with messages as they arrive; the promise then resolves with an empty list. */
  onMessages?: (messages: Message[]) => void;
}
export interface Message {
  seq: number; uid: number;
  flags?: string[]; envelope?: Envelope; bodyStructure?: BodyStructure; internalDate?: string; size?: number;
  headers?: Uint8Array;
  bodyParts?: Record<string, Uint8Array>;
}
export interface SearchQuery {
  all?: boolean; seq?: MessageSet; uid?: MessageSet;
  since?: string | Date; before?: string | Date; sentSince?: string | Date; sentBefore?: string | Date;
  header?: Record<string, string>; from?: string; to?: string; cc?: string; bcc?: string; subject?: string;
  body?: string; text?: string;
  seen?: boolean; answered?: boolean; flagged?: boolean; deleted?: boolean; draft?: boolean;
  keyword?: string; unKeyword?: string; larger?: number; smaller?: number;
  not?: SearchQuery; or?: SearchQuery[];
}
export interface AppendOptions extends CallOptions { flags?: string[]; internalDate?: string | Date }
export interface AppendResult { /** With UIDPLUS. */ uid?: number; uidValidity?: number }
export interface MoveResult { uidValidity?: number; sourceUids?: string; destUids?: string }

export interface ImapEvents extends CloseEvents {
  exists: { count: number };
  expunge: { seq: number };
  flags: { seq: number; uid?: number; flags: string[] };
  /** A text that the server wants the person to see (RFC 3501, 7.1). */
  alert: { text: string };
  /** The beginning of a response that was not understood and skipped. */
  unknown: { text: string };
}

export interface ImapSession extends Handle<ImapEvents> {
  readonly capabilities: string[];
  /** The selected mailbox as it was when selected; `exists` follows the server. */
  readonly mailbox: Mailbox | null;
  list(reference?: string, pattern?: string, options?: CallOptions): Promise<ListEntry[]>;
  select(mailbox: string, options?: CallOptions & { readOnly?: boolean }): Promise<Mailbox>;
  status(mailbox: string, options?: CallOptions): Promise<{ messages: number; unseen: number; uidNext: number; uidValidity: number }>;
  fetch(set: MessageSet, query: FetchQuery): Promise<Message[]>;
  /** One body section, streamed. `part` as in `bodyParts`; default the whole message. */
  download(message: number, part?: string, options?: SetOptions): Promise<Download>;
  search(query: SearchQuery, options?: SetOptions): Promise<number[]>;
  store(set: MessageSet, action: 'add' | 'remove' | 'set', flags: string[], options?: SetOptions): Promise<void>;
  append(mailbox: string, message: string | Uint8Array, options?: AppendOptions): Promise<AppendResult>;
  copy(set: MessageSet, mailbox: string, options?: SetOptions): Promise<MoveResult>;
  move(set: MessageSet, mailbox: string, options?: SetOptions): Promise<MoveResult>;
  expunge(options?: CallOptions): Promise<void>;
  /** Asks for news at once, which arrives as events, until `stop` is called. Other calls stay possible. */
  idle(options?: CallOptions): Promise<{ stop(): Promise<void> }>;
  noop(options?: CallOptions): Promise<void>;
  /** Ends the session as the protocol wants it. */
  logout(options?: CallOptions): Promise<void>;
}

/**
 * A section on its way. Other calls of the session wait until it has been read to its end or closed. Closing it with
 * more than 64 KiB left ends the whole session: the protocol has no way to stop a server that is sending.
 */
export interface Download extends Handle<CloseEvents> {
  /** Octets, as the server announced them. */
  readonly size: number;
  /** The next bytes, or null at the end. Nothing is read from the network faster than this is called. */
  read(options?: CallOptions): Promise<Uint8Array | null>;
}

/* ---- IRC (RFC 2812, ircv3.net) ---- */

export interface Irc {
  /** Connects and registers; resolves after the server's welcome. */
  connect(options: IrcConnectOptions): Promise<IrcSession>;
}
export interface IrcConnectOptions extends ConnectOptions {
  /** Default 6697 for `tls`, else 6667. */
  port?: number;
  nick: string;
  /** Tried in order where the server refuses the nick. */
  altNicks?: string[];
  /** Where one of `altNicks` it had to be: ask for `nick` until it is ours. Default false. */
  keepNick?: boolean;
  /** Default: the nick. */
  username?: string;
  realname?: string;
  /** The server's password (PASS). */
  password?: string;
  /**
   * SASL: `PLAIN`, `OAUTHBEARER` and those of `Auth`; the connection fails with `EAUTH` where it is refused, and with
   * `ENOTSUP` where the server has none.
   */
  auth?: Auth;
  /** Capabilities to ask for, besides the defaults. */
  capabilities?: string[];
  /**
   * Make a new connection when one is lost (`disconnect`, `reconnect`), with waits that grow from 2 seconds to 5 minutes;
   * go back into the channels, and fetch what was missed where the server keeps it. Default false: the session ends.
   */
  reconnect?: boolean;
  /**
   * What we say comes as events too, `own`: as the server passed it on or, where it does not send that back, from here.
   * Default false: only what was said on our other devices.
   */
  echo?: boolean;
  /** False asks the server not to list who is in a channel when we join it, where it can do that: see `names`. Default true. */
  implicitNames?: boolean;
  /** Why we are away, from the start. */
  away?: string;
  /** Say that we are a program, where the server has a mode for it. */
  bot?: boolean;
  /** Ask a bouncer for its networks, and which of them to use, by its id. */
  bouncer?: boolean;
  bouncerNetwork?: string;
  /** The answer to CTCP VERSION. Where it is given, VERSION and PING are answered, seldom; default: no CTCP is. */
  version?: string;
  /** How to read lines that are not UTF-8: a label of TextDecoder, such as `windows-1252`. Default: U+FFFD for what is not. */
  charset?: string;
  /** Where to keep which servers want TLS, for connections with `security: 'none'`. Such a server gets TLS in any case. */
  sts?: StsStore;
  /** Milliseconds of silence until the server is asked for a sign of life; default 120000. */
  pingInterval?: number;
  /** Milliseconds that it then has, until the connection counts as lost; default 30000. */
  pingTimeout?: number;
  /** Lines that are sent at once; default 10. After them, one every `floodInterval` milliseconds; default 500. */
  floodBurst?: number;
  floodInterval?: number;
}
export interface StsPolicy { port: number; /** ISO 8601. */ until: string }
/** By host name. The methods may return promises. */
export interface StsStore {
  get(host: string): StsPolicy | null | undefined | Promise<StsPolicy | null | undefined>;
  /** null: nothing is to be kept any more. */
  set(host: string, policy: StsPolicy | null): unknown;
}

/** What a line says about itself. */
export interface IrcMeta {
  /** ISO 8601: the server's (server-time) or ours. */
  time: string;
  tags: Record<string, string>;
  /** The message's id (msgid), by which it is answered, reacted to or deleted. */
  id?: string;
  /** The sender's account; absent where there is none, or the server does not tell. */
  account?: string;
  /** The sender is a program. */
  bot?: boolean;
  /** Not of now: played back from the server's history. */
  history?: boolean;
  /** What it has in common with others: `netsplit`, `netjoin` and so on. */
  batch?: { id: string; type: string; params: string[] };
}
export interface IrcMessage extends IrcMeta {
  /** Sender; a server's name where a server speaks. */
  nick: string; user?: string; host?: string;
  /** A channel, our own nick, or whom we have written to. */
  target: string;
  /** The channel, if it is one: `target` without the sign of those whom it is for (`@#kaios`). */
  channel?: string;
  /** Without formatting. A message of several lines has line feeds. */
  text: string;
  /** `text` in parts, where it has formatting, links or our nick in it. Text, to be shown as text: nothing is markup. */
  spans?: IrcSpan[];
  /** It has our nick in it. */
  mention?: boolean;
  /** CTCP ACTION (`/me`). */
  action?: boolean;
  /** We have said this, here or on another device. */
  own?: boolean;
  /** There was more than the module can hold. */
  truncated?: boolean;
}
export interface IrcSpan {
  text: string;
  bold?: boolean; italic?: boolean; underline?: boolean; strikethrough?: boolean; monospace?: boolean;
  /** Colours are to be swapped. */
  reverse?: boolean;
  /** A number of the palette from 0 to 98, or `#rrggbb`. */
  color?: number | string; background?: number | string;
  /** A URL of http, https, irc, ircs or mailto. */
  link?: string;
  /** It is our nick. */
  mention?: boolean;
}
export interface IrcEvents extends CloseEvents {
  message: IrcMessage;
  notice: IrcMessage;
  /** `own`: it is us who has come. `account`, `realname`: with extended-join. */
  join: IrcMeta & { nick: string; channel: string; user?: string; host?: string; realname?: string; own?: boolean };
  part: IrcMeta & { nick: string; channel: string; reason: string; own?: boolean };
  /** `channels`: those that we are in as well. */
  quit: IrcMeta & { nick: string; reason: string; channels: string[] };
  /** `own`: it is us who has been renamed. */
  nick: IrcMeta & { nick: string; newNick: string; own: boolean; channels: string[] };
  kick: IrcMeta & { nick: string; channel: string; by: string; reason: string; own?: boolean };
  topic: IrcMeta & { channel: string; topic: string; nick?: string };
  names: { channel: string; names: string[]; truncated?: boolean };
  mode: IrcMeta & { target: string; nick: string; modes: string; changes: { set: boolean; mode: string; argument?: string }[] };
  invite: IrcMeta & { nick: string; target: string; channel: string };
  away: IrcMeta & { nick: string; away: boolean; text: string };
  /** Somebody has logged in, or out where `account` is empty. */
  account: IrcMeta & { nick: string; account: string };
  host: IrcMeta & { nick: string; user: string; host: string };
  realname: IrcMeta & { nick: string; realname: string };
  /** People of `monitor` have come or gone. */
  presence: { online: boolean; nicks: string[] };
  /** Without another one, `active` is over after 6 seconds and `paused` after 30. */
  typing: IrcMeta & { nick: string; target: string; state: 'active' | 'paused' | 'done' };
  reaction: IrcMeta & { nick: string; target: string; to: string; reaction: string; removed?: boolean; own?: boolean };
  /** A message has been deleted: `redacted` is its id. */
  redaction: IrcMeta & { nick: string; target: string; redacted: string; reason: string };
  /** A message of tags alone that is neither typing nor a reaction. */
  tagmsg: IrcMeta & { nick: string; target: string; own?: boolean };
  /** Up to when `target` has been read on any of our devices; absent: it has not been. */
  read: { target: string; time?: string };
  /** A CTCP query, or with `reply` the answer to one. ACTION is a message. */
  ctcp: IrcMeta & { nick: string; target: string; command: string; text: string; reply?: boolean };
  /** A standard reply that no call was waiting for. */
  reply: IrcMeta & { kind: 'FAIL' | 'WARN' | 'NOTE'; command: string; code: string; text: string; context: string[] };
  network: IrcNetwork;
  /** The server has granted or withdrawn capabilities: all that are in force. */
  capabilities: { capabilities: string[] };
  /** The server has announced features anew: all of them. */
  isupport: { isupport: Record<string, string> };
  /** What a server asks for by STS; kept by the store given to `connect`. Without a port: nothing any more. */
  sts: { host: string; port?: number; until?: string };
  /** With `reconnect`: the connection is lost, or another attempt has failed; the next is in `wait` milliseconds. */
  disconnect: { error: KaiwireError; wait: number };
  /** There is a connection again. Our own `join` of each channel follows, then what was missed, with `history`. */
  reconnect: { nick: string; account: string; capabilities: string[]; isupport: Record<string, string> };
  /** Every line that has no event of its own. */
  raw: IrcMeta & { command: string; params: string[]; prefix?: string };
}
export interface IrcChannel {
  channel: string; topic: string; topicBy?: string;
  /** ISO 8601. */
  topicTime?: string; created?: string;
  /** Those that are set: `+ntk key`. */
  modes: string;
  /** By rank, then by name. */
  members: IrcMember[];
  /** There are more than the module can hold. */
  truncated?: boolean;
}
export interface IrcMember {
  nick: string;
  /** Signs of rank, highest first: `@`, `+`, `@+` or none. */
  prefix: string;
  user?: string; host?: string; realname?: string;
  /** null: not logged in; absent: not known. `who` makes it known, where the server has WHOX. */
  account?: string | null;
  away?: boolean; bot?: boolean;
}
export interface IrcSendOptions extends CallOptions {
  /** The id of the message that this answers. */
  replyTo?: string;
  /** Allow line feeds in the text. Where the server has no messages of several lines, each line is a message. */
  multiline?: boolean;
}
export interface IrcSent {
  /** The server has answered that it passed the text on; false where it does not tell: then the text was written, no more. */
  confirmed: boolean;
  /** How many messages it took. */
  messages: number;
  /** The message's id, and when the server had it (else: we): of the first, where there were several. */
  id?: string; time: string;
}
/** A message by its id, or a time in ISO 8601. Servers know at least one of them; with both, the id is preferred. */
export interface IrcPoint { id?: string; time?: string }
export interface IrcHistoryOptions extends CallOptions {
  /** Bounds, alone or together. Without any point: the latest. */
  before?: IrcPoint; after?: IrcPoint;
  around?: IrcPoint;
  /** As `after`, but where there is more than `limit`, the latest of it. */
  since?: IrcPoint;
  /** Default 50. Servers have limits of their own: `isupport.CHATHISTORY`. */
  limit?: number;
}
/** An event as listeners get it, and which: `message`, `join`, … */
export type IrcPast = { [K in keyof IrcEvents]: { event: K } & IrcEvents[K] }[keyof IrcEvents];
export interface IrcNetwork { id: string; /** `name`, `state`, `host`, …; of an event: what has changed. */ attributes: Record<string, string>; gone?: boolean }

/**
 * What a server can't do rejects with `ENOTSUP`; a refusal with `EREJECTED`, `response` being the server's numeric or
 * code. With `reconnect`, everything but `retry`, `quit` and `close` rejects with `ECONNRESET` while there is no connection.
 */
export interface IrcSession extends Handle<IrcEvents> {
  readonly nick: string;
  /** What we are logged in to, or empty. */
  readonly account: string;
  readonly capabilities: string[];
  /** What the server has announced of itself (numeric 005). */
  readonly isupport: Record<string, string>;
  /** Resolves when the server has let us in. */
  join(channel: string, options?: CallOptions & { key?: string }): Promise<{ channel: string; topic: string; names: string[] }>;
  part(channel: string, reason?: string, options?: CallOptions): Promise<void>;
  /** PRIVMSG; a long text is sent as several messages, or as one of several lines where the server has those. */
  send(target: string, text: string, options?: IrcSendOptions): Promise<IrcSent>;
  /** CTCP ACTION, what `/me` sends. */
  action(target: string, text: string, options?: IrcSendOptions): Promise<IrcSent>;
  notice(target: string, text: string, options?: IrcSendOptions): Promise<IrcSent>;
  /** Tells that we are typing. May be called with each key: `active` is sent once in 3 seconds. */
  typing(target: string, state: 'active' | 'paused' | 'done', options?: CallOptions): Promise<void>;
  /** Adds a reaction to a message, or takes it back. */
  react(target: string, id: string, reaction: string, options?: CallOptions & { remove?: boolean }): Promise<void>;
  /** Deletes a message. */
  redact(target: string, id: string, reason?: string, options?: CallOptions): Promise<void>;
  setNick(nick: string, options?: CallOptions): Promise<void>;
  /** What is known of a channel that we are in; null where we are not. Kept up to date; asks the server nothing. */
  channel(channel: string, options?: CallOptions): Promise<IrcChannel | null>;
  /** Asks who is in a channel: `@asha`, `ben`, … */
  names(channel: string, options?: CallOptions): Promise<string[]>;
  /** Asks who matches a channel, a nick or a pattern. What is learned of people in our channels shows in `channel`. */
  who(mask: string, options?: CallOptions): Promise<IrcMember[]>;
  /** Has the server tell when people come and go, as `presence`, beginning with how it is now. */
  monitor(nicks: string[], options?: CallOptions): Promise<void>;
  unmonitor(nicks: string[], options?: CallOptions): Promise<void>;
  /** What was said, and where the server keeps it also who came and went; oldest first. */
  history(target: string, options?: IrcHistoryOptions): Promise<IrcPast[]>;
  /** In which channels, and with whom, there was something between two instants in ISO 8601, and when the latest. */
  historyTargets(from: string, to: string, options?: CallOptions & { limit?: number }): Promise<{ target: string; time: string }[]>;
  /** Tells our other devices up to when `target` is read. Resolves with what the server then has, which may be later. */
  markRead(target: string, time: string, options?: CallOptions): Promise<string | null>;
  readMarker(target: string, options?: CallOptions): Promise<string | null>;
  /** Makes an account. `verify`: the server has sent a code, for `verifyAccount`. */
  registerAccount(password: string, options?: CallOptions & { account?: string; email?: string }): Promise<{ verify: boolean }>;
  verifyAccount(account: string, code: string, options?: CallOptions): Promise<void>;
  /** The networks of a bouncer. */
  networks(options?: CallOptions): Promise<IrcNetwork[]>;
  /** Any command; resolves with the lines of the server's answer. Needs labeled-response: else use `raw`. */
  command(command: string, params?: string[], options?: CallOptions): Promise<IrcEvents['raw'][]>;
  /** Resolves with the round trip in milliseconds. */
  ping(options?: CallOptions): Promise<number>;
  /** Any command; CR, LF and NUL are refused. Resolves when it is written. */
  raw(command: string, params?: string[], options?: CallOptions): Promise<void>;
  /** With `reconnect`: makes the next attempt now, as the network is back. */
  retry(options?: CallOptions): Promise<void>;
  quit(reason?: string, options?: CallOptions): Promise<void>;
}

/* ---- DNS (RFC 1035) ---- */

export interface Dns {
  resolver(options: ResolverOptions): Promise<Resolver>;
}
export interface ResolverOptions extends CallOptions {
  /**
   * IP addresses or names, tried in order, those that have failed lately last; `address:port` and `[v6]:port` allowed, and
   * the transport before it: `tls://dns.example`, `tcp://192.0.2.1`, `udp://192.0.2.1`.
   */
  servers: string[];
  /** Default 53, and 853 for TLS. */
  port?: number;
  /**
   * How to reach servers that don't say it themselves, best first: the next is taken where one is not to be had, is silent
   * or can't carry the answer. Default `['udp', 'tcp']`, of which a phone without UDP has the latter.
   */
  transports?: ('udp' | 'tcp' | 'tls')[];
  /** Milliseconds that each try at a server may take, 60000 at most. Default 5000. */
  tryTimeout?: number;
  /** How often to go through the servers again when none has answered. Default 1. */
  retries?: number;
  /** What is kept of the answers; false for nothing. */
  cache?: false | DnsCacheOptions;
  /** Keeps the cache from one start of the app to the next: read now, written by `close`. */
  store?: DnsStore;
  /** With `load({ tls: 'own' })` only. */
  tls?: TlsOptions;
}
export interface DnsCacheOptions {
  /** Bytes. Default 262144. */
  maxSize?: number;
  /** Milliseconds that an answer is kept at most. Default one day. */
  maxTtl?: number;
  /** The same for names and types that are not there (RFC 2308). Default one hour. */
  maxNegativeTtl?: number;
  /** Milliseconds after its end that an answer is still given where no server answers (RFC 8767); 0 for never. Default one day. */
  maxStale?: number;
}
/** Where an app keeps the saved cache. What fails here goes to the error handler of the page; names are resolved all the same. */
export interface DnsStore {
  get(): Uint8Array | null | undefined | Promise<Uint8Array | null | undefined>;
  set(saved: Uint8Array): void | Promise<void>;
}
/** Any other is `TYPE` and its number (RFC 3597). */
export type RecordType =
  | 'A' | 'AAAA' | 'AFSDB' | 'ANY' | 'CAA' | 'CDNSKEY' | 'CDS' | 'CNAME' | 'CSYNC' | 'DHCID' | 'DNAME' | 'DNSKEY' | 'DS'
  | 'HINFO' | 'HTTPS' | 'LOC' | 'MINFO' | 'MX' | 'NAPTR' | 'NS' | 'NSEC' | 'NSEC3' | 'NSEC3PARAM' | 'OPENPGPKEY' | 'PTR' | 'RP'
  | 'RRSIG' | 'SMIMEA' | 'SOA' | 'SPF' | 'SRV' | 'SSHFP' | 'SVCB' | 'TLSA' | 'TXT' | 'URI' | 'ZONEMD' | `TYPE${number}`;
export interface DnsRecord {
  name: string; type: string; ttl: number;
  /** The data as zone files have it (RFC 1035 §5.1). */
  text: string;
  /**
   * The data's parts by type: address; target; priority, exchange; entries; mname, rname, … Bytes are in the form of zone
   * files. Of a type that is not known, or of data that is not what its type says: `data` (hexadecimal).
   */
  [field: string]: string | number | string[];
}
export interface DnsAnswer {
  rcode: string; authoritative: boolean; truncated: boolean; recursionAvailable: boolean;
  /** The server says that it has validated the answer (AD): worth as much as the way to it is safe. */
  authenticated: boolean;
  answers: DnsRecord[]; authorities: DnsRecord[]; additionals: DnsRecord[];
  /** The server's reasons (RFC 8914). */
  extendedErrors: { code: number; text: string }[];
  /** The server that answered, how, and how long it took in milliseconds (0 where it was in the cache). */
  server: string; transport: '' | 'udp' | 'tcp' | 'tls'; elapsed: number;
  cached: boolean;
  /** The answer's time is over, but no server answers. */
  stale: boolean;
}
export interface LookupOptions extends CallOptions {
  /** Addresses of one family only. Default both. */
  family?: 0 | 4 | 6;
  /** All addresses, and not the first only. Default false. */
  all?: boolean;
}
export interface LookupAddress { address: string; family: 4 | 6 }
/** What a domain says of its servers. */
export interface Discovery {
  /** In the order in which to try them: secured ones first, then by priority and weight (RFC 2782). */
  services: { name: 'imap' | 'pop3' | 'submission' | 'irc'; host: string; port: number; security: 'tls' | 'starttls' | 'none' }[];
  /** Its mail servers, whose names often tell the provider. */
  mx: { priority: number; exchange: string }[];
  /** Where settings may be had, as Thunderbird looks for them; only those whose host exists. */
  autoconfig: string[];
}
/**
 * Names may have letters outside ASCII. Besides the codes of connections its promises reject with `ENOTFOUND` (no such
 * name), `ENODATA` (no such type), `ESERVFAIL`, `EREFUSED`, `EFORMERR`, `ENOTIMP` and `EPROTO`.
 */
export interface Resolver extends Handle<CloseEvents> {
  /** The whole answer, whatever its rcode. */
  query(name: string, type: RecordType, options?: CallOptions): Promise<DnsAnswer>;
  /** The addresses of a host, IPv6 and IPv4 asked for at a time; with `all` all of them, IPv6 first. */
  lookup<O extends LookupOptions>(name: string, options?: O): Promise<O extends { all: true } ? LookupAddress[] : LookupAddress>;
  resolve4(name: string, options?: CallOptions): Promise<string[]>;
  resolve6(name: string, options?: CallOptions): Promise<string[]>;
  /** Whatever the server cares to show; members as in `DnsRecord`. */
  resolveAny(name: string, options?: CallOptions): Promise<{ type: string; [field: string]: string | number | string[] }[]>;
  /** The tag is a member: `{ critical: 0, issue: 'ca.example' }`. */
  resolveCaa(name: string, options?: CallOptions): Promise<{ critical: number; [tag: string]: string | number }[]>;
  resolveCname(name: string, options?: CallOptions): Promise<string[]>;
  /** Priority 0 is an alias; the parameters are as in `alpn=h2,h3`. */
  resolveHttps(name: string, options?: CallOptions): Promise<{ priority: number; target: string; params: string[] }[]>;
  resolveMx(name: string, options?: CallOptions): Promise<{ priority: number; exchange: string }[]>;
  resolveNaptr(name: string, options?: CallOptions): Promise<{
    order: number; preference: number; flags: string; service: string; regexp: string; replacement: string;
  }[]>;
  resolveNs(name: string, options?: CallOptions): Promise<string[]>;
  resolvePtr(name: string, options?: CallOptions): Promise<string[]>;
  resolveSoa(name: string, options?: CallOptions): Promise<{
    nsname: string; hostmaster: string; serial: number; refresh: number; retry: number; expire: number; minttl: number;
  }>;
  resolveSrv(name: string, options?: CallOptions): Promise<{ priority: number; weight: number; port: number; name: string }[]>;
  resolveTlsa(name: string, options?: CallOptions): Promise<{ certUsage: number; selector: number; match: number; data: Uint8Array }[]>;
  resolveTxt(name: string, options?: CallOptions): Promise<string[][]>;
  /** The names of an IP address. */
  reverse(ip: string, options?: CallOptions): Promise<string[]>;
  /** The servers for mail that a domain names (RFC 6186, 8314), its MX, and where its settings may be had. */
  discoverMail(domain: string, options?: CallOptions): Promise<Discovery>;
  /** The IRC servers that a domain names. */
  discoverChat(domain: string, options?: CallOptions): Promise<Discovery>;
  /** `unsolicited`: messages that answered no question and were dropped: forged, or too late. */
  statistics(options?: CallOptions): Promise<{ unsolicited: number }>;
  /** The cache, for `restore` at another time. */
  save(options?: CallOptions): Promise<Uint8Array>;
  /** Adds a saved cache; resolves with the number of answers. What is restored is believed: keep it where only the app can write. */
  restore(saved: Uint8Array, options?: CallOptions): Promise<number>;
}

/** What `dns` has, and validation by the signatures themselves (RFC 4035): a module of its own, for its size. */
export interface Dnssec {
  resolver(options: ValidatingResolverOptions): Promise<ValidatingResolver>;
}
export interface ValidatingResolverOptions extends ResolverOptions {
  /** Keys that are believed: DS records as zone files have them (`. 0 IN DS …`). Default: those of the root. */
  anchors?: string[];
}
export interface ValidatingResolver extends Resolver {
  /** `query`, with a verdict on the answer. What is `bogus` is in the answer too, and not to be used. */
  validate(name: string, type: RecordType, options?: CallOptions): Promise<ValidatedAnswer>;
}
/**
 * `secure`: what the owner of the name has signed. `insecure`: the name is in a zone that is not signed, which is proven
 * (`unsigned`, `opt-out`), or not in a way that counts (`unsupported`, `nsec3-iterations`). `bogus`: it should be signed and
 * is not rightly: `no-signature`, `wrong-signature`, `no-key`, `wrong-key` (the zone's keys are not those that the zone above
 * vouches for), `no-proof` (that something is not there is not proven), `expired` and `not-yet-valid` (or the phone's date is
 * wrong). `indeterminate`: it could not be told: `unreachable`, `too-much-work`.
 */
export interface ValidatedAnswer extends DnsAnswer {
  status: 'secure' | 'insecure' | 'bogus' | 'indeterminate';
  /** Why it is not `secure`. */
  reason?: DnssecReason;
  /** Where the chain of trust has ended, and what could not be validated. */
  zone?: string; name?: string;
}
export type DnssecReason =
  | 'unsigned' | 'unsupported' | 'nsec3-iterations' | 'opt-out' | 'no-signature' | 'expired' | 'not-yet-valid'
  | 'wrong-signature' | 'no-key' | 'wrong-key' | 'no-proof' | 'unreachable' | 'too-much-work';

/* ---- Trust ---- */

export interface Trust {
  /**
   * Whether the phone's own TLS accepts a server (TLS from the first byte), why not, and whether TLS of our own does.
   * Nothing is sent beyond the handshakes. Rejects with `EINVAL` and `ABORT_ERR` only: what fails otherwise is in the
   * report, and `timeout` bounds the whole of it (the report comes then, with what is known).
   *
   * The phone doesn't say that a handshake went well. It counts as accepted with the server's first data or, where the
   * server waits for us to speak first, if there is no error in twice the time that our own handshake took and at least
   * 1.5 s.
   */
  check(host: string, port: number, options?: CallOptions & { tls?: TlsOptions }): Promise<TrustReport>;
}
export interface TrustReport {
  /**
   * `certificate`: refused for its certificate; `protocol`: no handshake; `refused`: no connection at all;
   * `unavailable`: no sockets, or no permission for them.
   */
  phone: 'accepted' | 'certificate' | 'protocol' | 'refused' | 'timeout' | 'unavailable';
  /** `accepted`, or the code with which connecting with TLS of our own fails. */
  own: 'accepted' | ErrorCode;
  /** What is wrong, as TLS of our own sees it; where that accepts the server, the likely reason why the phone doesn't. */
  cause?: TrustCause;
  /** As in `Refusal`. */
  culprit?: string;
  /** `load({ tls: 'own' })` makes it work. */
  cure: boolean;
  /** Null where the server presented none. */
  certificate: Certificate | null;
  chain: Certificate[];
  /** The version of TLS that our own handshake agreed on. */
  protocol: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3' | null;
}
