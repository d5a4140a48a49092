// In place of the package process, whose nextTick waits for a timer.
export default {
  browser: true,
  env: {},
  platform: 'browser',
  version: 'v20.0.0',
  versions: { node: '20.0.0' },
  nextTick: (run, ...parameters) => queueMicrotask(() => run(...parameters)),
  on() {},
  off() {},
};
