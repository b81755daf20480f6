import { gateway } from '@certferry/gateway';
import { main } from '@certferry/runtime';

await main([gateway], 'config/distributed.json');
