/* As much of MIME (RFC 2045) as it takes to show a message's text and list what is attached. */

/* exported Mime */

const Mime = {
  /** The leaves of a body structure, in order. */
  leaves(node) {
    if (!node.childNodes) return [node];
    return node.childNodes.reduce((all, child) => all.concat(Mime.leaves(child)), []);
  },

  attached(leaf) {
    return leaf.disposition === 'attachment' || Mime.fileName(leaf) !== '' || !/^text\/(plain|html)$/.test(leaf.type);
  },

  fileName(leaf) {
    return (leaf.dispositionParameters || {}).filename || leaf.parameters.name || '';
  },

  /** The part to show: plain text if there is any, else HTML. */
  textPart(structure) {
    const leaves = Mime.leaves(structure).filter((leaf) => !Mime.attached(leaf));
    return leaves.find((leaf) => leaf.type === 'text/plain') || leaves[0] || null;
  },

  attachments(structure) {
    return Mime.leaves(structure).filter(Mime.attached).map((leaf) => ({
      name: Mime.fileName(leaf) || leaf.type,
      size: Mime.size(leaf.encoding === 'base64' ? Math.floor((leaf.size || 0) / 78 * 57) : leaf.size || 0),
    }));
  },

  size(octets) {
    if (octets < 1000) return `${octets} B`;
    if (octets < 1e6) return `${Math.round(octets / 1e3)} kB`;
    return `${(octets / 1e6).toFixed(1)} MB`;
  },

  /** A part's text out of its bytes; they may have been cut off anywhere. */
  text(leaf, bytes) {
    const text = Mime.characters(leaf.parameters.charset || 'utf-8', bytes).replace(/\r\n?/g, '\n').trim();
    return leaf.type === 'text/html' ? Mime.plain(text) : text;
  },

  characters(charset, bytes) {
    let decoder;
    try {
      decoder = new TextDecoder(charset);
    } catch (_) { // a charset that nobody knows
      decoder = new TextDecoder('utf-8');
    }
    return decoder.decode(bytes);
  },

  /**
   * The words of a header (RFC 2047) that kaiwire leaves as they are: those in charsets for which it would have
   * to carry tables, while the phone has them already.
   */
  words(text) {
    return text.replace(/\?=\s+=\?/g, '?==?').replace(/=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bq])\?([^?\s]*)\?=/gi, (_, charset, encoding, word) => {
      const bytes = Uint8Array.from(word, (character) => character.charCodeAt(0));
      return Mime.characters(charset, /b/i.test(encoding)
        ? Mime.base64(bytes)
        : Mime.quotedPrintable(bytes.map((byte) => (byte === 0x5f ? 0x20 : byte))));
    });
  },

  base64(bytes) {
    const digits = Mime.latin1(bytes).replace(/[^A-Za-z0-9+/]/g, '');
    const binary = atob(digits.slice(0, digits.length - (digits.length % 4 === 1 ? 1 : 0)));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  },

  quotedPrintable(bytes) {
    const text = Mime.latin1(bytes).replace(/[ \t]+(?=\r?\n|$)/g, '').replace(/=\r?\n/g, '')
      .replace(/=([0-9A-Fa-f]{2})/g, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
    return Uint8Array.from(text, (character) => character.charCodeAt(0));
  },

  /** One character for each byte. */
  latin1(bytes) {
    let text = '';
    for (let at = 0; at < bytes.length; at += 4096) {
      text += String.fromCharCode.apply(null, bytes.subarray(at, at + 4096));
    }
    return text;
  },

  /** HTML's text. A document made this way runs nothing and loads nothing. */
  plain(html) {
    const { body } = new DOMParser().parseFromString(html.replace(/<(br|\/p|\/div|\/tr|\/li|\/h\d)\b/gi, '\n<$1'), 'text/html');
    for (const element of Array.from(body.querySelectorAll('script, style'))) element.remove();
    return body.textContent.replace(/[ \t]+/g, ' ').replace(/ ?\n ?/g, '\n').replace(/\n{3,}/g, '\n\n').trim();
  },
};
