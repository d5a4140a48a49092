// Type definitions for kaiwire. Written by hand and shipped verbatim; tests
// hold the error codes, methods and events against the Go side.

/** What can go wrong, by a stable name. Node's words where Node has one. */
export type ErrorCode =
  | 'ABORT_ERR' | 'EADDRINUSE' | 'EAUTH' | 'EBUSY' | 'ECERT' | 'ECERT_CLOCK' | 'ECERT_EXPIRED' | 'ECERT_HOST'
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
  /** Which protocol it comes from; absent for the loader and the bridge. */
  protocol?: ModuleName;
  /** `now`: connect again at once; `later`: wait first; `never`: change something first. */
  retry: 'now' | 'later' | 'never';
  /**
   * The server's own code: an IMAP or POP3 response code, an SMTP reply code with its enhanced status (`550 5.1.1`), an IRC
   * numeric, a DNS rcode.
   */
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

export type ModuleName = 'imap' | 'smtp' | 'pop3' | 'mime' | 'irc' | 'dns' | 'dnssec' | 'trust';

export interface LoadOptions {
  /** The protocols that the app will use. Those of mail are in one file, `mail.wasm`, which is loaded once for all of them. */
  modules: ModuleName[];
  /**
   * Whose TLS: the phone's (default), or `own`, which knows TLS 1.3, today's roots and the options of `TlsOptions`, and
   * takes more memory: a module of 4 MB of code instead of 2. Own TLS is in files of its own, `mail-tls.wasm` and so on;
   * an app ships those that it loads. `trust` always brings its own.
   */
  tls?: 'phone' | 'own';
  /**
   * Which compiler's modules: `go`, the reference, or `tinygo`, a seventh of the code and so of the memory, at much the
   * same speed. Default: `tinygo` for the modules that this build of kaiwire has of it (those with `.tinygo.wasm` files,
   * `irc.tinygo.wasm` and so on), `go` for the others; an app ships the files that it loads. `EINVAL` where there is none.
   * Where there is no WebAssembly (KaiOS 2.5) it is `js`, and the others are `ELOAD`: those of TinyGo's modules as scripts,
   * `irc.js` and so on, two to five times slower. An app may have them run by elements of its own before it calls `load`.
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
 * Loads modules. Rejects with `ELOAD` (what was missing and where it looked) or `EPERM` (no sockets here; `trust`
 * and `mime` by themselves can be loaded without).
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
  readonly smtp: Smtp;
  readonly pop3: Pop3;
  readonly mime: Mime;
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
  /** An OAuth 2 access token, for OAUTHBEARER or XOAUTH2, instead of `pass`. */
  accessToken?: string;
  /** Force a SASL mechanism, or `LOGIN-COMMAND` for IMAP's own LOGIN, `APOP` or `USER` for POP3's. Default: the strongest that both
   *  sides have; EXTERNAL and ANONYMOUS only by name. The PLUS ones need TLS of our own. */
  mechanism?: 'SCRAM-SHA-256-PLUS' | 'SCRAM-SHA-1-PLUS' | 'SCRAM-SHA-256' | 'SCRAM-SHA-1' | 'CRAM-MD5' | 'PLAIN' | 'LOGIN' | 'EXTERNAL'
    | 'ANONYMOUS' | 'OAUTHBEARER' | 'XOAUTH2' | 'LOGIN-COMMAND' | 'APOP' | 'USER';
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
  /** As in `select`. */
  condstore?: boolean;
  /**
   * Make a new connection when one is lost (`disconnect`, `reconnect`), with waits that grow from 2 seconds to 5 minutes;
   * open the mailbox again, and go on with `idle` and `notify`. Default false: the session ends.
   */
  reconnect?: boolean;
  /** Compress what is sent and received where the server can (COMPRESS=DEFLATE, RFC 4978). Default true. */
  compress?: boolean;
}

/** A message set as IMAP writes it (`1:10`, `5,7:*`), or numbers; `$` is what a search has saved. */
export type MessageSet = string | number | number[];
export interface SetOptions extends CallOptions { /** The set holds UIDs, not sequence numbers. */ uid?: boolean }

