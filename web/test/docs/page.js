// The page in which the examples of the documentation run: what they take for granted is here.
var shown = [];
var waiting = [];
var blocks = {};
var scope = {};

/** What an app has for showing things. What is not there is a name that has been written wrongly. */
function show(...things) {
  const line = things.map((thing) => (typeof thing === 'string' ? thing : JSON.stringify(thing))).join(' ');
  if (things.includes(undefined) || /\b(undefined|NaN)\b/.test(line)) throw new Error(`shown: ${line}`);
  shown.push(line);
  waiting.slice().forEach((look) => look());
}

/** …and for asking the person, who agrees. */
async function ask() { return true; }

/** Resolves with what has been shown since `from` once `text` is in it. */
function untilShown(text, from) {
  return new Promise((resolve) => {
    const look = () => {
      const news = shown.slice(from);
      if (!news.some((line) => line.includes(text))) return;
      waiting = waiting.filter((other) => other !== look);
      resolve(news);
    };
    waiting.push(look);
    look();
  });
}

const phone = mock.install(window, { profile: 'kaios3', network: new mock.Tunnel(relayUrl), permissions: ['tcp-socket'] });

/** Loads what a block takes up from elsewhere. */
async function withWire(modules) {
  scope.wire = await kaiwire.load({ modules, base: '/kaiwire/' });
}

async function runBlock(name, text) {
  const from = shown.length;
  await blocks[name](scope);
  if (text) await untilShown(text, from);
}
