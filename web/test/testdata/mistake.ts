// Compiled by api.test.mjs, which expects it to fail.
import { ImapSession } from '../../src/index';

export const mistake = (session: ImapSession) => session.on('no-such-event', () => {});
