/** What somebody writes instead of a budget: a BullMQ worker with BullMQ's limiter, a POST for each job (B2). */
import axios from 'axios';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';

const [path = '', url = '', key = '', count = '', max = '', duration = ''] = process.argv.slice(2);
const connection = new Redis({ path, maxRetriesPerRequest: null });
const client = axios.create({
  baseURL: `${url}/api/scim/v2`,
  headers: { authorization: `Bearer ${key}` },
  validateStatus: () => true,
});
const queue = new Queue('post', { connection });
await queue.addBulk(Array.from({ length: Number(count) }, (_, i) => ({ name: 'post', data: { i } })));
const worker = new Worker<{ i: number }>(
  'post',
  async ({ data }) => {
    const about = { userName: `person.${data.i}@example.com`, displayName: `Person ${data.i}` };
    const { status } = await client.post('/users', about);
    if (status !== 429) return;
    await worker.rateLimit(1_000);
    throw Worker.RateLimitError();
  },
  { connection, concurrency: 16, limiter: { max: Number(max), duration: Number(duration) } },
);
worker.on('error', () => undefined);
process.once('SIGTERM', () => void worker.close().then(() => process.exit(0)));
