import { AppError } from '@certferry/core';
import type { CallObserver } from '@certferry/rpc';
import { Histogram, type Registry } from 'prom-client';
import type { Logger } from './logger.ts';

/** Counts the calls that this process serves, and writes a line of each: at debug, or at error when nobody foresaw its end. */
export function createCallObserver(logger: Logger, metrics: Registry): CallObserver {
  const duration = new Histogram({
    name: 'certferry_rpc_duration_seconds',
    help: 'Duration of the calls this process serves, in-process or over gRPC.',
    labelNames: ['method', 'code'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [metrics],
  });
  return {
    callEnded({ method, requestId, caller, milliseconds, error }) {
      const code = error === undefined ? 'OK' : error instanceof AppError ? error.code : 'INTERNAL';
      duration.observe({ method, code }, milliseconds / 1000);
      if (code === 'INTERNAL') logger.error({ err: error, method, requestId, caller }, 'call failed');
      else logger.debug({ method, requestId, caller, code, milliseconds }, 'call');
    },
  };
}
