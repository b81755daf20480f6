import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { CliError, type ApiClient } from '../api-client.ts';

interface CloudEvent {
  id: string;
  type: string;
  subject: string;
  time: string;
  data: { status?: string; message?: string };
}

const RECONNECT_MS = 1_000;

/** Events from a stream, as they come. */
async function* readEvents(response: Response): AsyncGenerator<CloudEvent> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body!) {
    const blocks = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n\n');
    rest = blocks.pop()!;
    for (const block of blocks) {
      const data = block.split('\n').find((line) => line.startsWith('data: '));
      if (data) yield JSON.parse(data.slice(6)) as CloudEvent;
    }
  }
}

export function addEventCommands(program: Command, api: ApiClient): void {
  program
    .command('events')
    .description('what happens')
    .command('tail')
    .description('print events as they happen; goes on after a lost connection')
    .option('--types <beginnings>', 'only types that begin so, separated by commas')
    .option('--since <id>', 'begin after the event with this id')
    .option('--count <n>', 'end after so many')
    .option('--json', 'print JSON lines', false)
    .action(async (options: { types?: string; since?: string; count?: string; json: boolean }) => {
      let last = options.since;
      let left = options.count ? Number(options.count) : Infinity;
      for (let connected = false; left > 0; connected = true) {
        const query = options.types ? `?types=${encodeURIComponent(options.types)}` : '';
        try {
          const response = await api.request('GET', `/v1/events${query}`, {
            headers: last ? { 'last-event-id': last } : {},
          });
          for await (const event of readEvents(response)) {
            last = event.id;
            const text = `${event.time}  ${event.type}  ${event.subject}${event.data.message ? `  ${event.data.message}` : ''}`;
            process.stdout.write(`${options.json ? JSON.stringify(event) : text}\n`);
            if (--left === 0) process.exit(0);
          }
        } catch (error) {
          if (error instanceof CliError && !connected) throw error;
        }
        await delay(RECONNECT_MS);
      }
    });
}
