// In place of kaiwire-worker.js: says what the options of a call tell it to, or
// else that the server refuses and that the name does not exist.
const ANSWERS = {
  resolver: [0, '{"handle":1}'],
  connect: [2, '{"code":"ECONNREFUSED","message":"No connection.","retry":"later"}'],
  resolve4: [2, '{"code":"ENOTFOUND","message":"The name does not exist.","retry":"never"}'],
};

self.onmessage = ({ data: [operation, ...rest] }) => {
  if (operation === 'load') self.postMessage(['loaded', rest[0], null]);
  if (operation !== 'calls') return;
  for (const [module, id, method, , json] of rest[0]) {
    const [kind, answer] = ANSWERS[method];
    const { say = [['deliver', module, [[kind, 'ID', answer, null]]]], fail } = JSON.parse(json);
    const filled = (part) => (Array.isArray(part) ? part.map(filled) : part === 'ID' ? id : part);
    for (const message of say) self.postMessage(filled(message));
    if (fail) throw new Error('nobody catches this');
  }
};