export interface Mailbox {
  name: string; exists: number; uidNext: number; uidValidity: number; readOnly: boolean;
  flags: string[]; permanentFlags: string[];
  /** With `condstore` or after `sync`, where the mailbox keeps them. */
  highestModseq?: ModSeq;
  /** With OBJECTID (RFC 8474): stays the same when the mailbox is renamed. */
  mailboxId?: string;
}
/** A modification sequence (RFC 7162): decimal digits, as it may be too large for a number. */
export type ModSeq = string;
export interface SelectOptions extends CallOptions {
  /** Open with EXAMINE. */
  readOnly?: boolean;
  /** Ask for `highestModseq` (CONDSTORE, RFC 7162). */
  condstore?: boolean;
}
/** Which figures to ask for. Default: `messages`, `unseen`, `uidNext` and `uidValidity`. */
export interface StatusQuery {
  messages?: boolean; unseen?: boolean; uidNext?: boolean; uidValidity?: boolean;
  /** Messages that are marked `\\Deleted`. With QUOTA (RFC 9208) or IMAP4rev2. */
  deleted?: boolean;
  /** With STATUS=SIZE (RFC 8438). */
  size?: boolean;
  /** With CONDSTORE. */
  highestModseq?: boolean;
  /** With APPENDLIMIT. */
  appendLimit?: boolean;
  /** With QUOTA=RES-STORAGE (RFC 9208). */
  deletedStorage?: boolean;
}
/** Those that were asked for. */
export interface MailboxStatus {
  messages?: number; unseen?: number; uidNext?: number; uidValidity?: number; deleted?: number;
  /** Octets of all messages, of a message at most, and of those that are marked `\\Deleted`. */
  size?: number; appendLimit?: number; deletedStorage?: number;
  highestModseq?: ModSeq;
}
export interface ListOptions extends CallOptions {
  /** Only what is subscribed. */
  subscribed?: boolean;
  /** Only what has a special use. */
  specialUse?: boolean;
  /** Tell figures of each mailbox as well: `status`. One command in all with LIST-STATUS (RFC 5819), else one for each. */
  statusQuery?: StatusQuery;
}
export interface ListEntry {
  name: string; delimiter: string; flags: string[];
  /** RFC 6154: `\\Sent`, `\\Trash`, … Guessed by the name, in many languages, where the server does not tell. */
  specialUse?: string;
  subscribed: boolean;
  /** Of the event `mailbox`: what it was called before. */
  oldName?: string;
  /** With `statusQuery`. */
  status?: MailboxStatus;
}
export interface Namespace { prefix: string; delimiter: string }
export interface SyncResult {
  mailbox: Mailbox;
  /** To be kept, with what was fetched, for the next `sync`: some bytes for each run of UIDs without a gap. */
  state: string;
  /**
   * What is kept of the mailbox does not hold: forget it. There was no state, or the server has numbered the messages
   * anew (UIDVALIDITY). All messages are in `added` then.
   */
  reset: boolean;
  /** UIDs that were not there, lowest first. */
  added: number[];
  /** Of those that were: whose flags have changed, or may have. */
  changed: { uid: number; flags: string[] }[];
  /** UIDs that are gone, lowest first. */
  vanished: number[];
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
  /** With CONDSTORE. */
  modseq?: boolean;
  /** Only messages that have changed since; with CONDSTORE. */
  changedSince?: ModSeq;
  /** With OBJECTID (RFC 8474), or Gmail's own (X-GM-EXT-1). */
  emailId?: boolean; threadId?: boolean;
  /** Gmail's. */
  labels?: boolean;
  /** The beginning of the text, 200 characters at most; `lazy`: only where it is at hand. With PREVIEW (RFC 8970). */
  preview?: boolean | 'lazy';
  /** When it was put into the mailbox. With SAVEDATE (RFC 8514). */
  saveDate?: boolean;
  /** Called with messages as they arrive; the promise then resolves with an empty list. */
  onMessages?: (messages: Message[]) => void;
}
export interface Message {
  seq: number; uid: number;
  flags?: string[]; envelope?: Envelope; bodyStructure?: BodyStructure; internalDate?: string; size?: number;
  headers?: Uint8Array;
  bodyParts?: Record<string, Uint8Array>;
  modseq?: ModSeq; emailId?: string; threadId?: string; labels?: string[]; preview?: string;
  /** ISO 8601. */
  saveDate?: string;
}
export interface SearchQuery {
  all?: boolean; seq?: MessageSet; uid?: MessageSet;
  since?: string | Date; before?: string | Date; sentSince?: string | Date; sentBefore?: string | Date;
  header?: Record<string, string>; from?: string; to?: string; cc?: string; bcc?: string; subject?: string;
  body?: string; text?: string;
  seen?: boolean; answered?: boolean; flagged?: boolean; deleted?: boolean; draft?: boolean;
  keyword?: string; unKeyword?: string; larger?: number; smaller?: number;
  /** Of one day: in place of `since` and `before`, and of the two for `sent`. */
  on?: string | Date; sentOn?: string | Date;
  /** Changed since, or then. With CONDSTORE. */
  modseq?: ModSeq;
  not?: SearchQuery; or?: SearchQuery[];
  /**
   * Arrived within so many milliseconds, or before them, 1000 at least; to the day without WITHIN (RFC 5032). These, and
   * those that follow, may not stand in `not` and `or`.
   */
  younger?: number; older?: number;
  /** With SAVEDATE (RFC 8514). */
  savedSince?: string | Date; savedBefore?: string | Date;
  /** With OBJECTID. */
  emailId?: string; threadId?: string;
  /** In Gmail's own language; with X-GM-EXT-1. */
  gmraw?: string;
}
export interface SearchOptions extends SetOptions {
  /**
   * What to tell, in place of all the numbers; with ESEARCH (RFC 4731) the server sends no more than that. `partial` is a
   * part of the result, `1:20` or, from its end, `-1:-20`. `save` keeps the result for the set `$`, with SEARCHRES (RFC
   * 5182) only.
   */
  returnOptions?: ('min' | 'max' | 'count' | 'all' | 'save' | { partial: string })[];
}
/** What was asked for; `min` and `max` are absent where nothing was found, and of `sort` the first and the last. */
export interface SearchResult {
  min?: number; max?: number; count?: number; all?: number[]; partial?: number[];
  /** The highest of those found, where `modseq` was searched for. */
  modseq?: ModSeq;
}
export type Searched<O> = O extends { returnOptions: object } ? SearchResult : number[];
/** With `-` before it: the other way round. */
export type SortKey = 'arrival' | 'cc' | 'date' | 'from' | 'size' | 'subject' | 'to'
  | '-arrival' | '-cc' | '-date' | '-from' | '-size' | '-subject' | '-to';
