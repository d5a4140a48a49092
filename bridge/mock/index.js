/** KaiOS's TCP sockets for Firefox and Node, with networks to put behind them. */
export { install } from './install.js';
export { PROFILES } from './profiles.js';
export { ERRORS, Link } from './network.js';
export { MemoryNetwork } from './memory.js';
export { Tunnel } from './tunnel.js';
export { FaultyNetwork, FAULTS } from './faults.js';
