// Somewhere for mail to go: the servers of the native tests. What comes by SMTP is there for POP3 and IMAP.
import * as program from './program.mjs';

/**
 * @param {object} options smtpserver.Options
 * @returns {Promise<{smtp: number, relay: number, pop3: number, imap: number, user: string, pass: string, stop(): Promise<void>}>} the ports; `relay` takes mail without a login
 */
export async function start(options = {}) {
  const { said, stop } = await program.start('./protocols/protocoltest/smtpserver/serve', JSON.stringify(options));
  return { ...said, user: 'asha', pass: 'kaiwire', stop };
}
