/** KaiOS's TCP and UDP sockets for Firefox and Node, with networks to put behind them. */
export { install } from './install.js';
export { PROFILES } from './profiles.js';
export { Datagrams, ERRORS, Link, Listener } from './network.js';
export { MemoryNetwork } from './memory.js';
export { Tunnel } from './tunnel.js';
export { FaultyNetwork, FAULTS } from './faults.js';
