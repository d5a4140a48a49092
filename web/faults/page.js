// The page in which the matrix plays; run.mjs is its director.
import { casesOf, runCase } from './matrix.js';
import { Stage } from './stage.js';
import { soak } from './soak.js';

let stage = null;

window.faults = {
  async begin(options) {
    stage = new Stage();
    await stage.begin(options);
    return Object.keys(casesOf(options.security, options.profile));
  },
  run: (name) => runCase(stage, casesOf(stage.security, stage.profile)[name]),
  soak: (name) => soak[name](stage),
  end: () => stage.end(),
};
document.title = 'ready';
