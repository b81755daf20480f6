import { main } from '@certferry/runtime/main';

await main(async () => {
  const { parser } = await import('@certferry/parser');
  const { inventory } = await import('@certferry/inventory');
  const { deployment } = await import('@certferry/deployment');
  const { gateway } = await import('@certferry/gateway');
  return [parser, inventory, deployment, gateway];
}, 'config/embedded.json');
