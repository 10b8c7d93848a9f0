import { client } from '../api/client'
import { ApiError } from '../api/error'
import type { Me } from '../api/types'
import { Backoff } from '../live/backoff'
import { router } from './router.svelte'
import { takeSecret } from './secret'

/** Who is here, and whether the server answers. */
class Account {
  me = $state.raw<Me | null>(null)
  /** Set while the server does not answer and nothing can be shown. */
  trouble = $state.raw<ApiError | null>(null)
  /** Why a one-time link did not work, or a log-in ended. */
  note = $state('')
  /** The first instructor's secret, until their account is made. */
  bootstrapSecret = $state('')

  private readonly backoff = new Backoff({ first: 800 })

  constructor() {
    // A link that is opened in a tab which shows the site already loads nothing anew.
    window.addEventListener('hashchange', () => {
      const secret = takeSecret()
      if (!secret) return
      this.pendingSecret = secret
      void this.start()
    })
  }

  get instructor(): boolean {
    return this.me?.user?.role === 'Instructor'
  }

  /** Asks who is here, and keeps asking until the server answers. */
  async start(): Promise<void> {
    try {
      await this.takeLink()
      this.me = await client.me()
      this.trouble = null
      this.backoff.reset()
    } catch (error) {
      this.trouble = error instanceof ApiError ? error : new ApiError(String(error), 0, 'Unreachable')
      setTimeout(() => void this.start(), this.backoff.next())
    }
  }

  /** Asks again who is here, as after a log-in. */
  async refresh(): Promise<void> {
    this.me = await client.me()
  }

  async logout(): Promise<void> {
    await client.logout()
    await this.refresh()
    router.go('/login')
  }

  /** The server no longer knows us: log in again, then come back. */
  expired(): void {
    if (!this.me?.user) return
    this.me = { ...this.me, user: null }
    this.note = this.me.mode === 'learn' ? '' : 'You are logged out. Log in to go on; your labs and progress are kept.'
  }

  private pendingSecret = takeSecret()

  private async takeLink(): Promise<void> {
    const secret = this.pendingSecret
    if (!secret) return
    if (secret.kind === 'bootstrap') {
      this.pendingSecret = null
      return this.welcome(secret.value)
    }
    try {
      const taken = await client.takeLink(secret.value)
      this.pendingSecret = null
      // The first instructor's link does not log in: it asks for an account.
      if (taken.user === null && taken.bootstrap) this.welcome(secret.value)
      else if (router.route.page === 'login') router.replace('/')
    } catch (error) {
      if (error instanceof ApiError && error.unreachable) throw error
      this.pendingSecret = null
      if (error instanceof ApiError) this.note = error.message
    }
  }

  private welcome(secret: string): void {
    this.bootstrapSecret = secret
    router.replace('/welcome')
  }
}

export const account = new Account()