/** Messages of which each answers the one before, and the conversations that the last of them has split into. */
export interface Thread { messages: number[]; threads: Thread[] }
export interface StoreOptions extends SetOptions {
  /** Leave alone what has changed since; with CONDSTORE. */
  unchangedSince?: ModSeq;
}
export interface AppendOptions extends CallOptions, AppendFields {}
export interface AppendFields {
  flags?: string[]; internalDate?: string | Date;
  /** It may hold NUL; with BINARY (RFC 3516). */
  binary?: boolean;
}
export interface AppendResult { /** With UIDPLUS. */ uid?: number; uidValidity?: number }
export interface MoveResult { uidValidity?: number; sourceUids?: string; destUids?: string }
export interface DownloadOptions extends SetOptions {
  /** Octets that are asked for at once, and held: 1024 to 4194304. Default 65536. */
  window?: number;
}
/** RFC 9208. `STORAGE` is in octets, `MESSAGE` and others are counted. */
export interface Quota { root: string; resources: { type: string; usage: number; limit: number }[] }
/**
 * `events` of the mailboxes that `filter` means are to be told: `MessageNew` and `MessageExpunge` together, `FlagChange`
 * with both, `MailboxName`, `SubscriptionChange`; none: nothing of them. Only `mailboxes` and `subtree` take names.
 */
export interface NotifyGroup {
  filter: 'selected' | 'inboxes' | 'personal' | 'subscribed' | 'subtree' | 'mailboxes';
  mailboxes?: string[];
  events: ('MessageNew' | 'MessageExpunge' | 'FlagChange' | 'MailboxName' | 'SubscriptionChange')[];
}

export interface ImapEvents extends CloseEvents {
  exists: { count: number };
  /** A message is gone; higher sequence numbers are one less from then on. */
  expunge: { seq: number };
  /**
   * In place of `expunge`, after `sync` or `enable(['QRESYNC'])` where the server has QRESYNC. `earlier`: they were gone
   * before, and `exists` has not changed.
   */
  vanished: { uids: string; earlier: boolean };
  flags: { seq: number; uid?: number; flags: string[] };
  /** A text that the server wants the person to see (RFC 3501, 7.1). */
  alert: { text: string };
  /** The beginning of a response that was not understood and skipped. */
  unknown: { text: string };
  /** What `notify` has asked for: figures of a mailbox that have changed. */
  status: { mailbox: string } & MailboxStatus;
  /** …and a mailbox that is new, gone (`\\NonExistent`), renamed (`oldName`), subscribed or no longer. */
  mailbox: ListEntry;
  /** With `reconnect`: the connection is lost, or another attempt has failed; the next is in `wait` milliseconds. */
  disconnect: { error: KaiwireError; wait: number };
  /**
   * There is a connection again. `mailbox` is null if none was open or if it can't be opened any more; `changes` are those
   * since the last `sync`, where that had opened it: keep the new `state`. Without them, sequence numbers and all that was
   * fetched may be out of date.
   */
  reconnect: { capabilities: string[]; mailbox: Mailbox | null; changes?: SyncResult };
}

/**
 * A mailbox is named as people write it: `Entwürfe/2026`. Where the server can't do what is asked for, promises reject with
 * `ENOTSUP`; a refusal of the server's is `EREJECTED`, with its code in `response`. Both leave the session as it was.
 * With `reconnect`, everything but `retry`, `logout`, `close` and the `stop` of `idle` rejects with `ECONNRESET` while there is
 * no connection.
 */
