// A mailbox that is the same at every run, and a server that knows no more
// than to show it.

const WORDS = ('account agenda answer autumn balance bicycle booking bridge budget calendar ceremony change coffee '
  + 'contract delivery draft dinner evening exhibition family feedback figures garden guide holiday house invoice '
  + 'journey kitchen lecture letter library meeting minutes morning music notes offer order parcel party photos plan '
  + 'proposal question receipt recipe reminder report request review river school signature station summer survey '
  + 'ticket timetable train update visit weather wedding winter workshop').split(' ');
const ACCENTED = ['Änderung', 'Größe', 'naïveté', 'café', 'señal', 'Übersicht', 'forêt', 'Ærø', 'façade', 'crème'];
const OTHER_SCRIPTS = ['お知らせ', 'の会議', 'मौसम', 'наступний', 'тиждень', 'مرحبا', '假期', '照片', 'สวัสดี', '🚲'];
const NAMES = ['Ada', 'Amara', 'Bela', 'Chidi', 'Dorothea', 'Emeka', 'Farida', 'Goran', 'Hana', 'Ines', 'Jun', 'Kofi',
  'Lakshmi', 'Mateo', 'Nadia', 'Olu', 'Priya', 'Quentin', 'Ravi', 'Sofía', 'Tendai', 'Uma', 'Viktor', 'Wanjiru'];
const SURNAMES = ['Abiodun', 'Banerjee', 'Costa', 'Dlamini', 'Eriksson', 'Fofana', 'García', 'Horváth', 'Iyer', 'Jansen',
  'Kamau', 'Lindqvist', 'Mensah', 'Novák', 'Okafor', 'Pereira', 'Rossi', 'Singh', 'Tanaka', 'Yılmaz'];
const DOMAINS = ['mail.example', 'lists.example.org', 'post.example.net', 'office.example.com', 'university.example'];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const utf8 = new TextEncoder();

