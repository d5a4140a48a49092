import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Alarm } from './alarm.js';

/** An alarm in a time of its own: the calls of the platform's timers are counted, and `until` lets time go by. */
function alarm(t, ring) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  let calls = 0;
  t.mock.method(performance, 'now', () => now);
  for (const name of ['setTimeout', 'clearTimeout']) {
    const original = globalThis[name];
    t.mock.method(globalThis, name, (...parameters) => {
      calls++;
      return original(...parameters);
    });
  }
  const made = new Alarm(() => ring(now, made));
  return {
    alarm: made,
    get calls() { return calls; },
    until(time) {
      for (; now < time; t.mock.timers.tick(1)) now++;
    },
  };
}

/** Notes when it rings and clears it, as Go does. */
const noting = () => {
  const rung = [];
  return { rung, ring: (now, made) => { rung.push(now); made.clear(made.id); } };
};

test('rings once, at its time', (t) => {
  const { rung, ring } = noting();
  const made = alarm(t, ring);
  made.alarm.set(10);
  made.until(9);
  assert.deepEqual(rung, []);
  made.until(100);
  assert.deepEqual(rung, [10]);
});

test('cleared and set a thousand times to the same deadline, it costs the platform one timer', (t) => {
  const { rung, ring } = noting();
  const made = alarm(t, ring);
  let id = made.alarm.set(2000);
  const { calls } = made;
  for (let now = 1; now <= 1000; now++) {
    made.until(now);
    made.alarm.clear(id);
    id = made.alarm.set(2000 - now);
  }
  assert.equal(made.calls, calls);
  made.until(3000);
  assert.deepEqual(rung, [2000]);
});

test('an earlier time replaces the timer, a later one waits for it', (t) => {
  const { rung, ring } = noting();
  const made = alarm(t, ring);
  made.alarm.set(50);
  made.alarm.set(20);
  made.until(40);
  assert.deepEqual(rung, [20]);
  made.alarm.set(10);
  made.alarm.set(30);
  made.until(100);
  assert.deepEqual(rung, [20, 70]);
});

test('cleared or stopped, it does not ring; what was replaced can not be cleared', (t) => {
  const { rung, ring } = noting();
  const made = alarm(t, ring);
  const old = made.alarm.set(10);
  made.alarm.clear(made.alarm.set(20));
  made.until(50);
  assert.deepEqual(rung, []);
  made.alarm.set(10);
  made.alarm.clear(old);
  made.until(70);
  assert.deepEqual(rung, [60]);
  made.alarm.set(10);
  made.alarm.stop();
  made.until(100);
  assert.deepEqual(rung, [60]);
});

test('rings again, but not from within, if nobody has heard it', (t) => {
  const rung = [];
  let inside = false;
  const made = alarm(t, (now, made) => {
    assert.equal(inside, false);
    inside = true;
    rung.push(now);
    if (rung.length === 3) made.clear(made.id);
    inside = false;
  });
  made.alarm.set(10);
  made.until(50);
  assert.equal(rung.length, 3);
});
