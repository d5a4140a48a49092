/* What the app begins with. The person's accounts are set up on the phone. */
var config = {
  /* Name servers, by address; see ResolverOptions. */
  nameServers: ['9.9.9.9', '149.112.112.112'],
  /* Whose signatures of names are believed; undefined: the root's. */
  anchors: undefined,
  /* What stands in the forms at first. */
  suggest: { address: '', password: '', network: 'irc.libera.chat', nick: '', channels: ['#kaios'], name: 'example.org', server: 'example.org' },
};
