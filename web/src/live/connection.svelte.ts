import { client } from '../api/client'
import { account } from '../app/account.svelte'
import { Diagnosis, trySocket, type Cause } from './diagnosis'
import { faultOf, type Fault } from './fault'
import { absolute } from './socket'

/** Why the WebSockets of this page do not stand, for all that shows it. */
class Connection {
  cause = $state<Cause>('unknown')
  /** The server's own words about the cause, where it has any. */
  detail = $state('')

  /** What is wrong, in words; null where the connection may come back at any moment. */
  get fault(): Fault | null {
    const operator = account.instructor || account.me?.mode === 'learn'
    return faultOf(this.cause, this.detail, { origin: location.origin, operator })
  }

  readonly diagnosis = new Diagnosis(
    { request: () => client.probe(), socket: () => trySocket(absolute('/api/probe')) },
    (cause, detail) => {
      this.cause = cause
      this.detail = detail
    },
  )
}

export const connection = new Connection()
