// The chat module in SpiderMonkey's shell: how long it takes to start, and how fast it hears many lines.
import { load, network } from '../gates/js78/phone.js';
import { hear, IRC, serve } from './chatter.js';

export async function main({ lines, ...options }) {
  serve(network, lines);
  const begun = performance.now();
  const wire = await load('irc', options);
  const start = performance.now() - begun;
  const session = await wire.irc.connect(IRC);
  await hear(session, lines); // what an engine compiles late is compiled then
  const said = performance.now();
  await hear(session, lines);
  const heard = performance.now() - said;
  await session.quit();
  await wire.close();
  return { start, irc: lines / (heard / 1000) };
}