export interface ImapSession extends Handle<ImapEvents> {
  readonly capabilities: string[];
  /** The selected mailbox as it was when selected; `exists` follows the server. */
  readonly mailbox: Mailbox | null;
  /** Whether the server can do it: `MOVE`, `QUOTA`, … by its name or as a part of IMAP4rev2. */
  has(capability: string, options?: CallOptions): Promise<boolean>;
  /** Tells the server who we are (`name`, `version`, `vendor`, `support-url`, …), and resolves with what it is. With ID (RFC 2971). */
  id(own?: Record<string, string> | null, options?: CallOptions): Promise<Record<string, string>>;
  /** Under which names mailboxes are (RFC 2342). */
  namespace(options?: CallOptions): Promise<{ personal: Namespace[]; other: Namespace[]; shared: Namespace[] }>;
  /** Has the server behave as extensions define (RFC 5161): `QRESYNC`. IMAP4rev2 and UTF8=ACCEPT are enabled without. */
  enable(capabilities: string[], options?: CallOptions): Promise<void>;
  /** In patterns, of which there may be several, `*` stands for anything and `%` for anything without the delimiter. */
  list(reference?: string, pattern?: string | string[], options?: ListOptions): Promise<ListEntry[]>;
  /** Opens a mailbox. Where that fails, none is open. */
  select(mailbox: string, options?: SelectOptions): Promise<Mailbox>;
  /** Closes it, and removes nothing. */
  unselect(options?: CallOptions): Promise<void>;
  /** Closes it, and removes what is marked `\\Deleted`. */
  closeMailbox(options?: CallOptions): Promise<void>;
  /**
   * Opens a mailbox and tells what has changed since the `state` of an earlier `sync`, by the best means that the server
   * has: QRESYNC, CONDSTORE, or a comparison of all UIDs and flags. Without a state, or with one that can't be read, the
   * mailbox counts as unknown. What happens later is told by events, and may be told by the next `sync` again.
   * `ELIMIT`: it has more than 100,000 messages.
   */
  sync(mailbox: string, state?: string | null, options?: CallOptions & { readOnly?: boolean }): Promise<SyncResult>;
  /** `specialUse`: what it is for, such as `\\Sent`; a server that can't keep that makes the mailbox without. */
  create(mailbox: string, options?: CallOptions & { specialUse?: string }): Promise<void>;
  rename(mailbox: string, name: string, options?: CallOptions): Promise<void>;
  /** With all that is in it. */
  delete(mailbox: string, options?: CallOptions): Promise<void>;
  subscribe(mailbox: string, options?: CallOptions): Promise<void>;
  unsubscribe(mailbox: string, options?: CallOptions): Promise<void>;
  /** Figures of a mailbox that need not be open. */
  status(mailbox: string, options?: CallOptions & StatusQuery): Promise<MailboxStatus>;
  fetch(set: MessageSet, query: FetchQuery): Promise<Message[]>;
  /**
   * One body section, window by window, without its transfer encoding. `part` as in `bodyParts`, but no range; default the
   * whole message. `ENOTFOUND`: no such message; `ENODATA`: no such part.
   */
  download(message: number, part?: string, options?: DownloadOptions): Promise<Download>;
  /**
   * What a message shows, and what is attached to it: its header and texts are fetched and no more, and it is not marked as
   * seen. `ENOTFOUND`: no such message.
   */
  open(uid: number, options?: OpenMessageOptions): Promise<OpenedMessage>;
  search<O extends SearchOptions>(query: SearchQuery, options?: O): Promise<Searched<O>>;
  /**
   * Searches, and sorts by the first key, then by the next (SORT, RFC 5256). For a server without that up to 5,000 messages are
   * put in order here; more are `ELIMIT`.
   */
  sort<O extends SearchOptions>(by: SortKey | SortKey[], query?: SearchQuery, options?: O): Promise<Searched<O>>;
  /** Makes conversations of what is found (THREAD, RFC 5256); for a server without that, as `sort` does. */
  thread(algorithm: 'references' | 'orderedsubject', query?: SearchQuery, options?: SetOptions): Promise<Thread[]>;
  /** `modified`: those left alone as they have changed since `unchangedSince`, a set of the kind that was given. */
  store(set: MessageSet, action: 'add' | 'remove' | 'set', flags: string[], options?: StoreOptions): Promise<{ modified?: string }>;
  /** Gmail's labels (X-GM-EXT-1). */
  storeLabels(set: MessageSet, action: 'add' | 'remove' | 'set', labels: string[], options?: SetOptions): Promise<void>;
  /** The lines of a message end in CRLF. `response` of a refusal: `TRYCREATE`: no such mailbox; `TOOBIG`. */
  append(mailbox: string, message: string | Uint8Array, options?: AppendOptions): Promise<AppendResult>;
  /** All of them or none with MULTIAPPEND (RFC 3502); else one by one, and where one fails those before it are there. */
  appendAll(mailbox: string, messages: ({ message: string | Uint8Array } & AppendFields)[], options?: CallOptions): Promise<AppendResult[]>;
  /** Octets that a new message may have; null where there is no limit or the server does not tell. */
  appendLimit(mailbox: string, options?: CallOptions): Promise<number | null>;
  /** Puts a message, such as a draft, in the place of one, which is gone then. */
  replace(message: number, mailbox: string, content: string | Uint8Array, options?: AppendOptions & SetOptions): Promise<AppendResult>;
  copy(set: MessageSet, mailbox: string, options?: SetOptions): Promise<MoveResult>;
  move(set: MessageSet, mailbox: string, options?: SetOptions): Promise<MoveResult>;
  /** Removes what is marked `\\Deleted`; with `uids`, of those only (UIDPLUS). */
  expunge(options?: CallOptions & { uids?: MessageSet }): Promise<void>;
  /** What the quota roots of a mailbox allow, by default of `INBOX`. With QUOTA (RFC 9208). */
  quota(mailbox?: string, options?: CallOptions): Promise<Quota[]>;
  /** Limits by type: `{ STORAGE: octets }`. */
  setQuota(root: string, limits: Record<string, number>, options?: CallOptions): Promise<Quota[]>;
  /** Who may do what with a mailbox, in the letters of RFC 4314. With ACL. */
  acl(mailbox: string, options?: CallOptions): Promise<{ identifier: string; rights: string }[]>;
  myRights(mailbox: string, options?: CallOptions): Promise<string>;
  /** `lrs`: these; `+lrs`, `-lrs`: more, or less. */
  setAcl(mailbox: string, identifier: string, rights: string, options?: CallOptions): Promise<void>;
  deleteAcl(mailbox: string, identifier: string, options?: CallOptions): Promise<void>;
  /**
   * Notes kept with a mailbox or, for `''`, with the server, by entry: `/private/comment`. What has no value is absent. With
   * METADATA (RFC 5464). `depth`: entries below as well; `maxSize`: only values of so many octets at most.
   */
  metadata(mailbox: string, entries: string | string[], options?: CallOptions & { depth?: 0 | 1 | 'infinity'; maxSize?: number }): Promise<Record<string, string>>;
  /** null removes one. */
  setMetadata(mailbox: string, values: Record<string, string | null>, options?: CallOptions): Promise<void>;
  /**
   * Has the server tell at once, and without `idle`, what happens in mailboxes (NOTIFY, RFC 5465), in place of what was asked
   * for before. Of what no group names it tells nothing any more, not even of the open mailbox. `status`: tell the figures
   * as they are now, too.
   */
  notify(groups: NotifyGroup[], options?: CallOptions & { status?: boolean }): Promise<void>;
  /** Asks for news at once, which arrives as events, until `stop` is called. Other calls stay possible. */
  idle(options?: CallOptions): Promise<{ stop(): Promise<void> }>;
  /**
   * With `reconnect`: makes the next attempt now, as the network is back; or asks the server whether the connection has lived
   * through that, and makes another one if nothing comes within 20 seconds.
   */
  retry(options?: CallOptions): Promise<void>;
  noop(options?: CallOptions): Promise<void>;
  /** Logs in as somebody else on the same connection (RFC 8437). No mailbox is open then. Where it fails the session ends. */
  unauthenticate(auth: Auth, options?: CallOptions): Promise<void>;
  /** Ends the session as the protocol wants it. */
  logout(options?: CallOptions): Promise<void>;
}

