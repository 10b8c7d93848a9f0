import { expect, test } from 'vitest'
import { parseApp } from './rendered'

test.each([
  ['default/intro:80', { namespace: 'default', service: 'intro', port: 80 }],
  ['my-ns/a-b:65535', { namespace: 'my-ns', service: 'a-b', port: 65535 }],
  ['default/intro:0', null],
  ['default/intro:70000', null],
  ['default/intro', null],
  ['default/../x:80', null],
  ['https://evil.example/x:80', null],
  ['', null],
])('parseApp(%s)', (text, want) => {
  expect(parseApp(text)).toEqual(want)
})
