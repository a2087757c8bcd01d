import { describe, expect, it } from 'vitest';
import { createLogger } from '../../../src/telemetry/logger.ts';

function lines(level: string, log: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown>[] {
	const written: string[] = [];
	log(createLogger({ level, stream: { write: (line) => written.push(line) } }));
	return written.map((line) => JSON.parse(line));
}

describe('the logger', () => {
	it('writes the level by name and the time as ISO, and nothing of the machine', () => {
		const [line] = lines('info', (logger) => logger.info({ pod: 'web' }, 'bound'));
		expect(line).toEqual({
			level: 'info',
			time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
			pod: 'web',
			msg: 'bound',
		});
	});

	it('keeps to its level', () => {
		expect(lines('warn', (logger) => logger.info('no'))).toEqual([]);
		expect(lines('silent', (logger) => logger.fatal('no'))).toEqual([]);
	});

	it('never writes credentials, however deep', () => {
		const secret = 'Bearer abc';
		const text = JSON.stringify(
			lines('info', (logger) => {
				logger.info({ authorization: secret });
				logger.info({ headers: { authorization: secret } });
				logger.info({ req: { headers: { authorization: secret, Authorization: secret } } });
				logger.info({ err: { request: { headers: { authorization: secret, 'proxy-authorization': secret } } } });
				logger.info({ user: { token: secret } });
			}),
		);
		expect(text).not.toContain('abc');
		expect(text.match(/\[redacted\]/g)).toHaveLength(7);
	});
});
