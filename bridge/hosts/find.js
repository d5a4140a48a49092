// Which sockets a platform has, by what it can do and not by its name.

import { findPhone } from '../phone.js';
import { directHost } from './direct.js';

/**
 * A phone's sockets before Direct Sockets; null where there are neither. Node's are Node's entry's to choose, as a
 * browser can't load them, and the relay's whoever knows its address.
 */
export function findHost(scope) {
  return findPhone(scope) || directHost(scope);
}
