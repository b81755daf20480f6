import { main } from '@certferry/runtime/main';

await main(async () => [(await import('@certferry/gateway')).gateway], 'config/distributed.json');