/** A section on its way. Other calls of the session go on between its windows; closing it costs the rest of one. */
export interface Download extends Handle<CloseEvents> {
  /** Octets in all, still encoded, as the server says; absent for a header or a multipart. */
  readonly size?: number;
  /** Octets of it that have come, as of the last `read`. */
  readonly received: number;
  /** Of a part, as in `BodyStructure`. */
  readonly type?: string; readonly parameters?: Record<string, string>; readonly filename?: string;
  readonly disposition?: string; readonly dispositionParameters?: Record<string, string>;
  /** The next bytes, or null at the end. No window is asked for before this is called. */
  read(options?: CallOptions): Promise<Uint8Array | null>;
}

/* ---- Messages (RFC 5322, RFC 2045 to 2049, 2231, 3676) ---- */

/** A mailbox, or a group of them, which has an empty `address`. */
export interface MailAddress { name: string; address: string; group?: MailAddress[] }

/** What is read of an attachment; also pictures of HTML text, and messages that are passed on (`message/rfc822`). */
export interface Attachment {
  /** Its number, as in `BodyStructure`. */
  part: string;
  /** Such as `image/png`. */
  type: string;
  parameters: Record<string, string>;
  /** A name, without folders. */
  filename?: string;
  disposition?: string;
  /** By which HTML names it, as `cid:…`. */
  contentId?: string;
  /** Octets; of one that has not been fetched, as it is encoded. */
  size: number;
}

/** All texts are decoded, and none can be trusted: HTML is as it came. */
export interface MailMessage<A extends Attachment = Attachment> {
  subject: string;
  from: MailAddress[]; sender: MailAddress[]; replyTo: MailAddress[]; to: MailAddress[]; cc: MailAddress[]; bcc: MailAddress[];
  /** ISO 8601; absent where the message has none that makes sense. */
  date?: string;
  /** Identifiers are without angle brackets. */
  messageId: string; inReplyTo: string[]; references: string[];
  /** Lines end with `\n`; paragraphs of `format=flowed` are one line. Empty where there is only HTML. */
  text: string;
  /** Empty where there is only plain text. Plain text that stands beside HTML is in both. */
  html: string;
  headers: { name: string; value: string }[];
  attachments: A[];
  /**
   * What was wrong, or was left out: `header`, `text`, `parts` or `depth` for more than the limits, 256 KiB of a header,
   * `maxText`, 1,000 parts, 32 multiparts within each other; `boundary` and `truncated` for a multipart without one or
   * without an end; `charset` for a text in none that this engine knows.
   */
  warnings: ('header' | 'text' | 'parts' | 'depth' | 'boundary' | 'truncated' | 'charset')[];
}