/** Marsaglia's xorshift32. */
function generator(seed) {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** A checksum over texts, in order: FNV-1a over their UTF-16 units. */
export class Checksum {
  count = 0;
  #hash = 0x811c9dc5;

  add(text) {
    this.count++;
    let hash = this.#hash;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    this.#hash = Math.imul(hash ^ 0x10000, 0x01000193);
  }

  toString() { return `${this.count} texts, ${(this.#hash >>> 0).toString(16).padStart(8, '0')}`; }
}

const quoted = (text) => `"${text.replace(/["\\]/g, '\\$&')}"`;

const LONGEST_WORD = 75;

function encodedWord(text, base64) {
  const bytes = Array.from(utf8.encode(text));
  if (base64) return `=?UTF-8?B?${btoa(String.fromCharCode(...bytes))}?=`;
  const safe = (byte) => (byte === 32 ? '_' : /[A-Za-z0-9]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte)
    : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`);
  return `=?utf-8?Q?${bytes.map(safe).join('')}?=`;
}

/** A header's text as RFC 2047 wants it: as many encoded words as it takes, each of whole characters. */
function header(text, base64) {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const words = [];
  let part = '';
  for (const character of text) {
    if (encodedWord(part + character, base64).length > LONGEST_WORD) {
      words.push(encodedWord(part, base64));
      part = '';
    }
    part += character;
  }
  return [...words, encodedWord(part, base64)].join(' ');
}

function envelopeOf(random) {
  const pick = (list) => list[random(list.length)];
  const chance = (percent) => random(100) < percent;
  const words = (count) => Array.from({ length: count }, () => pick(WORDS));

  const phrase = words(3 + random(7));
  if (chance(25)) phrase.splice(random(phrase.length), 0, pick(ACCENTED));
  if (chance(15)) phrase.push(pick(OTHER_SCRIPTS));
  if (chance(10)) phrase[0] = `"${phrase[0]}"`;
  if (chance(5)) phrase.push('C:\\reports');
  const subject = chance(2) ? '' : (chance(40) ? 'Re: ' : '') + phrase.join(' ');

  const person = () => {
    const [name, surname] = [pick(NAMES), pick(SURNAMES)];
    const shown = chance(20) ? 'NIL' : quoted(header(chance(8) ? `${surname}, ${name}` : `${name} ${surname}`, chance(50)));
    const local = `${name}.${surname}`.normalize('NFD').replace(/[^A-Za-z.]/g, '').toLowerCase();
    return `(${shown} NIL "${local}${random(100)}" "${pick(DOMAINS)}")`;
  };
  const people = (count) => (count === 0 ? 'NIL' : `(${Array.from({ length: count }, person).join('')})`);
  const id = () => `<${random(2 ** 31).toString(36)}.${random(2 ** 31).toString(36)}@${pick(DOMAINS)}>`;

  const day = new Date(Date.UTC(2020 + random(6), random(12), 1 + random(28)));
  const two = (n) => String(n).padStart(2, '0');
  const date = `${DAYS[day.getUTCDay()]}, ${two(day.getUTCDate())} ${MONTHS[day.getUTCMonth()]} ${day.getUTCFullYear()} `
    + `${two(random(24))}:${two(random(60))}:${two(random(60))} ${pick(['+0000', '+0100', '-0500', '+0530', '+0900'])}`;
  const from = people(1);
  const written = header(subject, chance(50));
  const subjectField = subject === '' ? 'NIL' : chance(2) ? `{${written.length}}\r\n${written}` : quoted(written);
  return {
    subject,
    text: `("${date}" ${subjectField} ${from} ${from} ${chance(30) ? people(1) : from} ${people(1 + random(3))} `
      + `${people(chance(40) ? 1 + random(3) : 0)} NIL ${chance(50) ? quoted(id()) : 'NIL'} ${quoted(id())})`,
  };
}

/** `count` messages as the untagged answers to FETCH (UID ENVELOPE), and what their subjects come to. */
export function makeMailbox(count) {
  const random = generator(20260101);
  const subjects = new Checksum();
  let text = '';
  for (let seq = 1; seq <= count; seq++) {
    const envelope = envelopeOf(random);
    subjects.add(envelope.subject);
    text += `* ${seq} FETCH (UID ${2 * seq} ENVELOPE ${envelope.text})\r\n`;
  }
  return { count, subjects, fetched: utf8.encode(text) };
}

/** Serves one end of a connection; says the same to every client, and nothing else than the script. */
export function serve(peer, mailbox) {
  const { count, fetched } = mailbox;
  const decoder = new TextDecoder();
  const script = {
    CAPABILITY: '* CAPABILITY IMAP4rev1\r\n',
    LOGIN: '',
    NOOP: '',
    SELECT: `* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n* ${count} EXISTS\r\n* 0 RECENT\r\n`
      + `* OK [PERMANENTFLAGS (\\Seen \\*)] ok\r\n* OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT ${2 * count + 1}] ok\r\n`,
    LIST: '* LIST () "/" INBOX\r\n',
    LSUB: '* LSUB () "/" INBOX\r\n',
    FETCH: fetched,
    LOGOUT: '* BYE\r\n',
  };
  let pending = '';
  peer.ondata = (bytes) => {
    const lines = (pending + decoder.decode(bytes, { stream: true })).split('\r\n');
    pending = lines.pop();
    for (const line of lines) {
      const [tag, word] = line.split(' ');
      const verb = word.toUpperCase();
      if (!Object.hasOwn(script, verb)) {
        peer.write(`${tag} BAD ${verb} is not in the script\r\n`);
        continue;
      }
      peer.write(script[verb]);
      peer.write(`${tag} OK ${verb}\r\n`);
      if (verb === 'LOGOUT') peer.end();
    }
  };
  peer.onend = () => peer.end();
  peer.write('* OK ready\r\n');
}
