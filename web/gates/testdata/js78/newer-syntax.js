// `??=` came with Firefox 79.
var port = null;
port ??= 993;
