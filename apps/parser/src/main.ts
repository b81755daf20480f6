import { main } from '@certferry/runtime/main';

await main(async () => [(await import('@certferry/parser')).parser], 'config/distributed.json');