export interface OpenMessageOptions extends CallOptions {
  /** Octets that are kept of each text. Default 1048576, at the most 16777216. */
  maxText?: number;
}
export type OpenedMessage = MailMessage<Attachment & {
  /** Its content, decoded, window by window. */
  download(options?: DownloadOptions): Promise<Download>;
}>;

/**
 * Something with bytes. An object with `read` gives a piece each time, and null behind the last: a `Download` is one, and a
 * `ComposedMessage`.
 */
export type MailSource = string | Uint8Array | ArrayBuffer | Blob | ReadableStream<Uint8Array>
  | { read(): Promise<Uint8Array | string | null> } | MailSource[];

export interface ParseOptions extends OpenMessageOptions {
  /** Gets the attachments' contents, piece by piece as they come, in place of `content`. */
  onContent?(attachment: Attachment, piece: Uint8Array): void;
}
export type ParsedMessage = MailMessage<Attachment & { /** Decoded; absent with `onContent`. */ content?: Uint8Array }>;

/** An address as text, `Asha <asha@example.org>`, which may be several, or in its parts. */
export type AddressInput = string | { name?: string; address: string };

/** A message in nodemailer's words. What would break out of its field, such as a line break in a subject, is `EINVAL`. */
export interface ComposeMail {
  from: AddressInput; sender?: AddressInput;
  to?: AddressInput | AddressInput[]; cc?: AddressInput | AddressInput[]; replyTo?: AddressInput | AddressInput[];
  /** They get the message, and are not in it. */
  bcc?: AddressInput | AddressInput[];
  subject?: string;
  /** Default: now. */
  date?: string | Date;
  /** Default: a new one. */
  messageId?: string;
  inReplyTo?: string; references?: string | string[];
  /** Sent as `format=flowed`: a paragraph is one line. */
  text?: string;
  html?: string;
  attachments?: ComposeAttachment[];
  /** Besides those above. */
  headers?: Record<string, string | string[]>;
  priority?: 'high' | 'normal' | 'low';
}
export interface ComposeAttachment {
  filename?: string;
  content: MailSource;
  /** Octets of a content with `read`, so that the message's size is known. */
  size?: number;
  /** Default: by the name, else `application/octet-stream`. */
  contentType?: string;
  /** For a picture that the HTML names as `cid:…`. */
  cid?: string;
  contentDisposition?: 'attachment' | 'inline';
}

export interface Mime {
  /** Reads a message; whatever `source` has is taken for one. Only texts and headers are held of it, with `onContent`. */
  parse(source: MailSource, options?: ParseOptions): Promise<ParsedMessage>;
  /** Writes a message: lines end with CRLF, and all is ASCII but addresses that are not. */
  compose(mail: ComposeMail, options?: CallOptions): Promise<ComposedMessage>;
}

/** A message to be sent, written as it is read: no more of an attachment is held than a piece. */
export interface ComposedMessage extends Handle<CloseEvents> {
  /** Octets; null where the size of an attachment isn't known. */
  readonly size: number | null;
  readonly messageId: string;
  /** For SMTP: `to` has each receiver once, those of `bcc` too. */
  readonly envelope: { from: string; to: string[] };
  /** Addresses have more than ASCII: the server needs SMTPUTF8 (RFC 6531). */
  readonly utf8: boolean;
  /** A message is attached, which may have more than ASCII: the server should have 8BITMIME (RFC 6152). */
  readonly eightBit: boolean;
  /** The next bytes, or null at the end. */
  read(options?: CallOptions): Promise<Uint8Array | null>;
  /** The rest at once. */
  bytes(options?: CallOptions): Promise<Uint8Array>;
}

/* ---- SMTP (RFC 6409, RFC 5321) ---- */

export interface Smtp {
  /**
   * Connects and, with `auth`, logs in: where this resolves, mail can be sent. `ETLS` where `starttls` is not to be had, `EAUTH`
   * for a refused login, `EBUSY` where the server takes nobody at the moment.
   */
  connect(options: SmtpConnectOptions): Promise<SmtpSession>;
}
export interface SmtpConnectOptions extends ConnectOptions {
  /** Default 465 for `tls`, else 587. */
  port?: number;
  /** Absent where the server takes mail without a login. */
  auth?: Auth;
  /** What this phone calls itself (EHLO). Default `[127.0.0.1]`, as it has neither a name nor an address that is anybody's business. */
  name?: string;
  /** Send in chunks where the server can (CHUNKING, RFC 3030): a message can be called off on its way. Default true. */
  chunking?: boolean;
}

