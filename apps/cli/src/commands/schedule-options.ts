import type { DeploymentRequest } from '@certferry/rest';
import type { Command } from 'commander';
import { CliError, EXIT } from '../cli-error.ts';

type Schedule = NonNullable<DeploymentRequest['schedule']>;

export interface ScheduleOptions {
  at?: string;
  every?: string;
  cron?: string;
  timeZone?: string;
}

const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const MINUTES = { m: 1, h: 60 };

/** When a deployment is made, once or again and again. */
export const scheduleOptions = (command: Command): Command =>
  command
    .option('--at <time>', 'not before this time (RFC 3339); with a repetition: its first run')
    .option('--every <interval>', 'again every 30m or 6h, every day, on mon,thu, or on the 15th of each month (15)')
    .option('--cron <expression>', 'again by minute, hour, day of the month, month, day of the week: "0 2 * * 1-5"')
    .option('--time-zone <name>', 'where clock times and days are meant: Europe/Berlin (default: UTC)');

/** Wrong usage for a repetition that cannot be read, for two of them, and for a time zone without one. */
export function toSchedule({ at, every, cron, timeZone }: ScheduleOptions): Schedule | undefined {
  if (every !== undefined && cron !== undefined) throw usage('Either --every or --cron, not both.');
  const repetition = every !== undefined ? toRepetition(every) : cron !== undefined ? { cron } : undefined;
  if (timeZone !== undefined && !repetition)
    throw usage(
      '--time-zone is of --every and --cron; a single time (--at) has its offset: 2026-12-01T02:00:00+01:00.',
    );
  const schedule = { ...(at && { at }), ...repetition, ...(timeZone !== undefined && { timeZone }) };
  return Object.keys(schedule).length > 0 ? schedule : undefined;
}

function toRepetition(every: string): Schedule {
  const text = every.toLowerCase();
  const [, count, unit] = /^([1-9]\d{0,5})([mh])$/.exec(text) ?? [];
  if (count !== undefined) return { everyMinutes: Number(count) * MINUTES[unit as keyof typeof MINUTES] };
  if (text === 'day') return { daily: true };
  if (/^\d{1,2}$/.test(text)) return { dayOfMonth: Number(text) };
  const weekdays = text.split(',').map((day) => WEEKDAYS.indexOf(day));
  if (weekdays.includes(-1))
    throw usage(`--every is 30m, 6h, day, days like mon,thu, or a day of the month, not "${every}".`);
  return { weekdays };
}

const usage = (message: string) => new CliError(message, EXIT.usage);
