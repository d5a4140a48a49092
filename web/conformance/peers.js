// The script's end of servers.mjs.

/** @param {string} url where servers.mjs answers */
export async function server(url) {
  const ask = async (path, body) => {
    const response = await fetch(url + path, { method: 'POST', body: JSON.stringify(body || {}) });
    const answer = await response.json();
    if (answer.error) throw new Error(`servers: ${answer.error}`);
    return answer;
  };
  const facts = await ask('');
  const play = ({ id, port }) => ({
    port,
    go: () => ask('go', { id }),
    send: (body) => ask('send', Object.assign({ id }, body)),
    journal: (body) => ask('journal', Object.assign({ id }, body)),
    close: () => ask('close', { id }),
  });
  return {
    host: new URL(url).hostname,
    facts: () => Promise.resolve(facts),
    open: async (body) => play(await ask('open', body)),
    dial: async (body) => play(await ask('dial', body)),
    datagrams: async (body) => play(await ask('datagrams', body)),
  };
}
