/* Code that waits, for KaiOS 2.5 as well: its engine has generators and promises, but no async functions. */

/* exported steps */

/**
 * Runs a generator function as if it were an async one: each promise that it yields is waited for, and comes back as its
 * value or is thrown. `self` is its `this`. Resolves with what it returns.
 */
function steps(self, body) {
  return new Promise((resolve, reject) => {
    const run = body.call(self);
    const go = (method, value) => {
      let step;
      try {
        step = run[method](value);
      } catch (error) {
        reject(error);
        return;
      }
      if (step.done) resolve(step.value);
      else Promise.resolve(step.value).then((result) => go('next', result), (error) => go('throw', error));
    };
    go('next');
  });
}
