// The hosts that no phone is. The ES module has them built in; a page of classic
// scripts has them where it loads kaiwire-hosts.js, of which this is the entry
// and whose one global is kaiwireHosts. Phones are spared a quarter of kaiwire.

export { directHost } from '../../bridge/hosts/direct.js';
export { tunnelHost } from '../../bridge/hosts/tunnel.js';
