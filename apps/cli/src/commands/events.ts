import { followEvents, type Client, type Event } from '@certferry/rest';
import type { Command } from 'commander';

export function addEventCommands(program: Command, api: Client): void {
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
      let left = options.count ? Number(options.count) : Infinity;
      if (!(left > 0)) return;
      for await (const event of followEvents(api, { types: options.types, lastEventId: options.since })) {
        process.stdout.write(`${options.json ? JSON.stringify(event) : eventLine(event)}\n`);
        if (--left === 0) break;
      }
    });
}

function eventLine({ time, type, subject, data }: Event): string {
  const message = 'message' in data ? data.message : '';
  return `${time}  ${type}  ${subject}${message ? `  ${message}` : ''}`;
}
