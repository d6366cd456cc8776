/**
 * Commands that are sent to Redis in one go of the event loop leave in one write: much of the work of a command is the
 * system call that it else gets of its own. Order and meaning of commands stay as they are (unlike ioredis's
 * autoPipelining, which holds commands back behind a pipeline that is under way, and lets transactions overtake them).
 */
import { Cluster, type Redis } from 'ioredis';

/** Gathers what `redis` writes, on each connection that it makes; to each node of a cluster. */
export function gatherWrites(redis: Redis | Cluster): void {
  if (redis instanceof Cluster) {
    redis.on('+node', gatherWrites);
    return;
  }
  redis.on('connect', () => {
    const { stream } = redis;
    const write = stream.write.bind(stream);
    const send = () => stream.uncork();
    stream.write = ((...args: Parameters<typeof write>) => {
      if (stream.writableCorked === 0) {
        stream.cork();
        process.nextTick(send);
      }
      return write(...args);
    }) as typeof stream.write;
  });
}
