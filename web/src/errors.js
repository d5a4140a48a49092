// The one class of error that an app sees. Go's failures arrive with their
// words; the few that arise on this side have theirs here, and a test holds
// them against Go's table.

export class KaiwireError extends Error {
  constructor(record) {
    super(record.message);
    this.name = 'KaiwireError';
    this.code = record.code;
    this.retry = record.retry;
    if (record.protocol) this.protocol = record.protocol;
    if (record.response) this.response = record.response;
    if (record.detail) this.detail = record.detail;
    if (record.trust) this.trust = record.trust;
  }
}

const local = {
  ABORT_ERR: { retry: 'never', message: 'The operation was cancelled.' },
  ECLOSED: { retry: 'now', message: 'The connection has been closed.' },
  EINVAL: { retry: 'never', message: 'The request is not valid.' },
  ELOAD: { retry: 'later', message: 'A part of the app could not be loaded.' },
  EPANIC: { retry: 'now', message: 'A part of the app has crashed and has to be started again.' },
  EPERM: { retry: 'never', message: 'The app has no permission to use network sockets.' },
  ETIMEDOUT: { retry: 'later', message: 'The server did not answer in time.' },
};

/** An error that arose on this side. message replaces the table's sentence where that can't be enough. */
export function localError(code, detail, message) {
  const { retry, message: sentence } = local[code];
  return new KaiwireError({ code, retry, message: message || sentence, detail });
}

/** What arrived as an error, as one. Throws where it is none. */
export function receivedError(record) {
  if (typeof record.code !== 'string' || typeof record.message !== 'string') throw new Error('an error without a code');
  return new KaiwireError(record);
}

/** An app's mistake in a callback of its own: kaiwire goes on, and the page's error handler gets it. */
export function surface(error) {
  setTimeout(() => { throw error; }, 0);
}
