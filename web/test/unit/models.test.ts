import { expect, it } from 'vitest';
import { demandOf } from '../../src/trust/models';

const a = 'a1'.repeat(48);
const b = 'b2'.repeat(48);

it('a model is demanded by what the verdict says of it', () => {
  const claims = { sotto_models: [{ name: 'x', model_id: b, manifest_sha384: b }, { name: 'm:1', model_id: a, manifest_sha384: b }] };
  expect(demandOf(claims, 'm:1')).toBe(`${a}.${b}`);
  expect(demandOf(claims, 'm')).toBeNull();
});

it.each([undefined, null, 'm', {}, [null], ['m'], [{}], [{ name: 'm' }], [{ name: 'm', model_id: a }],
  [{ name: 'm', model_id: a, manifest_sha384: `${b}\r\nX: y` }], [{ name: 'm', model_id: a.toUpperCase(), manifest_sha384: b }]])(
  'is not named by %j', (sotto_models) => {
    expect(demandOf({ sotto_models }, 'm')).toBeNull();
  });
