import { parser } from '@certferry/parser';
import { main } from '@certferry/runtime';

await main([parser], 'config/distributed.json');
