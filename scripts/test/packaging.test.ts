import { describe, expect, it } from 'vitest';
import { judgeImport, judgeSize, maxCoreBytes } from '../packaging/footprint.ts';
import { checkVersions } from '../packaging/release.ts';

describe('size of core', () => {
  it('accepts core at the limit', () => {
    expect(judgeSize(maxCoreBytes)).toBe('core is 169.0 kB installed, at most 169 kB');
  });

  it('refuses core above the limit, and a core that is not there', () => {
    expect(() => judgeSize(maxCoreBytes + 1)).toThrow('at most 169 kB');
    expect(() => judgeSize(0)).toThrow('core is not installed');
  });
});

describe('import time of core', () => {
  it('judges the median', () => {
    expect(judgeImport([1, 2, 90])).toContain('2.0 ms of processor time (median of 3, 1.0 to 90.0)');
    expect(() => judgeImport([1, 21, 22])).toThrow('importing core takes 21.0 ms');
  });

  it('refuses a measurement that is none', () => {
    expect(() => judgeImport([])).toThrow('at most 20 ms');
    expect(() => judgeImport([Number.NaN])).toThrow('at most 20 ms');
  });
});

describe('versions of a release', () => {
  it('accepts one new version for all', () => {
    expect(checkVersions(['0.1.0', '0.1.0'], ['0.2.0', '0.2.0'])).toBe('0.1.0, 0.1.0 → 0.2.0');
  });

  it('refuses versions that differ or did not move', () => {
    expect(() => checkVersions(['0.1.0', '0.1.0'], ['0.2.0', '0.1.0'])).toThrow('one group');
    expect(() => checkVersions(['0.1.0', '0.1.0'], ['0.1.0', '0.1.0'])).toThrow('left the packages at 0.1.0');
  });
});