/** Whom a message is from and to, whatever its header says: bare addresses, without names. */
export interface SmtpEnvelope {
  /** Who is told of failures. Default nobody. */
  from?: string;
  to: string | string[];
}
/** What to hear of the delivery (RFC 3461), in nodemailer's words. `ENOTSUP` where the server can't. */
export interface Dsn {
  /** Comes back in the reports. */
  id?: string;
  /** How much of the message a report of a failure has. */
  return?: 'headers' | 'full';
  notify?: 'never' | 'success' | 'failure' | 'delay' | ('success' | 'failure' | 'delay')[];
  /** The address that the message was sent to at first. */
  recipient?: string;
}
export interface SmtpMessage extends CallOptions {
  envelope: SmtpEnvelope;
  /**
   * Header and body (RFC 5322). Lines may end in LF or CRLF. Of what is large, or comes piece by piece, 64 KiB at a time are
   * held, and no more is read than the server takes.
   */
  raw: MailSource;
  /** Octets in all, where `raw` doesn't tell: what is too large is `EMSGSIZE` before any of it is sent. */
  size?: number;
  dsn?: Dsn;
  /** Only over secured connections, all the way (REQUIRETLS, RFC 8689). `ENOTSUP` where the server can't. */
  requireTLS?: boolean;
  /** The message is one of RFC 6532. Where an address or the header is not ASCII that is seen without it. */
  utf8?: boolean;
  /** After each 64 KiB that the network has taken. `size` is absent where it is unknown. */
  onProgress?: (progress: { sent: number; size?: number }) => void;
}
export interface RecipientError extends KaiwireError { recipient: string }
/** What `send` rejects with; `rejectedErrors` is there where nobody takes the message. */
export interface SendError extends KaiwireError { rejectedErrors?: RecipientError[] }
export interface SmtpResult {
  accepted: string[];
  rejected: string[];
  /** The server's answer for each of `rejected`: `EBUSY` for one to be tried later. */
  rejectedErrors: RecipientError[];
  /** The server's last word: mostly the number by which it knows the message. */
  response: string;
  /** Octets that were sent. */
  size: number;
}

/**
 * One message after another; what comes in between waits for its turn. A no of the server's is `EREJECTED`, one for now `EBUSY`,
 * with its codes in `response`; they leave the session as it was.
 */
export interface SmtpSession extends Handle<CloseEvents> {
  /** The server's extensions with their parameters: `SIZE 35882577`. */
  readonly capabilities: string[];
  /** The largest message that the server takes, in octets; absent where it doesn't say. */
  readonly maxSize?: number;
  /**
   * Hands a message in. It goes to those whom the server takes it for; where it takes none, this rejects with the first answer,
   * and all are in `rejectedErrors` of the `SendError`. A message that is not ASCII, for a server without 8BITMIME, is `ENOTSUP`.
   *
   * `timeout` is for each 64 KiB, and for the server's verdict; it and `signal` end the session where they end the sending on its
   * way. Where reading `raw` fails, this rejects with that error, and without CHUNKING the session ends.
   */
  send(message: SmtpMessage): Promise<SmtpResult>;
  noop(options?: CallOptions): Promise<void>;
  /** RSET. `send` does it where that is called for. */
  reset(options?: CallOptions): Promise<void>;
  quit(options?: CallOptions): Promise<void>;
}

/* ---- POP3 (RFC 1939) ---- */

export interface Pop3 {
  /** Connects and logs in. `EBUSY` where another session has the mailbox (`IN-USE`), or it is too early (`LOGIN-DELAY`). */
  connect(options: Pop3ConnectOptions): Promise<Pop3Session>;
}
export interface Pop3ConnectOptions extends ConnectOptions {
  /** Default 995 for `tls`, else 110. */
  port?: number;
  auth: Auth;
  /** Of the server's texts, which are in errors: a tag such as `hi-IN` (LANG, RFC 6856), for servers that have it. */
  language?: string;
}
/**
 * Messages are numbered from 1, for this session only. Calls that are made without waiting for each other go out together
 * where the server allows it (PIPELINING). The server's no is `EREJECTED`, with its code, if any, in `response`.
 */
