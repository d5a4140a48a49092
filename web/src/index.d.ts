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

export type ModuleName = 'imap' | 'irc' | 'dns' | 'trust';

export interface LoadOptions {
  /** The protocols that the app will use. */
  modules: ModuleName[];
  /**
   * Whose TLS: the phone's (default), or `own`, which knows TLS 1.3, today's roots and the options of `TlsOptions`, and
   * takes more memory: a module of 4 MB of code instead of 2. Own TLS is in files of its own, `imap-tls.wasm` and so on;
   * an app ships those that it loads. `trust` always brings its own.
   */
  tls?: 'phone' | 'own';
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
  /** Whose sockets. Default: those of the host, a phone's first. */
  sockets?: Sockets | string;
}

/** Loads modules. Rejects with `ELOAD` (what was missing and where it looked) or `EPERM` (no sockets here). */
export function load(options: LoadOptions): Promise<Wire>;

/**
 * Whose sockets to use in place of the host's own: the address of a `kaiwire-relay`, such as `ws://127.0.0.1:8081/`, by
 * which a browser on a computer reaches the servers that the relay allows, or an object with the methods of the
 * phone's. What they make has the members of `TCPSocket`, `TCPServerSocket` and `UDPSocket` of KaiOS that kaiwire uses:
 * the `on…` handlers, `send`, `suspend`, `resume`, `upgradeToSecure`, `close`, `localPort`, `opened`, `closed` and so on.
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
  /** Default: the nick. */
  username?: string;
  realname?: string;
  /** The server's password (PASS). */
  password?: string;
  /** SASL; the connection fails with `EAUTH` where it is refused. */
  auth?: Auth;
  /** Capabilities to ask for, besides the defaults. */
  capabilities?: string[];
}
export interface IrcMessage {
  /** Sender; a server's name where a server speaks. */
  nick: string; user?: string; host?: string;
  /** A channel, or our own nick. */
  target: string; text: string;
  /** ISO 8601: the server's (server-time) or ours. */
  time: string;
  tags: Record<string, string>;
  /** CTCP ACTION (`/me`). */
  action?: boolean;
}
export interface IrcEvents extends CloseEvents {
  message: IrcMessage;
  notice: IrcMessage;
  join: { nick: string; channel: string };
  part: { nick: string; channel: string; reason: string };
  quit: { nick: string; reason: string };
  /** `own`: it is us who has been renamed. */
  nick: { nick: string; newNick: string; own: boolean };
  kick: { nick: string; channel: string; by: string; reason: string };
  topic: { channel: string; topic: string; nick?: string };
  names: { channel: string; names: string[] };
  mode: { target: string; nick: string; modes: string };
  /** Every line that has no event of its own. */
  raw: { command: string; params: string[]; prefix?: string; tags: Record<string, string> };
}
export interface IrcSession extends Handle<IrcEvents> {
  readonly nick: string;
  readonly capabilities: string[];
  /** Resolves when the server has let us in. */
  join(channel: string, options?: CallOptions & { key?: string }): Promise<{ channel: string; topic: string; names: string[] }>;
  part(channel: string, reason?: string, options?: CallOptions): Promise<void>;
  /** PRIVMSG; long texts are split between characters. */
  send(target: string, text: string, options?: CallOptions): Promise<void>;
  /** CTCP ACTION, what `/me` sends. */
  action(target: string, text: string, options?: CallOptions): Promise<void>;
  notice(target: string, text: string, options?: CallOptions): Promise<void>;
  setNick(nick: string, options?: CallOptions): Promise<void>;
  /** Resolves with the round trip in milliseconds. */
  ping(options?: CallOptions): Promise<number>;
  /** Any command; CR, LF and NUL are refused. */
  raw(command: string, params?: string[], options?: CallOptions): Promise<void>;
  quit(reason?: string, options?: CallOptions): Promise<void>;
}

/* ---- DNS (RFC 1035) ---- */

export interface Dns {
  resolver(options: ResolverOptions): Promise<Resolver>;
}
export interface ResolverOptions extends CallOptions {
  /** IP addresses or names, tried in order; `address:port` and `[v6]:port` allowed. */
  servers: string[];
  /** Default 53. */
  port?: number;
}
export type RecordType = 'A' | 'AAAA' | 'CNAME' | 'HINFO' | 'MX' | 'NS' | 'PTR' | 'SOA' | 'SRV' | 'TXT' | 'SVCB' | 'HTTPS' | 'ANY';
export interface DnsRecord {
  name: string; type: string; ttl: number;
  /** By type: address; target; priority, exchange; entries; mname, rname, … ; else `data` (hexadecimal). */
  [field: string]: string | number | string[];
}
export interface DnsAnswer {
  rcode: string; authoritative: boolean; truncated: boolean; recursionAvailable: boolean;
  answers: DnsRecord[]; authorities: DnsRecord[]; additionals: DnsRecord[];
  /** The server that answered, and how long it took in milliseconds. */
  server: string; elapsed: number;
}
export interface Resolver extends Handle<CloseEvents> {
  /** The whole answer, whatever its rcode. */
  query(name: string, type: RecordType, options?: CallOptions): Promise<DnsAnswer>;
  resolve4(name: string, options?: CallOptions): Promise<string[]>;
  resolve6(name: string, options?: CallOptions): Promise<string[]>;
  resolveMx(name: string, options?: CallOptions): Promise<{ priority: number; exchange: string }[]>;
  resolveTxt(name: string, options?: CallOptions): Promise<string[][]>;
  resolveSrv(name: string, options?: CallOptions): Promise<{ priority: number; weight: number; port: number; name: string }[]>;
  resolvePtr(name: string, options?: CallOptions): Promise<string[]>;
  /** The names of an IP address. */
  reverse(ip: string, options?: CallOptions): Promise<string[]>;
}

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
