// The network that the benchmarks' servers are on, all in the page itself.
import { MemoryNetwork } from '/dist/kaiwire-mock.js';

export class BenchNetwork extends MemoryNetwork {
  /** Host → the most bytes that one of its data events carries. */
  chunks = new Map();

  connect(request) {
    const link = super.connect(request);
    if (this.chunks.has(request.host)) link.chunk = this.chunks.get(request.host);
    return link;
  }
}
