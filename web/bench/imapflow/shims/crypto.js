// ImapFlow derives an id for each message by MD5. The id is not compared, so
// it gets the cheapest of hashes here, which is in ImapFlow's favour.
export const randomBytes = (length) => Buffer.from(crypto.getRandomValues(new Uint8Array(length)));

export function createHash() {
  let hash = 0x811c9dc5;
  return {
    update(text) {
      for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
      return this;
    },
    digest: () => (hash >>> 0).toString(16).padStart(32, '0'),
  };
}