export interface Pop3Session extends Handle<CloseEvents> {
  /** The server's answer to CAPA (RFC 2449); empty where it has none. */
  readonly capabilities: string[];
  /** How many messages there are, and their octets in all. */
  stat(options?: CallOptions): Promise<{ messages: number; size: number }>;
  list(options?: CallOptions): Promise<{ message: number; size: number }[]>;
  size(message: number, options?: CallOptions): Promise<number>;
  /** By what each message is known in every session. `ENOTSUP` where the server can't tell. */
  uidl(options?: CallOptions): Promise<{ message: number; uid: string }[]>;
  /** The header and so many lines of the body. At most 1 MiB. */
  top(message: number, lines: number, options?: CallOptions): Promise<Uint8Array>;
  /** A message, window by window; other calls wait until it has been read to its end or closed. `size` is what the server says. */
  retr(message: number, options?: CallOptions & { window?: number }): Promise<Download>;
  /** Marks messages as to be deleted, which `quit` does. */
  dele(messages: number | number[], options?: CallOptions): Promise<void>;
  /** Takes all marks away. */
  rset(options?: CallOptions): Promise<void>;
  noop(options?: CallOptions): Promise<void>;
  /** Deletes what is marked, and ends the session. Where it rejects, the messages may still be there. */
  quit(options?: CallOptions): Promise<void>;
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
  /**
   * Joins the local network for multicast DNS (RFC 6762, 6763). Rejects with `ENOTSUP` where the phone keeps UDP from apps,
   * as KaiOS 3 does.
   */
  network(options?: CallOptions): Promise<LocalNetwork>;
}
export interface LocalNetwork extends Handle<CloseEvents> {
  /** Looks for services of a type, such as `_ipp._tcp`, until the handle is closed. */
  browse(type: string, options?: CallOptions): Promise<Handle<BrowserEvents>>;
  /** Where an instance is. Rejects with `ETIMEDOUT` where nobody answers. */
  find(instance: string, options?: CallOptions): Promise<LocalInstance>;
  /** The addresses of a host, such as `printer.local`. */
  lookup(name: string, options?: CallOptions): Promise<string[]>;
  /** Offers a service until the handle is closed. Where the name is taken it gets a number. */
  register(service: LocalService, options?: CallOptions): Promise<Registration>;
}
export interface BrowserEvents extends CloseEvents {
  /** An instance has come: its whole name, for `find`. */
  found: { instance: string };
  lost: { instance: string };
}
export interface LocalInstance {
  instance: string; host: string; port: number; addresses: string[];
  /** `key=value`. */
  text: string[];
}
export interface LocalService {
  /** What people see, 59 bytes at most. */
  name: string;
  /** `_http._tcp` */
  type: string;
  /** This phone's name, without `.local`. */
  host: string;
  port: number;
  /** Those of this phone, which the platform does not tell. */
  addresses: string[];
  /** `key=value`, 255 bytes each at most. */
  text?: string[];
}
export interface Registration extends Handle<CloseEvents> {
  /** The whole name under which the service is offered. */
  readonly instance: string;
}
export interface ResolverOptions extends CallOptions {
  /**
   * IP addresses or names, tried in order, those that have failed lately last; `address:port` and `[v6]:port` allowed, and
   * the transport before it: `tls://dns.example`, `tcp://192.0.2.1`, `udp://192.0.2.1`.
   *
   * A URL is asked by DNS over HTTPS (RFC 8484), with the platform's own XMLHttpRequest and TLS, and without cookies: by POST
   * (`https://dns.example/dns-query`), or by GET where it ends in `{?dns}` (`https://dns.example/dns-query{?dns}`). An app with
   * the permission `systemXHR` may ask any such server; otherwise the server has to allow the app's origin (CORS), for POST
   * in advance. `http:` is for this device only. `ENOTSUP` where there is no XMLHttpRequest, as with Node.js; a status other
   * than 2xx is `EREFUSED` (4xx) or `ESERVFAIL`, with `HTTP 503` and so on as `response`.
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
  server: string; transport: 'udp' | 'tcp' | 'tls' | 'https'; elapsed: number;
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

/**
 * What `dns` has, and what takes keys, as a module of its own for its size: validation by the signatures themselves (RFC
 * 4035), and the transfer and update of zones.
 */
export interface Dnssec {
  resolver(options: ValidatingResolverOptions): Promise<ValidatingResolver>;
  /** As in `Dns`. */
  network(options?: CallOptions): Promise<LocalNetwork>;
  /**
   * Fetches a whole zone (AXFR, RFC 5936), of 100,000 records at most: the SOA first, and once. With `onRecords` they are
   * handed over as they come, and the promise resolves with an empty list. Rejects with `EREFUSED` (and the rcode) where
   * the server does not give it, `EAUTH` where it is not signed with the key.
   */
  transfer(options: ZoneOptions & { onRecords?: (records: DnsRecord[]) => void }): Promise<DnsRecord[]>;
  /** Tells a server that a zone has changed (RFC 1996). */
  notify(options: ZoneOptions): Promise<void>;
  /** Changes a zone (RFC 2136): all of the changes are made or none. */
  update(options: ZoneOptions & { changes: ZoneChange[] }): Promise<void>;
}
export interface ZoneOptions extends CallOptions {
  /** The server's name or IP address. */
  server: string;
  /** Default 53, and 853 for TLS. */
  port?: number;
  zone: string;
  /** `tls`: RFC 9103. Default `none`. */
  security?: 'tls' | 'none';
  /** Signs what is sent, and has to have signed what comes (TSIG, RFC 8945). */
  key?: { name: string; /** Default `hmac-sha256`. */ algorithm?: 'hmac-sha256' | 'hmac-sha384' | 'hmac-sha512'; /** Base64. */ secret: string };
  /** With `load({ tls: 'own' })` only. */
  tls?: TlsOptions;
}
/**
 * `add` and `remove` take a record as zone files have it (`a.example. 300 IN A 192.0.2.1`); `delete` all records of a name
 * and type, `deleteName` all of a name. The others change nothing, and are what has to be so for the changes to be made: a
 * type of a name, or a name, is there or is not.
 */
export type ZoneChange =
  | { op: 'add' | 'remove'; record: string }
  | { op: 'delete' | 'exists' | 'existsNot'; name: string; type: RecordType }
  | { op: 'deleteName' | 'nameExists' | 'nameExistsNot'; name: string };
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
