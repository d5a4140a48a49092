// The IRC server of the native tests, for what the servers of distributions
// lack: see protocols/protocoltest/ircserver.
import * as program from './program.mjs';

/**
 * @param {object} options ircserver.Options
 * @returns {Promise<{port: number, command(line: string): void, stop(): Promise<void>}>} `command` as in serve/main.go
 */
export async function start(options = {}) {
  const { said, command, stop } = await program.start('./protocols/protocoltest/ircserver/serve', JSON.stringify(options));
  return { port: said.port, command, stop };
}
