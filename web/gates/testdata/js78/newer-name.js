// Array.prototype.at came with Firefox 90.
[1].at(-1);
