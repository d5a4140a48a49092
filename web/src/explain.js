// Why a connection could not be made. The phone gives one name to a refusal and
// to a name that does not exist; the app's own name servers know better.

import { KaiwireError } from './errors.js';

/** The question is asked for the error's sake only. */
const PATIENCE = 5000;

/** Throws error, or a finer one. */
export async function explain(client, error, host) {
  if (error.code !== 'ECONNREFUSED' || !client.names || isAddress(host)) throw error;
  try {
    const resolver = await client.names();
    await resolver.resolve4(host, { timeout: PATIENCE });
  } catch (answer) {
    if (answer.code === 'ENOTFOUND') {
      const { code, message, retry, response } = answer;
      throw new KaiwireError({ code, message, retry, response, protocol: error.protocol, detail: error.detail });
    }
    // A name server that does not answer explains nothing.
  }
  throw error;
}

function isAddress(host) {
  return /^[\d.]+$/.test(host) || host.indexOf(':') >= 0;
}
