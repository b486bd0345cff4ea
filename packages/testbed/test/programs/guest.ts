// Uses the server that its parent shares.
import { acquireRabbitmq } from '@waybill/testbed';
import { failpoint } from '@waybill/testbed/child';

const { url, controls } = await acquireRabbitmq({ line: '4.3' });
await failpoint('acquired', { url, controls });
